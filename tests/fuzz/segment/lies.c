#include "tests/fuzz/segment/lies.h"

#include <stdlib.h>
#include <string.h>

#include "shm/machine/atomic.h"
#include "tests/read/reader_hooks.h"

#define LIES_MOST 8u
#define PLACE     128u /* lane: {place:1, object:4, which of its loads:3} */

static struct lie {
    const struct edit *edit;
    uint64_t off; /* of the field */
    uint32_t width;
    uint32_t left; /* loads until this one */
    uint32_t by_place;
} lies[LIES_MOST];
static uint32_t lies_n;
static struct edits *lied_to;

static struct edit
place_of(const struct edit *edit)
{
    struct edit place = *edit;

    place.object = edit->lane >> 3 & 15;
    if (place.object >= EDIT_LOAD)
        place.object = EDIT_RECORD; /* where most is checked */
    return place;
}

uint32_t
lies_begin(struct edits *edits, const struct edit *all, uint32_t n)
{
    uint32_t i;

    lied_to = edits;
    lies_n = 0;
    for (i = 0; i < n && lies_n < LIES_MOST; i++) {
        const struct edit place = place_of(&all[i]);
        struct lie *lie = &lies[lies_n];
        if (all[i].object % EDIT_OBJECTS != EDIT_LOAD)
            continue;
        lies_n++;
        lie->edit = &all[i];
        lie->by_place = all[i].lane >= PLACE;
        lie->left = lie->by_place ? all[i].lane % 8 : all[i].number;
        lie->width = 8;
        if (lie->by_place)
            lie->off = edits_place(edits, &place, &lie->width);
    }
    return lies_n;
}

/* The word at off as the lie has it. */
static uint64_t
lied(const struct lie *lie, uint64_t off, uint64_t word)
{
    const struct edit edit = lie->by_place ? place_of(lie->edit) : *lie->edit;
    unsigned char bytes[16] = { 0 };
    uint64_t at = lie->by_place ? lie->off - off : 0, value = 0;

    memcpy(bytes, &word, sizeof word);
    memcpy(&value, bytes + at, lie->width);
    value = edits_value(lied_to, &edit, value, lie->width);
    memcpy(bytes + at, &value, lie->width);
    memcpy(&word, bytes, sizeof word);
    return word;
}

uint64_t
shmeter_hook_load(const void *at, int bytes, char order)
{
    uint64_t off = (uint64_t)((const unsigned char *)at - lied_to->image.base), word = 0;
    uint32_t i;
    (void)order;

    memcpy(&word, at, (size_t)bytes);
    if (off >= lied_to->image.bytes)
        return word;
    for (i = 0; i < lies_n; i++) {
        struct lie *lie = &lies[i];
        if (lie->left == UINT32_MAX || (lie->by_place && lie->off - off >= (uint64_t)bytes))
            continue;
        if (lie->left--)
            continue; /* and after 0, never again */
        word = lied(lie, off, word);
        if (lie->edit->flags & EDIT_REHASH)
            edits_write(lied_to, off, &word, (uint64_t)bytes);
    }
    return word;
}

/* ---- what a reader never does ---- */

void
shmeter_hook_store(void *at, uint64_t value, int bytes, char order)
{
    (void)order;
    memcpy(at, &value, (size_t)bytes); /* the guard's own variable */
}
