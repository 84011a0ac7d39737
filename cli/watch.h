/* The segments that a subcommand reads: opens a store for the names on the command line, and reads it once. */
#ifndef SHMETER_CLI_WATCH_H
#define SHMETER_CLI_WATCH_H

#include "cli/arguments.h"
#include "exposition/exposition.h"

struct watch {
    struct exposition *exposition; /* with SNAPSHOT_STATUS its model is empty */
    const struct segment_status **statuses;
    uint32_t statuses_n;
};

/* The NAME if none is given: $SHMETER_SEGMENT, else default. */
const char *watch_standard_name(void);

/*
 * Reads the segments that are named on the command line; without names, the segment called otherwise. Returns 0, or
 * EXIT_FAILED after a sentence (no memory, or an invalid name). If a segment cannot be read, its status says so.
 */
int watch_open(struct watch *out, const struct arguments *given, const char *otherwise, enum snapshot_depth depth);
void watch_close(struct watch *watch);

/* Reports on stderr each segment that cannot be read, and why. Returns how many there are. */
uint32_t watch_complain(const struct watch *watch);

#endif
