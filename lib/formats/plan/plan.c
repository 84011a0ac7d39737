/*
 * Extends the parts when the model grows. A family's pieces are stored in the order in which they are exposed, so a
 * scrape reads memory from front to back.
 */
#include "formats/plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "formats/plan/internal.h"

static const struct plan_maker *const makers[PLAN_PARTS] = {
    [PLAN_TEXT] = &plan_make_text,
    [PLAN_OPENMETRICS] = &plan_make_openmetrics,
    [PLAN_PROTOBUF] = &plan_make_protobuf,
};

struct plan *
plan_new(const struct model *model)
{
    struct plan *plan = calloc(1, sizeof *plan);

    if (!plan)
        return NULL;
    plan->model = model;
    plan->epoch = model->epoch;
    return plan;
}

void
plan_escape(struct plan *plan, enum escaping escaping)
{
    plan->escaping = escaping;
}

static void
plan_clear(struct plan *plan)
{
    uint32_t i, k;

    for (k = 0; k < PLAN_PARTS; k++) {
        struct plan_parts *part = &plan->parts[k];
        for (i = 0; i < part->families_n; i++) {
            buffer_free(&part->families[i].head);
            buffer_free(&part->families[i].text);
            free(part->families[i].series);
            free(part->families[i].lens);
        }
        free(part->families);
        part->families = NULL;
        part->families_n = 0;
    }
}

void
plan_free(struct plan *plan)
{
    if (!plan)
        return;
    plan_clear(plan);
    free(plan);
}

int
plan_lens_add(struct plan_family *family, uint32_t len)
{
    if (family->lens_n == family->lens_capacity) {
        uint32_t capacity = family->lens_capacity ? 2 * family->lens_capacity : 16;
        uint32_t *lens = realloc(family->lens, capacity * sizeof *lens);
        if (!lens)
            return -ENOMEM;
        family->lens = lens;
        family->lens_capacity = capacity;
    }
    family->lens[family->lens_n++] = len;
    return 0;
}

static int
add_head(const struct plan_maker *maker, struct plan_family *family, const struct model *model,
         const struct model_family *of)
{
    int result;

    if (family->head.len)
        return 0;
    result = maker->head(family, model, of);
    if (result)
        family->head.len = 0;
    return result;
}

static int
add_series(const struct plan_maker *maker, struct plan_family *family, const struct model_family *of)
{
    const struct model_series *series = &of->series[family->series_n];
    struct plan_series *planned = &family->series[family->series_n];
    size_t text_len = family->text.len;
    uint32_t lens_n = family->lens_n;
    int result;

    planned->off = text_len;
    planned->lens = lens_n;
    result = maker->series(family, of, series);
    if (result) { /* removes the piece, so that it can be tried again */
        family->text.len = text_len;
        family->lens_n = lens_n;
        return result;
    }
    planned->len = family->lens_n > lens_n ? family->lens[lens_n] : (uint32_t)(family->text.len - text_len);
    family->series_n++;
    return 0;
}

static int
add_all_series(const struct plan_maker *maker, struct plan_family *family, const struct model_family *of)
{
    int result = 0;

    if (of->series_n > family->series_capacity) {
        uint32_t capacity = of->series_n + of->series_n / 2;
        struct plan_series *series = realloc(family->series, capacity * sizeof *series);
        if (!series)
            return -ENOMEM;
        family->series = series;
        family->series_capacity = capacity;
    }
    if (maker->has_created && family->renewed_n != of->renewed_n) {
        family->text.len = 0;
        family->series_n = family->lens_n = 0;
    }
    family->renewed_n = of->renewed_n;
    while (family->series_n < of->series_n && !result)
        result = add_series(maker, family, of);
    return result;
}

/* Makes room for the model's families. Drops heads that depend on other families, so that they are rendered again. */
static int
add_families(const struct plan_maker *maker, struct plan_parts *part, const struct plan *plan, uint32_t families_n)
{
    struct plan_family *families;
    uint32_t i;

    if (families_n <= part->families_n)
        return 0;
    families = realloc(part->families, families_n * sizeof *families);
    if (!families)
        return -ENOMEM;
    memset(families + part->families_n, 0, (families_n - part->families_n) * sizeof *families);
    for (i = part->families_n; i < families_n; i++)
        families[i].escaping = plan->escaping;
    for (i = 0; maker->others_matter && i < part->families_n; i++)
        families[i].head.len = families[i].lens_n = 0;
    part->families = families;
    part->families_n = families_n;
    return 0;
}

/*
 * Finds out whether an escaped name is another family's: one that is called so, or one before it that becomes the same.
 * Returns 0 or -ENOMEM.
 */
static int
find_clash(struct plan_family *family, const struct model *model, uint32_t number)
{
    struct buffer ours = { NULL, 0, 0 }, other = { NULL, 0, 0 };
    const char *name = model->families[number]->name;
    uint32_t i;
    int result = 0;

    if (family->clash_seen_n == model->families_n)
        return 0;
    family->clashes = 0;
    if (text_metric_legacy(name) || family->escaping == ESCAPE_NOTHING)
        return 0;
    result = escape_name(&ours, name, family->escaping) | buffer_append(&ours, "", 1);
    family->clashes = !result && model_find(model, ours.data) != NULL;
    for (i = 0; i < number && !result && !family->clashes; i++) {
        other.len = 0;
        if (text_metric_legacy(model->families[i]->name))
            continue;
        result = escape_name(&other, model->families[i]->name, family->escaping) | buffer_append(&other, "", 1);
        family->clashes = !result && !strcmp(ours.data, other.data);
    }
    buffer_free(&ours);
    buffer_free(&other);
    family->clash_seen_n = result ? 0 : model->families_n;
    return result ? -ENOMEM : 0;
}

static int
update_part(struct plan *plan, enum plan_part number)
{
    const struct plan_maker *maker = makers[number];
    const struct model *model = plan->model;
    struct plan_parts *part = &plan->parts[number];
    uint32_t i;
    int result = add_families(maker, part, plan, model->families_n);

    for (i = 0; i < model->families_n && !result; i++) {
        const struct model_family *of = model->families[i];
        struct plan_family *family = &part->families[of->idx];
        result = add_head(maker, family, model, of);
        if (!result && model->utf8)
            result = find_clash(family, model, i);
        if (!result && maker->series)
            result = add_all_series(maker, family, of);
    }
    return result;
}

int
plan_update(struct plan *plan, uint32_t parts)
{
    uint32_t i;
    int result = 0;

    if (plan->epoch != plan->model->epoch) {
        plan_clear(plan);
        plan->epoch = plan->model->epoch;
    }
    for (i = 0; i < PLAN_PARTS && !result; i++)
        if (parts & PLAN_BIT(i))
            result = update_part(plan, (enum plan_part)i);
    return result;
}
