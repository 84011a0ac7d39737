/*
 * What is not the same in two runs of an operation, and so made equal in copies before they are compared.
 */
#include <string.h>

#include "shm/layout/types.h"
#include "tests/crash/copy.h"

/* The word at an offset; NULL in a hole. No word crosses a page. */
static const uint64_t *
word_at(const struct copy *copy, uint64_t off)
{
    const unsigned char *page = off / COPY_PAGE < copy->pages_n ? copy->pages[off / COPY_PAGE] : NULL;
    return page ? (const uint64_t *)(const void *)(page + off % COPY_PAGE) : NULL;
}

/* In memory: other copies that have the page keep what they have. */
static void
put(struct copy *copy, uint64_t off, uint64_t value)
{
    if (*word_at(copy, off) != value)
        memcpy(copy_own_page(copy, off / COPY_PAGE) + off % COPY_PAGE, &value, sizeof value);
}

static void
mask(struct copy *copy, uint64_t off)
{
    const uint64_t *word = word_at(copy, off);

    if (word && *word)
        put(copy, off, 1);
}

/* Keeps these bits of a word. */
static void
keep(struct copy *copy, uint64_t off, uint64_t bits)
{
    const uint64_t *word = word_at(copy, off);

    if (word)
        put(copy, off, *word & bits);
}

static const struct shmeter_header *
header_of(const struct copy *copy)
{
    return (const struct shmeter_header *)(const void *)copy->pages[0];
}

/* The word names an owner of another pid. */
static void
rename_owner(struct copy *copy, uint64_t off, uint32_t pid)
{
    const uint64_t *owner = word_at(copy, off);

    if (owner && SHMETER_OWNER_PID(*owner))
        put(copy, off, SHMETER_OWNER(SHMETER_OWNER_STATE(*owner), SHMETER_OWNER_GENERATION(*owner), pid));
}

static uint64_t
owner_off(const struct shmeter_header *header, uint64_t slot)
{
    return header->slot_words_off + slot * sizeof(struct shmeter_slot_word);
}

static uint64_t
opened_of_off(const struct shmeter_header *header, uint64_t slot)
{
    return header->slot_blocks_off + slot * header->slot_block_bytes + offsetof(struct shmeter_slot_block, opened_of);
}

void
copy_bury(struct copy *copy, pid_t pid)
{
    const struct shmeter_header copied = *header_of(copy), *header = &copied; /* its page may become another one */
    uint64_t i, offs[2];
    uint32_t k;

    for (i = 0; i < header->slots_n; i++) {
        offs[0] = owner_off(header, i);
        offs[1] = opened_of_off(header, i);
        for (k = 0; k < 2; k++)
            if (word_at(copy, offs[k]) && SHMETER_OWNER_PID(*word_at(copy, offs[k])) == (uint32_t)pid)
                rename_owner(copy, offs[k], INT32_MAX);
    }
}

static void
normalize_slot(struct copy *copy, const struct shmeter_header *header, uint64_t slot)
{
    uint64_t word = owner_off(header, slot), block = header->slot_blocks_off + slot * header->slot_block_bytes, i;

    if (!word_at(copy, word))
        return; /* nobody was ever there */
    rename_owner(copy, word, 1);
    rename_owner(copy, opened_of_off(header, slot), 1);
    mask(copy, word + offsetof(struct shmeter_slot_word, identity));
    mask(copy, word + offsetof(struct shmeter_slot_word, image));
    mask(copy, word + offsetof(struct shmeter_slot_word, claimed_ticks));
    mask(copy, word + offsetof(struct shmeter_slot_word, ended_ticks));
    mask(copy, block + offsetof(struct shmeter_slot_block, heartbeat_ticks));
    mask(copy, block + offsetof(struct shmeter_slot_block, busy_ticks));
    /* CPU time is another one in each run; whose it is, is not. */
    keep(copy, block + offsetof(struct shmeter_slot_block, cpu_noted), SHMETER_CPU(0xffffff, 0));
    keep(copy, block + offsetof(struct shmeter_slot_block, cpu_before), 0);
    keep(copy, block + offsetof(struct shmeter_slot_block, cpu_given), SHMETER_CPU(0xffffff, 0));
    for (i = 0; i < SHMETER_CHECKS; i++)
        mask(copy, block + offsetof(struct shmeter_slot_block, checks) + i * sizeof(struct shmeter_slot_check) +
                       offsetof(struct shmeter_slot_check, since_ticks));
    /* Gauges are registered in the order of their modes. */
    mask(copy, block + header->gauges_off + SHMETER_LIVE_LATEST * sizeof(struct shmeter_gauge_cell) + 8);
    mask(copy, block + header->gauges_off + SHMETER_LATEST * sizeof(struct shmeter_gauge_cell) + 8);
}

/* A record without its head yet may have either kind's time. */
static void
normalize_records(struct copy *copy, const struct shmeter_header *header)
{
    const uint64_t *fill_at = word_at(copy, header->state_off + offsetof(struct shmeter_state, records_fill));
    uint64_t off = SHMETER_UNIT_BYTES, fill = fill_at ? *fill_at : 0, head;

    while (off < fill && word_at(copy, header->records_off + off)) {
        uint64_t at = header->records_off + off;
        head = *word_at(copy, at);
        if (head >> 32 != SHMETER_KIND_SERIES)
            mask(copy, at + offsetof(struct shmeter_family_record, created_real_ns));
        if (head >> 32 != SHMETER_KIND_FAMILY)
            mask(copy, at + offsetof(struct shmeter_series_record, created_real_ns));
        if (head >> 32 == SHMETER_KIND_SERIES && (uint32_t)head >= SHMETER_UNIT_BYTES)
            mask(copy, at + (uint32_t)head - SHMETER_NOTE_BYTES); /* when somebody looked */
        off += (uint32_t)head < SHMETER_UNIT_BYTES ? SHMETER_UNIT_BYTES : (uint32_t)head;
    }
}

void
copy_normalize(struct copy *copy, int created)
{
    struct shmeter_header *own, header = *header_of(copy);
    uint64_t i;

    for (i = 0; i < header.slots_n; i++)
        normalize_slot(copy, &header, i);
    normalize_records(copy, &header);
    mask(copy, header.state_off + offsetof(struct shmeter_state, reuse) + offsetof(struct shmeter_reuse, begun_ns));
    mask(copy, header->state_off + offsetof(struct shmeter_state, reuse) + offsetof(struct shmeter_reuse, looked));
    if (!created)
        return;
    own = (struct shmeter_header *)(void *)copy_own_page(copy, 0);
    memset(own->nonce, 0, sizeof own->nonce);
    own->created_real_ns = own->created_mono_ns = own->created_boot_ns = own->created_ticks = own->sum = 0;
}
