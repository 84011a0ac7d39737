/*
 * The processes of a kill test: workers (worker.h) that are started, killed and told to pause. A worker is forked with
 * its parent's handles, or runs the program anew and opens the segment itself: its main() calls kill_crew_main() first.
 */
#ifndef SHMETER_TESTS_KILL_CREW_H
#define SHMETER_TESTS_KILL_CREW_H

#include <sys/types.h>

#include "tests/kill/worker.h"

struct kill_crew {
    struct ledger *ledger;
    int ledger_fd;
    char path[128]; /* the segment's                                                                       */
    pid_t pids[WORKERS];
    uint64_t seed, random, kills;
    uint64_t in_doubt; /* kills in the middle of an update: whether it was made, nobody knows               */
};

/*
 * Makes the ledger and opens the segment; path NULL: one of its own. $SHMETER_TEST_SEED replaces the seed. Fails by
 * ending the program.
 */
void kill_crew_open(struct kill_crew *crew, uint64_t seed, const char *path);

/* Kills who is left, and forgets the ledger and the segment. */
void kill_crew_close(struct kill_crew *crew);

/* What a program of a crew does first: it does not return when the program is a worker's. */
void kill_crew_main(int argc, char **argv);

void kill_crew_start(struct kill_crew *crew, uint32_t place, int anew);

/*
 * SIGKILL to the worker and its child; the ledger of the place is resolved. 0, or -1 when the worker was dead already.
 */
int kill_crew_kill(struct kill_crew *crew, uint32_t place);

/* Gives an order, once the one before is done. 0, or -1 when that is not so. */
int kill_crew_tell(struct kill_crew *crew, uint32_t place, enum order order);
/*
 * The same, and waits until it is done; ORDER_LEAVE until the worker has ended. 0, or -1 when it is not, or has ended
 * otherwise.
 */
int kill_crew_order(struct kill_crew *crew, uint32_t place, enum order order);

/* All stand still. 0, or the number + 1 of a place whose worker does not. */
uint32_t kill_crew_pause(struct kill_crew *crew);
void kill_crew_resume(struct kill_crew *crew);

uint64_t kill_crew_number(const char *environment, uint64_t otherwise);

#endif
