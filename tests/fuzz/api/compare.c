#include "tests/fuzz/api/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/read/strict.h"

#define EXPECTED    (API_RECORDS * API_SLOTS)
#define LABEL_BYTES 8192

struct expected {
    struct api_series series; /* a copy: what joins is added to it */
    const struct api_definition *definition;
    int type; /* of the definition; fractional when such counters join                                      */
    double gauge;
    char *labels; /* as strict_sample.labels */
    uint32_t seen_n, buckets_seen_n, bound;
    uint64_t below; /* counts of the buckets before bound */
};

struct comparison {
    const struct api_model *model;
    struct expected expected[EXPECTED];
    uint32_t expected_n, series_n;
    int joining;               /* what is added to the definitions in force is being expected */
    char *labels[API_RECORDS]; /* of each series; NULL: it is not shown */
};

void
api_differ(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("not as in the model: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

/* ---- what is expected ---- */

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct added { /* a label that the definition does not have */
    const char *name, *value;
};
static const struct added none[2];

/* added: two of them, those with a name. The caller frees it. */
static char *
labels_of(const struct api_series *series, const struct api_definition *definition, const struct added added[2])
{
    char *pairs[API_LABELS + 2], out[LABEL_BYTES], *end = out;
    const char *at = series->values;
    uint32_t i, n = 0;

    *out = 0;
    for (i = 0; i < definition->labels_n; i++, at += strlen(at) + 1)
        if (*at && asprintf(&pairs[n], "%s=%s\377", definition->labels[i], at) > 0)
            n++;
    for (i = 0; i < 2; i++)
        if (added[i].name && *added[i].value && asprintf(&pairs[n], "%s=%s\377", added[i].name, added[i].value) > 0)
            n++;
    qsort(pairs, n, sizeof *pairs, by_text);
    for (i = 0; i < n; i++) {
        end = stpcpy(end, pairs[i]);
        free(pairs[i]);
    }
    return strdup(out);
}

/* The record in force of a series' name. */
static int
in_force_of(const struct api_model *model, const struct api_series *series)
{
    int in_force;

    api_model_place(model, series->record, &in_force);
    return in_force;
}

/* Counters of a name are fractional ones when one of those that are exposed is. */
static int
type_in_force(const struct api_model *model, int record)
{
    int type = model->records[record]->definition.type, in_force;
    uint32_t i;

    for (i = 0; type == SHMETER_COUNTER && i < model->records_n; i++)
        if (model->records[i]->definition.type == SHMETER_COUNTER_F64 &&
            api_model_place(model, (int)i, &in_force) == PLACE_JOINS && in_force == record)
            type = SHMETER_COUNTER_F64;
    return type;
}

static uint64_t
held(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

/* What a series has counted, as the type that is exposed. */
static struct api_series
counted(const struct api_series *series, const struct api_definition *definition, int type)
{
    struct api_series copy = *series;

    copy.buckets = malloc((definition->buckets_n + 1) * sizeof *copy.buckets);
    if (!copy.buckets)
        abort();
    memcpy(copy.buckets, series->buckets, definition->buckets_n * sizeof *copy.buckets);
    if (type == SHMETER_COUNTER_F64 && definition->type == SHMETER_COUNTER) {
        copy.sum = copy.magnitude = (double)series->count;
        copy.exact = series->count < UINT64_C(1) << 40;
    }
    return copy;
}

static void
add_up(struct expected *to, struct api_series *more, double gauge)
{
    const int mode = to->definition->mode;
    uint32_t i;

    for (i = 0; i < to->definition->buckets_n; i++)
        to->series.buckets[i] = held(to->series.buckets[i], more->buckets[i]);
    to->series.count = held(to->series.count, more->count);
    to->series.sum += more->sum;
    to->series.magnitude += more->magnitude;
    to->series.exact &= more->exact;
    if (to->definition->type != SHMETER_GAUGE || mode == SHMETER_LATEST || mode == SHMETER_LIVE_LATEST)
        return;
    if (mode == SHMETER_MIN || mode == SHMETER_LIVE_MIN)
        to->gauge = gauge < to->gauge ? gauge : to->gauge;
    else if (mode == SHMETER_MAX || mode == SHMETER_LIVE_MAX)
        to->gauge = gauge > to->gauge ? gauge : to->gauge;
    else
        to->gauge += gauge;
}

/* Takes labels over. What joins is added to what has the same labels. */
static void
expect(struct comparison *to, const struct api_series *series, double gauge, char *labels)
{
    struct expected *expected = &to->expected[to->expected_n];
    const struct api_definition *own = &to->model->records[series->record]->definition;
    int in_force = own->type == SHMETER_INFO ? series->record : in_force_of(to->model, series);
    int type = type_in_force(to->model, in_force);
    struct api_series copy = counted(series, own, type);
    uint32_t i;

    for (i = 0; to->joining && i < to->expected_n; i++)
        if (!strcmp(to->expected[i].definition->name, own->name) && !strcmp(to->expected[i].labels, labels)) {
            add_up(&to->expected[i], &copy, gauge);
            free(copy.buckets);
            free(labels);
            return;
        }
    *expected = (struct expected){ .series = copy, .type = type, .gauge = gauge, .labels = labels };
    expected->definition = &to->model->records[in_force]->definition;
    to->expected_n++;
}

/* By their names and slots; or by pids, and values of one process in several slots are added up. */
static void
expect_workers(struct comparison *to, const struct api_series *series, const struct api_definition *definition)
{
    uint32_t first = to->expected_n, k;
    char number[16], *labels;
    int i;

    for (i = 0; i < API_SLOTS; i++) {
        const struct api_slot *slot = &to->model->slots[i];
        const struct api_gauge *gauge = &slot->block.gauges[series->gauge];
        const struct added added[] = { { definition->by_pid ? "pid" : "slot", number },
                                       { definition->by_pid ? NULL : "worker", slot->block.worker } };
        if (!gauge->is_set || (definition->mode == SHMETER_LIVE_ALL && (slot->state != SLOT_HELD || slot->is_dead)))
            continue;
        snprintf(number, sizeof number, "%d", definition->by_pid ? slot->pid : i);
        labels = labels_of(series, definition, added);
        for (k = first; !to->joining && k < to->expected_n && strcmp(to->expected[k].labels, labels); k++)
            ;
        if (to->joining || k == to->expected_n) {
            expect(to, series, gauge->value, labels);
            continue;
        }
        to->expected[k].gauge += gauge->value;
        free(labels);
    }
}

/* One is in force: the first until another one is set. */
static void
expect_states(struct comparison *to, const struct api_series *series)
{
    const struct api_definition *definition = &to->model->records[series->record]->definition;
    double in_force = 0;
    uint32_t i;

    if (!api_model_gauge(to->model, series, &in_force))
        in_force = 0;
    for (i = 0; i < definition->states_n; i++) {
        const struct added added[] = { { definition->name, definition->states[i] }, { NULL, NULL } };
        expect(to, series, i == in_force, labels_of(series, definition, added));
    }
}

/* Infos of one name are one metric, and an empty label is none: so several may be one sample. */
static int
is_expected(const struct comparison *with, const char *name, const char *labels)
{
    uint32_t i;

    for (i = 0; i < with->expected_n; i++)
        if (!strcmp(with->expected[i].definition->name, name) && !strcmp(with->expected[i].labels, labels))
            return 1;
    return 0;
}

static void
expect_series(struct comparison *to, uint32_t number)
{
    const struct api_series *series = to->model->series[number];
    const struct api_definition *definition = &to->model->records[series->record]->definition;
    double gauge = 0;

    if (!to->labels[number])
        return;
    to->series_n++;
    if (definition->type == SHMETER_INFO &&
        (is_expected(to, definition->name, to->labels[number]) || api_model_has_left(to->model, series)))
        return;
    if (definition->type == SHMETER_GAUGE && (definition->mode == SHMETER_ALL || definition->mode == SHMETER_LIVE_ALL))
        expect_workers(to, series, definition);
    else if (definition->type == SHMETER_STATESET)
        expect_states(to, series);
    else if (definition->type != SHMETER_GAUGE || api_model_gauge(to->model, series, &gauge))
        expect(to, series, gauge, strdup(to->labels[number]));
}

static void
expect_all(struct comparison *to)
{
    const struct api_model *model = to->model;
    uint32_t i;
    int in_force;

    to->expected_n = to->series_n = 0;
    for (i = 0; i < model->series_n; i++) {
        const struct api_series *series = model->series[i];
        to->labels[i] = NULL;
        if (series->visible && api_model_place(model, series->record, &in_force) != PLACE_AWAY)
            to->labels[i] = labels_of(series, &model->records[series->record]->definition, none);
    }
    for (to->joining = 0; to->joining < 2; to->joining++)
        for (i = 0; i < model->series_n; i++)
            if ((api_model_place(model, model->series[i]->record, &in_force) == PLACE_JOINS) == to->joining)
                expect_series(to, i);
    for (i = 0; i < model->series_n; i++)
        free(to->labels[i]);
}

/* ---- samples ---- */

static int
same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* A sum of doubles is one number in any order of adding, or near it. */
static int
same_sum(const struct api_series *series, double sum)
{
    return series->exact        ? same_number(series->sum, sum)
           : isinf(series->sum) ? sum == series->sum
                                : fabs(series->sum - sum) <= 1e-12 * series->magnitude;
}

static void
check_bucket(struct expected *expected, const struct strict_sample *sample)
{
    const struct api_definition *definition = expected->definition;
    double le = strtod(sample->le, NULL), bound;
    int is_last = 0; /* whether the last bound so far is le */

    for (; expected->bound < definition->bounds_n; expected->bound++) {
        bound = definition->bounds[expected->bound];
        is_last = bound == le || (definition->exponential && expected->bound && fabs(bound - le) <= 1e-14 * le);
        if (!is_last && bound > le)
            break;
        if (!is_last && !definition->exponential)
            api_differ("%s lacks the bucket %g", sample->name, bound);
        expected->below += expected->series.buckets[expected->bound];
        if (is_last) {
            expected->bound++;
            break;
        }
    }
    expected->buckets_seen_n++;
    if (isinf(le) ? sample->value != (double)expected->series.count
                  : !is_last || sample->value != (double)expected->below)
        api_differ("%s{%s le=%s} is %s: %" PRIu64 " of %" PRIu64, sample->name, sample->labels, sample->le,
                   sample->text, expected->below, expected->series.count);
}

static void
check_histogram(struct expected *expected, const struct strict_sample *sample)
{
    const struct api_series *series = &expected->series;
    uint32_t least = expected->definition->type == SHMETER_SUMMARY ? 0
                     : expected->definition->exponential           ? 2
                                                                   : expected->definition->bounds_n + 1;

    if (sample->le) {
        check_bucket(expected, sample);
    } else if (!strcmp(sample->name + strlen(expected->definition->name), "_sum")) {
        if (!same_sum(series, sample->value))
            api_differ("%s{%s} is %s, not %.17g", sample->name, sample->labels, sample->text, series->sum);
    } else {
        expected->seen_n++;
        if (sample->value != (double)series->count || expected->buckets_seen_n < least)
            api_differ("%s{%s} is %s, not %" PRIu64 ", after %u buckets", sample->name, sample->labels, sample->text,
                       series->count, expected->buckets_seen_n);
    }
}

static void
check_value(struct expected *expected, const struct strict_sample *sample)
{
    const struct api_series *series = &expected->series;
    double wanted = expected->type == SHMETER_INFO ? 1 : expected->gauge;
    int same;

    expected->seen_n++;
    switch (expected->type) {
    case SHMETER_COUNTER:
        same = strspn(sample->text, "0123456789") == strlen(sample->text) &&
               strtoull(sample->text, NULL, 10) == series->count;
        wanted = (double)series->count;
        break;
    case SHMETER_COUNTER_F64:
        same = same_sum(series, sample->value);
        wanted = series->sum;
        break;
    default:
        same = same_number(wanted, sample->value);
    }
    if (!same)
        api_differ("%s{%s} is %s, not %.17g", sample->name, sample->labels, sample->text, wanted);
}

static const char *
type_of(const struct api_definition *definition)
{
    return definition->type == SHMETER_HISTOGRAM ? "histogram"
           : definition->type == SHMETER_SUMMARY ? "summary"
           : definition->type < SHMETER_GAUGE    ? "counter"
                                                 : "gauge";
}

static void
check_sample(struct comparison *with, const struct strict_family *family, const struct strict_sample *sample)
{
    uint32_t i;

    for (i = 0; i < with->expected_n; i++) {
        struct expected *expected = &with->expected[i];
        if (strcmp(expected->definition->name, family->name) || strcmp(expected->labels, sample->labels) ||
            strcmp(type_of(expected->definition), family->type))
            continue;
        (api_is_histogram(expected->definition->type) ? check_histogram : check_value)(expected, sample);
        return;
    }
    api_differ("%s{%s} %s of type %s is there", sample->name, sample->labels, sample->text, family->type);
}

void
api_compare(const struct api_model *model, struct api_reader *reader, const char *text, size_t len,
            const struct segment_status *status)
{
    static struct comparison with;
    struct strict parsed = { 0 };
    uint32_t i;

    with.model = model;
    api_reader_looks(reader, model);
    expect_all(&with);
    strict_parse(&parsed, text, len);
    if (*parsed.error)
        api_differ("%s", parsed.error);
    for (i = 0; i < parsed.samples_n; i++)
        if (!strcmp(parsed.samples[i].name, "shmeter_lost_total"))
            api_compare_loss(model, reader, parsed.samples[i].labels, parsed.samples[i].value);
        else if (strncmp(parsed.samples[i].name, "shmeter_", 8))
            check_sample(&with, &parsed.families[parsed.samples[i].family], &parsed.samples[i]);
    for (i = 0; i < with.expected_n; i++) {
        if (with.expected[i].seen_n != 1)
            api_differ("%s{%s} is there %u times", with.expected[i].definition->name, with.expected[i].labels,
                       with.expected[i].seen_n);
        free(with.expected[i].labels);
        free(with.expected[i].series.buckets);
    }
    api_compare_status(model, reader, with.series_n, status);
    strict_free(&parsed);
}
