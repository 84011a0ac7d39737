#include "tests/fuzz/segment/edits.h"

#include <stdlib.h>
#include <string.h>

#include "shm/layout/header.h"

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
    const struct edits_record *record = edits_record_of(edits, edit->number);
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
        return edits_unit_off(edits, record->unit);
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
    uint64_t off = edits_unit_off(edits, at->unit),
             left = edits->image.bytes - off - sizeof(struct shmeter_family_record);
    const void *record = edits->image.base + off; /* the header may be damaged, and lead elsewhere */
    const struct shmeter_family_record *family = record;
    const struct shmeter_series_record *series = record;
    const uint64_t *nonce = edits->image.header->nonce;
    uint64_t hash, units = edits_header(edits)->records_bytes / SHMETER_UNIT_BYTES;

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
               edits->image.base + edits_unit_off(edits, series->family) + offsetof(struct shmeter_family_record, hash),
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

/* The series of another record in this one, with an epoch that is later, and a value of its own. */
static void
renew(struct edits *edits, const struct edit *edit)
{
    const struct edits_record *at = edits_record_of(edits, edit->number),
                              *other = edits_record_of(edits, (uint32_t)edit->value);
    unsigned char copy[1024];
    struct shmeter_series_record *record = (struct shmeter_series_record *)(void *)copy;
    const struct shmeter_series_record *was;

    if (at->kind != SHMETER_KIND_SERIES || other->kind != SHMETER_KIND_SERIES || at->bytes > sizeof copy ||
        other->bytes > at->bytes)
        return;
    memset(copy, 0, at->bytes);
    memcpy(copy, edits->pristine + edits_unit_off(edits, other->unit), other->bytes);
    was = (const struct shmeter_series_record *)(const void *)(edits->image.base + edits_unit_off(edits, at->unit));
    record->bytes = at->bytes;
    record->cell = was->cell;
    record->state = SHMETER_STATE(SHMETER_STATE_KIND(was->state), SHMETER_STATE_EPOCH(was->state) + 1);
    record->created_real_ns = was->created_real_ns + 1;
    if (edit->lane && record->values_bytes > 1 && record->values_bytes <= at->bytes - sizeof *record)
        copy[sizeof *record] = edit->lane;
    edits_write(edits, edits_unit_off(edits, at->unit), copy, at->bytes);
    rehash(edits, at);
}

static void
apply(struct edits *edits, const struct edit *edit)
{
    const struct edits_record *record = edits_record_of(edits, edit->number);
    uint32_t object = edit->object % EDIT_OBJECTS, width;
    uint64_t off = edits_place(edits, edit, &width), value = 0;

    if (object == EDIT_LOAD)
        return;
    if (edit->op % EDIT_OPS == EDIT_RENEW && (object == EDIT_RECORD || object == EDIT_STRING)) {
        renew(edits, edit);
    } else if (edit->op % EDIT_OPS == EDIT_OBJECT) {
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
