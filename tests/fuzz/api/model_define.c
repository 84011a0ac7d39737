#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/api/model.h"

/* ---- what a description has to be ---- */

static int
is_name(const char *name, const char *more)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    size_t len = strlen(name), i;

    if (!len || len > 199)
        return 0;
    for (i = 0; i < len; i++)
        if (!strchr(letters, name[i]) && !strchr(more, name[i]) && (!i || !strchr("0123456789", name[i])))
            return 0;
    return 1;
}

static int
labels_are_good(const struct api_desc *desc)
{
    int per_worker = desc->type == SHMETER_GAUGE && (desc->mode == SHMETER_ALL || desc->mode == SHMETER_LIVE_ALL);
    uint32_t i, k;

    for (i = 0; desc->labels && desc->labels[i]; i++) {
        const char *label = desc->labels[i];
        if (i >= 16 || !is_name(label, "") || !strncmp(label, "__", 2) ||
            (desc->type == SHMETER_HISTOGRAM && !strcmp(label, "le")) ||
            (desc->type == SHMETER_SUMMARY && !strcmp(label, "quantile")) ||
            (per_worker && (desc->by_pid ? !strcmp(label, "pid") : !strcmp(label, "worker") || !strcmp(label, "slot"))))
            return 0;
        for (k = 0; k < i; k++)
            if (!strcmp(desc->labels[k], label))
                return 0;
    }
    return 1;
}

int
api_is_histogram(int type)
{
    return type == SHMETER_HISTOGRAM || type == SHMETER_SUMMARY;
}

int
api_is_gauge(int type)
{
    return type == SHMETER_GAUGE || type == SHMETER_STATESET;
}

static int
states_are_good(const struct api_desc *desc)
{
    uint32_t i, k;

    if (desc->type != SHMETER_STATESET)
        return 1;
    for (i = 0; desc->labels && desc->labels[i]; i++)
        if (!strcmp(desc->labels[i], desc->name))
            return 0;
    for (i = 0; desc->states && desc->states[i]; i++)
        for (k = 0; k <= i; k++)
            if (!*desc->states[i] || strlen(desc->states[i]) > 255 ||
                (k < i && !strcmp(desc->states[k], desc->states[i])))
                return 0;
    return i && i <= 256 && is_name(desc->name, "");
}

static int
buckets_are_good(const struct api_desc *desc)
{
    uint32_t i;

    if (desc->type != SHMETER_HISTOGRAM)
        return 1;
    if (desc->max_value > 0)
        return desc->min_value >= DBL_MIN && desc->min_value < desc->max_value && isfinite(desc->max_value) &&
               desc->schema >= -4 && desc->schema <= 8;
    if (!desc->bounds)
        return 1;
    if (!desc->bounds_n || desc->bounds_n > 1000)
        return 0;
    for (i = 0; i < desc->bounds_n; i++)
        if (!isfinite(desc->bounds[i]) || (i && desc->bounds[i] <= desc->bounds[i - 1]))
            return 0;
    return 1;
}

int
api_is_good(const struct api_desc *desc)
{
    return desc->name && is_name(desc->name, ":") && strcmp(desc->name, "up") && strncmp(desc->name, "scrape_", 7) &&
           strncmp(desc->name, "ALERTS", 6) && strncmp(desc->name, "__", 2) && strncmp(desc->name, "shmeter_", 8) &&
           desc->type >= 0 && desc->type < SHMETER_TYPES &&
           (desc->type != SHMETER_GAUGE || (desc->mode >= 0 && desc->mode < 11)) && labels_are_good(desc) &&
           buckets_are_good(desc) && states_are_good(desc) && (!desc->unit || !*desc->unit || is_name(desc->unit, ""));
}

/* ---- definitions ---- */

static double
log_bound(int schema, long index)
{
    return (double)fminl(exp2l(ldexpl((long double)index, -schema)), DBL_MAX);
}

/* The smallest index whose bound is not below v (OpenMetrics: upper bounds are inclusive). */
static long
log_index(int schema, double v)
{
    long index = (long)floor(log2(v) * ldexp(1, schema)) - 2;

    while (log_bound(schema, index) < v)
        index++;
    return index;
}

static void
define_log_buckets(const struct api_desc *desc, struct api_definition *out)
{
    long first, last, i;

    out->exponential = 1;
    for (out->schema = desc->schema;; out->schema--) {
        first = log_index(out->schema, desc->min_value);
        last = log_index(out->schema, desc->max_value);
        if (log_bound(out->schema, first) == desc->min_value)
            first++;
        last = last < first ? first : last;
        if (last - first < 320 || out->schema <= -4)
            break;
    }
    out->bounds[0] = desc->min_value;
    for (i = first; i <= last; i++)
        out->bounds[1 + i - first] = log_bound(out->schema, i);
    out->bounds_n = out->buckets_n = (uint32_t)(last - first + 2);
}

static void
define_buckets(const struct api_desc *desc, struct api_definition *out)
{
    static const double usual[] = { .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10 };
    uint32_t i;

    if (desc->max_value > 0) {
        define_log_buckets(desc, out);
        return;
    }
    out->bounds_n = desc->bounds ? desc->bounds_n : 11;
    for (i = 0; i < out->bounds_n; i++)
        out->bounds[i] = desc->bounds ? desc->bounds[i] : usual[i];
    out->buckets_n = out->bounds_n + 1;
}

void
api_define(const struct api_desc *desc, struct api_definition *out)
{
    memset(out, 0, sizeof *out);
    out->type = desc->type;
    out->mode = desc->type == SHMETER_GAUGE ? desc->mode : desc->type == SHMETER_STATESET ? SHMETER_LATEST : 0;
    out->by_pid = desc->by_pid && (out->mode == SHMETER_ALL || out->mode == SHMETER_LIVE_ALL);
    out->buckets_n = desc->type == SHMETER_SUMMARY;
    for (; desc->type == SHMETER_STATESET && desc->states && desc->states[out->states_n]; out->states_n++)
        snprintf(out->states[out->states_n], sizeof *out->states, "%s", desc->states[out->states_n]);
    snprintf(out->name, sizeof out->name, "%s", desc->name ? desc->name : "");
    snprintf(out->unit, sizeof out->unit, "%s", desc->unit ? desc->unit : "");
    for (; desc->labels && desc->labels[out->labels_n]; out->labels_n++)
        snprintf(out->labels[out->labels_n], sizeof *out->labels, "%s", desc->labels[out->labels_n]);
    if (desc->type == SHMETER_HISTOGRAM)
        define_buckets(desc, out);
}

int
api_same_definition(const struct api_definition *a, const struct api_definition *b)
{
    uint32_t i;

    if (a->type != b->type || a->mode != b->mode || a->exponential != b->exponential || a->by_pid != b->by_pid ||
        a->schema != b->schema || a->labels_n != b->labels_n || a->states_n != b->states_n ||
        a->bounds_n != b->bounds_n || strcmp(a->name, b->name) || strcmp(a->unit, b->unit))
        return 0;
    for (i = 0; i < a->labels_n; i++)
        if (strcmp(a->labels[i], b->labels[i]))
            return 0;
    for (i = 0; i < a->states_n; i++)
        if (strcmp(a->states[i], b->states[i]))
            return 0;
    for (i = 0; i < a->bounds_n; i++)
        if (a->bounds[i] != b->bounds[i])
            return 0;
    return 1;
}
