/*
 * Checks whether the private copy of a record is consistent, and makes a cleaned copy. A record that is not consistent
 * is damaged; no bytes in it make this code read out of bounds.
 *
 * A record's hash must be right too. The walk steps over the unfinished record of a dead worker unit by unit, and label
 * values in the middle of it, which strangers chose, must not pass for a record. To forge the hash they would have to
 * know the segment's nonce.
 */
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "read/snapshot/internal.h"
#include "shm/machine/hash.h"

#define FIRST_INDEX_MAX (1100 << 8) /* 2^1100 at the finest schema: beyond all doubles */

/*
 * Returns the string of so many bytes (ending zero included) at *at, and moves *at behind it. NULL: the string does not
 * end there.
 */
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
cleaned(struct snapshot *snapshot, const char *string)
{
    char out[TEXT_CLEAN_BYTES(SNAPSHOT_RECORD_BYTES)];
    size_t len = text_clean(out, string, strlen(string), TEXT_LINES);

    return arena_bytes(&snapshot->arena, out, len + 1);
}

/*
 * A copy of a label value or state, unchanged. Bytes that are not UTF-8 can only be there by damage; they are repaired,
 * and *repaired becomes 1.
 */
static char *
identity(struct snapshot *snapshot, const char *string, int *repaired)
{
    char out[TEXT_CLEAN_BYTES(SNAPSHOT_RECORD_BYTES)];
    size_t len = strlen(string);

    if (text_utf8_valid(string, len))
        return arena_bytes(&snapshot->arena, string, len + 1);
    *repaired = 1;
    len = text_repair(out, string, len);
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
by_text(const void *a, const void *b)
{
    const char *left, *right;

    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return strcmp(left, right);
}

/* Whether two states have the same name, which would make two series with the same labels. */
static int
twice(const char *const *states, uint32_t n)
{
    const char *sorted[SHMETER_MAX_STATES];
    uint32_t i;

    memcpy(sorted, states, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_text);
    for (i = 1; i < n; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            return 1;
    return 0;
}

static int
check_states(struct snapshot *snapshot, const unsigned char *at, const unsigned char *end, struct snapshot_family *out)
{
    const char **states = arena_take(&snapshot->arena, out->states_n * sizeof *states);
    uint32_t i;
    int repaired;

    if (!states)
        return -ENOMEM;
    for (i = 0; i < out->states_n; i++) {
        const char *name = string_at(&at, end, at < end ? strnlen((const char *)at, (size_t)(end - at)) + 1 : 0);
        if (!name || !*name)
            return -EINVAL;
        states[i] = identity(snapshot, name, &repaired);
        if (!states[i])
            return -ENOMEM;
    }
    out->states = states;
    return at == end && !twice(states, out->states_n) ? 0 : -EINVAL;
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
                         : 8 * (uint32_t)shmeter_type_counts(family->type);

    /* producers may round up to 64 bytes, but not more */
    return family->cell_bytes >= least && family->cell_bytes < least + 64 && family->cell_bytes % 8 == 0;
}

static int
unit_valid(const char *unit)
{
    return !*unit || text_metric_legacy(unit);
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
    out->line_bytes = (uint32_t)(SNAPSHOT_LINE_BYTES + record->name_bytes + record->labels_bytes + 4u * out->labels_n);
    out->name = arena_string(&snapshot->arena, name);
    out->unit_text = arena_string(&snapshot->arena, unit_valid(unit) ? unit : "");
    out->help = copy = cleaned(snapshot, help);
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

/* ---- whether it is a record at all ---- */

/*
 * Only the hash shows that these bytes are a record: its maker has to know the segment's nonce, whatever the other
 * fields say.
 */
static int
family_hash_right(const struct snapshot *snapshot, const unsigned char *bytes, uint32_t bytes_n)
{
    struct shmeter_family_record record;
    uint64_t at;

    if (bytes_n < sizeof record)
        return 0;
    memcpy(&record, bytes, sizeof record);
    at = sizeof record + (uint64_t)record.bounds_n * sizeof(double);
    return record.bounds_n <= SHMETER_MAX_BOUNDS && record.name_bytes && at + record.name_bytes <= bytes_n &&
           record.hash == shmeter_hash_bytes(snapshot->nonce[0] ^ record.definition, bytes + at, record.name_bytes);
}

static int
series_hash_right(const struct snapshot *snapshot, const struct snapshot_family *family, const unsigned char *bytes,
                  uint32_t bytes_n)
{
    struct shmeter_series_record record;
    (void)snapshot;

    memcpy(&record, bytes, sizeof record);
    return record.values_bytes <= bytes_n - sizeof record &&
           record.hash == shmeter_hash_bytes(family->series_key, bytes + sizeof record, record.values_bytes);
}

int
snapshot_check_hash(const struct snapshot *snapshot, const unsigned char *bytes, uint32_t bytes_n, uint32_t kind)
{
    const struct snapshot_family *family;
    uint32_t unit;

    if (kind == SHMETER_KIND_FAMILY)
        return family_hash_right(snapshot, bytes, bytes_n);
    memcpy(&unit, bytes + offsetof(struct shmeter_series_record, family), sizeof unit);
    family = snapshot_family_at(snapshot, unit);
    return family && series_hash_right(snapshot, family, bytes, bytes_n);
}

int
snapshot_check_family(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                      struct snapshot_family *out)
{
    struct shmeter_family_record record;
    int result;

    memset(out, 0, sizeof *out);
    if (!family_hash_right(snapshot, bytes, bytes_n))
        return -EBADMSG;
    memcpy(&record, bytes, sizeof record);
    out->unknown = record.type >= SHMETER_TYPES;
    if (!out->unknown && (record.mode >= SHMETER_MODES || record.labels_n > SHMETER_MAX_LABELS))
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
    out->series_key = shmeter_hash_word(record.hash, snapshot->nonce[1]);
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
             struct snapshot_series *out, int *repaired)
{
    const char **values = arena_take(&snapshot->arena, values_n * sizeof *values);
    uint32_t i;

    if (!values)
        return -ENOMEM;
    for (i = 0; i < values_n; i++) {
        const char *value = string_at(&at, end, at < end ? strnlen((const char *)at, (size_t)(end - at)) + 1 : 0);
        if (!value)
            return -EINVAL;
        values[i] = identity(snapshot, value, repaired);
        if (!values[i])
            return -ENOMEM;
    }
    out->values = values;
    return at == end ? 0 : -EINVAL;
}

int
snapshot_check_values(const unsigned char *bytes, uint32_t bytes_n, uint32_t values_n, void *room)
{
    const char **values = room;
    char *text = (char *)(values + SHMETER_MAX_LABELS);
    const unsigned char *at, *end;
    uint32_t i;

    memcpy(text, bytes, bytes_n);
    at = (const unsigned char *)text;
    end = at + bytes_n;
    for (i = 0; i < values_n; i++) {
        values[i] = string_at(&at, end, at < end ? strnlen((const char *)at, (size_t)(end - at)) + 1 : 0);
        if (!values[i] || !text_utf8_valid(values[i], strlen(values[i])))
            return -EINVAL;
    }
    return at == end ? 0 : -EINVAL;
}

/* ---- cells ---- */

/* The mask of 64 words of a lane, or gauge cells. NULL: no memory. */
static struct snapshot_mask *
mask_of(struct snapshot *snapshot, uint64_t chunk)
{
    const uint32_t hash = snapshot_hash(snapshot, chunk);
    struct hash_table_entry *entry;
    uint32_t at = 0;

    while ((entry = hash_table_next(&snapshot->taken, hash, &at)))
        if (snapshot->masks[entry->number - 1].chunk == chunk)
            return &snapshot->masks[entry->number - 1];
    if (hash_table_room(&snapshot->taken, 1) || array_room(&snapshot->masks, &snapshot->masks_capacity,
                                                           (uint64_t)snapshot->masks_n + 1, sizeof *snapshot->masks))
        return NULL;
    snapshot->masks[snapshot->masks_n++] = (struct snapshot_mask){ chunk, 0 };
    hash_table_add(&snapshot->taken, hash, snapshot->masks_n);
    return &snapshot->masks[snapshot->masks_n - 1];
}

/*
 * Checks whether words of a lane, or gauge cells, are free (take 0), or marks them as taken (take 1). No two series may
 * have the same cell; that also bounds the work of a take.
 */
static int
take_bits(struct snapshot *snapshot, uint64_t from, uint64_t n, int take)
{
    const uint64_t end = from + n;

    while (from < end) {
        struct snapshot_mask *mask = mask_of(snapshot, from / 64);
        const uint64_t here = snapshot_min(64 - from % 64, end - from);
        const uint64_t bits = (here == 64 ? UINT64_MAX : (UINT64_C(1) << here) - 1) << from % 64;
        if (!mask)
            return -ENOMEM;
        if (!take && mask->bits & bits)
            return -EINVAL;
        if (take)
            mask->bits |= bits;
        from += here;
    }
    return 0;
}

#define GAUGES_FROM (UINT64_C(1) << 40) /* gauge cells are numbered from here on, behind all words of a lane */

/*
 * Checks that the cell is in bounds. -EAGAIN: the backed mark that this take has loaded does not cover it. Sets *word
 * or out->place.
 */
static int
check_cell(const struct snapshot *snapshot, const struct snapshot_family *family, uint64_t cell,
           struct snapshot_series *out, uint32_t *word)
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
    *word = (uint32_t)(cell / 8);
    return cell + family->cell_bytes <= snapshot->cells_backed ? 0 : -EAGAIN;
}

static int
take_cell(struct snapshot *snapshot, const struct snapshot_family *family, const struct snapshot_series *series,
          uint32_t word, int take)
{
    if (family->type == SHMETER_INFO)
        return 0;
    return shmeter_type_gauge(family->type) ? take_bits(snapshot, GAUGES_FROM + series->place, 1, take)
                                            : take_bits(snapshot, word, family->cell_bytes / 8, take);
}

int
snapshot_check_series(struct snapshot *snapshot, uint32_t unit, const unsigned char *bytes, uint32_t bytes_n,
                      struct snapshot_series *out, uint32_t *word, int *repaired)
{
    const struct snapshot_family *family = &snapshot->families[out->family];
    struct shmeter_series_record record;
    int result;

    if (!series_hash_right(snapshot, family, bytes, bytes_n))
        return -EBADMSG;
    memcpy(&record, bytes, sizeof record);
    if (family->unknown)
        return 0;
    if (record.values_n != family->labels_n)
        return -EINVAL;
    out->unit = unit;
    out->created_ns = SHMETER_NOTED_NS(record.created_real_ns);
    result = check_cell(snapshot, family, record.cell, out, word);
    if (!result)
        result = take_cell(snapshot, family, out, *word, 0);
    if (!result && !snapshot_fits(snapshot, snapshot_cost(family, record.values_bytes)))
        return -EDQUOT;
    if (!result)
        result = check_values(snapshot, bytes + sizeof record, bytes + sizeof record + record.values_bytes,
                              record.values_n, out, repaired);
    return result ? result : take_cell(snapshot, family, out, *word, 1);
}
