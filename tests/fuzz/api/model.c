#include "tests/fuzz/api/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const api_loss_words[LOST_KINDS] = {
    [LOST_SERIES_REFUSED] = "series_refused",
    [LOST_SERIES_OVERFLOWED] = "series_overflowed",
    [LOST_FAMILIES_REFUSED] = "families_refused",
    [LOST_FAMILY_CONFLICTS] = "family_conflicts",
    [LOST_VALUES_REPAIRED] = "values_repaired",
    [LOST_OBSERVATIONS_NAN] = "observations_nan",
    [LOST_OBSERVATIONS_NEGATIVE] = "observations_negative",
    [LOST_OBSERVATIONS_CLAMPED] = "observations_clamped",
    [LOST_ADDS_REFUSED] = "adds_refused",
    [LOST_GAUGE_REFUSED] = "gauge_refused",
    [LOST_SLOTS_EXHAUSTED] = "slots_exhausted",
    [LOST_SERIES_RENEWED] = "series_renewed",
    [LOST_HANDLES_REFUSED] = "handles_refused",
    [LOST_CHECKS_REFUSED] = "checks_refused",
    [LOST_SUPERSEDED] = "superseded",
};

void
api_model_lose(struct api_model *model, enum api_loss loss)
{
    model->losses[loss]++;
}

static void *
fresh(size_t bytes)
{
    void *memory = calloc(1, bytes);

    if (!memory)
        abort();
    return memory;
}

void
api_model_free(struct api_model *model)
{
    uint32_t i;

    for (i = 0; i < model->owned_n; i++)
        free(model->owned[i]);
    for (i = 0; i < model->records_n; i++)
        free(model->records[i]);
    for (i = 0; i < model->series_n; i++) {
        free(model->series[i]->buckets);
        free(model->series[i]);
    }
}

/* ---- series ---- */

/* The newest of these values: -1 none. */
static int
find_series(const struct api_model *model, int record, const char *values, uint32_t bytes)
{
    int i;

    for (i = (int)model->series_n - 1; i >= 0; i--)
        if (model->series[i]->record == record && model->series[i]->bytes == bytes &&
            !memcmp(model->series[i]->values, values, bytes))
            return i;
    return -1;
}

/* NULL: there is no cell left. */
static struct api_series *
make_series(struct api_model *model, int record, const char *values, uint32_t bytes)
{
    const struct api_definition *definition = &model->records[record]->definition;
    uint32_t cell_bytes = api_is_histogram(definition->type)        ? 64 + 8 * definition->buckets_n
                          : definition->type <= SHMETER_COUNTER_F64 ? 8
                                                                    : 0;
    struct api_series *series;

    if (256 + model->cells_bytes + cell_bytes > API_LANE_BYTES ||
        (api_is_gauge(definition->type) && model->gauges_n >= API_GAUGES))
        return NULL;
    if (model->series_n == API_RECORDS)
        abort();
    series = fresh(sizeof *series);
    series->record = record;
    series->bytes = bytes;
    memcpy(series->values, values, bytes);
    series->exact = 1;
    series->made = ++model->made;
    series->buckets = fresh((definition->buckets_n + 1) * sizeof *series->buckets);
    series->gauge = api_is_gauge(definition->type) ? (int)model->gauges_n++ : -1;
    model->cells_bytes += cell_bytes;
    model->series[model->series_n++] = series;
    return series;
}

static int
has_cells(const struct api_model *model, int record)
{
    return !api_is_gauge(model->records[record]->definition.type) &&
           model->records[record]->definition.type != SHMETER_INFO;
}

static void
unset_gauge(struct api_model *model, int gauge)
{
    struct api_gauge *common = &model->common[gauge];
    uint32_t i;

    common->is_set = 0;
    common->stamp++;
    for (i = 0; i < API_SLOTS; i++)
        memset(&model->slots[i].block.gauges[gauge], 0, sizeof(struct api_gauge));
}

/*
 * The series of these values, made if need be. NULL: past a limit, which is counted, or without a cell, and then *full
 * is 1. is_limited: it counts for the limits.
 */
static struct api_series *
have_series(struct api_model *model, const struct api_family *family, const char *values, uint32_t bytes,
            int is_limited, int show, int *full)
{
    int found = find_series(model, family->record, values, bytes);
    int renew = found >= 0 && model->series[found]->hidden && has_cells(model, family->record);
    struct api_series *series = found >= 0 ? model->series[found] : NULL;

    if (!series || renew) {
        if (is_limited && model->records[family->record]->series_n >= family->max_series) {
            api_model_lose(model, LOST_SERIES_OVERFLOWED);
            return NULL;
        }
        if (is_limited && model->limited_n >= API_SERIES) {
            api_model_lose(model, LOST_SERIES_REFUSED);
            return NULL;
        }
        series = make_series(model, family->record, values, bytes);
        if (!series) {
            *full = 1;
            return NULL;
        }
        model->records[family->record]->series_n += (uint32_t)is_limited;
        model->limited_n += (uint32_t)is_limited;
        model->losses[LOST_SERIES_RENEWED] += (uint64_t)renew;
    }
    if (show) {
        if (series->hidden && series->gauge >= 0) /* what handles from before have set meanwhile is unseen */
            unset_gauge(model, series->gauge);
        series->visible = 1;
        series->hidden = 0;
    }
    return series;
}

static struct api_series *
overflow_series(struct api_model *model, const struct api_family *family, int show)
{
    static const char word[] = "__overflow__";
    char values[API_VALUES];
    uint32_t i, bytes = 0;
    int full = 0;

    for (i = 0; i < family->definition.labels_n; i++, bytes += sizeof word)
        memcpy(values + bytes, word, sizeof word);
    return bytes ? have_series(model, family, values, bytes, 0, show, &full) : NULL;
}

/* ---- label values ---- */

/* Bytes of the character at text, by its code point; 0: it is none. */
static uint32_t
character(const unsigned char *text, uint32_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t bytes = text[0] < 0x80           ? 1
                     : (text[0] >> 5) == 0x06 ? 2
                     : (text[0] >> 4) == 0x0e ? 3
                     : (text[0] >> 3) == 0x1e ? 4
                                              : 0;
    uint32_t code = bytes > 1 ? text[0] & (0xffu >> (bytes + 1)) : text[0], i;

    if (!bytes || bytes > n)
        return 0;
    for (i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    return code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : bytes;
}

/* Puts the values one after the other, each with its zero, repaired. Returns the bytes, 0 when they are too long. */
static uint32_t
join(const struct api_values *values, char out[API_VALUES], int *repaired)
{
    char raw[API_VALUES];
    uint32_t i, bytes = 0, at, n, to = 0;

    *repaired = 0;
    for (i = 0; i < values->n; i++) {
        size_t len = strlen(values->texts[i]) + 1;
        if (len > 256 || bytes + len > API_VALUES)
            return 0;
        memcpy(raw + bytes, values->texts[i], len);
        bytes += (uint32_t)len;
    }
    for (at = 0; at < bytes; at += n ? n : 1) {
        n = character((const unsigned char *)raw + at, bytes - at);
        *repaired |= !n;
        if (to + (n ? n : 3) > API_VALUES)
            return 0;
        memcpy(out + to, n ? raw + at : "\xef\xbf\xbd", n ? n : 3);
        to += n ? n : 3;
    }
    return to;
}

/* ---- the calls ---- */

static struct api_family *
push_family(struct api_model *model, struct api_process *process, const struct api_definition *definition)
{
    struct api_family *family = fresh(sizeof *family);

    if (process->families_n == API_FAMILIES)
        abort();
    family->definition = *definition;
    family->record = -1;
    process->families[process->families_n++] = model->owned[model->owned_n++] = family;
    return family;
}

static struct api_family *
refuse_family(struct api_model *model, struct api_process *process, const struct api_desc *desc)
{
    struct api_desc plain = { .type = desc->type >= SHMETER_TYPES || desc->type < 0 ? SHMETER_COUNTER : desc->type };
    struct api_definition definition;
    struct api_family *family;

    api_model_lose(model, LOST_FAMILIES_REFUSED);
    api_define(&plain, &definition);
    family = push_family(model, process, &definition);
    family->is_invalid = 1;
    return family;
}

static int
record_of(struct api_model *model, const struct api_definition *definition)
{
    struct api_record *record;
    uint32_t i;

    for (i = 0; i < model->records_n; i++)
        if (api_same_definition(&model->records[i]->definition, definition))
            return (int)i;
    record = model->records[model->records_n++] = fresh(sizeof *record);
    record->definition = *definition;
    record->made = ++model->made;
    return (int)i;
}

/* The process's family of this definition. NULL: it has none; then *conflicts when another one has the name. */
static struct api_family *
find_family(const struct api_process *process, const struct api_definition *definition, int *conflicts)
{
    struct api_family *same = NULL;
    uint32_t i;

    *conflicts = 0;
    for (i = 0; i < process->families_n; i++) {
        struct api_family *other = process->families[i];
        if (other->is_invalid || strcmp(other->definition.name, definition->name))
            continue;
        if (api_same_definition(&other->definition, definition))
            same = other;
        else if (other->definition.type != SHMETER_INFO || definition->type != SHMETER_INFO)
            *conflicts |= other->is_accepted;
    }
    if (same && !same->is_accepted)
        same->is_accepted = !*conflicts;
    return same;
}

struct api_family *
api_model_family(struct api_model *model, int number, const struct api_desc *desc)
{
    struct api_process *process = &model->processes[number];
    struct api_definition definition;
    struct api_family *family;
    int conflicts = 0;

    if (!process->pid)
        return NULL;
    if (!api_is_good(desc))
        return refuse_family(model, process, desc);
    api_define(desc, &definition);
    family = find_family(process, &definition, &conflicts);
    if (!family) {
        family = push_family(model, process, &definition);
        family->is_accepted = !conflicts;
        family->max_series = desc->max_series ? desc->max_series : API_FAMILY_SERIES;
    }
    if (!family->is_accepted) {
        api_model_lose(model, LOST_FAMILY_CONFLICTS);
        return family;
    }
    family->record = record_of(model, &definition);
    overflow_series(model, family, 0);
    if (!family->opened) {
        api_model_opens(model, process, family);
        api_model_block(model, number); /* a forked child claims its slot */
    }
    return family;
}

void
api_model_forget(struct api_model *model, int number, const char *name)
{
    struct api_process *process = &model->processes[number];
    uint32_t i;

    for (i = 0; i < process->families_n; i++)
        if (process->families[i]->is_accepted && !strcmp(process->families[i]->definition.name, name)) {
            process->families[i]->is_accepted = 0;
            api_model_ends(model, process, process->families[i]);
        }
}

struct api_handle
api_model_of(struct api_model *model, const struct api_family *family, int type, const struct api_values *values)
{
    struct api_handle handle = { type, family, NULL };
    char joined[API_VALUES];
    int repaired = 0, full = 0, good = family && type == family->definition.type;
    uint32_t i, bytes;

    if (!family || !family->is_accepted)
        return handle;
    good = good && values->n == family->definition.labels_n;
    for (i = 0; i < values->n; i++)
        good = good && values->texts[i];
    if (!good) {
        api_model_lose(model, LOST_HANDLES_REFUSED);
        return handle;
    }
    bytes = join(values, joined, &repaired);
    if (repaired)
        api_model_lose(model, LOST_VALUES_REPAIRED);
    if (bytes || !values->n)
        handle.series = have_series(model, family, joined, bytes, 1, 1, &full);
    if (handle.series && family->opened > handle.series->noted)
        handle.series->noted = family->opened;
    if ((!bytes && values->n) || full)
        api_model_lose(model, LOST_SERIES_REFUSED);
    if (!handle.series)
        handle.series = overflow_series(model, family, 1);
    return handle;
}

static void
hide_series(struct api_model *model, struct api_series *series)
{
    if (!series->visible)
        return;
    series->visible = 0;
    series->hidden = 1;
    if (series->gauge >= 0)
        unset_gauge(model, series->gauge);
}

void
api_model_hide(struct api_model *model, const struct api_family *family, const struct api_values *values)
{
    char joined[API_VALUES];
    uint32_t i, bytes;
    int found, repaired;

    if (!family || family->record < 0 || values->n != family->definition.labels_n)
        return;
    for (i = 0; i < values->n; i++)
        if (!values->texts[i])
            return;
    bytes = join(values, joined, &repaired);
    found = bytes || !values->n ? find_series(model, family->record, joined, bytes) : -1;
    if (found >= 0)
        hide_series(model, model->series[found]);
}

void
api_model_hide_all(struct api_model *model, const struct api_family *family)
{
    uint32_t i;

    for (i = 0; family && family->record >= 0 && i < model->series_n; i++)
        if (model->series[i]->record == family->record)
            hide_series(model, model->series[i]);
}
