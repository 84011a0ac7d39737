/*
 * A column has two rings, of fine and of coarse steps: step i is at i % size. Both are large enough for their window,
 * because steps and the times between marks have a least length (history_extent_of()).
 */
#include "health/rules/history.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int
history_read(struct history *history, double now)
{
    uint32_t reading = history->readings_n;
    struct history_mark *mark;

    if (reading && !(now - history_time(history, reading - 1) >= HISTORY_STEP_LEAST))
        return -1;
    history->times[reading % HISTORY_FINE] = now;
    history->readings_n++;
    mark = &history->marks[history->marks_n % HISTORY_MARKS];
    history->marked = !reading ||
                      now - history->marks[(history->marks_n - 1) % HISTORY_MARKS].time >= HISTORY_MARK_SECONDS;
    if (history->marked) {
        *mark = (struct history_mark){ now, reading };
        history->marks_n++;
    }
    return 0;
}

/* ---- windows ---- */

static double
larger(double a, double b)
{
    return a > b ? a : b;
}

/* Closes a window whose oldest step is from .. to: the step counts with the share of it that lies behind start. */
static void
close_window(struct history_window *window, double from, double to, double start, double now)
{
    window->share = start > from ? (to - start) / (to - from) : 1;
    window->covered_seconds = now - larger(from, start);
}

static void
fine_window(const struct history *history, struct history_window *window, double start, double since, uint32_t least)
{
    uint32_t last = history_last(history), step = last;
    double from;

    if (last <= least)
        return;
    while (step > least + 1 && history_time(history, step - 1) > start && history_time(history, step - 1) > since)
        step--;
    from = larger(history_time(history, step - 1), since);
    if (from >= history_time(history, step))
        return; /* the column has just begun */
    window->fine_from = step;
    window->fine_n = last - step + 1;
    window->reading = step - 1;
    close_window(window, from, history_time(history, step), start, history_time(history, last));
}

static const struct history_mark *
mark_of(const struct history *history, uint32_t mark)
{
    return &history->marks[mark % HISTORY_MARKS];
}

/* A window of the fine steps since the last mark, and before it the coarse steps from mark to mark. */
static void
coarse_window(const struct history *history, struct history_window *window, double start, double since)
{
    uint32_t last = history->marks_n - 1, step = last, least = last < HISTORY_MARKS ? 0 : last - HISTORY_MARKS + 1;
    double now = history_time(history, history_last(history)), from;

    fine_window(history, window, start, since, mark_of(history, last)->reading);
    if (start >= mark_of(history, last)->time || since >= mark_of(history, last)->time || last == least)
        return;
    while (step > least + 1 && mark_of(history, step - 1)->time > start && mark_of(history, step - 1)->time > since)
        step--;
    from = larger(mark_of(history, step - 1)->time, since);
    window->coarse_from = step;
    window->coarse_n = last - step + 1;
    window->reading = mark_of(history, step - 1)->reading;
    close_window(window, from, mark_of(history, step)->time, start, now);
}

struct history_window
history_window_of(const struct history *history, double seconds, double since)
{
    struct history_window window = { .share = 1 };
    uint32_t last, least;

    if (history->readings_n < 2)
        return window;
    last = history_last(history);
    window.reading = last;
    least = last < HISTORY_FINE ? 0 : last - HISTORY_FINE + 1;
    if (seconds > HISTORY_SHORT)
        coarse_window(history, &window, history_time(history, last) - seconds, since);
    else
        fine_window(history, &window, history_time(history, last) - seconds, since, least);
    return window;
}

/* ---- columns ---- */

struct history_extent
history_extent_of(double window_seconds)
{
    struct history_extent extent = { HISTORY_FINE_OF_LONG, 0 };

    if (window_seconds <= HISTORY_SHORT)
        extent.fine_n = (uint32_t)(window_seconds / HISTORY_STEP_LEAST) + 2;
    else
        extent.coarse_n = (uint32_t)(window_seconds / HISTORY_MARK_SECONDS) + 2;
    return extent;
}

float
history_empty(enum history_join join)
{
    return join == HISTORY_SUM ? 0.0f : NAN;
}

static int
is_empty(double value, enum history_join join)
{
    return join == HISTORY_SUM ? value == 0 : isnan(value);
}

struct joined {
    double value;
    uint32_t n; /* values */
};

/* Joins a value that stands for n values. */
static void
join_one(struct joined *joined, double value, uint32_t n, enum history_join join)
{
    if (isnan(value))
        return;
    if (join == HISTORY_MEAN)
        joined->value += value * n;
    else if (!joined->n || (join == HISTORY_MINIMUM) == (value < joined->value))
        joined->value = value;
    joined->n += n;
}

static double
joined_value(const struct joined *joined, enum history_join join)
{
    if (join == HISTORY_SUM)
        return joined->value;
    if (!joined->n)
        return NAN;
    return join == HISTORY_MEAN ? joined->value / joined->n : joined->value;
}

/* Joins steps from .. from + n - 1 of a ring. */
static void
join_ring(struct joined *joined, const float *ring, uint32_t ring_n, uint32_t from, uint32_t n, enum history_join join)
{
    uint32_t at = ring_n ? from % ring_n : 0;
    double sum = 0;

    for (; n; n--) {
        if (join == HISTORY_SUM)
            sum += ring[at];
        else
            join_one(joined, ring[at], 1, join);
        at = at + 1 == ring_n ? 0 : at + 1;
    }
    joined->value += sum;
}

static int
column_grow(const struct history_extent *extent, enum history_join join, struct history_column *column)
{
    uint32_t n = extent->fine_n + extent->coarse_n, i;

    column->steps = malloc(n * sizeof *column->steps);
    if (!column->steps)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        column->steps[i] = history_empty(join);
    return 0;
}

int
history_put(const struct history *history, const struct history_extent *extent, enum history_join join,
            struct history_column *column, double value)
{
    uint32_t step = history_last(history), mark = history->marks_n - 1, from;
    struct joined joined = { 0, 0 };

    if (!column->steps) {
        if (is_empty(value, join))
            return 0;
        if (column_grow(extent, join, column))
            return -ENOMEM;
    }
    column->steps[step % extent->fine_n] = (float)value;
    if (!history->marked || !extent->coarse_n)
        return 0;
    from = mark_of(history, mark - 1)->reading + 1;
    join_ring(&joined, column->steps, extent->fine_n, from, step - from + 1, join);
    column->steps[extent->fine_n + mark % extent->coarse_n] = (float)joined_value(&joined, join);
    return 0;
}

void
history_column_free(struct history_column *column)
{
    free(column->steps);
    column->steps = NULL;
}

/* Joins coarse steps, each of which stands for as many values as it has readings. */
static void
join_coarse(const struct history *history, struct joined *joined, const float *coarse, uint32_t coarse_n, uint32_t from,
            uint32_t n, enum history_join join)
{
    if (join == HISTORY_SUM) {
        join_ring(joined, coarse, coarse_n, from, n, join);
        return;
    }
    for (; n; n--, from++)
        join_one(joined, coarse[from % coarse_n], mark_of(history, from)->reading - mark_of(history, from - 1)->reading,
                 join);
}

double
history_join_steps(const struct history *history, const struct history_column *column,
                   const struct history_extent *extent, const struct history_window *window, enum history_join join)
{
    const float *fine = column->steps, *coarse;
    uint32_t coarse_from = window->coarse_from, coarse_n = window->coarse_n;
    struct joined joined = { 0, 0 };
    double oldest = 0;

    if (!column->steps || !(window->covered_seconds > 0))
        return history_empty(join);
    coarse = column->steps + extent->fine_n;
    if (join == HISTORY_SUM && window->share < 1)
        oldest = coarse_n ? coarse[coarse_from % extent->coarse_n] : fine[window->fine_from % extent->fine_n];
    if (join != HISTORY_SUM && window->share < 1 && coarse_n) {
        coarse_from++;
        coarse_n--;
    }
    join_coarse(history, &joined, coarse, extent->coarse_n, coarse_from, coarse_n, join);
    join_ring(&joined, fine, extent->fine_n, window->fine_from, window->fine_n, join);
    return joined_value(&joined, join) - oldest * (1 - window->share);
}
