/*
 * The segments that are damaged. Compiled with segment/kernel.h, whose boot and processes they are of.
 */
#include "tests/fuzz/segment/reading.h"

#include <stdio.h>
#include <string.h>

#include "shm/header.h"
#include "shm/identity.h"

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
add_family(struct image *image, uint32_t number, uint32_t series_n)
{
    static const enum shmeter_type types[] = { SHMETER_COUNTER,     SHMETER_GAUGE, SHMETER_HISTOGRAM, SHMETER_GAUGE,
                                               SHMETER_COUNTER_F64, SHMETER_INFO,  SHMETER_HISTOGRAM };
    struct image_family family = { .type = types[number % 7], .labels = { "method", number % 2 ? "worker" : NULL } };
    char name[32], help[32];
    uint32_t unit, i;

    snprintf(name, sizeof name, "f%u%s", number, family.type == SHMETER_COUNTER ? "_total" : "_seconds");
    snprintf(help, sizeof help, "Help \\ %u\n.", number);
    family.name = name;
    family.help = number % 3 ? help : NULL;
    family.unit = number % 2 ? "seconds" : NULL;
    if (family.type == SHMETER_GAUGE)
        family.mode = (enum shmeter_mode)(number / 2 % SHMETER_MODES);
    if (family.type == SHMETER_HISTOGRAM) {
        family.log_n = number % 7 == 2 ? 7 : 0;
        family.bounds = family.log_n ? log_bounds : bounds;
        family.bounds_n = family.log_n ? 8 : 3;
        family.first_index = -9;
    }
    unit = image_family(image, &family);
    for (i = 0; i < series_n; i++) {
        char value[16];
        const char *const values[] = { value, i % 2 ? "P\"\n" : "" };
        snprintf(value, sizeof value, "v%u", i);
        fill_cells(image, &family, image_series(image, unit, values).cell, i);
    }
}

/* Alive and dead ones, as segment/kernel.h tells them. */
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
    }
}

void
reading_specimen(struct edits *edits, const struct edits_specimen *wanted)
{
    struct image image;
    uint32_t i;

    image_make(&image, &wanted->sizes);
    image.header->created_mono_ns = image.header->created_ticks = 500;
    image.header->created_real_ns = 500;
    image.header->created_timens = shmeter_identity_timens();
    shmeter_identity_boot(image.header->boot_id);
    image.header->ticks_kind = SHMETER_TICKS_MONOTONIC_NS;
    for (i = 0; i < wanted->families; i++)
        add_family(&image, i, wanted->series);
    own_slots(&image);
    image_seal(&image);
    edits_begin(edits, &image);
}
