/*
 * A family's definition: the validation of a description by Prometheus' rules, and the private copy that is kept.
 */
#ifndef SHMETER_SHM_DEFINITION_H
#define SHMETER_SHM_DEFINITION_H

#include "../layout/desc.h"
#include "../layout/kinds.h"
#include "../machine/utf8.h"
#include "buckets.h"

/* Its fields' bytes: what stands behind the last one says nothing. */
#define SHMETER_DESC_BYTES (offsetof(struct shmeter_desc, evict) + sizeof(uint32_t))

#define SHMETER_IDLE_MOST_SECONDS 67108864u /* 2 years: less than half of what a note tells apart (shm/idle.h)         */
#define SHMETER_IDLE_EVICT        (UINT64_C(1) << 32)

struct shmeter_definition {
    uint32_t type, mode, labels_n, max_series;
    uint32_t exponential, bounds_n, buckets_n, log_n;
    int32_t schema, first_index;
    double min_value, max_value;
    uint32_t cell_bytes;
    uint16_t name_bytes, help_bytes, unit_bytes, labels_bytes, states_n, states_bytes;
    uint64_t idle;       /* {seconds:32 (low), evict:1}, as the last description of this definition had it         */
    uint64_t hash;       /* of what makes two families of one name differ: not of help and limits           */
    const char *strings; /* name, help, unit, label names, states, each with its ending zero                */
    const double *bounds;
};

SHMETER_LOCAL int
shmeter_definition_starts(const char *text, const char *with)
{
    while (*with)
        if (*text++ != *with++)
            return 0;
    return 1;
}

SHMETER_LOCAL int
shmeter_definition_same(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return *a == *b;
}

/*
 * The name of a metric or label: UTF-8 without control characters (Prometheus 3; older scrapers get it escaped). Returns
 * its bytes with the zero, 0 when it is none.
 */
SHMETER_LOCAL uint32_t
shmeter_definition_name(const char *name)
{
    uint32_t n = 0, bytes;
    if (!name)
        return 0;
    for (; name[n]; n += bytes) {
        const unsigned char *at = (const unsigned char *)name + n;
        for (bytes = 1; bytes < 4 && at[bytes]; bytes++)
            ;
        bytes = shmeter_utf8_sequence(at, bytes);
        if (!bytes || *at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0) ||
            n + bytes + 1 > SHMETER_MAX_NAME_BYTES)
            return 0;
    }
    return n ? n + 1 : 0;
}

/* A label's name, and a stateset's, which is one: it has no colon besides. */
SHMETER_LOCAL uint32_t
shmeter_definition_label(const char *name)
{
    uint32_t n;
    for (n = 0; name && name[n]; n++)
        if (name[n] == ':')
            return 0;
    return shmeter_definition_name(name);
}

/* A name of [a-zA-Z_][a-zA-Z0-9_]*, as a unit's is. Returns its bytes with the zero, 0 when it is none. */
SHMETER_LOCAL uint32_t
shmeter_definition_word(const char *name)
{
    uint32_t n;
    for (n = 0; name[n]; n++) {
        char c = name[n];
        int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if ((!letter && (!n || c < '0' || c > '9')) || n + 2 > SHMETER_MAX_NAME_BYTES)
            return 0;
    }
    return n ? n + 1 : 0;
}

SHMETER_LOCAL const char *
shmeter_definition_check_name(const char *name)
{
    if (!shmeter_definition_name(name))
        return "is no metric name (UTF-8 of 1 to 199 bytes, without control characters)";
    if (shmeter_definition_same(name, "up") || shmeter_definition_starts(name, "scrape_") ||
        shmeter_definition_starts(name, "ALERTS") || shmeter_definition_starts(name, "__") ||
        shmeter_definition_starts(name, "shmeter_"))
        return "is a reserved name; choose another";
    return NULL;
}

/* Whether another label before the i-th has the same name. */
SHMETER_LOCAL int
shmeter_definition_twice(const char *const *labels, uint32_t i)
{
    uint32_t j;
    for (j = 0; j < i; j++)
        if (shmeter_definition_same(labels[j], labels[i]))
            return 1;
    return 0;
}

SHMETER_LOCAL const char *
shmeter_definition_check_labels(const struct shmeter_desc *desc)
{
    uint32_t i;
    int all = desc->type == SHMETER_GAUGE && (desc->mode == SHMETER_ALL || desc->mode == SHMETER_LIVE_ALL);
    for (i = 0; desc->labels && desc->labels[i]; i++) {
        const char *label = desc->labels[i];
        if (i >= SHMETER_MAX_LABELS)
            return "has more than 16 labels";
        if (!shmeter_definition_label(label))
            return "has a label that is no label name (UTF-8 of 1 to 199 bytes, without control characters and :)";
        if (shmeter_definition_starts(label, "__") ||
            (desc->type == SHMETER_HISTOGRAM && shmeter_definition_same(label, "le")) ||
            (desc->type == SHMETER_SUMMARY && shmeter_definition_same(label, "quantile")))
            return "has a reserved label (__..., a histogram's le, a summary's quantile); choose another";
        if (all && (desc->by_pid ? shmeter_definition_same(label, "pid")
                                 : shmeter_definition_same(label, "worker") || shmeter_definition_same(label, "slot")))
            return "has a label worker, slot or pid, which its mode adds itself; choose another";
        if (shmeter_definition_twice(desc->labels, i))
            return "has the same label twice";
    }
    return NULL;
}

/* Whether a histogram asks for exponential buckets: max_value > 0. */
SHMETER_LOCAL int
shmeter_definition_exponential(const struct shmeter_desc *desc)
{
    uint64_t max = shmeter_f64_bits(desc->max_value);
    return max && max <= SHMETER_F64_INF;
}

SHMETER_LOCAL const char *
shmeter_definition_check_bounds(const struct shmeter_desc *desc)
{
    uint64_t bits, min = shmeter_f64_bits(desc->min_value), max = shmeter_f64_bits(desc->max_value);
    int64_t order, last = 0;
    uint32_t i;
    if (shmeter_definition_exponential(desc))
        return min >= SHMETER_F64_MIN && min < max && max < SHMETER_F64_INF && desc->schema >= -4 && desc->schema <= 8
                   ? NULL
                   : "needs 0 < min_value < max_value, no subnormal ones, and a schema from -4 to 8";
    if (!desc->bounds)
        return NULL;
    if (!desc->bounds_len || desc->bounds_len > SHMETER_MAX_BOUNDS)
        return "needs 1 to 1000 bounds";
    for (i = 0; i < desc->bounds_len; i++, last = order) {
        bits = shmeter_f64_bits(desc->bounds[i]);
        order = shmeter_f64_order(bits);
        if (!shmeter_f64_is_finite(bits) || (i && order <= last))
            return "needs finite, ascending bounds (+Inf is added by itself)";
    }
    return NULL;
}

/* The name of a stateset is also the label that tells its states apart (OpenMetrics 1.0, section "StateSet"). */
SHMETER_LOCAL const char *
shmeter_definition_check_states(const struct shmeter_desc *desc)
{
    uint32_t i, k, n, bytes = 0;
    if (!shmeter_definition_label(desc->name))
        return "has a name that is no label name, as a stateset's must be (no :)";
    for (i = 0; desc->labels && desc->labels[i]; i++)
        if (shmeter_definition_same(desc->labels[i], desc->name))
            return "has a label of its own name, which tells the states apart; choose another";
    for (i = 0; desc->states && desc->states[i]; i++) {
        for (n = 0; desc->states[i][n] && n < SHMETER_MAX_VALUE_BYTES; n++)
            ;
        bytes += n + 1;
        if (!n || n >= SHMETER_MAX_VALUE_BYTES || i >= SHMETER_MAX_STATES || bytes > SHMETER_MAX_STATES_BYTES)
            break;
        for (k = 0; k < i; k++)
            if (shmeter_definition_same(desc->states[k], desc->states[i]))
                return "has the same state twice";
    }
    return i && !desc->states[i] ? NULL : "needs 1 to 256 states, of 1 to 255 bytes, 8000 together";
}

SHMETER_LOCAL const char *
shmeter_definition_check(const struct shmeter_desc *desc)
{
    const char *why = shmeter_definition_check_name(desc->name);
    if (!why && (uint32_t)desc->type >= SHMETER_TYPES)
        why = "has an unknown type";
    if (!why && desc->type == SHMETER_GAUGE && (uint32_t)desc->mode >= SHMETER_MODES)
        why = "has an unknown mode";
    if (!why)
        why = shmeter_definition_check_labels(desc);
    if (!why && desc->type == SHMETER_HISTOGRAM)
        why = shmeter_definition_check_bounds(desc);
    if (!why && desc->type == SHMETER_STATESET)
        why = shmeter_definition_check_states(desc);
    if (!why && desc->unit && desc->unit[0] && !shmeter_definition_word(desc->unit))
        why = "has a unit that is no name";
    if (!why && desc->idle_seconds > SHMETER_IDLE_MOST_SECONDS)
        why = "has more than 67108864 idle_seconds (two years)";
    return why;
}

/* What a record has of it. */
SHMETER_LOCAL uint64_t
shmeter_definition_idle(const struct shmeter_desc *desc)
{
    return desc->idle_seconds | (desc->evict ? SHMETER_IDLE_EVICT : 0);
}

/* Copies text, cut to most bytes with its zero at a whole UTF-8 character. Returns its bytes with the zero. */
SHMETER_LOCAL uint16_t
shmeter_definition_copy(char *out, const char *text, uint32_t most)
{
    uint32_t n = 0;
    text = text ? text : "";
    while (text[n] && n + 1 < most)
        n++;
    while (text[n] && n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    if (out) {
        memcpy(out, text, n);
        out[n] = 0;
    }
    return (uint16_t)(n + 1);
}

#define SHMETER_THOUSANDTHS(n) ((double)(n) / 1000) /* whatever -fsingle-precision-constant makes of .005 */

SHMETER_LOCAL int
shmeter_definition_buckets(const struct shmeter_desc *desc, struct shmeter_definition *out)
{
    static const double usual[] = { SHMETER_THOUSANDTHS(5),    SHMETER_THOUSANDTHS(10),   SHMETER_THOUSANDTHS(25),
                                    SHMETER_THOUSANDTHS(50),   SHMETER_THOUSANDTHS(100),  SHMETER_THOUSANDTHS(250),
                                    SHMETER_THOUSANDTHS(500),  SHMETER_THOUSANDTHS(1000), SHMETER_THOUSANDTHS(2500),
                                    SHMETER_THOUSANDTHS(5000), SHMETER_THOUSANDTHS(10000) };
    const double *from = desc->bounds ? desc->bounds : usual;
    double *bounds;
    uint32_t i;
    out->exponential = (uint32_t)shmeter_definition_exponential(desc);
    out->bounds_n = desc->bounds ? desc->bounds_len : (uint32_t)(sizeof usual / sizeof usual[0]);
    if (out->exponential) {
        struct shmeter_log_range range = shmeter_buckets_range(desc->schema, desc->min_value, desc->max_value);
        out->schema = range.schema;
        out->first_index = range.first_index;
        out->log_n = range.log_n;
        out->min_value = desc->min_value;
        out->max_value = desc->max_value;
        out->bounds_n = range.log_n + 1;
    }
    bounds = (double *)shmeter_heap_take(out->bounds_n * sizeof(double));
    if (!bounds)
        return -ENOMEM;
    for (i = 0; i < out->bounds_n; i++)
        bounds[i] = !out->exponential ? shmeter_f64_bits(from[i]) == SHMETER_F64_SIGN ? 0 : from[i] /* not -0 */
                    : i               ? shmeter_buckets_bound(out->schema, (int64_t)out->first_index + i - 1)
                                      : out->min_value;
    out->bounds = bounds;
    out->buckets_n = out->exponential ? out->bounds_n : out->bounds_n + 1;
    out->cell_bytes = (uint32_t)sizeof(struct shmeter_histogram_cell) + 8 * out->buckets_n;
    return 0;
}

/*
 * Copies a list of strings that a NULL ends, one behind the other; *n of them. Returns their bytes. out NULL: only
 * counts.
 */
SHMETER_LOCAL uint16_t
shmeter_definition_list(char *out, const char *const *list, uint32_t most, uint32_t *n)
{
    uint32_t bytes = 0;
    for (*n = 0; list && list[*n]; ++*n)
        bytes += shmeter_definition_copy(out ? out + bytes : NULL, list[*n], most);
    return (uint16_t)bytes;
}

/* Gives back the memory of a definition that nobody keeps. */
SHMETER_LOCAL void
shmeter_definition_drop(struct shmeter_definition *definition)
{
    shmeter_heap_give(SHMETER_POINTER(void *, SHMETER_ADDRESS(definition->bounds)),
                      definition->bounds ? definition->bounds_n * sizeof(double) : 0);
    shmeter_heap_give(SHMETER_POINTER(void *, SHMETER_ADDRESS(definition->strings)),
                      SHMETER_MAX_NAME_BYTES * 2 + SHMETER_MAX_HELP_BYTES + (uint64_t)definition->labels_bytes +
                          definition->states_bytes);
}

/* Copies a checked description into private memory. 0 or -ENOMEM. */
SHMETER_LOCAL int
shmeter_definition_make(const struct shmeter_desc *desc, struct shmeter_definition *out)
{
    uint64_t bytes = SHMETER_MAX_NAME_BYTES * 2 + SHMETER_MAX_HELP_BYTES, hash = 4;
    const char *const *states = desc->type == SHMETER_STATESET ? desc->states : NULL;
    uint32_t at, states_n;
    char *strings;
    memset(out, 0, sizeof *out);
    out->type = (uint32_t)desc->type;
    out->mode = desc->type == SHMETER_GAUGE      ? (uint32_t)desc->mode
                : desc->type == SHMETER_STATESET ? SHMETER_LATEST
                                                 : 0;
    out->schema = desc->by_pid && (out->mode == SHMETER_ALL || out->mode == SHMETER_LIVE_ALL);
    out->max_series = desc->max_series;
    out->idle = shmeter_definition_idle(desc);
    out->labels_bytes = shmeter_definition_list(NULL, desc->labels, SHMETER_MAX_NAME_BYTES, &out->labels_n);
    out->states_bytes = shmeter_definition_list(NULL, states, SHMETER_MAX_VALUE_BYTES, &states_n);
    out->states_n = (uint16_t)states_n;
    bytes += (uint64_t)out->labels_bytes + out->states_bytes;
    strings = (char *)shmeter_heap_take(bytes);
    if (!strings)
        return -ENOMEM;
    out->strings = strings;
    at = out->name_bytes = shmeter_definition_copy(strings, desc->name, SHMETER_MAX_NAME_BYTES);
    at += out->help_bytes = shmeter_definition_copy(strings + at, desc->help, SHMETER_MAX_HELP_BYTES);
    at += out->unit_bytes = shmeter_definition_copy(strings + at, desc->unit, SHMETER_MAX_NAME_BYTES);
    at += shmeter_definition_list(strings + at, desc->labels, SHMETER_MAX_NAME_BYTES, &out->labels_n);
    shmeter_definition_list(strings + at, states, SHMETER_MAX_VALUE_BYTES, &states_n);
    if (shmeter_type_counts(out->type))
        out->cell_bytes = 8;
    if (desc->type == SHMETER_HISTOGRAM && shmeter_definition_buckets(desc, out)) {
        shmeter_definition_drop(out);
        return -ENOMEM;
    }
    if (desc->type == SHMETER_SUMMARY) {
        out->buckets_n = 1;
        out->cell_bytes = (uint32_t)sizeof(struct shmeter_histogram_cell) + 8;
    }
    hash = shmeter_hash_word(hash, (uint64_t)out->type << 32 | out->mode);
    hash = shmeter_hash_word(hash, (uint64_t)out->exponential << 32 | (uint32_t)out->schema);
    hash = shmeter_hash_bytes(hash, strings, out->name_bytes);
    hash = shmeter_hash_bytes(hash, strings + out->name_bytes + out->help_bytes,
                              (size_t)out->unit_bytes + out->labels_bytes + out->states_bytes);
    out->hash = shmeter_hash_bytes(hash, out->bounds, out->bounds_n * sizeof(double));
    return 0;
}

#endif
