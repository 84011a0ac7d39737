/* How a part of the plan is rendered. Only plan.c and the files that render a part include it. */
#ifndef SHMETER_FORMATS_PLAN_INTERNAL_H
#define SHMETER_FORMATS_PLAN_INTERNAL_H

#include "formats/plan/plan.h"

/*
 * Each function appends to the plan's family and returns 0 or -ENOMEM; after an error the caller removes what it
 * appended.
 */
struct plan_maker {
    int (*head)(struct plan_family *family, const struct model *model, const struct model_family *of);
    int (*series)(struct plan_family *family, const struct model_family *of,
                  const struct model_series *series); /* NULL: the part has no bytes for series */
    int others_matter;                                /* 1: a family's head may change when another family appears */
    int has_created;                                  /* 1: a series' bytes have its time of creation */
};

extern const struct plan_maker plan_make_text, plan_make_openmetrics, plan_make_protobuf;

/* Adds the length of the next piece to the family's lens. 0 or -ENOMEM. */
int plan_lens_add(struct plan_family *family, uint32_t len);

#endif
