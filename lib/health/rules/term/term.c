/* One reading of a term: adds the increases of its series since the last reading into a step of its history. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/saturate.h"
#include "health/rules/term/internal.h"

#define BORN_SLACK_NS 1000000000u /* at most so much time passes from a series' creation until a reader sees it */

struct term *
term_new(const struct term_want *want)
{
    static const enum history_join joins[] = {
        [TERM_VALUE] = HISTORY_SUM,       [TERM_INCREASE] = HISTORY_SUM,    [TERM_DELTA] = HISTORY_SUM,
        [TERM_MINIMUM] = HISTORY_MINIMUM, [TERM_MAXIMUM] = HISTORY_MAXIMUM, [TERM_MEAN] = HISTORY_MEAN,
        [TERM_HISTOGRAM] = HISTORY_SUM,
    };
    struct term *term = calloc(1, sizeof *term);

    if (!term)
        return NULL;
    term->want = *want;
    term->join = joins[want->kind];
    term->want.is_each |= term->join != HISTORY_SUM;
    term->extent = history_extent_of(want->window_seconds);
    term->since = NAN;
    return term;
}

void
term_free(struct term *term)
{
    uint32_t i;

    if (!term)
        return;
    for (i = 0; i < term->series_n; i++)
        term_series_free(term, &term->series[i]);
    for (i = 0; i < term->groups_n; i++)
        term_group_free(term, &term->groups[i]);
    for (i = 0; i < term->layouts_n; i++)
        free(term->layouts[i]);
    free(term->series);
    free(term->groups);
    free(term->layouts);
    free(term);
}

static int
number_same(double a, double b)
{
    return isnan(a) ? isnan(b) : !(a < b || a > b || isnan(b));
}

int
term_same(const struct term_want *a, const struct term_want *b)
{
    uint32_t i;

    if (a->kind != b->kind || a->is_each != b->is_each || a->by_n != b->by_n || !number_same(a->le, b->le) ||
        !number_same(a->window_seconds, b->window_seconds) || !selector_same(a->selector, b->selector))
        return 0;
    for (i = 0; i < a->by_n; i++)
        if (strcmp(a->by[i], b->by[i]))
            return 0;
    return 1;
}

/* ---- values ---- */

static uint64_t
count_before(const struct model *model, const struct model_series *series, uint32_t end)
{
    const uint64_t *buckets = model_histogram_buckets(model, series);
    uint64_t count = 0;
    uint32_t i;

    for (i = 0; i < end; i++)
        count = saturate_add(count, buckets[i]);
    return count;
}

/* Returns 1 with an integer in *exact, or 0 with a double in *value. */
static int
read_value(const struct term *term, const struct term_series *known, const struct model *model, uint64_t *exact,
           double *value)
{
    const struct model_series *series = &term->family->series[known->idx];

    switch (term->part) {
    case TERM_PART_COUNT:
        *exact = model_histogram_count(model, series);
        return 1;
    case TERM_PART_BUCKET:
        *exact = count_before(model, series, known->end);
        return 1;
    case TERM_PART_SUM:
        *value = model_histogram_sum(model, series);
        return 0;
    default:
        if (series->shape->number == MODEL_U64) {
            *exact = model_u64(model, series);
            return 1;
        }
        *value = model_number(model, series);
        return 0;
    }
}

static double
value_now(const struct term *term, const struct term_series *known, const struct model *model)
{
    uint64_t exact;
    double value;

    return read_value(term, known, model, &exact, &value) ? (double)exact : value;
}

/* ---- increases ---- */

struct reading {
    const struct model *model;
    const struct term_moment *moment;
    uint32_t number;
    uint32_t oldest;  /* the reading at which the last window began */
    int is_new_epoch; /* 1: lower values are no reset, because series may have been left out */
};

/* Whether a series that is seen for the first time was created since the last reading. */
static int
is_born(const struct model_series *series, const struct term_moment *moment)
{
    return moment->previous_real_ns && series->created_ns &&
           series->created_ns + BORN_SLACK_NS > moment->previous_real_ns &&
           series->created_ns <= moment->real_ns + BORN_SLACK_NS;
}

/*
 * The increase from last to now. A counter that is lower was reset and counts from 0; but in a new epoch of the model
 * it counts nothing, because series may have been left out.
 */
static double
gain_f64(const struct term *term, const struct reading *reading, double last, double now)
{
    if (now < last && term->want.kind != TERM_DELTA)
        return reading->is_new_epoch ? 0 : now;
    return now - last;
}

static double
gain_u64(const struct term *term, const struct reading *reading, uint64_t last, uint64_t now)
{
    if (now >= last)
        return (double)(now - last);
    if (term->want.kind == TERM_DELTA)
        return -(double)(last - now);
    return reading->is_new_epoch ? 0 : (double)now;
}

static double
gain(const struct term *term, const struct reading *reading, struct term_series *known)
{
    const struct model_series *series = &term->family->series[known->idx];
    int stale = term->want.kind == TERM_DELTA && known->is_known && known->seen < reading->oldest;
    uint64_t exact;
    double value, gained = 0;
    int is_exact = read_value(term, known, reading->model, &exact, &value);

    if (!known->is_known && term->want.kind == TERM_INCREASE && is_born(series, reading->moment)) {
        known->is_born = 1;
        gained = is_exact ? (double)exact : value;
    } else if (known->is_known && known->is_exact == is_exact && !stale) {
        gained = is_exact ? gain_u64(term, reading, known->last.u64, exact)
                          : gain_f64(term, reading, known->last.f64, value);
    }
    known->is_exact = (uint8_t)is_exact;
    if (is_exact)
        known->last.u64 = exact;
    else
        known->last.f64 = value;
    return gained;
}

/* ---- histograms ---- */

static int
has_dropped(const uint64_t *last, const uint64_t *now, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (now[i] < last[i])
            return 1;
    return 0;
}

static double
f64_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Adds the increases of a histogram to its group's row. 0 or -ENOMEM. */
static int
gain_histogram(struct term *term, const struct reading *reading, struct term_series *known)
{
    const struct model_series *series = &term->family->series[known->idx];
    const uint64_t *now = reading->model->words + series->word;
    uint32_t n = 1 + series->shape->buckets_n, i;
    double *row = term->groups[known->group].row;
    int from_zero = 0, skip = 0;

    if (!known->last.words && !(known->last.words = calloc(n, sizeof *now)))
        return -ENOMEM;
    if (!known->is_known) {
        known->is_born = (uint8_t)is_born(series, reading->moment);
        skip = !known->is_born;
    } else if (has_dropped(known->last.words + 1, now + 1, n - 1)) {
        from_zero = !reading->is_new_epoch;
        skip = reading->is_new_epoch;
    }
    if (from_zero)
        memset(known->last.words, 0, n * sizeof *now);
    if (!skip) {
        row[0] += f64_of(now[0]) - f64_of(known->last.words[0]);
        for (i = 1; i < n; i++)
            row[i] += (double)(now[i] - known->last.words[i]);
    }
    memcpy(known->last.words, now, n * sizeof *now);
    return 0;
}

/* ---- a reading ---- */

static void
mark_seen(struct term_series *known, const struct model_series *series, uint32_t number)
{
    if (!known->is_known)
        known->first = number;
    known->is_known = 1;
    if (series->present)
        known->seen = number;
}

/* Reads one series. Returns 0 or -ENOMEM; the other series are read in any case. */
static int
read_series(struct term *term, const struct reading *reading, const struct history *history, int puts,
            struct term_series *known)
{
    const struct model_series *series = &term->family->series[known->idx];
    int has_value = series->present || series->idle, result = 0;
    double value = history_empty(term->join);

    if (term->join != HISTORY_SUM) {
        if (series->present)
            value = value_now(term, known, reading->model);
    } else if (has_value && term->want.kind == TERM_HISTOGRAM) {
        result = known->group == TERM_NONE ? 0 : gain_histogram(term, reading, known);
    } else if (has_value && term->want.kind != TERM_VALUE) {
        value = gain(term, reading, known);
        if (known->group != TERM_NONE)
            term->groups[known->group].row[0] += value;
    }
    if (has_value && !result)
        mark_seen(known, series, reading->number);
    if (puts && term->want.is_each)
        result |= history_put(history, &term->extent, term->join, &known->column, value);
    return result ? -ENOMEM : 0;
}

int
term_read(struct term *term, const struct model *model, const struct history *history, const struct term_moment *moment)
{
    struct reading reading = { model, moment, history_last(history), term->window.reading,
                               term->epoch != model->epoch };
    int result = term_bind(term, model, history), puts = !isnan(term->since);
    uint32_t i, k;

    if (!puts)
        term->since = history_time(history, reading.number);
    term->window = history_window_of(history, term->want.window_seconds, term->since);
    reading.oldest = term->window.reading;
    for (i = 0; i < term->series_n && term->family; i++)
        result |= read_series(term, &reading, history, puts, &term->series[i]);
    for (i = 0; i < term->groups_n; i++)
        for (k = 0; k < term->groups[i].columns_n; k++) {
            if (puts)
                result |= history_put(history, &term->extent, term->join, &term->groups[i].columns[k],
                                      term->groups[i].row[k]);
            term->groups[i].row[k] = 0;
        }
    return result ? -ENOMEM : 0;
}

/* ---- results ---- */

double
term_increase(const struct term *term, const struct history *history, const struct term_group *group, uint32_t column)
{
    return history_join_steps(history, &group->columns[column], &term->extent, &term->window, HISTORY_SUM);
}

/* Whether a series had values at two moments of the window, so that it has an increase. */
static int
is_alive(const struct term *term, const struct term_series *known)
{
    return known->is_known && known->seen > term->window.reading && (known->first < known->seen || known->is_born);
}

static void
total_add(struct term_total *total, double value)
{
    if (!total->n || value < total->least || isnan(total->least))
        total->least = value;
    if (!total->n || value > total->most || isnan(total->most))
        total->most = value;
    total->sum += value;
    total->n++;
}

struct term_total
term_total(const struct term *term, const struct model *model, const struct history *history)
{
    struct term_total total = { 0, 0, NAN, NAN };
    double value;
    uint32_t i;

    for (i = 0; i < term->series_n && term->family; i++) {
        const struct term_series *known = &term->series[i];
        if (term->want.kind == TERM_VALUE) {
            if (term->family->series[known->idx].present)
                total_add(&total, value_now(term, known, model));
        } else if (!term->want.is_each) {
            total.n += (uint32_t)is_alive(term, known);
        } else if (term->join != HISTORY_SUM) {
            value = history_join_steps(history, &known->column, &term->extent, &term->window, term->join);
            if (!isnan(value))
                total_add(&total, value);
        } else if (is_alive(term, known)) {
            total_add(&total, history_join_steps(history, &known->column, &term->extent, &term->window, HISTORY_SUM));
        }
    }
    if (total.n && !term->want.is_each && term->want.kind != TERM_VALUE && term->groups_n)
        total.sum = term_increase(term, history, &term->groups[0], 0);
    return total;
}
