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

/*
 * Append a name as the text formats show it: escaped, and in quotes where it needs them. name: a family's with a suffix
 * behind it, of which cut bytes are left out at the end. 0 or -ENOMEM.
 */
int plan_add_name(struct buffer *out, const char *name, size_t cut, const char *suffix, enum escaping escaping);

/* Whether a family's name is in quotes, and so stands inside the braces of its series. */
int plan_is_quoted(const char *name, enum escaping escaping);

/* Appends the name of a label, escaped so that no two labels of the shape become the same. 0 or -ENOMEM. */
int plan_add_label(struct buffer *out, const struct model_shape *shape, uint32_t number, enum escaping escaping);

/* Adds the length of the next piece to the family's lens. 0 or -ENOMEM. */
int plan_lens_add(struct plan_family *family, uint32_t len);

#endif
