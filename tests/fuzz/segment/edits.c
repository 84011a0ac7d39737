#include "tests/fuzz/segment/edits.h"

#include <stdlib.h>
#include <string.h>

#include "shm/header.h"

struct field {
    uint16_t off, bytes;
};
#define FIELD(type, name)                                             \
    {                                                                 \
        offsetof(struct type, name), sizeof(((struct type *)0)->name) \
    }
#define H(name) FIELD(shmeter_header, name)
#define F(name) FIELD(shmeter_family_record, name)
#define S(name) FIELD(shmeter_series_record, name)

static const struct field header_fields[] = {
    H(magic),
    H(abi_major),
    H(abi_minor),
    H(header_bytes),
    H(features),
    H(segment_bytes),
    H(created_real_ns),
    H(created_mono_ns),
    H(created_ticks),
    H(ticks_kind),
    H(created_timens),
    H(state_off),
    H(index_off),
    H(index_entries),
    H(records_off),
    H(records_bytes),
    H(slot_words_off),
    H(slot_blocks_off),
    H(slot_block_bytes),
    H(common_off),
    H(cpu_lanes_off),
    H(shared_lanes_off),
    H(cpu_lanes_n),
    H(shared_lanes_n),
    H(lane_shift),
    H(max_series),
    H(max_family_series),
    H(slots_n),
    H(gauges_n),
    H(ring_bytes),
    H(gauges_off),
    H(ring_off),
    H(sum),
    { offsetof(struct shmeter_header, nonce), 8 },
    { offsetof(struct shmeter_header, boot_id), 8 },
};
static const struct field family_fields[] = {
    F(bytes),      F(kind),       F(state),      F(series_n),     F(created_real_ns), F(hash),
    F(definition), F(type),       F(mode),       F(schema),       F(exponential),     F(min_value),
    F(max_value),  F(buckets_n),  F(bounds_n),   F(cell_bytes),   F(max_series),      F(labels_n),
    F(name_bytes), F(help_bytes), F(unit_bytes), F(labels_bytes), F(first_index),     F(log_n),
};
static const struct field series_fields[] = {
    S(bytes), S(kind), S(state), S(family), S(values_n), S(cell), S(created_real_ns), S(hash), S(values_bytes),
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- beginning ---- */

static void
find_records(struct edits *edits)
{
    const struct image *image = &edits->image;
    uint32_t unit = 1;

    while (unit < image->next_unit && edits->records_n < EDITS_RECORDS) {
        const struct shmeter_series_record *series = image_series_at(&edits->image, unit);
        const struct shmeter_family_record *family = image_family_at(
            &edits->image, series->kind == SHMETER_KIND_FAMILY ? unit : series->family);
        struct edits_record *record = &edits->records[edits->records_n];
        record->unit = unit;
        record->kind = series->kind;
        record->bytes = series->bytes;
        record->family = series->kind == SHMETER_KIND_FAMILY ? unit : series->family;
        if (series->kind == SHMETER_KIND_SERIES && family->cell_bytes) {
            record->cell = series->cell;
            record->cell_bytes = family->cell_bytes;
            edits->cells[edits->cells_n++] = edits->records_n;
        }
        edits->records_n++;
        unit += series->bytes / SHMETER_UNIT_BYTES;
    }
}

void
edits_begin(struct edits *edits, struct image *image)
{
    memset(edits, 0, sizeof *edits);
    edits->image = *image;
    edits->image.base = aligned_alloc(SHMETER_PAGE, image->bytes);
    edits->pristine = malloc(image->bytes);
    if (!edits->image.base || !edits->pristine)
        abort();
    memcpy(edits->image.base, image->base, image->bytes);
    memcpy(edits->pristine, image->base, image->bytes);
    edits->image.header = (struct shmeter_header *)(void *)edits->image.base;
    edits->image.state = (struct shmeter_state *)(void *)(edits->image.base + image->header->state_off);
    image_free(image);
    find_records(edits);
}

uint32_t
edits_read(struct edit out[EDITS_MOST], struct edit_head *head, const uint8_t *data, size_t bytes)
{
    size_t n;

    memset(head, 0, sizeof *head);
    if (bytes < sizeof *head)
        return 0;
    memcpy(head, data, sizeof *head);
    n = (bytes - sizeof *head) / sizeof *out;
    if (n > EDITS_MOST)
        n = EDITS_MOST;
    memcpy(out, data + sizeof *head, n * sizeof *out);
    return (uint32_t)n;
}

/* ---- where ---- */

static const struct shmeter_header *
pristine_header(const struct edits *edits)
{
    return (const struct shmeter_header *)(const void *)edits->pristine;
}

static const struct edits_record *
record_of(const struct edits *edits, uint32_t number)
{
    return &edits->records[number % edits->records_n];
}

static uint64_t
unit_off(const struct edits *edits, uint64_t unit)
{
    return pristine_header(edits)->records_off + unit * SHMETER_UNIT_BYTES;
}

static uint64_t
record_place(const struct edits *edits, const struct edit *edit, uint32_t *width)
{
    const struct edits_record *record = record_of(edits, edit->number);
    int family = record->kind == SHMETER_KIND_FAMILY;
    const struct field *field = family ? &family_fields[edit->field % COUNT(family_fields)]
                                       : &series_fields[edit->field % COUNT(series_fields)];

    *width = field->bytes;
    return unit_off(edits, record->unit) + field->off;
}

static uint64_t
string_place(const struct edits *edits, const struct edit *edit, uint32_t *width)
{
    const struct edits_record *record = record_of(edits, edit->number);
    uint64_t fields = record->kind == SHMETER_KIND_FAMILY ? sizeof(struct shmeter_family_record)
                                                          : sizeof(struct shmeter_series_record);

    *width = 1u << edit->lane % 4;
    return unit_off(edits, record->unit) + fields + edit->field % (record->bytes - fields);
}

static uint64_t
cell_place(const struct edits *edits, const struct edit *edit)
{
    const struct shmeter_header *header = pristine_header(edits);
    const struct edits_record *record = &edits->records[edits->cells[edit->number % edits->cells_n]];
    uint32_t lane = edit->lane % (header->cpu_lanes_n + header->shared_lanes_n);
    uint64_t words = record->cell_bytes / 8;

    if (lane < header->cpu_lanes_n)
        return header->cpu_lanes_off + ((uint64_t)lane << header->lane_shift) + record->cell + edit->field % words * 8;
    return header->shared_lanes_off + ((uint64_t)(lane - header->cpu_lanes_n) << (header->lane_shift + 1)) +
           2 * record->cell + edit->field % (2 * words) * 8;
}

static uint64_t
gauge_place(const struct edits *edits, const struct edit *edit)
{
    const struct shmeter_header *header = pristine_header(edits);
    uint32_t slot = edit->lane % (header->slots_n + 1);
    uint64_t cell = (edit->number % (edits->image.next_gauge + 1) % header->gauges_n) * 16 + edit->field % 2 * 8;

    return slot == header->slots_n
               ? header->common_off + cell
               : header->slot_blocks_off + slot * header->slot_block_bytes + header->gauges_off + cell;
}

uint64_t
edits_place(const struct edits *edits, const struct edit *edit, uint32_t *width)
{
    const struct shmeter_header *header = pristine_header(edits);
    const struct field *field;

    *width = 8;
    switch (edit->object % EDIT_OBJECTS) {
    case EDIT_HEADER:
        field = &header_fields[edit->field % COUNT(header_fields)];
        *width = field->bytes;
        return field->off;
    case EDIT_STATE:
        return header->state_off +
               edit->field % (sizeof(struct shmeter_state) / sizeof(struct shmeter_line)) * sizeof(struct shmeter_line);
    case EDIT_SLOT_WORD:
        return header->slot_words_off + edit->number % header->slots_n * sizeof(struct shmeter_slot_word) +
               edit->field % 8 * 8;
    case EDIT_SLOT_BLOCK:
        return header->slot_blocks_off + edit->number % header->slots_n * header->slot_block_bytes +
               edit->field % (sizeof(struct shmeter_slot_block) / 8) * 8;
    case EDIT_GAUGE:
        return gauge_place(edits, edit);
    case EDIT_RECORD:
        return record_place(edits, edit, width);
    case EDIT_STRING:
        return string_place(edits, edit, width);
    case EDIT_UNIT:
        return unit_off(edits, edit->number % (edits->image.next_unit + 8)) + edit->field % 8 * 8;
    case EDIT_CELL:
        return cell_place(edits, edit);
    default:
        return ((uint64_t)edit->number << 16 | edit->field) % (edits->image.bytes / 8) * 8;
    }
}

/* ---- what ---- */

static const uint64_t extremes[] = {
    0,
    1,
    2,
    7,
    8,
    63,
    64,
    255,
    256,
    0x7fff,
    0x8000,
    0xffff,
    0x10000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    UINT64_C(0x100000000),
    UINT64_C(0x7fffffffffffffff),
    UINT64_C(0x8000000000000000),
    UINT64_C(0xfffffffffffffff8),
    UINT64_MAX,
    UINT64_C(0x7ff0000000000000),
    UINT64_C(0xfff0000000000000),
    UINT64_C(0x7ff8000000000000),
    UINT64_C(0x7fefffffffffffff),
    UINT64_C(0x3ff0000000000000),
    UINT64_C(0xbff0000000000000),
    SHMETER_UNSET_BITS,
};

/* Quantities of the segment as it was made. */
static uint64_t
limit(const struct edits *edits, uint64_t which)
{
    const struct shmeter_header *header = pristine_header(edits);
    const struct edits_record *record = record_of(edits, (uint32_t)(which >> 8 & 0xffff));
    const uint64_t limits[] = {
        header->segment_bytes,
        header->records_bytes,
        UINT64_C(1) << header->lane_shift,
        header->slot_block_bytes,
        header->ring_off,
        header->gauges_off,
        header->gauges_n,
        header->slots_n,
        edits->image.next_unit,
        edits->image.next_unit * SHMETER_UNIT_BYTES,
        edits->image.next_cell,
        edits->image.next_gauge,
        record->unit,
        record->family,
        record->cell,
        record->bytes,
        record->cell + record->cell_bytes,
        record->unit * UINT64_C(64),
        16384 /* SNAPSHOT_RECORD_BYTES */,
        SHMETER_MAX_BOUNDS,
    };
    return limits[which % 256 % COUNT(limits)];
}

uint64_t
edits_value(const struct edits *edits, const struct edit *edit, uint64_t value, uint32_t width)
{
    struct edit other = *edit;
    uint32_t other_width;

    switch (edit->op % EDIT_OPS) {
    case EDIT_ADD:
        return value + (uint64_t)(int64_t)(int16_t)edit->value;
    case EDIT_FLIP:
        return value ^ UINT64_C(1) << edit->value % (8 * width);
    case EDIT_EXTREME:
        return extremes[edit->value % COUNT(extremes)];
    case EDIT_LIMIT:
        return limit(edits, edit->value) + (uint64_t)(int64_t)(int8_t)(edit->value >> 24);
    case EDIT_FIELD:
    case EDIT_OBJECT:
        other.number = (uint16_t)edit->value;
        value = 0;
        memcpy(&value, edits->pristine + edits_place(edits, &other, &other_width), width);
        return value;
    default:
        return edit->value;
    }
}

/* ---- doing and undoing ---- */

void
edits_write(struct edits *edits, uint64_t off, const void *from, uint64_t bytes)
{
    if (edits->journal_n == EDITS_JOURNAL || off > edits->image.bytes || bytes > edits->image.bytes - off)
        return;
    edits->journal[edits->journal_n].off = off;
    edits->journal[edits->journal_n++].bytes = bytes;
    memmove(edits->image.base + off, from, bytes);
}

void
edits_undo(struct edits *edits)
{
    while (edits->journal_n) {
        uint64_t off = edits->journal[--edits->journal_n].off;
        memcpy(edits->image.base + off, edits->pristine + off, edits->journal[edits->journal_n].bytes);
    }
}

/* The extent of an edit's object. Bytes 0: it has none that could be copied. */
static uint64_t
extent(const struct edits *edits, const struct edit *edit, uint64_t *bytes)
{
    const struct edits_record *record = record_of(edits, edit->number);
    struct edit first = *edit;
    uint32_t width;

    first.field = 0;
    switch (edit->object % EDIT_OBJECTS) {
    case EDIT_SLOT_WORD:
        *bytes = sizeof(struct shmeter_slot_word);
        return edits_place(edits, &first, &width);
    case EDIT_GAUGE:
        *bytes = sizeof(struct shmeter_gauge_cell);
        return edits_place(edits, &first, &width);
    case EDIT_RECORD:
    case EDIT_STRING:
        *bytes = record->bytes;
        return unit_off(edits, record->unit);
    case EDIT_UNIT:
        *bytes = SHMETER_UNIT_BYTES;
        return edits_place(edits, &first, &width);
    case EDIT_CELL:
        *bytes = edits->records[edits->cells[edit->number % edits->cells_n]].cell_bytes;
        return edits_place(edits, &first, &width);
    default:
        *bytes = 0;
        return 0;
    }
}

/* Another object over this one, of which more than its own bytes may be written. */
static void
copy_object(struct edits *edits, const struct edit *edit)
{
    struct edit other = *edit;
    uint64_t to_bytes, bytes, to = extent(edits, edit, &to_bytes), from;

    other.number = (uint16_t)edit->value;
    from = extent(edits, &other, &bytes);
    if (bytes > 1024)
        bytes = 1024;
    edits_write(edits, to, edits->pristine + from, bytes);
}

/* Makes a record's hash fit its bytes, where its sizes allow that. */
static void
rehash(struct edits *edits, const struct edits_record *at)
{
    uint64_t off = unit_off(edits, at->unit), left = edits->image.bytes - off - sizeof(struct shmeter_family_record);
    const void *record = edits->image.base + off; /* the header may be damaged, and lead elsewhere */
    const struct shmeter_family_record *family = record;
    const struct shmeter_series_record *series = record;
    const uint64_t *nonce = edits->image.header->nonce;
    uint64_t hash, units = pristine_header(edits)->records_bytes / SHMETER_UNIT_BYTES;

    if (family->kind == SHMETER_KIND_FAMILY) {
        if (family->bounds_n > SHMETER_MAX_BOUNDS || 8 * (uint64_t)family->bounds_n + family->name_bytes > left)
            return;
        hash = shmeter_hash_bytes(nonce[0] ^ family->definition, (const char *)(family + 1) + 8 * family->bounds_n,
                                  family->name_bytes);
        edits_write(edits, off + offsetof(struct shmeter_family_record, hash), &hash, sizeof hash);
    } else {
        if (series->values_bytes > 4096 || series->values_bytes > left || series->family >= units)
            return;
        memcpy(&hash,
               edits->image.base + unit_off(edits, series->family) + offsetof(struct shmeter_family_record, hash),
               sizeof hash);
        hash = shmeter_hash_bytes(shmeter_hash_word(hash, nonce[1]), series + 1, series->values_bytes);
        edits_write(edits, off + offsetof(struct shmeter_series_record, hash), &hash, sizeof hash);
    }
}

static void
rehash_series(struct edits *edits, const struct edits_record *family)
{
    uint32_t i;

    for (i = 0; i < edits->records_n; i++)
        if (edits->records[i].kind == SHMETER_KIND_SERIES && edits->records[i].family == family->unit)
            rehash(edits, &edits->records[i]);
}

static void
seal(struct edits *edits, uint32_t place)
{
    struct shmeter_header header;

    memcpy(&header, edits->image.base, sizeof header);
    /* sizes that the check refuses anyhow might make the sums overflow, or shift by too much */
    if (place && shmeter_header_sizes_fit(&header))
        shmeter_header_place(&header);
    header.sum = shmeter_header_sum(&header);
    edits_write(edits, 0, &header, sizeof header);
}

static void
apply(struct edits *edits, const struct edit *edit)
{
    const struct edits_record *record = record_of(edits, edit->number);
    uint32_t object = edit->object % EDIT_OBJECTS, width;
    uint64_t off = edits_place(edits, edit, &width), value = 0;

    if (object == EDIT_LOAD)
        return;
    if (edit->op % EDIT_OPS == EDIT_OBJECT) {
        copy_object(edits, edit);
    } else if (off <= edits->image.bytes - width) {
        memcpy(&value, edits->image.base + off, width);
        value = edits_value(edits, edit, value, width);
        edits_write(edits, off, &value, width);
    }
    if (object == EDIT_HEADER && edit->flags & EDIT_SEAL)
        seal(edits, edit->flags & EDIT_PLACE);
    if ((object == EDIT_RECORD || object == EDIT_STRING) && edit->flags & EDIT_REHASH) {
        rehash(edits, record);
        if (edit->flags & EDIT_FAMILY && record->kind == SHMETER_KIND_FAMILY)
            rehash_series(edits, record);
    }
}

uint32_t
edits_apply(struct edits *edits, const struct edit *all, uint32_t n, uint32_t later)
{
    uint32_t i, done = 0;

    for (i = 0; i < n; i++)
        if ((all[i].flags & EDIT_LATER) == later) {
            apply(edits, &all[i]);
            done++;
        }
    return done;
}
