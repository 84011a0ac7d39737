/*
 * Real deaths: by SIGKILL before an instruction to which a breakpoint leads, or at a state to which only stepping does.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/crash/death.h"

/* -1: as seen. Else where it is not. */
static int64_t
compare(struct stage *stage, const struct copy *seen)
{
    struct copy *left;
    int64_t at;

    if (!stage->segment.base && segment_open(&stage->segment, stage->path))
        stage->segment.base = NULL;
    if (!seen || !stage->segment.base)
        return seen || stage->segment.base ? 0 : -1;
    left = copy_take(&stage->segment, stage->before);
    copy_normalize(left, (stage->op->flags & OP_CREATES) != 0);
    at = copy_difference(left, seen);
    copy_free(left);
    return at;
}

/* The states' copies become comparable, and useless for anything else. */
static void
normalize(struct stage *stage)
{
    uint32_t i;

    for (i = 0; i < stage->states_n; i++)
        if (stage->states[i].copy)
            copy_normalize(stage->states[i].copy, (stage->op->flags & OP_CREATES) != 0);
}

static int64_t
kill_at(struct stage *stage, const struct boundary *boundary)
{
    struct stepper stepper;

    if (!stage_begin_at(stage, &stepper, boundary, 0))
        return -1;
    stepper_kill(&stepper);
    stage->result->kills++;
    return compare(stage, stage->states[boundary->state].copy);
}

void
death_kill_at_boundaries(struct stage *stage, int only_sequences, uint32_t share)
{
    uint32_t i, tries;
    int64_t at;

    normalize(stage);
    for (i = 0; i < stage->boundaries_n; i++) {
        if ((only_sequences && !stepper_in_sequence(stage->boundaries[i].at)) || i % share)
            continue;
        /* A child that was preempted in its sequence may come here with its update still to do: not time and again. */
        for (tries = 0, at = 0; tries < 5 && at >= 0; tries++)
            at = kill_at(stage, &stage->boundaries[i]);
        if (at >= 0)
            stage_fail(stage, "killed at boundary %u: the byte at %#llx is not what was seen there", i,
                       (unsigned long long)at);
    }
}

/* Whether a state is there at the first execution of an instruction: a breakpoint leads to it. */
static int
has_boundary(const struct stage *stage, uint32_t state)
{
    uint32_t i;

    for (i = 0; i < stage->boundaries_n; i++)
        if (stage->boundaries[i].state == state)
            return 1;
    return 0;
}

void
death_kill_at_states(struct stage *stage)
{
    struct stepper stepper;
    struct copy *last;
    uint32_t i, seen;

    normalize(stage);
    for (i = 0; i < stage->states_n; i++) {
        if (has_boundary(stage, i))
            continue;
        stage_begin(stage, &stepper);
        last = stage->segment.base ? copy_take(&stage->segment, stage->before) : NULL;
        for (seen = 0; seen < i;) {
            if (!stepper_step(&stepper) && seen + 1 < i)
                stage_fail(stage, "another run came to state %u of %u only", seen, i);
            if (!stage->segment.base && !access(stage->path, F_OK) && segment_open(&stage->segment, stage->path))
                stage_fail(stage, "the segment came and went");
            if (!stage->segment.base || (last && !copy_differs(last, &stage->segment)))
                continue;
            copy_free(last);
            last = copy_take(&stage->segment, stage->before);
            seen++;
        }
        copy_free(last);
        stepper_kill(&stepper);
        stage->result->steps += stepper.steps;
        stage->result->kills++;
        if (compare(stage, stage->states[i].copy) >= 0)
            stage_fail(stage, "killed at state %u: the byte at %#llx is not what was seen there", i,
                       (unsigned long long)compare(stage, stage->states[i].copy));
    }
}
