/*
 * The mutator and the cross-over of inputs that are lists of edits (edits.h): libFuzzer's own would mostly change
 * values that no code reads.
 */
#include <stddef.h>
#include <string.h>

#include "tests/fuzz/segment/edits.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes, uint8_t *out,
                                 size_t most, unsigned seed);

/* Whether shared loads can return other values: 1 in a program with lies.c. */
extern const int edits_with_loads;

/* splitmix64 */
static uint64_t
next(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* An object, each as often as it stands here. */
static uint8_t
random_object(uint64_t *random)
{
    static const uint8_t objects[] = {
        EDIT_RECORD, EDIT_RECORD, EDIT_RECORD, EDIT_RECORD, EDIT_RECORD, EDIT_STRING,     EDIT_STRING, EDIT_STATE,
        EDIT_STATE,  EDIT_CELL,   EDIT_CELL,   EDIT_GAUGE,  EDIT_GAUGE,  EDIT_SLOT_WORD,  EDIT_UNIT,   EDIT_HEADER,
        EDIT_RAW,    EDIT_GAUGE,  EDIT_CELL,   EDIT_STATE,  EDIT_RECORD, EDIT_SLOT_BLOCK, EDIT_STRING, EDIT_SLOT_WORD,
    };
    if (edits_with_loads && next(random) % 2)
        return EDIT_LOAD;
    return objects[next(random) % sizeof objects];
}

static uint64_t
random_value(uint64_t *random)
{
    static const char bytes[] = "a1_:\"\\\n\r\0\x80\xc3\xa9\xe2\x82\xac\xf0\x9f\xff";
    uint64_t value = 0;

    switch (next(random) % 4) {
    case 0:
        return next(random);
    case 1:
        return next(random) % 16;
    case 2:
        memcpy(&value, bytes + next(random) % (sizeof bytes - 8), 8);
        return value;
    default:
        return next(random) >> next(random) % 64;
    }
}

static uint16_t
random_field(uint64_t *random, uint8_t object)
{
    if (object == EDIT_STATE && next(random) % 4)
        return (uint16_t)(next(random) % 9);
    if (object == EDIT_SLOT_BLOCK && next(random) % 4)
        return (uint16_t)(next(random) % 2 ? next(random) % 12 : 32 + 32 * (next(random) % 8) + next(random) % 12);
    if (object == EDIT_STRING && next(random) % 2)
        return (uint16_t)(next(random) % 32);
    return (uint16_t)next(random);
}

static uint8_t
random_flags(uint64_t *random, uint8_t object)
{
    uint32_t flags = next(random) % 16 ? 0 : EDIT_LATER;

    if (object == EDIT_HEADER)
        flags |= next(random) % 8 ? EDIT_SEAL | (next(random) % 2 ? EDIT_PLACE : 0) : 0;
    else if (next(random) % 4)
        flags |= EDIT_REHASH | (next(random) % 4 ? EDIT_FAMILY : 0);
    return (uint8_t)flags;
}

static struct edit
random_edit(uint64_t *random)
{
    struct edit edit;

    edit.object = random_object(random);
    edit.op = (uint8_t)(next(random) % EDIT_OPS);
    edit.flags = random_flags(random, edit.object);
    edit.lane = (uint8_t)next(random);
    edit.number = (uint16_t)next(random);
    if (edit.object == EDIT_LOAD && next(random) % 4) /* early loads are control words */
        edit.number %= 1024;
    edit.field = random_field(random, edit.object);
    edit.value = random_value(random);
    return edit;
}

/* One part of an edit becomes another. */
static void
tweak(struct edit *edit, uint64_t *random)
{
    const struct edit other = random_edit(random);

    switch (next(random) % 8) {
    case 0:
        edit->op = other.op;
        break;
    case 1:
        edit->flags = (uint8_t)(edit->flags ^ 1u << next(random) % 5);
        break;
    case 2:
        edit->lane = other.lane;
        break;
    case 3:
        edit->number = next(random) % 2 ? other.number : (uint16_t)(edit->number + next(random) % 5 - 2);
        break;
    case 4:
        edit->field = next(random) % 2 ? other.field : (uint16_t)(edit->field + next(random) % 5 - 2);
        break;
    case 5:
        edit->value += next(random) % 9 - 4;
        break;
    case 6:
        edit->value ^= UINT64_C(1) << next(random) % 64;
        break;
    default:
        edit->value = other.value;
        break;
    }
}

static size_t
write_out(uint8_t *out, const struct edit_head *head, const struct edit *edits, uint32_t n, size_t most)
{
    while (n && sizeof *head + n * sizeof *edits > most)
        n--;
    if (most < sizeof *head)
        return 0;
    memcpy(out, head, sizeof *head);
    memcpy(out + sizeof *head, edits, n * sizeof *edits);
    return sizeof *head + n * sizeof *edits;
}

static uint32_t
mutate_once(struct edit *edits, uint32_t n, struct edit_head *head, uint64_t *random)
{
    uint32_t at = n ? (uint32_t)(next(random) % n) : 0, kind = (uint32_t)(next(random) % 16);

    if (!n || (kind < 5 && n < EDITS_MOST)) { /* another one */
        memmove(edits + at + 1, edits + at, (n - at) * sizeof *edits);
        edits[at] = kind < 4 || !n ? random_edit(random) : edits[at + 1];
        if (kind == 4 && n)
            tweak(&edits[at], random);
        return n + 1;
    }
    if (kind < 8 && n > 1) { /* one less */
        memmove(edits + at, edits + at + 1, (n - at - 1) * sizeof *edits);
        return n - 1;
    }
    if (kind == 8) {
        head->labelled = (uint8_t)(next(random) % 2);
        head->settings = (uint8_t)(next(random) % 2 ? 0 : next(random) % 16);
        head->replaced = (uint8_t)(next(random) % 4 == 0);
        head->starve = (uint8_t)(next(random) % 4 ? 0 : next(random));
    } else if (kind == 9) {
        edits[at] = random_edit(random);
    } else {
        tweak(&edits[at], random);
    }
    return n;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t most, unsigned seed)
{
    struct edit edits[EDITS_MOST + 1];
    struct edit_head head;
    uint64_t random = seed;
    uint32_t n = edits_read(edits, &head, data, bytes), times = 1 + (uint32_t)(next(&random) % 4);

    if (next(&random) % 64 == 0)
        return LLVMFuzzerMutate(data, bytes, most);
    while (times--)
        n = mutate_once(edits, n, &head, &random);
    return write_out(data, &head, edits, n, most);
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes, uint8_t *out, size_t most,
                          unsigned seed)
{
    struct edit from[2][EDITS_MOST], edits[EDITS_MOST];
    struct edit_head head, other;
    uint64_t random = seed;
    uint32_t n[2] = { edits_read(from[0], &head, a, a_bytes), edits_read(from[1], &other, b, b_bytes) }, k = 0, i, j;

    for (i = 0; i < 2; i++)
        for (j = 0; j < n[i] && k < EDITS_MOST; j++)
            if (next(&random) % 2)
                edits[k++] = from[i][j];
    return write_out(out, &head, edits, k, most);
}
