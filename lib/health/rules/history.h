/*
 * The history of increases and values: by seconds for the last minutes, by 10 seconds for the last hour, in little
 * memory. The caller gives the times, in seconds of one clock that never goes back. It knows neither the model nor
 * expressions.
 *
 * A step is the time between two readings. A late reading makes a long step, and not a wrong rate. All columns share
 * the times of the readings. A column holds one number for each step, as float: an increase, or a gauge's value (NaN:
 * none). Columns for windows of at most HISTORY_SHORT keep these fine steps. Other columns keep only the last few fine
 * steps, and before them coarse steps: about every 10 seconds a reading makes a mark, and a coarse step joins the fine
 * steps from mark to mark.
 */
#ifndef SHMETER_HEALTH_RULES_HISTORY_H
#define SHMETER_HEALTH_RULES_HISTORY_H

#include <stdint.h>

#define HISTORY_SHORT        120.0 /* seconds */
#define HISTORY_WINDOW_MOST  3600.0
#define HISTORY_STEP_LEAST   0.9  /* seconds; an earlier reading is ignored */
#define HISTORY_MARK_SECONDS 9.5  /* seconds from mark to mark at least: 10 with a reading each second */
#define HISTORY_FINE         136u /* steps */
#define HISTORY_FINE_OF_LONG 16u  /* fine steps of a column for a long window: more than between two marks */
#define HISTORY_MARKS        384u

struct history_mark {
    double time;
    uint32_t reading;
};

struct history {
    uint32_t readings_n;        /* so far; the last one has number readings_n - 1 */
    uint32_t marks_n;           /* so far; reading 0 makes mark 0 */
    uint32_t marked;            /* 1: the last reading made a mark */
    double times[HISTORY_FINE]; /* of reading i at i % HISTORY_FINE */
    struct history_mark marks[HISTORY_MARKS];
};

/* Begins a reading. Returns 0; or -1: it is too early after the last one, and nothing was done. */
int history_read(struct history *history, double now);

static inline uint32_t
history_last(const struct history *history)
{
    return history->readings_n - 1;
}

static inline double
history_time(const struct history *history, uint32_t reading)
{
    return history->times[reading % HISTORY_FINE];
}

/* ---- windows: the last so many seconds before the last reading ---- */

struct history_window {
    uint32_t fine_from, fine_n;     /* fine steps: step i leads from reading i - 1 to i */
    uint32_t coarse_from, coarse_n; /* coarse steps before them: step i leads from mark i - 1 to i */
    double share;                   /* share of the oldest step that is in the window */
    double covered_seconds;         /* length of the window, or of the part that has steps; 0: none */
    uint32_t reading;               /* the reading at which the oldest step begins */
};

/* The window of the last seconds before the last reading. since: time of the reading at which the column began. */
struct history_window history_window_of(const struct history *history, double seconds, double since);

/* ---- columns ---- */

struct history_extent {
    uint32_t fine_n, coarse_n;
};

enum history_join { HISTORY_SUM, HISTORY_MINIMUM, HISTORY_MAXIMUM, HISTORY_MEAN };

struct history_column {
    float *steps; /* the fine steps, then the coarse ones; NULL: all are empty */
};

struct history_extent history_extent_of(double window_seconds);

/* The number of an empty step: 0 for increases, NaN for values. */
float history_empty(enum history_join join);

/*
 * Adds a step to a column. To be called after each reading except the first, for each column. 0; or -ENOMEM, and the
 * column lacks this step.
 */
int history_put(const struct history *history, const struct history_extent *extent, enum history_join join,
                struct history_column *column, double value);
void history_column_free(struct history_column *column);

/*
 * Joins the steps of a window. HISTORY_SUM counts the oldest step by its share; the other joins leave out a coarse step
 * that began before the window. NaN: there is no value in the window.
 */
double history_join_steps(const struct history *history, const struct history_column *column,
                          const struct history_extent *extent, const struct history_window *window,
                          enum history_join join);

#endif
