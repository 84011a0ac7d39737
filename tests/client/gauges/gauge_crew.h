/*
 * Workers with a gauge of each mode: children that open the segment "gauges" themselves and do what they are told. The
 * segment has two slots, so that the third worker takes over a dead one's.
 */
#ifndef SHMETER_TESTS_CLIENT_GAUGE_CREW_H
#define SHMETER_TESTS_CLIENT_GAUGE_CREW_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"

enum crew_action { CREW_SET, CREW_ADD, CREW_TOUCH, CREW_SHOW, CREW_HIDE, CREW_COUNT, CREW_ATTACH, CREW_CLOSE };

struct crew_worker {
    pid_t pid;
    int orders, answers; /* pipes */
};

extern const char *const crew_names[SHMETER_MODES]; /* of the gauges */
extern struct scrape *crew_scrape;                  /* of the segment, from a test's beginning to its end */

struct crew_worker *crew_start(const char *name);
void crew_kill(struct crew_worker *worker);

/* Returns when the worker has done it, with its answer. */
int crew_tell(const struct crew_worker *worker, enum crew_action action, uint32_t mode, double value);
void crew_tell_all(const struct crew_worker *worker, enum crew_action action, double value);

/* NaN expects no sample. */
#define EXPECT(mode, expected) crew_expect(mode, expected, __LINE__)
void crew_expect(uint32_t mode, double expected, int line);
#define EXPECT_EACH(mode, n) crew_expect_each(mode, n, __LINE__)
void crew_expect_each(uint32_t mode, uint32_t expected, int line);
double crew_worker_value(uint32_t mode, const char *worker, int slot);
void crew_expect_lost(uint32_t loss, uint64_t expected);

int crew_set_up(void **state);
int crew_tear_down(void **state);

#endif
