/*
 * A term is a value that a condition or a summary needs from the series that a selector matches, with its history: one
 * column for the sum of their increases; a column for each series, if the sum is not enough; or groups of histograms
 * with a column for the sum and each bucket. It knows the model and no expressions.
 *
 * Besides, only the last value of each series is kept, at full precision. A counter that is lower than before was reset
 * and counts from 0. A series that was created since the last reading counts from 0; an older series that was not known
 * counts from its first value. A series that was absent for a while counts from its former value. When the model is
 * rebuilt, series are recognised by their labels.
 */
#ifndef SHMETER_HEALTH_RULES_TERM_TERM_H
#define SHMETER_HEALTH_RULES_TERM_TERM_H

#include <stdint.h>

#include "health/rules/history.h"
#include "health/rules/selector.h"
#include "model/model.h"

#define TERM_NONE   UINT32_MAX
#define TERM_GROUPS 100u
#define TERM_BY     8u

enum term_kind {
    TERM_VALUE,    /* the present value; no history */
    TERM_INCREASE, /* one column for all series, or with is_each one for each */
    TERM_DELTA,    /* likewise, for gauges: a lower value is no reset */
    TERM_MINIMUM,  /* this and the next two always have a column for each series */
    TERM_MAXIMUM,
    TERM_MEAN,
    TERM_HISTOGRAM /* increases of the sum and of the buckets, in groups */
};

struct term_want {
    const struct selector *selector; /* NAME, or NAME_count and NAME_sum of a histogram */
    double le;                       /* a bound: observations of a histogram up to it are counted; NaN: none */
    enum term_kind kind;
    uint32_t is_each;
    const char *const *by; /* TERM_HISTOGRAM: the labels whose values make groups; by_n 0: one group */
    uint32_t by_n;
    double window_seconds; /* 0 for TERM_VALUE */
};

/* The buckets that the histograms of a group have in common. */
struct term_layout {
    uint32_t buckets_n, classic_n, exponential, log_n;
    int32_t schema, first_index;
    double zero_threshold;
    double *bounds; /* classic_n of them; buckets before ends[i] are <= bounds[i] */
    uint32_t *ends;
};

struct term_series {
    uint64_t key; /* hash of its labels; the same in each epoch of the model */
    union {
        uint64_t u64;
        double f64;
        uint64_t *words; /* TERM_HISTOGRAM: bits of the sum, then the buckets */
    } last;
    struct history_column column; /* with is_each */
    uint32_t idx;                 /* index in the family */
    uint32_t group;               /* TERM_NONE: there are too many */
    uint32_t end;                 /* with le: buckets before this index are counted */
    uint32_t first, seen;         /* numbers of the first and the last reading that saw it */
    uint8_t is_known;             /* 1: last is set */
    uint8_t is_exact;             /* 1: last.u64, 0: last.f64 */
    uint8_t is_born;              /* 1: created after the first reading */
};

struct term_group {
    char **values;              /* of the labels in want.by */
    struct term_layout *layout; /* one of the term's; NULL: a single number */
    struct history_column *columns;
    double *row; /* of this reading */
    uint32_t columns_n;
    uint32_t series_n;
};

enum term_part { TERM_PART_NUMBER, TERM_PART_COUNT, TERM_PART_SUM, TERM_PART_BUCKET, TERM_PART_HISTOGRAM };

struct term {
    struct term_want want;
    struct history_extent extent;
    enum history_join join;
    double since;                 /* time of its first reading; NaN: none yet */
    const char *problem;          /* NULL, or a sentence: what is wrong with the name */
    struct history_window window; /* at the last reading */

    uint64_t epoch;
    const struct model_family *family; /* in this epoch of the model; NULL: there is none */
    enum term_part part;
    uint32_t bound_n; /* how many series of the family were examined */
    struct term_series *series;
    uint32_t series_n, series_capacity;
    struct term_group *groups;
    uint32_t groups_n;
    struct term_layout **layouts;
    uint32_t layouts_n;
    uint32_t left_out_n; /* series without a group */
};

/* The time of a reading. */
struct term_moment {
    uint64_t real_ns, previous_real_ns; /* since 1970: this reading, and the one before it (0: none) */
};

/* NULL: no memory. The selector and by must outlive the term. */
struct term *term_new(const struct term_want *want);
void term_free(struct term *term);

int term_same(const struct term_want *a, const struct term_want *b);

/*
 * Reads the model's values; to be called after history_read(). 0; or -ENOMEM: some values of this reading are missing.
 */
int term_read(struct term *term, const struct model *model, const struct history *history,
              const struct term_moment *moment);

/* ---- results of the last reading ---- */

struct term_total {
    uint32_t n;              /* series that have a value */
    double sum, least, most; /* least and most only for TERM_VALUE and with is_each */
};

/* The total over all series; not for TERM_HISTOGRAM. Increases are those of the window, as far as it is covered. */
struct term_total term_total(const struct term *term, const struct model *model, const struct history *history);

/*
 * The increase of one column over the window. In a group of TERM_HISTOGRAM column 0 is the sum, and the others are the
 * buckets.
 */
double term_increase(const struct term *term, const struct history *history, const struct term_group *group,
                     uint32_t column);

#endif
