/*
 * A segment's name through appearances, re-creations and truncations.
 */
#include "read/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/model.h"

#define STARVED_MOST  3u  /* a segment for which there is no memory is tried again after so many takes at most */
#define MAPPED_BEFORE 4u  /* replaced segments of one name that stay mapped: workers may still count in them */
#define KEPT_BEFORE   16u /* and that are known again when they come back: what older ones have counted becomes one */

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

void
store_watch_free(struct store_watch *watch)
{
    uint32_t i;

    snapshot_free(watch->current);
    for (i = 0; i < watch->before_n; i++)
        snapshot_free(watch->before[i]);
    free(watch->before);
    free(watch->name);
    free(watch);
}

const struct segment_status *
store_watch_status(const struct store_watch *watch)
{
    return watch->current ? snapshot_status(watch->current) : &watch->fault;
}

/* error NULL: there is not enough memory. */
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

/* Opens the segment that has the name. *out NULL: there is none that can be read. */
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
        if (watch->current)
            snprintf(snapshot_status_mutable(watch->current)->error, STATUS_ERROR_BYTES, "%s",
                     error.fault == SHMETER_READER_ABSENT ? "" : watch->fault.error);
        return result == -ENOMEM ? result : 0;
    }
    *out = snapshot_new(reader);
    return *out ? 0 : -ENOMEM;
}

static int
retire(struct store_watch *watch, struct snapshot *old)
{
    struct snapshot **before = realloc(watch->before, (watch->before_n + 1) * sizeof *before);

    if (!before)
        return -ENOMEM;
    watch->before = before;
    before[watch->before_n++] = old;
    if (watch->before_n > MAPPED_BEFORE)
        snapshot_freeze(before[watch->before_n - 1 - MAPPED_BEFORE]);
    if (watch->before_n > KEPT_BEFORE && snapshot_fold(before[1], before[0])) {
        snapshot_free(before[0]);
        watch->before_n--;
        memmove(before, before + 1, watch->before_n * sizeof *before);
    }
    return 0;
}

/* What is counted over all segments of a name. */
static void
carry_on(const struct store_watch *watch, struct segment_status *to)
{
    uint32_t i, loss;

    for (i = 0; i < watch->before_n; i++)
        for (loss = 0; loss < STATUS_LOSSES; loss++)
            to->losses_before[loss] = model_add_held(to->losses_before[loss],
                                                     snapshot_status(watch->before[i])->losses[loss]);
}

static int
install(struct store_watch *watch, struct snapshot *snapshot)
{
    struct segment_status *status = snapshot_status_mutable(snapshot);
    uint64_t of[4];

    if (watch->current && retire(watch, watch->current)) {
        snapshot_free(snapshot);
        return -ENOMEM;
    }
    watch->current = snapshot;
    watch->installed_n++;
    snapshot_identity(snapshot, of);
    watch->generation += memcmp(of, watch->starved_of, sizeof of) != 0; /* else it was only given up for a while */
    memset(watch->starved_of, 0, sizeof watch->starved_of);
    status->generation = watch->generation;
    status->torn = watch->torn;
    carry_on(watch, status);
    return 0;
}

/* The segment that was opened, if it was read before: it is taken out of where it stands. NULL: it was not. */
static struct snapshot *
take_known(struct store_watch *watch, const struct snapshot *snapshot)
{
    struct snapshot *known = watch->current;
    uint32_t i;

    if (known && snapshot_same_segment(known, snapshot)) {
        watch->current = NULL;
        return known;
    }
    for (i = 0; i < watch->before_n; i++)
        if (snapshot_same_segment(watch->before[i], snapshot)) {
            known = watch->before[i];
            watch->before_n--;
            memmove(watch->before + i, watch->before + i + 1, (watch->before_n - i) * sizeof *watch->before);
            return known;
        }
    return NULL;
}

/* Whether somebody may still count in a segment that has lost its name. */
static int
still_used(const struct snapshot *snapshot)
{
    const struct segment_status *status = snapshot_status(snapshot);
    return status->slots_live || status->slots_unknown;
}

/*
 * A segment that was read before has the name (again): its file was cut or has grown, or had another name for a while. What it counted is
 * in it still; what is not, is kept.
 */
static int
begin_again(struct store_watch *watch, struct snapshot *known, struct snapshot *snapshot)
{
    int result;

    snapshot_keep_superseded(snapshot, known);
    result = snapshot_take(snapshot, SNAPSHOT_ALL);
    if (result) { /* cut once more: what is there still cannot be told from what is not, until the next take */
        snapshot_free(snapshot);
        watch->current = known;
        return result;
    }
    if (!snapshot_keep_rest(known, snapshot)) {
        snapshot_free(known);
        return 0;
    }
    result = retire(watch, known);
    if (result)
        snapshot_free(known);
    else
        snapshot_freeze(known);
    return result;
}

static int
begin(struct store_watch *watch, struct snapshot *snapshot, enum snapshot_depth depth)
{
    struct snapshot *known = take_known(watch, snapshot);
    int result = install(watch, snapshot);

    if (!result)
        return known ? begin_again(watch, known, snapshot) : snapshot_take(snapshot, depth);
    snapshot_free(known);
    return result;
}

/* The name leads elsewhere, or the file was truncated: look for another one. */
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
    if (watch->current &&
        (!snapshot_status(watch->current)->readable || !(watch->keep_removed || still_used(watch->current)))) {
        result = retire(watch, watch->current);
        if (!result) {
            snapshot_freeze(watch->current); /* nobody counts in it any more */
            watch->current = NULL;
        }
    }
    return result;
}

static int
take_again(struct store_watch *watch, const struct shmeter_reader_options *options, enum snapshot_depth depth)
{
    uint32_t i;
    int result = 0;

    for (i = 0; i < watch->before_n && depth == SNAPSHOT_ALL; i++) {
        result = snapshot_take(watch->before[i], depth);
        if (result == -ENOMEM)
            return result;
    }
    if (watch->current)
        result = snapshot_take(watch->current, depth);
    if (result == -ENOMEM)
        return result;
    if (watch->current && result == 0 && snapshot_place(watch->current) == SHMETER_READER_HERE)
        return 0;
    if (!watch->current && !watch->listed)
        return 0;
    if (watch->current)
        watch->torn = snapshot_status(watch->current)->torn;
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
    if (watch->current) {
        watch->torn = snapshot_status(watch->current)->torn;
        snapshot_identity(watch->current, watch->starved_of);
    }
    snapshot_free(watch->current);
    watch->current = NULL;
    watch->starved_rest = watch->starved_n < STARVED_MOST ? watch->starved_n++ : STARVED_MOST;
    remember_fault(watch, NULL);
}

int
store_watch_forget(struct store_watch *watch)
{
    uint32_t i, n = watch->before_n;

    for (i = 0; i < n; i++)
        snapshot_free(watch->before[i]);
    watch->before_n = 0;
    return n != 0;
}

uint64_t
store_watch_weight(const struct store_watch *watch, int with_mappings)
{
    uint64_t weight = with_mappings ? watch->refused_bytes : 0;
    uint32_t i;

    for (i = 0; i <= watch->before_n; i++) {
        const struct snapshot *one = i < watch->before_n ? watch->before[i] : watch->current;
        if (one)
            weight += snapshot_memory(one) + (with_mappings ? snapshot_mapped(one) : 0);
    }
    return weight;
}

int
store_watch_give(struct store_watch *watch, struct model *model, int labelled, uint64_t now_ns)
{
    struct snapshot_target target = { .settings = watch->settings, .now_ns = now_ns };
    struct segment_status *status;
    uint32_t i;
    int result;

    if (!watch->current || !snapshot_status(watch->current)->readable)
        return 0; /* gone: its series leave, and what it counted is remembered */
    status = snapshot_status_mutable(watch->current);
    status->series_idle = status->series_filtered = status->labels_left_out = 0;
    target.counts = status;
    target.segment = labelled ? status->name : NULL;
    for (i = 0; i < watch->before_n; i++)
        snapshot_follow(watch->before[i], watch->current, watch->installed_n);
    result = snapshot_give(watch->current, model, &target); /* first: the newest defines the families */
    target.newer = watch->current;
    for (i = watch->before_n; i > 0 && !result; i--)
        result = snapshot_give(watch->before[i - 1], model, &target);
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
        if (!accepted(watch->before[i], options))
            return 0;
    return accepted(watch->current, options);
}
