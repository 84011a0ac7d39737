/*
 * Whether the private copy of a record fits together, and a cleaned copy of it. A record that does not is damaged; nothing in
 * here can be led out of bounds by it.
 *
 * A record's hash must be right too: the walk steps over the unfinished record of a dead worker unit by unit, and label values
 * that strangers chose, in its middle, must not pass for a record. They would have to know the segment's nonce.
 */
#include <math.h>

#include "expo/snapshot_parts.h"
#include "expo/text.h"
#include "shm/hash.h"

#define FIRST_INDEX_MAX (1100 << 8) /* 2^1100 at the finest schema: beyond all doubles                   */

/* One string of bytes (ending zero included) at *at, which it moves behind it. NULL: it does not end there. */
static const char *
string_at(const unsigned char **at, const unsigned char *end, size_t bytes)
{
    const char *string = (const char *)*at;

    if (!bytes || bytes > (size_t)(end - *at) || strnlen(string, bytes) != bytes - 1)
        return NULL;
    *at += bytes;
    return string;
}

static char *
cleaned(struct snapshot *snapshot, const char *string, enum text_lines lines)
{
    char out[TEXT_CLEAN_BYTES(SNAPSHOT_RECORD_BYTES)];
    size_t len = text_clean(out, string, strlen(string), lines);

    return arena_bytes(&snapshot->arena, out, len + 1);
}

static int
check_labels(struct snapshot *snapshot, const unsigned char *at, const unsigned char *end, struct snapshot_family *out)
{
    const char **labels = arena_take(&snapshot->arena, out->labels_n * sizeof *labels);
    uint32_t i, k;

    if (!labels)
        return -ENOMEM;
    for (i = 0; i < out->labels_n; i++) {
        const char *name = string_at(&at, end, at < end ? strnlen((const char *)at, (size_t)(end - at)) + 1 : 0);
        if (!name || !text_label_valid(name))
            return -EINVAL;
        if ((out->type == SHMETER_HISTOGRAM && !strcmp(name, "le")) ||
            (out->type == SHMETER_STATESET && !strcmp(name, out->name)))
            return -EINVAL;
        for (k = 0; k < i; k++)
            if (!strcmp(labels[k], name))
                return -EINVAL;
        labels[i] = arena_string(&snapshot->arena, name);
        if (!labels[i])
            return -ENOMEM;
    }
    out->labels = labels;
    return at == end ? 0 : -EINVAL;
}

static int
check_states(struct snapshot *snapshot, const unsigned char *at, const unsigned char *end, struct snapshot_family *out)
{
    const char **states = arena_take(&snapshot->arena, out->states_n * sizeof *states);
    uint32_t i;

    if (!states)
        return -ENOMEM;
    for (i = 0; i < out->states_n; i++) {
        const char *name = string_at(&at, end, at < end ? strnlen((const char *)at, (size_t)(end - at)) + 1 : 0);
        if (!name || !*name)
            return -EINVAL;
        states[i] = cleaned(snapshot, name, TEXT_LINES);
        if (!states[i])
            return -ENOMEM;
    }
    out->states = states;
    return at == end ? 0 : -EINVAL;
}

static int
check_bounds(struct snapshot *snapshot, const unsigned char *at, struct snapshot_family *out)
{
    double *bounds;
    uint32_t i;

    if (out->type == SHMETER_SUMMARY)
        return out->bounds_n || out->buckets_n != 1 ? -EINVAL : 0;
    if (out->type != SHMETER_HISTOGRAM)
        return out->bounds_n || out->buckets_n ? -EINVAL : 0;
    if (!out->bounds_n || out->buckets_n != out->bounds_n + !out->exponential || out->exponential > 1)
        return -EINVAL;
    if (out->exponential && (out->log_n + 1 != out->bounds_n || out->log_n > SHMETER_MAX_LOG_BUCKETS ||
                             out->schema < -4 || out->schema > 8 || out->first_index < -FIRST_INDEX_MAX ||
                             out->first_index > FIRST_INDEX_MAX || !(out->zero_threshold > 0)))
        return -EINVAL;
    bounds = arena_take(&snapshot->arena, out->bounds_n * sizeof *bounds);
    if (!bounds)
        return -ENOMEM;
    memcpy(bounds, at, out->bounds_n * sizeof *bounds);
    for (i = 0; i < out->bounds_n; i++)
        if (!isfinite(bounds[i]) || (i && bounds[i] <= bounds[i - 1]))
            return -EINVAL;
    if (out->exponential && bounds[0] != out->zero_threshold)
        return -EINVAL;
    out->bounds = bounds;
    return 0;
}

static int
check_cell_bytes(const struct snapshot_family *family)
{
    uint32_t least = shmeter_type_histogram(family->type)
                         ? (uint32_t)sizeof(struct shmeter_histogram_cell) + 8 * family->buckets_n
                     : family->type <= SHMETER_COUNTER_F64 ? 8
                                                           : 0;

    /* rounding up is the producers' affair, but a cell is not something else */
    return family->cell_bytes >= least && family->cell_bytes < least + 64 && family->cell_bytes % 8 == 0;
}

static int
unit_valid(const char *unit)
{
    return !*unit || text_metric_valid(unit);
}

static int
check_strings(struct snapshot *snapshot, const struct shmeter_family_record *record, const unsigned char *at,
              const unsigned char *end, struct snapshot_family *out)
{
    const char *name = string_at(&at, end, record->name_bytes);
    const char *help = name ? string_at(&at, end, record->help_bytes) : NULL;
    const char *unit = help ? string_at(&at, end, record->unit_bytes) : NULL;
    char *copy;
    int result;

    if (!unit || record->name_bytes > SHMETER_MAX_NAME_BYTES + 1 || !text_metric_valid(name) ||
        text_metric_reserved(name) || record->labels_bytes > end - at ||
        (out->states_n && record->states_bytes > end - at - record->labels_bytes))
        return -EINVAL;
    if (record->hash != shmeter_hash_bytes(snapshot->key[0] ^ record->definition, name, record->name_bytes))
        return -EINVAL;
    out->name = arena_string(&snapshot->arena, name);
    out->unit_text = arena_string(&snapshot->arena, unit_valid(unit) ? unit : "");
    out->help = copy = cleaned(snapshot, help, TEXT_LINES);
    if (!out->name || !out->unit_text || !copy)
        return -ENOMEM;
    for (; *copy; copy++)
        if (*copy == '\r')
            *copy = ' ';
    result = out->unknown ? 0 : check_labels(snapshot, at, at + record->labels_bytes, out);
    if (result || !out->states_n)
        return result;
    at += record->labels_bytes;
    return check_states(snapshot, at, at + record->states_bytes, out);
}

int
snapshot_check_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                      struct snapshot_family *out)
{
    struct shmeter_family_record record;
    int result;

    memset(out, 0, sizeof *out);
    if (bytes_n < sizeof record)
        return -EINVAL;
    memcpy(&record, bytes, sizeof record);
    out->unknown = record.type >= SHMETER_TYPES;
    if ((!out->unknown && (record.mode >= SHMETER_MODES || record.labels_n > SHMETER_MAX_LABELS)) ||
        record.bounds_n > SHMETER_MAX_BOUNDS || record.bounds_n * sizeof(double) > bytes_n - sizeof record)
        return -EINVAL;
    out->unit = unit;
    out->type = record.type;
    out->mode = record.mode;
    out->labels_n = out->unknown ? 0 : record.labels_n;
    out->bounds_n = record.bounds_n;
    out->buckets_n = record.buckets_n;
    out->cell_bytes = record.cell_bytes;
    if (record.type == SHMETER_STATESET) {
        out->states_n = record.states_n;
        if (!out->states_n || out->states_n > SHMETER_MAX_STATES || record.mode != SHMETER_LATEST)
            return -EINVAL;
    }
    out->series_key = shmeter_hash_word(record.hash, snapshot->key[1]);
    out->created_ns = record.created_real_ns;
    out->by_pid = record.type == SHMETER_GAUGE && record.schema == 1;
    if (record.type == SHMETER_HISTOGRAM && record.exponential) {
        out->exponential = record.exponential;
        out->schema = record.schema;
        out->first_index = record.first_index;
        out->log_n = record.log_n;
        out->zero_threshold = record.min_value;
    }
    result = out->unknown ? 0 : check_bounds(snapshot, bytes + sizeof record, out);
    if (!result && !out->unknown && !check_cell_bytes(out))
        result = -EINVAL;
    if (!result)
        result = check_strings(snapshot, &record, bytes + sizeof record + record.bounds_n * sizeof(double),
                               bytes + bytes_n, out);
    return result;
}

static int
check_values(struct snapshot *snapshot, const unsigned char *at, const unsigned char *end, uint32_t values_n,
             struct snapshot_series *out)
{
    const char **values = arena_take(&snapshot->arena, values_n * sizeof *values);
    uint32_t i;

    if (!values)
        return -ENOMEM;
    for (i = 0; i < values_n; i++) {
        const char *value = string_at(&at, end, at < end ? strnlen((const char *)at, (size_t)(end - at)) + 1 : 0);
        if (!value)
            return -EINVAL;
        values[i] = cleaned(snapshot, value, TEXT_LINES);
        if (!values[i])
            return -ENOMEM;
    }
    out->values = values;
    return at == end ? 0 : -EINVAL;
}

/* Takes words of a lane, or gauge cells, for one series: none has two, which also bounds the work. */
static int
take_bits(uint64_t *taken, uint64_t from, uint64_t n)
{
    uint64_t i;

    for (i = from; i < from + n; i++)
        if (taken[i / 64] >> (i % 64) & 1)
            return -EINVAL;
    for (i = from; i < from + n; i++)
        taken[i / 64] |= UINT64_C(1) << (i % 64);
    return 0;
}

/* Whether the cell is in bounds. -EAGAIN: it has no memory yet as far as this take knows. Sets out->place. */
static int
check_cell(const struct snapshot *snapshot, const struct snapshot_family *family, uint64_t cell,
           struct snapshot_series *out)
{
    const struct shmeter_header *header = &snapshot->reader->header;
    uint64_t lane_bytes = UINT64_C(1) << header->lane_shift;

    if (family->type == SHMETER_INFO)
        return 0;
    if (shmeter_type_gauge(family->type)) {
        out->place = (uint32_t)cell;
        return cell < header->gauges_n ? 0 : -EINVAL;
    }
    if (cell % 8 || cell < SHMETER_FIRST_CELL_OFF || cell > lane_bytes || family->cell_bytes > lane_bytes - cell)
        return -EINVAL;
    out->place = (uint32_t)(cell / 8);
    return cell + family->cell_bytes <= snapshot->cells_backed ? 0 : -EAGAIN;
}

static int
take_cell(struct snapshot *snapshot, const struct snapshot_family *family, const struct snapshot_series *series)
{
    if (family->type == SHMETER_INFO)
        return 0;
    return shmeter_type_gauge(family->type) ? take_bits(snapshot->gauges_taken, series->place, 1)
                                            : take_bits(snapshot->words_taken, series->place, family->cell_bytes / 8);
}

int
snapshot_check_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                      struct snapshot_series *out)
{
    const struct snapshot_family *family = &snapshot->families[out->family];
    struct shmeter_series_record record;
    int result;

    memcpy(&record, bytes, sizeof record);
    if (record.values_n != family->labels_n || record.values_bytes > bytes_n - sizeof record ||
        record.hash != shmeter_hash_bytes(family->series_key, bytes + sizeof record, record.values_bytes))
        return -EINVAL;
    out->unit = unit;
    out->created_ns = record.created_real_ns;
    out->target = SNAPSHOT_NONE;
    result = check_cell(snapshot, family, record.cell, out);
    if (!result)
        result = check_values(snapshot, bytes + sizeof record, bytes + sizeof record + record.values_bytes,
                              record.values_n, out);
    return result ? result : take_cell(snapshot, family, out);
}
