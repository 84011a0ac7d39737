/*
 * A small segment and some processes for models of the cold paths: the client's own code, with the system calls of
 * model processes. Included by one file for each program. What the kernel is asked for that others can change (who is
 * alive, who holds a lock) is a choice point.
 */
#ifndef SHMETER_TESTS_MODEL_WORLD_H
#define SHMETER_TESTS_MODEL_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/checker/report.h"

#if defined(__SANITIZE_THREAD__) || defined(MODEL_RACES)
void *model_memcpy(void *to, const void *from, size_t bytes);
void *model_memset(void *to, int byte, size_t bytes);
int model_memcmp(const void *a, const void *b, size_t bytes);
#define memcpy model_memcpy
#define memset model_memset
#define memcmp model_memcmp
#endif

#ifdef WORLD_EPOCHS /* text changes: what was found of it is a part of an actor's state */
static inline int
world_memcmp(const void *a, const void *b, size_t bytes)
{
    int differs = memcmp(a, b, bytes);

    model_remember(differs != 0);
    return differs;
}
#define memcmp world_memcmp
#endif

#include "tests/model/kernel.h"

/*
 * ---- private memory of actors that find and make things in it: what is given back is counted, and taken again
 * ---------
 */

#ifdef WORLD_HEAP
#ifndef WORLD_TAKES
#define WORLD_TAKES 6u   /* of one actor, before it gives one back */
#define WORLD_TAKEN 256u /* bytes of one, at most */
#endif

#define shmeter_heap_take kernel_heap_take
#define shmeter_heap_give kernel_heap_give
#include "shm/process/heap.h"
#undef shmeter_heap_take
#undef shmeter_heap_give

static struct {
    uint64_t words[7][WORLD_TAKES][WORLD_TAKEN / 8]; /* the last are of setup                                         */
} world_heap;

static struct {
    uint32_t setup;
    uint64_t bytes[7][WORLD_TAKES];
} world_taken;

static void *
shmeter_heap_take(uint64_t bytes)
{
    uint32_t who = world_taken.setup ? model_self() : 6, i;

    for (i = 0; i < WORLD_TAKES && world_taken.bytes[who][i]; i++)
        ;
    if (i == WORLD_TAKES || bytes > WORLD_TAKEN) {
        model_fail("the model has no memory for %llu bytes", (unsigned long long)bytes);
        return NULL;
    }
    world_taken.bytes[who][i] = bytes;
    return world_heap.words[who][i];
}

static void
shmeter_heap_give(void *memory, uint64_t bytes)
{
    uint64_t at = (uint64_t)((unsigned char *)memory - (unsigned char *)&world_heap) / WORLD_TAKEN;
    uint64_t *taken = &world_taken.bytes[0][0];

    if (!memory || (unsigned char *)memory < (unsigned char *)&world_heap || at >= 7 * WORLD_TAKES)
        return; /* what the model never took: a definition's strings */
    if (taken[at] != bytes)
        model_fail("%llu bytes are given back of %llu", (unsigned long long)bytes, (unsigned long long)taken[at]);
    taken[at] = 0;
    memset(memory, 0, WORLD_TAKEN);
}

static uint64_t
world_heap_used(void)
{
    const uint64_t *taken = &world_taken.bytes[0][0];
    uint64_t sum = 0, i;

    for (i = 0; i < 7 * WORLD_TAKES; i++)
        sum += taken[i];
    return sum;
}
#endif

#ifdef WORLD_EPOCHS /* the locks of epochs, and what may be wrong about them, are the model's */
#include "tests/model/epochs.h"
#else
static inline int
shmeter_sys_share_bytes(int fd, uint64_t at, uint64_t bytes)
{
    (void)fd, (void)at, (void)bytes;
    return -EINVAL;
}

static inline int
shmeter_sys_bytes_held(int fd, uint64_t from, uint64_t bytes, uint64_t *at)
{
    (void)fd, (void)from, (void)bytes, (void)at;
    return -EINVAL;
}

static inline int
shmeter_sys_map_at(uint64_t at, uint64_t bytes, int protection, int flags, int fd)
{
    (void)at, (void)bytes, (void)protection, (void)flags, (void)fd;
    return -EINVAL;
}
#endif

#ifdef WORLD_OPENS /* how a segment is had is the model's */
#include "shm/segment/segment.h"
#define shmeter_segment_have world_segment_have
static int world_segment_have(const char *path, const struct shmeter_options *options, struct shmeter_attachment **out,
                              const char **why);
#endif

#include "client/shmeter.h"
#include "shm/series.h"

#include "client/fallback.h"
#include "client/lookup.h"

/* ---- the segment ---- */

static struct {
    _Alignas(4096) struct shmeter_state state;
    _Alignas(64) struct shmeter_slot_word slots[WORLD_SLOTS];
    struct shmeter_gauge_cell common[WORLD_GAUGES];
    uint64_t index[WORLD_ENTRIES];
    uint64_t limbo[SHMETER_LIMBO_RINGS][WORLD_LIMBO];
    _Alignas(64) uint64_t records[WORLD_UNITS * SHMETER_UNIT_BYTES / 8];
    _Alignas(64) struct {
        struct shmeter_slot_block block;
        struct shmeter_gauge_cell gauges[WORLD_GAUGES];
        uint64_t pad[2];
    } blocks[WORLD_SLOTS];
    _Alignas(64) unsigned char cpu_lanes[2][WORLD_CELLS];
    _Alignas(64) unsigned char shared_lanes[1][2 * WORLD_CELLS];
} segment;

static struct {
    _Alignas(64) struct shmeter_attachment attachment;
    unsigned char pad[SHMETER_ATTACHMENT_BYTES - sizeof(struct shmeter_attachment)];
    struct shmeter_wiped wiped;
    unsigned char private_block[sizeof segment.blocks[0]];
} processes[PROCESSES];

static struct {
    struct shmeter_heap_chunk chunk;
    unsigned char bytes[4096];
} heap;

#define world_attachment(process) (&processes[process].attachment)

static void
world_header(struct shmeter_header *header)
{
    const unsigned char *base = (const unsigned char *)&segment;

    header->magic = SHMETER_MAGIC;
    shmeter_identity_boot(header->boot_id);
    header->segment_bytes = sizeof segment;
    header->nonce[0] = 1;
    header->nonce[1] = 2;
    header->state_off = (uint64_t)((const unsigned char *)&segment.state - base);
    header->index_off = (uint64_t)((const unsigned char *)segment.index - base);
    header->index_entries = WORLD_ENTRIES;
#ifdef WORLD_EPOCHS
    header->features = SHMETER_FEATURE_REUSE;
    header->limbo_off = (uint64_t)((const unsigned char *)segment.limbo - base);
    header->limbo_entries = WORLD_LIMBO;
#endif
    header->records_off = (uint64_t)((const unsigned char *)segment.records - base);
    header->records_bytes = sizeof segment.records;
    header->slot_words_off = (uint64_t)((const unsigned char *)segment.slots - base);
    header->slot_blocks_off = (uint64_t)((const unsigned char *)segment.blocks - base);
    header->slot_block_bytes = sizeof segment.blocks[0];
    header->common_off = (uint64_t)((const unsigned char *)segment.common - base);
    header->cpu_lanes_off = (uint64_t)((const unsigned char *)segment.cpu_lanes - base);
    header->shared_lanes_off = (uint64_t)((const unsigned char *)segment.shared_lanes - base);
    header->cpu_lanes_n = 2;
    header->shared_lanes_n = 1;
    header->lane_shift = 10;
    header->max_series = 100;
    header->max_family_series = 100;
    header->slots_n = WORLD_SLOTS;
    header->gauges_n = WORLD_GAUGES;
    header->gauges_off = sizeof(struct shmeter_slot_block);
    header->ring_off = sizeof segment.blocks[0];
}

/* Everything new and empty, n processes attached to the segment. */
static void
world_make(uint32_t n)
{
    uint32_t i;

    memset(&segment, 0, sizeof segment);
    memset(processes, 0, sizeof processes);
    memset(&heap, 0, sizeof heap);
    memset(&world, 0, sizeof world);
    memset(&shmeter_process_v3, 0, sizeof shmeter_process_v3);
    heap.chunk.bytes = sizeof heap;
    heap.chunk.used = sizeof heap.chunk;
    shmeter_process_v3.heap = SHMETER_ADDRESS(&heap);
    for (i = 0; i < n; i++) {
        struct shmeter_attachment *attachment = world_attachment(i);
        world_header(&attachment->header);
        attachment->base = (unsigned char *)&segment;
        attachment->state = &segment.state;
        attachment->lanes.cpu = segment.cpu_lanes[0];
        attachment->lanes.shared = segment.shared_lanes[0];
        attachment->lanes.shift = 10;
        attachment->lanes.losses = segment.state.losses;
        attachment->lanes.attachment = attachment;
        attachment->private_block = processes[i].private_block;
        attachment->same_boot = 1;
        processes[i].wiped.populated = WORLD_CELLS;
        world.image[i] = UINT64_C(77) << 24; /* forked of one image */
    }
    model_keep(&world, sizeof world);
#ifdef WORLD_HEAP
    memset(&world_heap, 0, sizeof world_heap);
    memset(&world_taken, 0, sizeof world_taken);
#else
    model_keep(&heap, 256);
    model_keep(shmeter_process_v3.free[0], sizeof shmeter_process_v3.free[0]);
#endif
    model_keep(segment.state.losses, sizeof segment.state.losses);
}

#ifdef WORLD_HEAP
/* At the end of setup: from here on actors take. */
static inline void
world_share_heap(void)
{
    world_taken.setup = 1;
    model_keep(&world_taken, sizeof world_taken);
    model_share(&world_heap, sizeof world_heap);
}
#endif

/* A family of this name and type; its one label is called "l" when it has one. */
static inline void
world_definition(struct shmeter_definition *out, const char *name_and_label, uint32_t type, uint32_t mode,
                 uint32_t labels_n)
{
    memset(out, 0, sizeof *out);
    out->type = type;
    out->mode = mode;
    out->labels_n = labels_n;
    out->cell_bytes = type == SHMETER_GAUGE ? 0 : 8;
    out->name_bytes = (uint16_t)(strlen(name_and_label) + 1);
    out->help_bytes = out->unit_bytes = 1;
    out->labels_bytes = (uint16_t)(2 * labels_n);
    out->hash = 5 + type + 16 * mode;
    out->strings = name_and_label;
}

/* What a process knows of a family, found or made. */
static inline void
world_bind(struct shmeter_binding *out, uint32_t process, const struct shmeter_definition *definition)
{
    struct shmeter_attachment *attachment = world_attachment(process);
    int64_t unit = shmeter_family_record_of(attachment, definition);

    out->attachment = attachment;
    out->unit = (uint32_t)unit;
    out->record = shmeter_arena_family(attachment, out->unit);
    out->max_series = 100;
    out->hash = shmeter_hash_word(out->record->hash, attachment->header.nonce[1]);
    out->buckets = NULL;
    shmeter_registry_show(&out->record->state);
}

static inline struct shmeter_gauge
world_gauge(uint32_t process, uint32_t mode, uint64_t cell)
{
    struct shmeter_gauge gauge;

    gauge.slot = &processes[process].wiped.slot;
    gauge.cell = (shmeter_gauge_plain(mode) ? SHMETER_GAUGE_PLAIN : 0) | (uint64_t)mode << 2 |
                 (sizeof(struct shmeter_slot_block) + cell * sizeof(struct shmeter_gauge_cell)) << 8;
    return gauge;
}

static inline void
world_actor(const char *name, uint32_t actor, uint32_t process, void (*body)(void *), void *argument)
{
    world.process_of[actor] = process;
    model_actor(name, actor, body, argument);
}

#endif
