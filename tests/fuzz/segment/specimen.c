/* The segments that are damaged. Compiled with kernel.h, which has the boot and processes that they belong to. */
#include "tests/fuzz/segment/reading.h"

#include <stdio.h>
#include <string.h>

#include "shm/layout/header.h"
#include "shm/process/identity.h"

static const double bounds[] = { 0.1, 1, 10 };
static const double log_bounds[] = { 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128 };

static void
fill_cells(struct image *image, const struct image_family *family, uint64_t cell, uint32_t number)
{
    uint32_t slot;

    if (family->type == SHMETER_GAUGE) {
        for (slot = 0; slot < image->header->slots_n; slot++)
            *image_gauge(image, slot, cell) = (struct shmeter_gauge_cell){ image_stored(number + 0.5), slot };
        *image_common(image, cell) = (struct shmeter_gauge_cell){ image_stored(number), 1 };
    } else if (family->type == SHMETER_HISTOGRAM) {
        image_histogram(image, 0, cell)->seq = 2;
        image_histogram(image, 0, cell)->rec[0] = (struct shmeter_histogram_record){ 1, 3, 2.5 };
        image_buckets(image, 0, cell)[1] = 2;
        image_shared_buckets(image, 0, cell)[0] = (struct shmeter_shared_bucket){ 1, 0.05 };
    } else if (family->type == SHMETER_COUNTER) {
        *image_cpu(image, 0, cell) = number + 1;
        *image_shared(image, 0, cell) = number;
    } else if (family->type == SHMETER_COUNTER_F64) {
        *image_cpu(image, 0, cell) = image_bits(number + 0.25);
    }
}

static void
add_family(struct image *image, const struct reading_family *wanted, uint32_t number)
{
    struct image_family family = { .type = wanted->type, .mode = wanted->mode, .labels = { "method", NULL } };
    char name[32], help[32];
    uint32_t unit, i, named = number % 5 == 4 ? number - 1 : number; /* some are other definitions of the one before */

    snprintf(name, sizeof name, "f%u%s", named, family.type == SHMETER_COUNTER ? "_total" : "_seconds");
    snprintf(help, sizeof help, "Help \\ %u\n.", number);
    family.name = name;
    family.help = number % 3 ? help : NULL;
    family.unit = number % 2 ? "seconds" : NULL;
    family.labels[1] = number % 4 == 3 ? "worker" : NULL;
    if (family.type == SHMETER_HISTOGRAM) {
        family.log_n = wanted->log_n;
        family.bounds = family.log_n ? log_bounds : bounds;
        family.bounds_n = family.log_n ? family.log_n + 1 : 3;
        family.first_index = -9;
    }
    unit = image_family(image, &family);
    for (i = 0; i < wanted->series; i++) {
        char value[16];
        const char *const values[] = { value, i % 2 ? "P\"\n" : "" };
        snprintf(value, sizeof value, "v%u", i);
        fill_cells(image, &family, image_series(image, unit, values).cell, i);
    }
}

/* The slot's owner has every other record open: families, and what is none. */
static void
list(struct image *image, uint32_t slot)
{
    struct shmeter_slot_block *block = image_block(image, slot);
    uint32_t i;

    block->opened_of = image_slot(image, slot)->owner;
    for (i = 0; i < 24; i++)
        block->opened[i] = SHMETER_OPENED_ENTRY(1 + 2 * i + slot % 2, 24 * slot + i + 1);
    image->state->opens.value = 24 * image->header->slots_n;
}

/* Living and dead owners, as kernel.h answers. */
static void
own_slots(struct image *image)
{
    static const uint32_t pids[] = { 9, 8, 11, 5 };
    uint32_t i;

    for (i = 0; i < image->header->slots_n; i++) {
        struct shmeter_slot_word *word = image_slot(image, i);
        struct shmeter_slot_block *block = image_block(image, i);
        word->backed = image->header->ring_off;
        word->identity = SHMETER_IDENTITY(pids[i % 4], i < 2 ? shmeter_namespaces_hash() : 1);
        word->owner = SHMETER_OWNER(i == 3 ? SHMETER_SLOT_CLAIMING : SHMETER_SLOT_LIVE, 1, pids[i % 4]);
        word->claimed_ticks = block->heartbeat_ticks = 1000;
        snprintf(block->worker, sizeof block->worker, "w%u", i);
        block->checks[0].word = SHMETER_DEGRADED;
        snprintf(block->checks[0].name, sizeof block->checks[0].name, "db");
        snprintf(block->checks[0].message[0], sizeof block->checks[0].message[0], "slow");
        list(image, i);
    }
}

static void
make(struct edits *edits, const struct image_sizes *sizes, const struct reading_family *families)
{
    struct image image;
    uint32_t i;

    image_make(&image, sizes);
    image.header->created_mono_ns = image.header->created_ticks = 500;
    image.header->created_real_ns = 500;
    image.header->created_timens = shmeter_identity_timens();
    shmeter_identity_boot(image.header->boot_id);
    for (i = 0; families[i].series; i++)
        add_family(&image, &families[i], i);
    own_slots(&image);
    image_seal(&image);
    edits_begin(edits, &image);
}

struct edits *
reading_specimen(struct edits both[2], const struct image_sizes *sizes, const struct reading_family *families,
                 const uint8_t *data, size_t bytes)
{
    struct image_sizes own = *sizes;
    struct edit_head head;
    struct edit edits[EDITS_MOST];

    edits_read(edits, &head, data, bytes);
    own.reuses = head.settings >> 3 & 1;
    if (!both[own.reuses].records_n)
        make(&both[own.reuses], &own, families);
    return &both[own.reuses];
}
