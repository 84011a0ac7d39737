/*
 * The text that stays the same from scrape to scrape, rendered once when a family or series appears. A scrape copies it
 * and fills in the numbers. Formats with the same text share it; a part that no format has used yet takes no memory.
 */
#ifndef SHMETER_FORMATS_PLAN_PLAN_H
#define SHMETER_FORMATS_PLAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/containers/buffer.h"
#include "formats/escape.h"
#include "model/model.h"

enum plan_part {
    PLAN_TEXT,        /* heads of text 0.0.4; `name{labels} ` for each line of text 0.0.4 and OpenMetrics */
    PLAN_OPENMETRICS, /* heads of OpenMetrics */
    PLAN_PROTOBUF,    /* MetricFamily and Metric messages */
    PLAN_PARTS
};

#define PLAN_BIT(part) (1u << (part))

struct plan_series {
    uint64_t off;  /* offset of its first piece in the family's text */
    uint32_t len;  /* of that piece */
    uint32_t lens; /* if it has several pieces, one behind the other: index of its first length in the family's lens */
};

/* What a part has for one family. The file that renders the part says what it uses. */
struct plan_family {
    struct buffer head; /* before the family's first series */
    struct buffer text;
    struct plan_series *series; /* same indexes as in the model family's series */
    uint32_t series_n, series_capacity;
    uint32_t *lens;
    uint32_t lens_n, lens_capacity;
    uint32_t kind, name_len; /* meaning is defined by the part */
    uint32_t renewed_n;      /* the model family's, when its series were rendered */
    enum escaping escaping;  /* the plan's */
    uint32_t clash_seen_n;   /* families of the model when that was found out */
    uint32_t clashes;        /* 1: another family has this one's escaped name, so this one is left out */
};

struct plan_parts {
    struct plan_family *families; /* index: the model family's idx */
    uint32_t families_n;
};

struct plan {
    const struct model *model;
    uint64_t epoch; /* of the model */
    enum escaping escaping;
    struct plan_parts parts[PLAN_PARTS];
};

/* A plan for a model that outlives it, with names escaped by ESCAPE_UNDERSCORES. NULL: no memory. */
struct plan *plan_new(const struct model *model);

/* Sets how names are escaped, before the first plan_update(). */
void plan_escape(struct plan *plan, enum escaping escaping);
void plan_free(struct plan *plan);

/*
 * Renders families and series of the model that the given parts, PLAN_BIT(part) | ..., do not have yet. Returns 0 or
 * -ENOMEM.
 */
int plan_update(struct plan *plan, uint32_t parts);

static inline const struct plan_family *
plan_of(const struct plan *plan, enum plan_part part, const struct model_family *family)
{
    return &plan->parts[part].families[family->idx];
}

#endif
