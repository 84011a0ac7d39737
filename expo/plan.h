/*
 * The text that stays the same from scrape to scrape: for each family its HELP and TYPE lines, for each series `name{labels} `
 * (of a histogram: one for each bucket, the sum and the count), rendered once when the series appears. A scrape then
 * copies prefixes and prints numbers.
 */
#ifndef SHMETER_EXPO_PLAN_H
#define SHMETER_EXPO_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "expo/buffer.h"
#include "expo/model.h"

struct plan_series {
    uint64_t off;  /* of its first prefix in its family's text                                            */
    uint32_t len;  /* of that prefix: `name{labels} `                                                     */
    uint32_t lens; /* histograms: index of its first length in the family's lens; prefixes follow each other: */
                   /*   classic_n buckets, +Inf, sum, count                                               */
};

struct plan_family {
    struct buffer head; /* "# HELP ...\n# TYPE ...\n" of text 0.0.4                                          */
    struct buffer text;
    struct plan_series *series; /* parallel to the model family's series                                     */
    uint32_t series_n, series_capacity;
    uint32_t *lens;
    uint32_t lens_n, lens_capacity;
};

struct plan {
    const struct model *model;
    struct plan_family *families; /* at the model family's idx                                              */
    uint32_t families_n;
    uint64_t epoch; /* of the model                                                                       */
};

/* A plan for a model that outlives it. NULL: no memory. */
struct plan *plan_new(const struct model *model);
void plan_free(struct plan *plan);

/* Catches up with the model: renders what it does not have yet. Returns 0 or -ENOMEM. */
int plan_update(struct plan *plan);

static inline const struct plan_family *
plan_of(const struct plan *plan, const struct model_family *family)
{
    return &plan->families[family->idx];
}

#endif
