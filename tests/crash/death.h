/*
 * A death at each instruction: the segment is examined between any two instructions of an operation, and after a death
 * there another process must find a sound segment.
 */
#ifndef SHMETER_TESTS_CRASH_DEATH_H
#define SHMETER_TESTS_CRASH_DEATH_H

#include "tests/crash/copy.h"
#include "tests/crash/ops.h"
#include "tests/crash/reading.h"
#include "tests/crash/stop/stepper.h"

struct result { /* of a job; in memory shared with the process that does it */
    uint64_t instructions, states, kills, pairs;
    uint64_t boundaries; /* of instructions, at which the segment was looked at and its states were checked   */
    uint64_t steps;      /* all single steps, also of runs that are only followed                          */
    uint64_t readings;   /* of all samples, each compared with what it must be                             */
    uint64_t torn, lost; /* among them, of which a job ends: neither before nor after; an update missing   */
    double seconds;
};

/* One segment state that a death can leave. */
struct state {
    struct copy *copy;          /* NULL: there is no segment yet                                           */
    struct reading alive, dead; /* as read while the owner lives, and after its death                      */
    uint64_t at;                /* the instruction before which it was seen first                        */
};

struct boundary { /* an instruction executed for the first time */
    uint64_t at;
    uint32_t state;
};

struct stage { /* an operation and all that one run of it went through */
    const struct op_table *table;
    const struct op *op;
    char path[200], other[200];
    struct segment segment;      /* base NULL: there is none yet                                              */
    struct copy *before;         /* what children begin with; NULL: no segment                                */
    struct exposition *follower; /* reads at each state of a walk                                               */
    struct state *states;
    struct boundary *boundaries;
    uint32_t states_n, boundaries_n;
    uint64_t instructions; /* of the walk                                                                 */
    struct result *result;
};

/* Says what is wrong and ends the job. */
__attribute__((noreturn, format(printf, 2, 3))) void stage_fail(const struct stage *stage, const char *format, ...);

/* Counts a reading, in which nothing may be damaged or torn. where, number: when it was taken. */
void stage_sound(const struct stage *stage, const struct reading *reading, const char *where, uint32_t number);

/* The world, arranged for the operation. */
void stage_make(struct stage *stage, const struct op_table *table, const struct op *op, const struct shape *shape,
                struct result *result);
/* Puts the segment back, and has a child that is about to run the operation. */
void stage_begin(struct stage *stage, struct stepper *stepper);
/*
 * The same, and lets it come to a boundary, by a breakpoint. SIGUSR1 runs the operation too, and so does with companion
 * 1 a second thread. Returns 0, and there is no child, when none comes there.
 */
int stage_begin_at(struct stage *stage, struct stepper *stepper, const struct boundary *boundary, int companion);
/* One run, instruction by instruction. reads: 0: its states are copied, and nobody reads them. */
void stage_walk(struct stage *stage, int reads);

/* All that must hold at each state of a walk. */
void death_check(struct stage *stage);
/* Real deaths: the bytes they leave are those that the walk saw. share: of every how many boundaries one is tried. */
void death_kill_at_boundaries(struct stage *stage, int only_sequences, uint32_t share);
/* At the states that no boundary leads to, because they come in a loop: by stepping there. */
void death_kill_at_states(struct stage *stage);

/*
 * An update stopped at each of its instructions, another process or thread that does one or two on the same lane in the
 * meantime, and what may become of the first one then. cpu is this one; other another, or -1. Of
 * share such cases one is tried, and of far_share one where the segment does not change.
 */
void pairs_check(struct stage *stage, int cpu, int other, uint32_t share, uint32_t far_share);

#endif
