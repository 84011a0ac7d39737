/*
 * Where an edit writes and what: the fields of all objects, and values that lie in wait.
 */
#include <string.h>

#include "tests/fuzz/segment/edits.h"

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
    F(bytes),        F(kind),        F(state),      F(series_n),    F(created_real_ns), F(hash),       F(definition),
    F(type),         F(mode),        F(schema),     F(exponential), F(min_value),       F(max_value),  F(buckets_n),
    F(bounds_n),     F(cell_bytes),  F(max_series), F(labels_n),    F(name_bytes),      F(help_bytes), F(unit_bytes),
    F(labels_bytes), F(first_index), F(log_n),      F(opened),
};
static const struct field series_fields[] = {
    S(bytes), S(kind), S(state), S(family), S(values_n), S(cell), S(created_real_ns), S(hash), S(values_bytes),
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- where ---- */

static uint64_t
record_place(const struct edits *edits, const struct edit *edit, uint32_t *width)
{
    const struct edits_record *record = edits_record_of(edits, edit->number);
    int family = record->kind == SHMETER_KIND_FAMILY;
    const struct field *field = family ? &family_fields[edit->field % COUNT(family_fields)]
                                       : &series_fields[edit->field % COUNT(series_fields)];

    *width = field->bytes;
    return edits_unit_off(edits, record->unit) + field->off;
}

static uint64_t
string_place(const struct edits *edits, const struct edit *edit, uint32_t *width)
{
    const struct edits_record *record = edits_record_of(edits, edit->number);
    uint64_t fields = record->kind == SHMETER_KIND_FAMILY ? sizeof(struct shmeter_family_record)
                                                          : sizeof(struct shmeter_series_record);

    *width = 1u << edit->lane % 4;
    return edits_unit_off(edits, record->unit) + fields + edit->field % (record->bytes - fields);
}

static uint64_t
cell_place(const struct edits *edits, const struct edit *edit)
{
    const struct shmeter_header *header = edits_header(edits);
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
    const struct shmeter_header *header = edits_header(edits);
    uint32_t slot = edit->lane % (header->slots_n + 1);
    uint64_t cell = (edit->number % (edits->image.next_gauge + 1) % header->gauges_n) * 16 + edit->field % 2 * 8;

    return slot == header->slots_n
               ? header->common_off + cell
               : header->slot_blocks_off + slot * header->slot_block_bytes + header->gauges_off + cell;
}

uint64_t
edits_place(const struct edits *edits, const struct edit *edit, uint32_t *width)
{
    const struct shmeter_header *header = edits_header(edits);
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
        return edits_unit_off(edits, edit->number % (edits->image.next_unit + 8)) + edit->field % 8 * 8;
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
    const struct shmeter_header *header = edits_header(edits);
    const struct edits_record *record = edits_record_of(edits, (uint32_t)(which >> 8 & 0xffff));
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
