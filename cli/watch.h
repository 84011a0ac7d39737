/*
 * Segments for the subcommands: a store over the names on the command line, and its exposition, read once.
 */
#ifndef SHMETER_CLI_WATCH_H
#define SHMETER_CLI_WATCH_H

#include "cli/arguments.h"
#include "exposition/exposition.h"

struct watch {
    struct exposition *exposition; /* with SNAPSHOT_STATUS its model is empty */
    const struct segment_status **statuses;
    uint32_t statuses_n;
};

/* NAME where none is given: $SHMETER_SEGMENT, else default. */
const char *watch_standard_name(void);

/*
 * Reads the segments called names; names_n 0: otherwise alone. Returns 0, or EXIT_FAILED after a sentence (no memory,
 * or a name that cannot be one). That a segment cannot be read is in its status.
 */
int watch_open(struct watch *out, const struct arguments *given, const char *otherwise, enum snapshot_depth depth);
void watch_close(struct watch *watch);

/* Says of each segment that cannot be read why, on stderr. Returns how many. */
uint32_t watch_complain(const struct watch *watch);

#endif
