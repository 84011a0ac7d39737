/*
 * Programs in other languages that do the same work and print what it took, in lines "NAME VALUE".
 */
#ifndef SHMETER_BENCH_ROWS_PEER_H
#define SHMETER_BENCH_ROWS_PEER_H

#include "bench/bench.h"

/* Runs a program (a path, then its arguments, then NULL) to its end and puts what it prints. */
void peer_take(struct bench_run *run, char *const arguments[]);
/* Notes why there is nothing to compare with; these rows are not tried again. */
void peer_without(struct bench_run *run, const struct bench_row *rows, size_t len, const char *why);

#endif
