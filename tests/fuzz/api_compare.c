#include "tests/fuzz/api_compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/expo/strict.h"

#define EXPECTED    (API_RECORDS * API_SLOTS)
#define LABEL_BYTES 8192

struct expected {
    const struct api_series *series;
    const struct api_definition *definition;
    double gauge;
    char *labels; /* as strict_sample.labels */
    uint32_t seen_n, buckets_seen_n, bound;
    uint64_t below; /* counts of the buckets before bound */
};

struct comparison {
    const struct api_model *model;
    struct expected expected[EXPECTED];
    uint32_t expected_n, series_n;
    char *labels[API_RECORDS]; /* of each series; NULL: it is not shown */
};

static void differ(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
differ(const char *format, ...)
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

/* A value as it is shown: control characters but tab and line ends are replaced. Values are UTF-8. */
static void
clean(char *out, const char *value)
{
    const unsigned char *at = (const unsigned char *)value;

    while (*at) {
        int c0 = (*at < 0x20 && !strchr("\t\n\r", *at)) || *at == 0x7f, c1 = at[0] == 0xc2 && at[1] < 0xa0;
        if (c0 || c1) {
            out = stpcpy(out, "\xef\xbf\xbd");
            at += 1 + c1;
        } else {
            *out++ = (char)*at++;
        }
    }
    *out = 0;
}

/* worker NULL: none and no slot. The caller frees it. */
static char *
labels_of(const struct api_series *series, const struct api_definition *definition, const char *worker, int slot)
{
    char *pairs[API_LABELS + 2], out[LABEL_BYTES], value[4 * API_VALUES], *end = out;
    const char *at = series->values;
    uint32_t i, n = 0;

    *out = 0;
    for (i = 0; i < definition->labels_n; i++, at += strlen(at) + 1) {
        clean(value, at);
        if (*value && asprintf(&pairs[n], "%s=%s\001", definition->labels[i], value) > 0)
            n++;
    }
    if (worker && *worker && asprintf(&pairs[n], "worker=%s\001", worker) > 0)
        n++;
    if (worker && asprintf(&pairs[n], "slot=%d\001", slot) > 0)
        n++;
    qsort(pairs, n, sizeof *pairs, by_text);
    for (i = 0; i < n; i++) {
        end = stpcpy(end, pairs[i]);
        free(pairs[i]);
    }
    return strdup(out);
}

static void
expect(struct comparison *to, const struct api_series *series, double gauge, char *labels)
{
    struct expected *expected = &to->expected[to->expected_n++];

    *expected = (struct expected){ .series = series, .gauge = gauge, .labels = labels };
    expected->definition = &to->model->records[series->record]->definition;
}

/* Whether the last definition of the series' name is its own. */
static int
is_newest(const struct api_model *model, const struct api_series *series)
{
    const struct api_record *own = model->records[series->record];
    uint32_t i;

    for (i = 0; i < model->records_n; i++)
        if (model->records[i]->made > own->made && !strcmp(model->records[i]->definition.name, own->definition.name))
            return 0;
    return 1;
}

static void
expect_workers(struct comparison *to, const struct api_series *series, int mode)
{
    const struct api_definition *definition = &to->model->records[series->record]->definition;
    int i;

    for (i = 0; i < API_SLOTS; i++) {
        const struct api_slot *slot = &to->model->slots[i];
        const struct api_gauge *gauge = &slot->block.gauges[series->gauge];
        if (gauge->is_set && (mode == SHMETER_ALL || (slot->state == SLOT_HELD && !slot->is_dead)))
            expect(to, series, gauge->value, labels_of(series, definition, slot->block.worker, i));
    }
}

/* Series whose values look alike once they are cleaned are shown as one, the last. */
static int
has_later_twin(const struct comparison *with, uint32_t number)
{
    const struct api_series *series = with->model->series[number];
    uint32_t i;

    for (i = number + 1; i < with->model->series_n; i++)
        if (with->labels[i] && with->model->series[i]->record == series->record &&
            !strcmp(with->labels[number], with->labels[i]))
            return 1;
    return 0;
}

static void
expect_series(struct comparison *to, uint32_t number)
{
    const struct api_series *series = to->model->series[number];
    const struct api_definition *definition = &to->model->records[series->record]->definition;
    double gauge = 0;

    if (!to->labels[number] || has_later_twin(to, number))
        return;
    to->series_n++;
    if (definition->type == SHMETER_GAUGE && (definition->mode == SHMETER_ALL || definition->mode == SHMETER_LIVE_ALL))
        expect_workers(to, series, definition->mode);
    else if (definition->type != SHMETER_GAUGE || api_model_gauge(to->model, series, &gauge))
        expect(to, series, gauge, strdup(to->labels[number]));
}

static void
expect_all(struct comparison *to)
{
    const struct api_model *model = to->model;
    uint32_t i;

    to->expected_n = to->series_n = 0;
    for (i = 0; i < model->series_n; i++) {
        const struct api_series *series = model->series[i];
        to->labels[i] = NULL;
        if (series->visible && is_newest(model, series))
            to->labels[i] = labels_of(series, &model->records[series->record]->definition, NULL, 0);
    }
    for (i = 0; i < model->series_n; i++)
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
            differ("%s lacks the bucket %g", sample->name, bound);
        expected->below += expected->series->buckets[expected->bound];
        if (is_last) {
            expected->bound++;
            break;
        }
    }
    expected->buckets_seen_n++;
    if (isinf(le) ? sample->value != (double)expected->series->count
                  : !is_last || sample->value != (double)expected->below)
        differ("%s{%s le=%s} is %s: %" PRIu64 " of %" PRIu64, sample->name, sample->labels, sample->le, sample->text,
               expected->below, expected->series->count);
}

static void
check_histogram(struct expected *expected, const struct strict_sample *sample)
{
    const struct api_series *series = expected->series;
    uint32_t least = expected->definition->exponential ? 2 : expected->definition->bounds_n + 1;

    if (sample->le) {
        check_bucket(expected, sample);
    } else if (!strcmp(sample->name + strlen(expected->definition->name), "_sum")) {
        if (!same_sum(series, sample->value))
            differ("%s{%s} is %s, not %.17g", sample->name, sample->labels, sample->text, series->sum);
    } else {
        expected->seen_n++;
        if (sample->value != (double)series->count || expected->buckets_seen_n < least)
            differ("%s{%s} is %s, not %" PRIu64 ", after %u buckets", sample->name, sample->labels, sample->text,
                   series->count, expected->buckets_seen_n);
    }
}

static void
check_value(struct expected *expected, const struct strict_sample *sample)
{
    const struct api_series *series = expected->series;
    double wanted = expected->definition->type == SHMETER_INFO ? 1 : expected->gauge;
    int same;

    expected->seen_n++;
    switch (expected->definition->type) {
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
        differ("%s{%s} is %s, not %.17g", sample->name, sample->labels, sample->text, wanted);
}

static const char *
type_of(const struct api_definition *definition)
{
    return definition->type == SHMETER_HISTOGRAM ? "histogram" : definition->type < SHMETER_GAUGE ? "counter" : "gauge";
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
        (expected->definition->type == SHMETER_HISTOGRAM ? check_histogram : check_value)(expected, sample);
        return;
    }
    differ("%s{%s} %s of type %s is there", sample->name, sample->labels, sample->text, family->type);
}

/* ---- the segment's own ---- */

static void
check_loss(const struct api_model *model, const struct strict_sample *sample, uint32_t *kinds_n)
{
    char kind[64];
    uint32_t i;

    for (i = 0; i < LOST_KINDS; i++) {
        snprintf(kind, sizeof kind, "kind=%s\001", api_loss_words[i]);
        if (!strstr(sample->labels, kind))
            continue;
        if (sample->value != (double)model->losses[i])
            differ("%s{%s} is %s, not %" PRIu64, sample->name, sample->labels, sample->text, model->losses[i]);
        ++*kinds_n;
        return;
    }
    if (sample->value != 0)
        differ("%s{%s} is %s", sample->name, sample->labels, sample->text);
}

static void
check_level(const char *what, uint64_t is, uint64_t wanted)
{
    if (is != wanted)
        differ("%s is %" PRIu64 ", not %" PRIu64, what, is, wanted);
}

static void
check_levels(const struct comparison *with, const struct segment_status *status)
{
    const struct api_model *model = with->model;
    uint32_t i, k, names_n = 0;

    for (i = 0; i < model->records_n; i++, names_n++)
        for (k = 0; k < i; k++)
            if (!strcmp(model->records[k]->definition.name, model->records[i]->definition.name)) {
                names_n--;
                break;
            }
    check_level("families_damaged", status->families_damaged, 0);
    check_level("series_damaged", status->series_damaged, 0);
    check_level("families", status->families, names_n);
    check_level("families_superseded", status->families_superseded, model->records_n - names_n);
    check_level("torn", status->torn, 0);
    check_level("series_used", status->series_used, model->limited_n);
    check_level("series_visible", status->series_visible, with->series_n);
    check_level("gauges_used", status->gauges_used, model->gauges_n);
    check_level("cells_used", status->cells_used, model->cells_bytes ? 256 + model->cells_bytes : 0);
}

static void
check_worker(const struct api_slot *slot, const struct status_slot *seen)
{
    const struct api_block *block = &slot->block;
    uint32_t i;

    if (seen->life != (slot->is_dead ? STATUS_DEAD : STATUS_LIVE) || (int)seen->pid != slot->pid || seen->foreign ||
        seen->generation != slot->generation || strcmp(seen->worker, block->worker) || seen->work_n != block->work_n ||
        (seen->heartbeat_age_ns != STATUS_NEVER) != block->has_beaten ||
        (seen->busy_age_ns != STATUS_NEVER) != block->is_busy || seen->checks_n != block->checks_n)
        differ("slot %u: worker %s, pid %u, generation %u, %u checks", seen->slot, seen->worker, seen->pid,
               seen->generation, seen->checks_n);
    for (i = 0; i < block->checks_n; i++)
        if ((int)seen->checks[i].health != block->checks[i].health ||
            strcmp(seen->checks[i].name, block->checks[i].name) ||
            strcmp(seen->checks[i].message, block->checks[i].message))
            differ("slot %u: check %s is %d: %s", seen->slot, seen->checks[i].name, (int)seen->checks[i].health,
                   seen->checks[i].message);
}

static void
check_workers(const struct api_model *model, const struct segment_status *status)
{
    uint32_t i, n = 0;

    for (i = 0; i < API_SLOTS; i++) {
        if (model->slots[i].state != SLOT_HELD)
            continue;
        if (n == status->slots_len || status->slots[n].slot != i)
            differ("slot %u is not held", i);
        check_worker(&model->slots[i], &status->slots[n++]);
    }
    check_level("slots held", status->slots_len, n);
}

void
api_compare(const struct api_model *model, const char *text, size_t len, const struct segment_status *status)
{
    static struct comparison with;
    struct strict parsed = { 0 };
    uint32_t i, kinds_n = 0;

    with.model = model;
    expect_all(&with);
    strict_parse(&parsed, text, len);
    if (*parsed.error)
        differ("%s", parsed.error);
    for (i = 0; i < parsed.samples_n; i++)
        if (!strcmp(parsed.samples[i].name, "shmeter_lost_total"))
            check_loss(model, &parsed.samples[i], &kinds_n);
        else if (strncmp(parsed.samples[i].name, "shmeter_", 8))
            check_sample(&with, &parsed.families[parsed.samples[i].family], &parsed.samples[i]);
    for (i = 0; i < with.expected_n; i++) {
        if (with.expected[i].seen_n != 1)
            differ("%s{%s} is there %u times", with.expected[i].definition->name, with.expected[i].labels,
                   with.expected[i].seen_n);
        free(with.expected[i].labels);
    }
    check_level("kinds of losses", kinds_n, LOST_KINDS);
    check_levels(&with, status);
    check_workers(model, status);
    strict_free(&parsed);
}
