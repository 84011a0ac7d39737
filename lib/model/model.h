/*
 * Families, series and their values, in private memory: encoders, health and JSON read them. It knows neither shared
 * memory nor formats.
 *
 * Families and series stay once they are added. At each scrape model_begin() drops all values, and the store and the
 * program set them again. A series without a value in this scrape is absent and is not exposed.
 */
#ifndef SHMETER_MODEL_MODEL_H
#define SHMETER_MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "model/types.h"

/* The label names and buckets that several series have in common. Immutable; lives until the model's next epoch. */
struct model_shape {
    const char *const *labels; /* label names, in the order of the series' values */
    uint32_t labels_n;
    enum model_number number;
    /*
     * Histograms: the buckets of cells, and the classic buckets that the text formats show. Summaries have one bucket,
     * and show none.
     */
    uint32_t buckets_n;           /* number of words behind the sum in a series' value; 0: not a histogram or summary */
    uint32_t classic_n;           /* classic buckets, +Inf not counted */
    const double *classic_bounds; /* le */
    const uint32_t *classic_ends; /* buckets before index classic_ends[i] are <= classic_bounds[i] */
    /*
     * Exponential histograms: buckets[0] is the zero bucket, then log_n buckets; bucket 1 + i ends at 2^((first_index +
     * i) * 2^-schema).
     */
    uint32_t exponential;
    int32_t schema;
    int32_t first_index;
    uint32_t log_n;
    double zero_threshold;
};

struct model_series {
    const struct model_shape *shape;
    const char *const *values; /* shape->labels_n of them: valid UTF-8, not escaped */
    uint64_t created_ns;       /* real time, since 1970; 0 unknown */
    uint64_t begun_ns;         /* 0; or in this scrape so far, all that adds to it began later: at this time */
    uint64_t word;             /* index of its value in the model's words */
    uint32_t present;          /* 1: has a value in this scrape */
    uint32_t idle;             /* 1: has a value that is not exposed, because it has not changed for long */
};

struct model_family {
    const char *name; /* as it is exposed in text 0.0.4: counters with _total */
    const char *help;
    const char *unit; /* "" none */
    enum model_type type;
    uint32_t idx;       /* stays the same within an epoch */
    uint32_t series_n;  /* present or not */
    uint32_t present_n; /* in this scrape */
    uint32_t idle_n;    /* likewise; none of them is present */
    uint32_t begun_n;   /* series with begun_ns */
    uint32_t renewed_n; /* times that a series of it got another time of creation */
    struct model_series *series;
};

/*
 * words[series->word] holds a value: a uint64_t, or the bits of a double (shape->number); for a histogram or summary
 * the bits of the sum, then buckets_n counts, not cumulative. A stateset has a series for each state, of value 1 or 0;
 * the label with the family's name has the state.
 */
struct model {
    struct model_family **families; /* sorted by name */
    uint32_t families_n;
    uint64_t *words;
    uint64_t conflicts; /* series left out of this scrape: their name or labels are taken */
    uint32_t utf8;      /* 1: a family or a label has a name that formats escape or quote (text_metric_legacy()) */
    uint64_t epoch; /* changes when families and series were dropped: pointers to them, and their indexes, are void */
};

struct model *model_new(void); /* NULL: no memory */
void model_free(struct model *model);

/* Drops all values. Families and series stay. */
void model_begin(struct model *model);

/* All values of a scrape are there: series that have begun anew since the last one get their times of creation. */
void model_end(struct model *model);

/* Drops all families and series, and begins another epoch. */
void model_clear(struct model *model);

/* ---- reading a value ---- */

static inline uint64_t
model_u64(const struct model *model, const struct model_series *series)
{
    return model->words[series->word];
}

static inline double
model_f64_at(const struct model *model, uint64_t word)
{
    union {
        uint64_t bits;
        double value;
    } both = { model->words[word] };
    return both.value;
}

/* The value of a counter, gauge or info as a double, also if it is an integer. */
static inline double
model_number(const struct model *model, const struct model_series *series)
{
    return series->shape->number == MODEL_U64 ? (double)model_u64(model, series) : model_f64_at(model, series->word);
}

static inline double
model_histogram_sum(const struct model *model, const struct model_series *series)
{
    return model_f64_at(model, series->word);
}

/* shape->buckets_n counts, not cumulative. */
static inline const uint64_t *
model_histogram_buckets(const struct model *model, const struct model_series *series)
{
    return model->words + series->word + 1;
}

/* The sum of the buckets, at most the largest uint64_t. */
uint64_t model_histogram_count(const struct model *model, const struct model_series *series);

/* The number of series in the model; of those that are present; and of those that are idle. */
uint64_t model_series_n(const struct model *model);
uint64_t model_present_n(const struct model *model);
uint64_t model_idle_n(const struct model *model);

/* The family with this name, or NULL. */
const struct model_family *model_find(const struct model *model, const char *name);

/* ---- adding single values: a program's own series ---- */

struct model_metric {     /* a static description */
    enum model_type type; /* not a histogram or summary */
    const char *name;
    const char *help;
    const char *unit;          /* NULL none */
    const char *const *labels; /* NULL-terminated names, or NULL */
};

/*
 * Gives one series its value in this scrape. values has one string per label, or is NULL without labels. To be called
 * again after each model_begin(). Returns 0; -EEXIST when the name has another type or number (counted in conflicts);
 * -EINVAL for an invalid name; or -ENOMEM.
 */
int model_put_u64(struct model *model, const struct model_metric *metric, const char *const *values, uint64_t value);
int model_put_f64(struct model *model, const struct model_metric *metric, const char *const *values, double value);

/* ---- adding families and series: for snapshots ---- */

/*
 * Finds or adds a family. NULL with *error -EEXIST (a family of another type has the name), -EINVAL or -ENOMEM. A
 * family that exists keeps its help and unit.
 */
struct model_family *model_family_get(struct model *model, enum model_type type, const char *name, const char *help,
                                      const char *unit, int *error);

/* The same for many additions: model_settle() must be called before model->families is read. */
struct model_family *model_family_collect(struct model *model, enum model_type type, const char *name, const char *help,
                                          const char *unit, int *error);

/* Ends additions: model->families then has all families. 0 or -ENOMEM. */
int model_settle(struct model *model);

/*
 * Finds or adds the shape with the contents of *wanted, whose arrays are copied. For a histogram, the classic buckets
 * are made from bounds.
 */
const struct model_shape *model_shape_get(struct model *model, const struct model_shape *wanted, const double *bounds,
                                          uint32_t bounds_n);

/*
 * What adds to a series in this scrape was created at this time; before the series is marked. The earliest of a
 * scrape counts: a series that was removed and made again began when it was made, and one that goes on in another
 * segment when the first one was.
 */
void model_created(struct model_family *family, struct model_series *series, uint64_t created_ns);

/* Marks a series as having a value in this scrape. */
static inline void
model_present(struct model_family *family, struct model_series *series)
{
    family->present_n += !series->present;
    family->idle_n -= series->idle;
    series->present = 1;
    series->idle = 0;
}

/* Marks a series as having a value that is not exposed, unless it is present. */
static inline void
model_idle(struct model_family *family, struct model_series *series)
{
    if (series->present)
        return;
    family->idle_n += !series->idle;
    series->idle = 1;
}

/*
 * Finds or adds a series; values are copied. Returns its index in family->series, -EEXIST when a series of another
 * shape has the same labels, or -ENOMEM.
 */
int64_t model_series_get(struct model *model, struct model_family *family, const struct model_shape *shape,
                         const char *const *values, uint64_t created_ns);

#endif
