#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/death.h"
#include "tests/tools/scratch.h"

#define STATES_MAX     4096u
#define BOUNDARIES_MAX 32768u
#define TRIES          20u

void
stage_fail(const struct stage *stage, const char *format, ...)
{
    va_list arguments;

    printf("# %s, %s: ", stage->table->build, stage->op->name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    exit(1);
}

void
stage_sound(const struct stage *stage, const struct reading *reading, const char *where, uint32_t number)
{
    stage->result->readings++;
    if (!*reading->complaint)
        return;
    stage->result->torn++;
    stage_fail(stage, "%s %u: %s", where, number, reading->complaint);
}

static void *
have(size_t n, size_t bytes)
{
    void *memory = calloc(n, bytes);

    if (!memory)
        abort();
    return memory;
}

void
stage_make(struct stage *stage, const struct op_table *table, const struct op *op, const struct shape *shape,
           struct result *result)
{
    memset(stage, 0, sizeof *stage);
    stage->table = table;
    stage->op = op;
    stage->result = result;
    stage->states = have(STATES_MAX, sizeof *stage->states);
    stage->boundaries = have(BOUNDARIES_MAX, sizeof *stage->boundaries);
    snprintf(stage->path, sizeof stage->path, "%s", scratch_path("segment"));
    snprintf(stage->other, sizeof stage->other, "%s", scratch_path("copy"));
    unlink(stage->path);
    if (op->flags & OP_CREATES)
        table->place(stage->path, shape);
    else
        table->make(stage->path, shape);
    if (op->arrange)
        op->arrange();
    if (op->flags & OP_CREATES)
        return;
    if (segment_open(&stage->segment, stage->path))
        stage_fail(stage, "there is no segment");
    stage->before = copy_take(&stage->segment, NULL);
}

static void
put_back(struct stage *stage)
{
    if (stage->before) {
        copy_restore(stage->before, &stage->segment);
        return;
    }
    if (stage->segment.base)
        segment_close(&stage->segment);
    stage->segment.base = NULL;
    unlink(stage->path);
}

void
stage_begin(struct stage *stage, struct stepper *stepper)
{
    const struct stepper_job job = { .begin = stage->op->begin, .run = stage->op->run };

    put_back(stage);
    stepper_start(stepper, &job);
}

/* A second run did not come to an instruction. That is wrong, but in a clock of the kernel's, which may try again. */
static void
absent(const struct stage *stage, const struct boundary *boundary)
{
    uint64_t text = (uint64_t)(uintptr_t)stage->table->text, end = (uint64_t)(uintptr_t)stage->table->text_end;

    if (boundary->at >= text && boundary->at < end)
        stage_fail(stage, "the instruction at %#llx did not come again", (unsigned long long)boundary->at);
}

int
stage_begin_at(struct stage *stage, struct stepper *stepper, const struct boundary *boundary, int companion)
{
    const struct stepper_job job = {
        .begin = stage->op->begin, .run = stage->op->run, .handler = stage->op->run, .companion = companion
    };
    uint32_t tries;

    /* One that is preempted in its sequence goes on at the next try's instructions, which may be others. */
    for (tries = 0; tries < TRIES; tries++) {
        put_back(stage);
        stepper_start(stepper, &job);
        if (stepper->at == boundary->at || stepper_run_to(stepper, boundary->at))
            return 1;
        stepper_kill(stepper);
    }
    absent(stage, boundary);
    return 0;
}

/* ---- a walk ---- */

static void
read_both(struct stage *stage, struct state *state, pid_t pid)
{
    struct copy *copy;

    unlink(stage->other);
    if (state->copy)
        copy_write(state->copy, stage->other);
    reading_take(&state->alive, stage->other);
    if (!state->copy) {
        state->dead.absent = 1;
        return;
    }
    copy = copy_take(&stage->segment, state->copy); /* the child is stopped: the same bytes again */
    if (copy_difference(copy, state->copy) >= 0)
        stage_fail(stage, "the bytes change while nobody runs");
    if (!*state->alive.complaint)
        copy_bury(copy, pid);
    copy_write(copy, stage->other);
    copy_free(copy);
    reading_take(&state->dead, stage->other);
}

/* A reader that was there before must see what a new one does, whatever it remembers. */
static void
follow(struct stage *stage, const struct state *state)
{
    struct reading reading;

    reading_follow(&reading, &stage->follower, stage->path);
    stage->result->readings++;
    if (!reading_equal(&reading, &state->alive))
        stage_fail(stage, "state %u is another one for a reader that has stayed: %s", stage->states_n - 1,
                   reading_difference(&state->alive, &reading));
    reading_free(&reading);
}

static int
changed(struct stage *stage)
{
    const struct copy *last = stage->states_n ? stage->states[stage->states_n - 1].copy : NULL;

    if (!stage->segment.base && !access(stage->path, F_OK) && segment_open(&stage->segment, stage->path))
        stage_fail(stage, "there is a segment without a header");
    return !stage->states_n || (stage->segment.base && (!last || copy_differs(last, &stage->segment)));
}

static void
look(struct stage *stage, const struct stepper *stepper, int reads)
{
    struct state *state = &stage->states[stage->states_n];

    if (!changed(stage))
        return;
    if (stage->states_n++ == STATES_MAX)
        stage_fail(stage, "more than %u states", STATES_MAX);
    state->at = stepper->at;
    if (stage->segment.base)
        state->copy = copy_take(&stage->segment, stage->states_n > 1 ? state[-1].copy : stage->before);
    if (!reads)
        return;
    read_both(stage, state, stepper->pid);
    follow(stage, state);
    if (stage->states_n == 1)
        follow(stage, state); /* the second time nothing has changed */
}

/* In order of first execution; few enough for a hash table that never grows. */
static void
remember(struct stage *stage, uint32_t *table, uint64_t at)
{
    uint64_t i = at * UINT64_C(0x9e3779b97f4a7c15) >> 48;

    for (; table[i]; i = (i + 1) & 0xffff)
        if (stage->boundaries[table[i] - 1].at == at)
            return;
    if (stage->boundaries_n == BOUNDARIES_MAX)
        return; /* those that came first will do */
    stage->boundaries[stage->boundaries_n].at = at;
    stage->boundaries[stage->boundaries_n].state = stage->states_n - 1;
    table[i] = ++stage->boundaries_n;
}

void
stage_walk(struct stage *stage, int reads)
{
    uint32_t *table = have(65536, sizeof *table);
    struct stepper stepper;
    struct copy *end;
    int more = 1;

    stage_begin(stage, &stepper);
    do {
        look(stage, &stepper, reads);
        remember(stage, table, stepper.at);
        more = stepper_step(&stepper);
    } while (more);
    look(stage, &stepper, reads);
    if (stage->segment.base) {
        end = copy_take(&stage->segment, NULL);
        if (copy_difference(end, stage->states[stage->states_n - 1].copy) >= 0)
            stage_fail(stage, "something was written at %#llx, where nobody looked",
                       (unsigned long long)copy_difference(end, stage->states[stage->states_n - 1].copy));
        copy_free(end);
    }
    stepper_kill(&stepper);
    reading_leave(stage->follower);
    stage->follower = NULL;
    stage->instructions = stepper.steps;
    stage->result->steps += stepper.steps;
    free(table);
}
