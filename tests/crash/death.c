#include "tests/crash/death.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tools/scratch.h"

/* ---- what a reader sees ---- */

static int
of_worker(const char *name)
{
    return !strncmp(name, "crash_gauge_", 12) || !strncmp(name, "check{", 6) || !strcmp(name, "crash_new{}");
}

static int
is_new(const struct reading_sample *sample)
{
    uint32_t i;

    for (i = 0; i < sample->words_n; i++)
        if (sample->words[i])
            return 0;
    return 1;
}

/* Each sample is as it was, or as it will be, or it has appeared and counts nothing yet. */
static int
is_between(const struct reading *before, const struct reading *now, const struct reading *after)
{
    uint32_t i;

    for (i = 0; i < before->samples_n; i++)
        if (!reading_find(now, before->samples[i].name) && reading_find(after, before->samples[i].name))
            return 0;
    for (i = 0; i < now->samples_n; i++) {
        const struct reading_sample *sample = &now->samples[i], *then = reading_find(before, sample->name);
        if (!reading_samples_equal(sample, then) && !reading_samples_equal(sample, reading_find(after, sample->name)) &&
            !(!then && is_new(sample)))
            return 0;
    }
    return 1;
}

/* 1: as before the operation; 2: as after it; 3: both, because it changes no sample. Else the job fails. */
static int
side_of(const struct stage *stage, uint32_t number, const struct reading *now, const struct reading *before,
        const struct reading *after)
{
    int side = (reading_equal(now, before) ? 1 : 0) | (reading_equal(now, after) ? 2 : 0);

    if (!side && stage->op->flags & OP_IN_PARTS && is_between(before, now, after))
        return 3;
    if (!side) {
        printf("# compared with before: %s\n", reading_difference(before, now));
        printf("# compared with after: %s\n", reading_difference(after, now));
        stage->result->torn++;
        stage_fail(stage, "state %u of %u is torn", number, stage->states_n);
    }
    return side;
}

/* Only the samples that the operation is about change, and to what they should. */
static void
check_changes(const struct stage *stage, const struct reading *before, const struct reading *after)
{
    const struct change *change;
    uint32_t i, k, wanted = 0;

    for (change = stage->op->changes; change < stage->op->changes + 8 && change->sample; change++) {
        double from = reading_number(before, change->sample, change->word);
        double to = reading_number(after, change->sample, change->word);
        if ((from != change->from && !(isnan(from) && isnan(change->from))) ||
            (to != change->to && !(isnan(to) && isnan(change->to))))
            stage_fail(stage, "%s went from %.17g to %.17g instead of from %.17g to %.17g", change->sample, from, to,
                       change->from, change->to);
    }
    for (k = 0; k < 2; k++) {
        const struct reading *one = k ? after : before, *other = k ? before : after;
        for (i = 0; i < one->samples_n; i++) {
            wanted = 0;
            for (change = stage->op->changes; change < stage->op->changes + 8 && change->sample; change++)
                wanted |= !strcmp(change->sample, one->samples[i].name);
            if (!wanted && !reading_samples_equal(&one->samples[i], reading_find(other, one->samples[i].name)))
                stage_fail(stage, "%s has changed, which it should not", one->samples[i].name);
        }
    }
}

/* Counters and histograms are the same whoever is dead: only gauges and checks depend on their workers. */
static void
check_dead(const struct stage *stage, uint32_t number, const struct state *state)
{
    uint32_t i;

    for (i = 0; i < state->alive.samples_n; i++) {
        const struct reading_sample *sample = &state->alive.samples[i];
        if (of_worker(sample->name) || reading_samples_equal(sample, reading_find(&state->dead, sample->name)))
            continue;
        stage->result->lost++;
        stage_fail(stage, "in state %u %s is lost by the death", number, sample->name);
    }
}

/* Between two states each kind of loss has grown by one or not at all, and only the kind that the operation counts. */
static uint64_t
check_losses(const struct stage *stage, uint32_t number, const struct reading *earlier, const struct reading *now)
{
    uint64_t sum = 0, more;
    uint32_t i;

    for (i = 0; status_loss_kind(i); i++) {
        int counts = stage->op->loss && !strcmp(stage->op->loss, status_loss_kind(i));
        more = now->losses[i] - earlier->losses[i];
        if (more > (counts ? 1 : 0))
            stage_fail(stage, "in state %u losses of %s are %llu after %llu", number, status_loss_kind(i),
                       (unsigned long long)now->losses[i], (unsigned long long)earlier->losses[i]);
        sum += more;
    }
    return sum;
}

/* ---- what the bytes say ---- */

/* The diagram of shm/layout/layout.h: who may go where, and that a new owner has a new generation. */
static void
check_slot(const struct stage *stage, uint32_t number, const struct shmeter_slot_word *then,
           const struct shmeter_slot_word *now)
{
    uint32_t from = SHMETER_OWNER_STATE(then->owner), to = SHMETER_OWNER_STATE(now->owner);
    uint32_t was = SHMETER_OWNER_GENERATION(then->owner), is = SHMETER_OWNER_GENERATION(now->owner);
    int same = was == is && then->identity == now->identity &&
               SHMETER_OWNER_PID(then->owner) == SHMETER_OWNER_PID(now->owner);

    if (then->owner == now->owner && then->identity == now->identity)
        return;
    if (!(to == SHMETER_SLOT_CLAIMING && is == was + 1 && from != SHMETER_SLOT_CLAIMING) &&
        !(from == SHMETER_SLOT_CLAIMING && to == SHMETER_SLOT_LIVE && same) &&
        !(from == SHMETER_SLOT_LIVE && to == SHMETER_SLOT_RELEASED && same))
        stage_fail(stage, "in state %u a slot went from state %u generation %u to state %u generation %u", number, from,
                   was, to, is);
}

static void
check_bytes(const struct stage *stage, uint32_t number)
{
    const struct copy *now = stage->states[number].copy, *then = number ? stage->states[number - 1].copy : NULL;
    uint32_t i;

    if (!now)
        return;
    if (copy_hole(now) >= 0)
        stage_fail(stage, "in state %u the byte at %#llx has no memory, though it should", number,
                   (unsigned long long)copy_hole(now));
    for (i = 0; then && i < stage->segment.header.slots_n; i++)
        check_slot(stage, number, copy_slot(then, i), copy_slot(now, i));
}

static void
check_readings(const struct stage *stage)
{
    const struct state *first = &stage->states[0], *last = &stage->states[stage->states_n - 1];
    int side, dead_side, came = 1;
    uint64_t losses = 0;
    uint32_t i;

    check_changes(stage, &first->alive, &last->alive);
    if (last->alive.absent)
        stage_fail(stage, "there is no segment in the end");
    for (i = 0; i < stage->states_n; i++) {
        const struct state *state = &stage->states[i];
        stage_sound(stage, &state->alive, "state", i);
        stage_sound(stage, &state->dead, "after the death in state", i);
        side = side_of(stage, i, &state->alive, &first->alive, &last->alive);
        dead_side = side_of(stage, i, &state->dead, &first->dead, &last->dead);
        if (!(side & dead_side) && !first->alive.absent) {
            stage->result->torn++;
            stage_fail(stage, "state %u is half done: %s for the living, %s for the dead", i,
                       side == 1 ? "before" : "after", dead_side == 1 ? "before" : "after");
        }
        if (came == 2 && side == 1) {
            stage->result->lost++;
            stage_fail(stage, "state %u takes back what was done", i);
        }
        came = side == 2 ? 2 : came;
        check_dead(stage, i, state);
        if (i)
            losses += check_losses(stage, i, &stage->states[i - 1].alive, &state->alive);
        check_bytes(stage, i);
    }
    if (losses != (stage->op->loss ? 1 : 0))
        stage_fail(stage, "%llu losses were counted", (unsigned long long)losses);
}

/* ---- who comes after ---- */

static void
succeed(const struct stage *stage, int to)
{
    const char *why = stage->table->succeed(stage->other);

    if (write(to, why ? why : "", why ? strlen(why) + 1 : 1) < 0)
        _exit(1);
    for (;;)
        pause();
}

static double
sum_of_changes(const struct stage *stage, const char *name, uint32_t word)
{
    const struct change *change;
    double sum = 0;

    for (change = stage->table->successor; change->sample; change++)
        if (!strcmp(change->sample, name) && change->word == word)
            sum += change->to;
    return sum;
}

/*
 * Whether the operation hides the sample: a successor that looks it up finishes what the dead one has begun, and starts
 * at 0.
 */
static int
is_hidden(const struct stage *stage, const char *name)
{
    const struct change *change;

    for (change = stage->op->changes; change < stage->op->changes + 8 && change->sample; change++)
        if (!strcmp(change->sample, name) && isnan(change->to))
            return 1;
    return 0;
}

static void
check_total(const struct stage *stage, uint32_t number, const struct reading *before, const struct reading *after,
            const char *name)
{
    const struct reading_sample *sample = reading_find(after, name);
    uint32_t word;

    if (!sample)
        stage_fail(stage, "after the successor on state %u there is no %s", number, name);
    for (word = 0; word < sample->words_n; word++) {
        double then = reading_number(before, name, word), now = reading_number(after, name, word);
        double wanted = (isnan(then) ? 0 : then) + sum_of_changes(stage, name, word);
        if (now == wanted || (is_hidden(stage, name) && now == sum_of_changes(stage, name, word)))
            continue;
        stage->result->lost += !(now > wanted);
        stage_fail(stage, "after the successor on state %u %s word %u is %.17g instead of %.17g", number, name, word,
                   now, wanted);
    }
}

static void
check_successor(const struct stage *stage, uint32_t number, const struct reading *before, const struct reading *after)
{
    static const char *const none[] = { "series_refused", "families_refused", "slots_exhausted",
                                        "slots_robbed",   "backing_failed",   "handles_refused" };
    const struct change *change;
    uint32_t i, k;

    stage_sound(stage, after, "after the successor on state", number);
    for (i = 0; i < before->samples_n; i++)
        if (strncmp(before->samples[i].name, "crash_gauge_all{", 16) != 0) /* until the slot is used again */
            check_total(stage, number, before, after, before->samples[i].name);
    for (change = stage->table->successor; change->sample; change++)
        check_total(stage, number, before, after, change->sample);
    for (i = 0; i < STATUS_LOSSES; i++)
        for (k = 0; k < sizeof none / sizeof *none; k++)
            if (status_loss_kind(i) && !strcmp(status_loss_kind(i), none[k]) && after->losses[i])
                stage_fail(stage, "after the successor on state %u there are losses: %s", number, none[k]);
}

/* A fresh process on what the death has left: it opens, registers and updates, and every total is right. */
static void
run_successor(const struct stage *stage, uint32_t number, const struct reading *before)
{
    char why[512] = "it died";
    struct reading after;
    int ends[2];
    pid_t pid;

    if (pipe(ends))
        abort();
    pid = scratch_fork();
    if (!pid)
        succeed(stage, ends[1]);
    close(ends[1]);
    if (read(ends[0], why, sizeof why - 1) <= 0 || *why)
        stage_fail(stage, "the successor on state %u: %s", number, why);
    close(ends[0]);
    reading_take(&after, stage->other);
    kill(pid, SIGKILL);
    scratch_wait(pid);
    check_successor(stage, number, before, &after);
    reading_free(&after);
}

void
death_check(struct stage *stage)
{
    uint32_t i;

    check_readings(stage);
    for (i = 0; i < stage->states_n; i++) {
        unlink(stage->other);
        if (stage->states[i].copy)
            copy_write(stage->states[i].copy, stage->other);
        run_successor(stage, i, &stage->states[i].dead);
    }
}
