/*
 * The series of a segment to which this process attaches as a producer does, but without a slot: to remove some. For
 * the subcommands expire and hide.
 */
#ifndef SHMETER_CLI_SERIES_H
#define SHMETER_CLI_SERIES_H

#include "cli/arguments.h"
#include "shm/series.h"

#define SERIES_SELECTORS 64u

struct selector;

/* One series, as it was copied from the segment. */
struct series_found {
    struct shmeter_binding binding; /* of its family; enough of it for shmeter_series_hide() */
    struct shmeter_definition definition;
    struct shmeter_series_record *record;
    uint32_t unit;
    const char *name;
    const char *labels[SHMETER_MAX_LABELS], *values[SHMETER_MAX_LABELS];
    uint32_t labels_n;
};

struct series_walk {
    struct shmeter_attachment *attachment;
    struct selector *selectors[SERIES_SELECTORS]; /* none: all series */
    uint32_t selectors_n;
    uint32_t hits[SERIES_SELECTORS]; /* series that each selector has chosen */
};

/*
 * Attaches to the segment that is the first of the names; the others are selectors. Returns 0, or the exit code after a
 * sentence. To be closed in each case.
 */
int series_open(struct series_walk *walk, const struct arguments *given);
void series_close(struct series_walk *walk);

/* Calls act for each visible series that is chosen. Returns 0, or -ENOMEM, and a sentence was said. */
int series_each(struct series_walk *walk, void (*act)(const struct series_found *found, void *argument),
                void *argument);

/* Prints a series as the exposition has it. */
void series_print(const struct series_found *found);

#endif
