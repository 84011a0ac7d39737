/*
 * Random bytes over a live segment, by a process that maps all of it, and now and then all of the bytes that were there
 * at first.
 */
#ifndef SHMETER_TESTS_HAMMER_DAMAGE_H
#define SHMETER_TESTS_HAMMER_DAMAGE_H

#include <stdint.h>
#include <sys/types.h>

struct damage_done { /* in memory that both share */
    uint64_t writes, repairs;
};

/* Until it is killed. The segment must be whole now. */
pid_t damage_start(const char *path, uint64_t seed, struct damage_done *done);

#endif
