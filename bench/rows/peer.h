/* Programs in other languages that do the same work, and print their figures in lines "NAME VALUE". */
#ifndef SHMETER_BENCH_ROWS_PEER_H
#define SHMETER_BENCH_ROWS_PEER_H

#include "bench/bench.h"

/* Runs a program (its path, its arguments, NULL) to its end, and reports the figures that it prints. */
void peer_take(struct bench_run *run, char *const arguments[]);
/* Notes why there is no comparison. These rows are not measured again. */
void peer_without(struct bench_run *run, const struct bench_row *rows, size_t len, const char *why);

#endif
