/*
 * What becomes of a name when its segment appears, is created again, is truncated, or needs more memory than there is.
 */
#include "read/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/saturate.h"
#include "base/text.h"
#include "read/give/give.h"

#define STARVED_MOST  3u /* a segment that was left out for lack of memory is tried again after at most so many takes */
#define MAPPED_BEFORE 4u /* so many replaced segments of a name stay mapped, because workers may still count in them */
#define KEPT_BEFORE   16u /* so many are kept apart, and recognised if they return; older ones are merged */

struct store_watch *
store_watch_new(const char *name)
{
    struct store_watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->name = strdup(name);
    if (watch->name)
        return watch;
    free(watch);
    return NULL;
}

static void
reading_free(struct store_reading *reading)
{
    giving_free(reading->giving);
    snapshot_free(reading->snapshot);
    *reading = (struct store_reading){ NULL, NULL };
}

void
store_watch_free(struct store_watch *watch)
{
    uint32_t i;

    reading_free(&watch->current);
    for (i = 0; i < watch->before_n; i++)
        reading_free(&watch->before[i]);
    free(watch->before);
    free(watch->name);
    free(watch);
}

const struct segment_status *
store_watch_status(const struct store_watch *watch)
{
    return watch->current.snapshot ? snapshot_status(watch->current.snapshot) : &watch->fault;
}

/* Fills watch->fault, the status of a segment that cannot be read. error NULL: memory ran out. */
static void
remember_fault(struct store_watch *watch, const struct shmeter_reader_error *error)
{
    struct segment_status *fault = &watch->fault;
    char path[SHMETER_READER_PATH_BYTES];

    memset(fault, 0, sizeof *fault);
    if (strlen(watch->name) < STATUS_NAME_BYTES)
        text_name(fault->name, watch->name);
    else /* no file has such a name */
        text_clip(fault->name, sizeof fault->name, watch->name, TEXT_ONE_LINE);
    text_clip(fault->path, sizeof fault->path, shmeter_reader_path(watch->name, path, sizeof path) ? watch->name : path,
              TEXT_ONE_LINE);
    fault->fault = error ? (int32_t)error->fault : SHMETER_READER_FAILED;
    if (error)
        text_clip(fault->error, sizeof fault->error, error->text, TEXT_ONE_LINE);
    else
        snprintf(fault->error, sizeof fault->error,
                 "%.500s takes more memory than there is, so its series are left out: give this program more, or "
                 "register fewer series",
                 fault->path);
    fault->generation = watch->generation;
}

/* Opens the segment that has the name. *out NULL: no segment can be read there. 0 or -ENOMEM. */
static int
open_segment(const struct shmeter_reader_options *options, struct store_watch *watch, struct snapshot **out)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    int result = shmeter_reader_open(&reader, watch->name, options, &error);

    *out = NULL;
    watch->refused_bytes = result ? error.bytes : 0;
    if (result) {
        remember_fault(watch, &error);
        if (watch->current.snapshot)
            snprintf(snapshot_status_mutable(watch->current.snapshot)->error, STATUS_ERROR_BYTES, "%s",
                     error.fault == SHMETER_READER_ABSENT ? "" : watch->fault.error);
        return result == -ENOMEM ? result : 0;
    }
    *out = snapshot_new(reader);
    if (*out && !watch->keep_removed) /* workers that read are many */
        snapshot_watch(*out);
    return *out ? 0 : -ENOMEM;
}

/* A snapshot_folded_fn. argument: two readings, of which the first is folded into the second. */
static void
keep_idle(void *argument, uint32_t from, uint32_t into)
{
    const struct store_reading *both = argument;

    giving_keep_idle(both[1].giving, into, both[0].giving, from);
}

static int
retire(struct store_watch *watch, struct store_reading old)
{
    struct store_reading *before = realloc(watch->before, (watch->before_n + 1) * sizeof *before);

    if (!before)
        return -ENOMEM;
    watch->before = before;
    before[watch->before_n++] = old;
    snapshot_keep_in_force(old.snapshot);
    if (watch->before_n > MAPPED_BEFORE)
        snapshot_freeze(before[watch->before_n - 1 - MAPPED_BEFORE].snapshot);
    if (watch->before_n > KEPT_BEFORE && snapshot_fold(before[1].snapshot, before[0].snapshot, keep_idle, before)) {
        reading_free(&before[0]);
        watch->before_n--;
        memmove(before, before + 1, watch->before_n * sizeof *before);
    }
    return 0;
}

/* Sums the losses of the earlier segments of a name. */
static void
carry_on(const struct store_watch *watch, struct segment_status *to)
{
    uint32_t i, loss;

    for (i = 0; i < watch->before_n; i++) {
        const struct segment_status *before = snapshot_status(watch->before[i].snapshot);
        for (loss = 0; loss < STATUS_LOSSES; loss++)
            to->losses_before[loss] = saturate_add(to->losses_before[loss], before->losses[loss]);
        to->died_before = saturate_add(to->died_before, before->died);
        to->killed_before = saturate_add(to->killed_before, before->killed);
    }
}

static int
install(struct store_watch *watch, struct snapshot *snapshot)
{
    struct segment_status *status = snapshot_status_mutable(snapshot);
    uint64_t of[4];

    if (watch->current.snapshot && retire(watch, watch->current)) {
        snapshot_free(snapshot);
        return -ENOMEM;
    }
    watch->current = (struct store_reading){ snapshot, NULL };
    watch->installed_n++;
    snapshot_identity(snapshot, of);
    watch->generation += memcmp(of, watch->starved_of, sizeof of) != 0; /* the same: it was given up for a while */
    memset(watch->starved_of, 0, sizeof watch->starved_of);
    status->generation = watch->generation;
    status->torn = watch->torn;
    carry_on(watch, status);
    return 0;
}

/*
 * If the segment that was opened was read before, removes the earlier reading from the watch and returns it. Otherwise
 * returns a reading without a snapshot.
 */
static struct store_reading
take_known(struct store_watch *watch, const struct snapshot *snapshot)
{
    struct store_reading known = watch->current;
    uint32_t i;

    if (known.snapshot && snapshot_same_segment(known.snapshot, snapshot)) {
        watch->current = (struct store_reading){ NULL, NULL };
        return known;
    }
    for (i = 0; i < watch->before_n; i++)
        if (snapshot_same_segment(watch->before[i].snapshot, snapshot)) {
            known = watch->before[i];
            watch->before_n--;
            memmove(watch->before + i, watch->before + i + 1, (watch->before_n - i) * sizeof *watch->before);
            return known;
        }
    return (struct store_reading){ NULL, NULL };
}

/* Whether a process may still count in a segment whose file was unlinked. */
static int
still_used(const struct snapshot *snapshot)
{
    const struct segment_status *status = snapshot_status(snapshot);
    return status->slots_live || status->slots_unknown;
}

/*
 * Reads a segment that was read before: its file was truncated or has grown, or it had another name for a while. Counts
 * that are no longer in the file are kept as a replaced segment.
 */
static int
begin_again(struct store_watch *watch, struct store_reading known, struct snapshot *snapshot)
{
    int result;

    snapshot_keep_superseded(snapshot, known.snapshot);
    result = snapshot_take(snapshot, SNAPSHOT_ALL);
    if (result) { /* truncated again: the next take tells which counts are still in the file */
        snapshot_free(snapshot);
        watch->current = known;
        return result;
    }
    if (!snapshot_keep_rest(known.snapshot, snapshot)) {
        reading_free(&known);
        return 0;
    }
    result = retire(watch, known);
    if (result)
        reading_free(&known);
    else
        snapshot_freeze(known.snapshot);
    return result;
}

static int
begin(struct store_watch *watch, struct snapshot *snapshot, enum snapshot_depth depth)
{
    struct store_reading known = take_known(watch, snapshot);
    int result = install(watch, snapshot);

    if (!result)
        return known.snapshot ? begin_again(watch, known, snapshot) : snapshot_take(snapshot, depth);
    reading_free(&known);
    return result;
}

/*
 * To be called when the name leads to another file, or the file was truncated. Opens the segment that has the name now.
 */
static int
replace(const struct shmeter_reader_options *options, struct store_watch *watch, enum snapshot_depth depth)
{
    struct snapshot *snapshot;
    int result;

    result = open_segment(options, watch, &snapshot);
    if (result)
        return result;
    if (snapshot)
        return begin(watch, snapshot, depth);
    if (watch->current.snapshot && (!snapshot_status(watch->current.snapshot)->readable ||
                                    !(watch->keep_removed || still_used(watch->current.snapshot)))) {
        result = retire(watch, watch->current);
        if (!result) {
            snapshot_freeze(watch->current.snapshot); /* no process updates it any more */
            watch->current = (struct store_reading){ NULL, NULL };
        }
    }
    return result;
}

static int
take_again(struct store_watch *watch, const struct shmeter_reader_options *options, enum snapshot_depth depth)
{
    struct snapshot *current = watch->current.snapshot;
    uint32_t i;
    int result = 0;

    for (i = 0; i < watch->before_n && depth == SNAPSHOT_ALL; i++) {
        result = snapshot_take(watch->before[i].snapshot, depth);
        if (result == -ENOMEM)
            return result;
    }
    if (current)
        result = snapshot_take(current, depth);
    if (result == -ENOMEM)
        return result;
    if (current && result == 0 && snapshot_place(current) == SHMETER_READER_HERE)
        return 0;
    if (!current && !watch->listed)
        return 0;
    if (current)
        watch->torn = snapshot_status(current)->torn;
    result = replace(options, watch, depth);
    return result == -ENOMEM ? result : 0;
}

int
store_watch_take(struct store_watch *watch, const struct shmeter_reader_options *options, enum snapshot_depth depth)
{
    int result;

    if (watch->starved_rest) {
        watch->starved_rest--;
        return 0;
    }
    result = take_again(watch, options, depth);
    if (!result && depth == SNAPSHOT_ALL)
        watch->starved_n = 0;
    return result;
}

void
store_watch_starve(struct store_watch *watch)
{
    if (watch->current.snapshot) {
        watch->torn = snapshot_status(watch->current.snapshot)->torn;
        snapshot_identity(watch->current.snapshot, watch->starved_of);
    }
    reading_free(&watch->current);
    watch->starved_rest = watch->starved_n < STARVED_MOST ? watch->starved_n++ : STARVED_MOST;
    remember_fault(watch, NULL);
}

int
store_watch_forget(struct store_watch *watch)
{
    uint32_t i, n = watch->before_n;

    for (i = 0; i < n; i++)
        reading_free(&watch->before[i]);
    watch->before_n = 0;
    return n != 0;
}

uint64_t
store_watch_weight(const struct store_watch *watch, int with_mappings)
{
    uint64_t weight = with_mappings ? watch->refused_bytes : 0;
    uint32_t i;

    for (i = 0; i <= watch->before_n; i++) {
        const struct snapshot *one = i < watch->before_n ? watch->before[i].snapshot : watch->current.snapshot;
        if (one)
            weight += snapshot_memory(one) + (with_mappings ? snapshot_mapped(one) : 0);
    }
    return weight;
}

static int
has_giving(struct store_reading *reading)
{
    if (!reading->giving)
        reading->giving = giving_new(reading->snapshot);
    return reading->giving != NULL;
}

/* Finds out what of the replaced segments is added to what of the current one. 0 or -ENOMEM. */
static int
follow(struct store_watch *watch)
{
    uint32_t i;

    if (!has_giving(&watch->current))
        return -ENOMEM;
    for (i = 0; i < watch->before_n; i++)
        if (!has_giving(&watch->before[i]) ||
            giving_follow(watch->before[i].giving, watch->current.giving, watch->installed_n))
            return -ENOMEM;
    return 0;
}

int
store_watch_give(struct store_watch *watch, struct model *model, int labelled, uint64_t now_ns)
{
    struct giving_target target = { .settings = watch->settings, .now_ns = now_ns };
    struct segment_status *status;
    uint32_t i;
    int result;

    if (!watch->current.snapshot || !snapshot_status(watch->current.snapshot)->readable)
        return 0; /* the segment is gone: its series are absent, and its counts are kept */
    status = snapshot_status_mutable(watch->current.snapshot);
    status->series_idle = status->series_filtered = status->labels_left_out = 0;
    target.counts = status;
    target.segment = labelled ? status->name : NULL;
    result = follow(watch);
    if (!result)
        result = giving_give(watch->current.giving, model, &target); /* first: its definitions are in force */
    target.newer = watch->current.giving;
    for (i = watch->before_n; i > 0 && !result; i--)
        result = giving_give(watch->before[i - 1].giving, model, &target);
    return result;
}

static int
accepted(const struct snapshot *snapshot, const struct shmeter_reader_options *options)
{
    uint32_t i;

    for (i = 0; snapshot && i < options->owners_n; i++)
        if (options->owners[i] == snapshot_status(snapshot)->uid)
            return 1;
    return !snapshot || !options->owners_n;
}

int
store_watch_accepted(const struct store_watch *watch, const struct shmeter_reader_options *options)
{
    uint32_t i;

    for (i = 0; i < watch->before_n; i++)
        if (!accepted(watch->before[i].snapshot, options))
            return 0;
    return accepted(watch->current.snapshot, options);
}
