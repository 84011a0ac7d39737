/*
 * Two updaters of one series: A is stopped before an instruction, with its restartable sequence still registered with
 * the kernel; B updates; then A dies, goes on, is interrupted by a handler that updates too, or goes on on another CPU.
 */
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/death.h"
#include "tests/tools/scratch.h"

enum fate { KILLED, RESUMED, SIGNALLED, MIGRATED, FATES };

struct pair {
    struct stage *stage;
    const struct boundary *boundary;
    int done; /* A's update has happened before this boundary                                                */
    enum fate fate;
    uint32_t times; /* that B updates                                                                      */
    int thread;     /* B is a thread of A's process                                                        */
    int cpu, other;
};

static const char *const fates[FATES] = { "killed", "resumed", "interrupted", "migrated" };

__attribute__((noreturn)) static void
fail(const struct pair *pair, const char *what, double now, double wanted)
{
    pair->stage->result->lost += !(now > wanted);
    stage_fail(pair->stage,
               "A stopped at boundary %u (%s), B, a %s, updated %u times, A was %s: %s is %.17g instead of %.17g",
               (uint32_t)(pair->boundary - pair->stage->boundaries), pair->done ? "done" : "not done yet",
               pair->thread ? "thread" : "process", pair->times, fates[pair->fate], what, now, wanted);
}

/* ---- B ---- */

static pid_t
other_process(const struct pair *pair)
{
    const struct op *op = pair->stage->op;
    char ready;
    int ends[2];
    uint32_t i;
    pid_t pid;

    if (pipe(ends))
        abort();
    pid = scratch_fork();
    if (!pid) {
        if (op->begin)
            op->begin();
        for (i = 0; i < pair->times; i++)
            op->run();
        if (write(ends[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause(); /* a live gauge is there for as long as its worker */
    }
    close(ends[1]);
    if (read(ends[0], &ready, 1) != 1)
        stage_fail(pair->stage, "B died");
    close(ends[0]);
    return pid;
}

/* ---- A ---- */

static void
go_to(const struct pair *pair, struct stepper *a, int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(a->pid, sizeof one, &one))
        stage_fail(pair->stage, "A cannot go to CPU %d", cpu);
}

static void
meet_fate(const struct pair *pair, struct stepper *a)
{
    if (pair->fate == KILLED) {
        stepper_kill(a);
        return;
    }
    if (pair->fate == MIGRATED)
        go_to(pair, a, pair->other);
    if (stepper_finish(a, pair->fate == SIGNALLED ? SIGUSR1 : 0))
        stage_fail(pair->stage, "A died after it was stopped at boundary %u and %s",
                   (uint32_t)(pair->boundary - pair->stage->boundaries), fates[pair->fate]);
}

/* ---- what must have come of it ---- */

/* Live values and shares go with their worker, and with its process goes its other thread. */
static int
dies_with_its_worker(const struct pair *pair)
{
    const struct op *op = pair->stage->op;

    return strstr(op->changes[0].sample, "_live") != NULL ||
           (strstr(op->changes[0].sample, "_pool{") != NULL && op->flags & OP_ADDS);
}

/* The updates of A's process that count, and those of B's when that is another one. */
static void
updates_that_count(const struct pair *pair, uint32_t *a, uint32_t *b)
{
    *a = pair->fate == KILLED ? (pair->done ? 1 : 0) : 1 + (pair->fate == SIGNALLED);
    *b = 0;
    *(pair->thread ? a : b) += pair->times;
    if (pair->fate == KILLED && dies_with_its_worker(pair))
        *a = 0;
}

static uint32_t
updates_wanted(const struct pair *pair)
{
    uint32_t a, b;

    updates_that_count(pair, &a, &b);
    return a + b;
}

/* What must come of a change that one update would make, by so many of A's process and of B's. */
static double
value_wanted(const struct pair *pair, const struct change *change, uint32_t a, uint32_t b)
{
    double from = isnan(change->from) ? 0 : change->from;
    uint32_t flags = pair->stage->op->flags;

    if (flags & OP_SETS) { /* again what stands there */
        a = a != 0;
        b = b != 0;
    }
    if (flags & OP_ADDS)
        return from + (change->to - from) * (a + b);
    if (flags & OP_OWN)
        return a ? change->to * a : change->from;
    return a || b ? change->to * (a > b ? a : b) : from;
}

/* B has the slot after A's. */
static void
check_own(const struct pair *pair, const struct reading *reading, uint32_t updates)
{
    const struct change *change = &pair->stage->op->changes[0];
    char name[80];
    double now, wanted;

    if (!change->sample)
        stage_fail(pair->stage, "it has no sample of its own");
    snprintf(name, sizeof name, "%.*s2}", (int)strlen(change->sample) - 2, change->sample);
    now = reading_number(reading, name, 0);
    wanted = value_wanted(pair, change, updates, 0);
    if (now != wanted && !(isnan(now) && isnan(wanted)))
        fail(pair, name, now, wanted);
}

/* Whether a sample may be another afterwards: the operation's own, and what depends on who is alive. */
static int
may_change(const struct pair *pair, const char *name)
{
    const struct change *change;

    for (change = pair->stage->op->changes; change < pair->stage->op->changes + 8 && change->sample; change++)
        if (!strcmp(change->sample, name))
            return 1;
    return !strncmp(name, "crash_gauge_all{", 16) || !strncmp(name, "crash_gauge_live_all{", 21);
}

static void
check_others(const struct pair *pair, const struct reading *before, const struct reading *now)
{
    const struct reading *one = before, *other = now;
    uint32_t i, k;

    for (k = 0; k < 2; k++, one = now, other = before)
        for (i = 0; i < one->samples_n; i++)
            if (!may_change(pair, one->samples[i].name) &&
                !reading_samples_equal(&one->samples[i], reading_find(other, one->samples[i].name)))
                fail(pair, one->samples[i].name, reading_number(now, one->samples[i].name, 0),
                     reading_number(before, one->samples[i].name, 0));
}

static void
check_totals(const struct pair *pair)
{
    const struct stage *stage = pair->stage;
    const struct change *change;
    struct reading reading;
    uint32_t workers_n, a, b;

    reading_take(&reading, stage->path);
    updates_that_count(pair, &a, &b);
    stage_sound(stage, &reading, "A stopped at boundary", (uint32_t)(pair->boundary - stage->boundaries));
    for (change = stage->op->changes; change < stage->op->changes + 8 && change->sample; change++) {
        double wanted = value_wanted(pair, change, a, b), now = reading_number(&reading, change->sample, change->word);
        if (!isnan(change->to) && now != wanted && !(isnan(now) && isnan(wanted))) /* NaN: the first one makes it go */
            fail(pair, change->sample, now, wanted);
    }
    if (stage->op->flags & OP_OWN)
        check_own(pair, &reading, b);
    check_others(pair, &stage->states[0].alive, &reading);
    workers_n = stage->states[0].alive.live + (pair->fate != KILLED) + !pair->thread;
    if (reading.live > workers_n)
        fail(pair, "the number of slots in use", reading.live, workers_n);
    reading_free(&reading);
}

/* How often the series was updated in a CPU's lane since the beginning. */
static double
lane_updates(const struct pair *pair, int cpu)
{
    const struct stage *stage = pair->stage;
    const struct shmeter_header *header = &stage->segment.header;
    const struct change *change = &stage->op->changes[0];
    const struct reading_sample *sample = reading_find(&stage->states[0].alive, change->sample);
    uint64_t off = header->cpu_lanes_off + ((uint64_t)cpu << header->lane_shift) + stage->op->cell(), then, now;
    double fraction_then, fraction_now;

    memcpy(&then, stage->before->pages[off / 4096] + off % 4096, sizeof then);
    memcpy(&now, stage->segment.base + off, sizeof now);
    if (sample->words_n > 1)
        return (double)(now - then); /* a histogram's seq */
    if (sample->integer)
        return (double)(now - then) / (change->to - change->from);
    memcpy(&fraction_then, &then, sizeof then);
    memcpy(&fraction_now, &now, sizeof now);
    return (fraction_now - fraction_then) / (change->to - change->from);
}

static void
check_lanes(const struct pair *pair)
{
    uint32_t here = updates_wanted(pair), there = 0;
    int has_lane = pair->other >= 0 && (uint32_t)pair->other < pair->stage->segment.header.cpu_lanes_n;

    if (!(pair->stage->op->flags & OP_ON_LANE))
        return;
    if (!stepper_has_rseq())
        here = 0; /* shared lanes take it all */
    else if (pair->fate == MIGRATED && !pair->done) {
        here--;
        there++;
    }

    if (lane_updates(pair, pair->cpu) != here)
        fail(pair, "its CPU's lane", lane_updates(pair, pair->cpu), here);
    if (has_lane && lane_updates(pair, pair->other) != there)
        fail(pair, "the other CPU's lane", lane_updates(pair, pair->other), there);
}

/* A may have been preempted in its sequence, and so be at this instruction with its update still to do. */
static int
really_done(const struct pair *pair)
{
    if (pair->stage->op->flags & OP_ON_LANE && stepper_has_rseq())
        return lane_updates(pair, pair->cpu) == 1;
    return pair->done;
}

static void
check_pair(struct pair *pair)
{
    struct stepper a;
    pid_t b = -1;

    if (!stage_begin_at(pair->stage, &a, pair->boundary, pair->thread))
        return;
    pair->done = really_done(pair);
    if (pair->thread)
        stepper_companion(&a, pair->times);
    else
        b = other_process(pair);
    meet_fate(pair, &a);
    check_totals(pair);
    check_lanes(pair);
    if (pair->fate != KILLED)
        stepper_kill(&a);
    if (b > 0) {
        kill(b, SIGKILL);
        scratch_wait(b);
    }
    pair->stage->result->pairs++;
}

/* The instruction that changes the segment, or the one after it: what others see is another at each of these. */
static int
is_near_a_change(const struct stage *stage, uint32_t boundary)
{
    const struct boundary *here = &stage->boundaries[boundary];

    return (boundary && here[-1].state != here->state) ||
           (boundary + 1 < stage->boundaries_n && here[1].state != here->state);
}

void
pairs_check(struct stage *stage, int cpu, int other, uint32_t share, uint32_t far_share)
{
    const struct reading *after = &stage->states[stage->states_n - 1].alive;
    struct pair pair = { .stage = stage, .cpu = cpu, .other = other };
    uint32_t i, here, number = 0;

    for (i = 0; i < stage->boundaries_n; i++) {
        pair.boundary = &stage->boundaries[i];
        here = is_near_a_change(stage, i) ? share : far_share;
        for (pair.fate = KILLED; pair.fate < FATES; pair.fate++)
            for (pair.times = 1; pair.times <= 2; pair.times++)
                for (pair.thread = 0; pair.thread < 2; pair.thread++)
                    if (number++ % here == i % here && (pair.fate != MIGRATED || other >= 0)) {
                        pair.done = reading_equal(&stage->states[pair.boundary->state].alive, after);
                        check_pair(&pair);
                    }
    }
}
