/*
 * Damage to a segment's image, as a fuzzer's input: a head and edits of 16 bytes, each of which names an object of the
 * segment, a field of it, and what becomes of the field. All that is written is remembered, and only that is put back.
 */
#ifndef SHMETER_TESTS_FUZZ_EDITS_H
#define SHMETER_TESTS_FUZZ_EDITS_H

#include <stdint.h>

#include "tests/read/image.h"

#define EDITS_MOST    48u /* of an input; what stands behind them is not looked at                            */
#define EDITS_RECORDS 512u
#define EDITS_JOURNAL 4096u

enum edit_object {
    EDIT_HEADER,     /* field: of all fields                                                              */
    EDIT_STATE,      /* field: a line                                                                     */
    EDIT_SLOT_WORD,  /* number: a slot; field: a word                                                     */
    EDIT_SLOT_BLOCK, /* number: a slot; field: a word of what stands before the gauges                    */
    EDIT_GAUGE,      /* number: a gauge cell; lane: a slot, or what no slot owns; field: a word           */
    EDIT_RECORD,     /* number: a record; field: of all fields of its kind                                 */
    EDIT_STRING,     /* number: a record; field: a byte behind its fields                                  */
    EDIT_UNIT,       /* number: a unit of the arena; field: a word                                         */
    EDIT_CELL,       /* number: a record of a counter or histogram; lane: of all lanes; field: a word      */
    EDIT_RAW,        /* number and field: a word of all                                                   */
    EDIT_LOAD,       /* not the image: the result of a shared load (lies.c) */
    EDIT_OBJECTS
};

enum edit_op {
    EDIT_SET,
    EDIT_ADD,     /* a signed number of 16 bits                                                           */
    EDIT_FLIP,    /* one bit                                                                              */
    EDIT_EXTREME, /* of a table                                                                           */
    EDIT_LIMIT,   /* a quantity that the reader compares something with, and a little more or less        */
    EDIT_FIELD,   /* the same field of another object of the kind                                          */
    EDIT_OBJECT,  /* the whole of another object of the kind                                               */
    EDIT_RENEW,   /* a series' record becomes another series, as when its room is used again                */
    EDIT_OPS
};

#define EDIT_LATER  1u  /* before the second take; without, before the first one                                 */
#define EDIT_REHASH 2u  /* afterwards the record's hash fits its bytes again                                      */
#define EDIT_FAMILY 4u  /* ... and so do those of the series of a family                                          */
#define EDIT_SEAL   8u  /* afterwards the header's sum is right                                                   */
#define EDIT_PLACE  16u /* ... and before that, all offsets are what its sizes ask for                            */

struct edit {
    uint8_t object, op, flags, lane;
    uint16_t number, field;
    uint64_t value;
};

struct edit_head {
    uint8_t labelled; /* 1: with a label for the segment                                                      */
    uint8_t settings; /* 1: that leave out what does not change; 2: with labels and a prefix; 4: pages of zeroes have no
                     memory; 8: a segment with SHMETER_FEATURE_REUSE */
    uint8_t replaced; /* 1: the second take is of a new segment of the same name                               */
    uint8_t starve;   /* the allocation that fails; 0: none                                                  */
};

struct edits_record {
    uint32_t unit;
    uint32_t family; /* unit of its family; its own, of a family                                             */
    uint32_t kind;
    uint32_t bytes;
    uint64_t cell, cell_bytes; /* in a lane; cell_bytes 0: none                                                */
};

struct edits {
    struct image image; /* on the heap: what lies behind it may not be read                                  */
    unsigned char *pristine;
    struct edits_record records[EDITS_RECORDS];
    uint32_t records_n, cells[EDITS_RECORDS], cells_n; /* cells: records that have one                        */
    struct {
        uint64_t off, bytes;
    } journal[EDITS_JOURNAL];
    uint32_t journal_n;
};

/* Takes over an image that is complete. */
void edits_begin(struct edits *edits, struct image *image);

/* The edits of an input; *head is what it begins with. Returns their number. */
uint32_t edits_read(struct edit out[EDITS_MOST], struct edit_head *head, const uint8_t *data, size_t bytes);

/* Those of them that come before the take: later 0, the first; EDIT_LATER, the second. Returns how many there were. */
uint32_t edits_apply(struct edits *edits, const struct edit *all, uint32_t n, uint32_t later);

/* One write that will be undone. What does not fit the journal, or the image, is left out. */
void edits_write(struct edits *edits, uint64_t off, const void *from, uint64_t bytes);

/* The image is as it was at the beginning. */
void edits_undo(struct edits *edits);

/* The header as it was, which says where everything stands. */
static inline const struct shmeter_header *
edits_header(const struct edits *edits)
{
    return (const struct shmeter_header *)(const void *)edits->pristine;
}

static inline const struct edits_record *
edits_record_of(const struct edits *edits, uint32_t number)
{
    return &edits->records[number % edits->records_n];
}

static inline uint64_t
edits_unit_off(const struct edits *edits, uint64_t unit)
{
    return edits_header(edits)->records_off + unit * SHMETER_UNIT_BYTES;
}

/* Where an edit writes, and *width bytes: 1, 2, 4 or 8. */
uint64_t edits_place(const struct edits *edits, const struct edit *edit, uint32_t *width);

/* What becomes of a value of width bytes. */
uint64_t edits_value(const struct edits *edits, const struct edit *edit, uint64_t value, uint32_t width);

#endif
