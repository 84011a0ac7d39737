/*
 * Increases and values in each second of the last minutes and in each 10 seconds of the last hour, in little memory.
 * Times come in from outside, in seconds of one clock that never goes back; it knows neither the model nor expressions.
 *
 * A reading ends a step; steps have their true lengths, so a late reading makes a long step and no wrong rate. All
 * columns share the readings' times. A column holds one number for each step, as float: an increase, or a gauge's value
 * (NaN: none). Columns for windows of at most HISTORY_SHORT keep steps; others keep the last few steps, and before them
 * what each 10 seconds' steps made together.
 */
#ifndef SHMETER_HEALTH_RULES_HISTORY_H
#define SHMETER_HEALTH_RULES_HISTORY_H

#include <stdint.h>

#define HISTORY_SHORT        120.0 /* seconds                                                                 */
#define HISTORY_WINDOW_MOST  3600.0
#define HISTORY_STEP_LEAST   0.9  /* seconds; a reading that comes earlier is none                              */
#define HISTORY_MARK_SECONDS 9.5  /* at least so long after a mark comes the next one: 10 s with readings each second */
#define HISTORY_FINE         136u /* steps                                                                   */
#define HISTORY_FINE_OF_LONG 16u  /* steps kept by a column for a long window: more than between two marks      */
#define HISTORY_MARKS        384u

struct history_mark {
    double time;
    uint32_t reading;
};

struct history {
    uint32_t readings_n;        /* so far; the last one is readings_n - 1                                   */
    uint32_t marks_n;           /* so far; reading 0 makes mark 0                                            */
    uint32_t marked;            /* 1: the last reading made a mark                                           */
    double times[HISTORY_FINE]; /* reading i's at i % HISTORY_FINE                                          */
    struct history_mark marks[HISTORY_MARKS];
};

/* Takes a reading; 0, or -1 when it is too early after the last one and nothing was done. */
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
    uint32_t fine_from, fine_n;     /* steps: step i leads from reading i - 1 to i                            */
    uint32_t coarse_from, coarse_n; /* those before them: step i leads from mark i - 1 to i                     */
    double share;                   /* of the oldest step that is in the window                               */
    double covered_seconds;         /* the window, or what is known of it; 0: nothing                          */
    uint32_t reading;               /* the first one whose time is in the window, or the last before: a mark     */
};

/* since: when the column began, at a reading. */
struct history_window history_window_of(const struct history *history, double seconds, double since);

/* ---- columns ---- */

struct history_extent {
    uint32_t fine_n, coarse_n;
};

enum history_join { HISTORY_SUM, HISTORY_MINIMUM, HISTORY_MAXIMUM, HISTORY_MEAN };

struct history_column {
    float *steps; /* the fine ones, then the coarse ones; NULL: all of them are empty                         */
};

struct history_extent history_extent_of(double window_seconds);

/* What is empty: no increase, or no value. */
float history_empty(enum history_join join);

/* After each reading but the first, for each column. 0 or -ENOMEM, and then the column has lost this step. */
int history_put(const struct history *history, const struct history_extent *extent, enum history_join join,
                struct history_column *column, double value);
void history_column_free(struct history_column *column);

/*
 * The steps of a window joined. A sum counts the oldest step by its share; the other joins leave out a coarse step that
 * began before the window. NaN: no value in it.
 */
double history_join_steps(const struct history *history, const struct history_column *column,
                          const struct history_extent *extent, const struct history_window *window,
                          enum history_join join);

#endif
