/*
 * A term is one value that a condition or a summary needs from the series that a selector matches, with its history:
 * the sum of their increases in one column, a column for each series where that cannot be avoided, or the sums of
 * histograms' buckets in groups. It knows the model and no expressions.
 *
 * Of each series only the last value is kept, exactly. A value that is lower than the one before is a reset and counts
 * from 0 (counters only). A series that was created since the last reading counts from 0; an older one that was not
 * known counts from its first value. A series that is absent for a while counts from its former value. When the model
 * is rebuilt, series are recognised by their labels.
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
    TERM_VALUE,    /* what it is now; no history                                                            */
    TERM_INCREASE, /* one column for all, or with is_each one for each                                      */
    TERM_DELTA,    /* likewise, without resets                                                              */
    TERM_MINIMUM,  /* these three always for each                                                           */
    TERM_MAXIMUM,
    TERM_MEAN,
    TERM_HISTOGRAM /* increases of the sum and of the buckets, in groups                                      */
};

struct term_want {
    const struct selector *selector; /* NAME, or NAME_count and NAME_sum of a histogram                      */
    double le;                       /* NaN; or the bound up to which a histogram's observations are counted   */
    enum term_kind kind;
    uint32_t is_each;
    const char *const *by; /* TERM_HISTOGRAM: the labels whose values make groups; by_n 0: one group            */
    uint32_t by_n;
    double window_seconds; /* 0 of TERM_VALUE                                                                 */
};

/* Buckets that a group's histograms have in common. */
struct term_layout {
    uint32_t buckets_n, classic_n, exponential, log_n;
    int32_t schema, first_index;
    double zero_threshold;
    double *bounds; /* classic_n; counts before ends[i] are <= bounds[i]                                       */
    uint32_t *ends;
};

struct term_series {
    uint64_t key; /* stands for its labels, whatever the model's epoch                                        */
    union {
        uint64_t u64;
        double f64;
        uint64_t *words; /* TERM_HISTOGRAM: bits of the sum, then the buckets                                 */
    } last;
    struct history_column column; /* with is_each                                                           */
    uint32_t idx;                 /* in the family                                                          */
    uint32_t group;               /* TERM_NONE: there are too many                                           */
    uint32_t end;                 /* with le: buckets before it are counted                                   */
    uint32_t first, seen;         /* readings                                                               */
    uint8_t is_known;             /* has a last value, ...                                                  */
    uint8_t is_exact;             /* ... which is last.u64                                                  */
    uint8_t is_born;              /* was created while we watched                                           */
};

struct term_group {
    char **values;              /* of want.by                                                               */
    struct term_layout *layout; /* the term's; NULL: one number                                              */
    struct history_column *columns;
    double *row; /* of this reading                                                                         */
    uint32_t columns_n;
    uint32_t series_n;
};

enum term_part { TERM_PART_NUMBER, TERM_PART_COUNT, TERM_PART_SUM, TERM_PART_BUCKET, TERM_PART_HISTOGRAM };

struct term {
    struct term_want want;
    struct history_extent extent;
    enum history_join join;
    double since;        /* when its history begins; NaN: not yet                                                  */
    const char *problem; /* NULL, or why there is no value: what is wrong with the name                       */
    struct history_window window; /* at the last reading                                                     */

    uint64_t epoch;
    const struct model_family *family; /* of this epoch; NULL: none                                          */
    enum term_part part;
    uint32_t bound_n; /* of the family's series, that were looked at                                         */
    struct term_series *series;
    uint32_t series_n, series_capacity;
    struct term_group *groups;
    uint32_t groups_n;
    struct term_layout **layouts;
    uint32_t layouts_n;
    uint32_t left_out_n; /* series without a group                                                          */
};

/* When a reading was made. */
struct term_moment {
    uint64_t real_ns, previous_real_ns; /* since 1970: of this reading, and of the one before it (0: none)     */
};

/* NULL: no memory. The selector and by must outlive it. */
struct term *term_new(const struct term_want *want);
void term_free(struct term *term);

int term_same(const struct term_want *a, const struct term_want *b);

/* Takes the model's values in, after history_read(). 0 or -ENOMEM: then something of this reading is missing. */
int term_read(struct term *term, const struct model *model, const struct history *history,
              const struct term_moment *moment);

/* ---- asking; all for the last reading ---- */

struct term_total {
    uint32_t n; /* series that have a value                                                                  */
    double sum, least, most; /* least and most are of TERM_VALUE and is_each only                              */
};

/* Over all series but of TERM_HISTOGRAM. Increases are of the whole window, as far as it is covered. */
struct term_total term_total(const struct term *term, const struct model *model, const struct history *history);

/*
 * One column's increase over the window: of a group of TERM_HISTOGRAM, column 0 is the sum, those behind it the
 * buckets.
 */
double term_increase(const struct term *term, const struct history *history, const struct term_group *group,
                     uint32_t column);

#endif
