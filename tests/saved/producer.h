/*
 * A process that counts in a segment and ends, and the text of what it has left.
 */
#ifndef SHMETER_TESTS_SAVED_PRODUCER_H
#define SHMETER_TESTS_SAVED_PRODUCER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "saved/saved.h"
#include "shmeter.h"
#include "tests/tools/scratch.h"

/* Runs it in a child with the segment open, which closes it and ends. */
void producer_run(const char *path, const struct shmeter_options *options, void (*count)(struct shmeter *meter));

/* The text of a segment; ended by a zero, which does not count. */
struct buffer producer_saved(const char *path, struct saved_facts *facts);

/* Loads it; the result, and the sentence in report. */
int producer_load(const char *path, const char *text, size_t len, struct report *report);

/* What a text says of families and series: without its first lines and the last one. */
const char *producer_body(const char *text);

/* Of each type and retained mode something, with values and labels that are hard to write. */
void producer_everything(struct shmeter *meter);

/* Of each type something, with sums that are exact in whatever order they are made. */
void producer_exact(struct shmeter *meter);

#endif
