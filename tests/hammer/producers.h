/*
 * Processes that use a segment while another process writes random bytes into it: they may count wrong, and must
 * neither crash nor hang.
 */
#ifndef SHMETER_TESTS_HAMMER_PRODUCERS_H
#define SHMETER_TESTS_HAMMER_PRODUCERS_H

#include <stdint.h>
#include <sys/types.h>

struct producers_done { /* of all of them, in memory that they share */
    uint64_t updates, lookups, opened, refused;
};

/* Makes the segment at path, with something of everything, in a child. */
void producers_make_segment(const char *path);

/* A process that opens the segment, works for a while and ends with 0; anything else that happens to it is a fault. */
pid_t producers_start(const char *path, uint64_t seed, struct producers_done *done);

#endif
