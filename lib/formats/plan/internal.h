/*
 * How a part of the plan is made. Only plan.c and the files that make a part include it.
 */
#ifndef SHMETER_FORMATS_PLAN_INTERNAL_H
#define SHMETER_FORMATS_PLAN_INTERNAL_H

#include "formats/plan/plan.h"

/* Each function appends and returns 0 or -ENOMEM; what it appended before an error is taken back for it. */
struct plan_maker {
    int (*head)(struct plan_family *family, const struct model *model, const struct model_family *of);
    int (*series)(struct plan_family *family, const struct model_family *of,
                  const struct model_series *series); /* NULL: there are no bytes of its own for each series          */
    int others_matter; /* 1: a head may change when another family appears                                  */
};

extern const struct plan_maker plan_make_text, plan_make_openmetrics, plan_make_protobuf;

/* The length of the next piece, for plan_series.lens. 0 or -ENOMEM. */
int plan_lens_add(struct plan_family *family, uint32_t len);

#endif
