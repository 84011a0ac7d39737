#include "tests/read/specimen.h"

#include <stdio.h>
#include <string.h>

static const double bounds[] = { 0.1, 1, 10 };
static double log_bounds[81];

static void
add(struct specimen *specimen, const struct image_family *family)
{
    struct image *image = &specimen->image;
    static const char *const values[3][2] = { { "GET", "/a" }, { "P\"U\\T", "\n" }, { "", "\xe2\x82\xac" } };
    uint32_t unit = image_family(image, family), i, lane;

    specimen->units[specimen->units_n++] = unit;
    for (i = 0; i < (family->labels[0] ? 3u : 1u); i++) {
        struct image_series series = image_series(image, unit, values[i]);
        specimen->units[specimen->units_n++] = series.unit;
        if (shmeter_type_gauge(family->type))
            for (lane = 0; lane < 4; lane++)
                *image_gauge(image, lane, series.cell) = (struct shmeter_gauge_cell){ image_stored(lane + 0.5), lane };
        else if (family->type != SHMETER_INFO)
            for (lane = 0; lane < 2; lane++)
                *image_cpu(image, lane, series.cell) = lane + 3;
    }
}

/* Other definitions of some names: one that is added to the first one, and some that are not. */
static void
add_others(struct specimen *specimen)
{
    struct image_family family = { .labels = { "path", "method" }, .type = SHMETER_COUNTER_F64, .name = "c_total" };

    add(specimen, &family);
    family.type = SHMETER_HISTOGRAM;
    family.name = "h_seconds";
    family.bounds = bounds;
    family.bounds_n = 2;
    add(specimen, &family);
    memset(&family, 0, sizeof family);
    family.type = SHMETER_GAUGE;
    family.mode = SHMETER_LIVE_SUM;
    family.name = "g1";
    add(specimen, &family);
    family.mode = SHMETER_ALL;
    add(specimen, &family);
}

/* All records are listed, in both directions: those of families, and others. */
static void
list(struct specimen *specimen)
{
    struct image *image = &specimen->image;
    uint32_t i, slot;

    image->state->opens.value = 2 * specimen->units_n;
    for (slot = 0; slot < 4; slot++) {
        struct shmeter_slot_block *block = image_block(image, slot);
        block->opened_of = image_slot(image, slot)->owner;
        for (i = 0; i < specimen->units_n; i++)
            block->opened[i] = SHMETER_OPENED_ENTRY(specimen->units[slot % 2 ? specimen->units_n - 1 - i : i], i + 1);
    }
}

void
specimen_make(struct specimen *specimen)
{
    struct image *image = &specimen->image;
    static const struct image_sizes sizes = { .lane_shift = 15, .gauges = 32 };
    struct image_family family = { .labels = { "method", "path" } };
    char name[32];
    int i;

    image_make(image, &sizes);
    specimen->units_n = 0;
    for (i = 0; i <= 80; i++)
        log_bounds[i] = 0.001 * (1 + i * i);
    family.help = "With \\ and \n.";
    family.name = "c_total";
    add(specimen, &family);
    family.type = SHMETER_COUNTER_F64;
    family.name = "f_total";
    add(specimen, &family);
    family.type = SHMETER_INFO;
    family.name = "i_info";
    add(specimen, &family);
    family.type = SHMETER_HISTOGRAM;
    family.name = "h_seconds";
    family.bounds = bounds;
    family.bounds_n = 3;
    add(specimen, &family);
    family.name = "e_seconds";
    family.bounds = log_bounds;
    family.bounds_n = 81;
    family.log_n = 80;
    family.schema = 3;
    add(specimen, &family);
    memset(&family, 0, sizeof family);
    family.labels[0] = "method";
    family.labels[1] = "path";
    family.type = SHMETER_SUMMARY;
    family.name = "s_seconds";
    add(specimen, &family);
    family.type = SHMETER_STATESET;
    family.mode = SHMETER_LATEST;
    family.name = "s_state";
    family.states[0] = "up";
    family.states[1] = "\"down\"";
    add(specimen, &family);
    memset(&family, 0, sizeof family);
    family.type = SHMETER_GAUGE;
    for (i = 0; i < SHMETER_MODES; i++) {
        family.mode = (enum shmeter_mode)i;
        family.labels[0] = i % 3 ? NULL : "worker";
        snprintf(name, sizeof name, "g%d", i);
        family.name = name;
        add(specimen, &family);
    }
    add_others(specimen);
    image_own(image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "zero");
    image_own(image, 1, SHMETER_SLOT_LIVE, IMAGE_DEAD, "one");
    image_own(image, 2, SHMETER_SLOT_RELEASED, IMAGE_SELF, "two");
    image_own(image, 3, SHMETER_SLOT_CLAIMING, IMAGE_FOREIGN, "three");
    list(specimen);
}

void
specimen_free(struct specimen *specimen)
{
    image_free(&specimen->image);
}

uint64_t
specimen_spot(const struct specimen *specimen, uint64_t area, uint64_t at)
{
    const struct image *image = &specimen->image;
    const struct shmeter_header *header = image->header;
    uint64_t off;

    switch (area % 8) {
    case 0:
        off = header->state_off + at % sizeof(struct shmeter_state);
        break;
    case 1:
        off = header->slot_words_off + at % (header->slots_n * sizeof(struct shmeter_slot_word));
        break;
    case 2:
        off = header->slot_blocks_off + at % (header->slots_n * header->slot_block_bytes);
        break;
    case 3:
        off = header->cpu_lanes_off + at % 4096;
        break;
    case 4:
        off = sizeof *header + at % (image->bytes - sizeof *header);
        break;
    default: /* the fields of a record, or its strings */
        off = header->records_off + specimen->units[at / 160 % specimen->units_n] * (uint64_t)SHMETER_UNIT_BYTES +
              at % 160;
    }
    return off < image->bytes - 8 ? off : image->bytes - 8;
}

void
specimen_rehash(struct specimen *specimen, uint32_t record_idx)
{
    struct image *image = &specimen->image;
    uint32_t unit = specimen->units[record_idx % specimen->units_n];
    const struct shmeter_family_record *record = image_family_at(image, unit);
    const struct shmeter_series_record *series = image_series_at(image, unit);
    uint64_t left = image->header->records_bytes - unit * (uint64_t)SHMETER_UNIT_BYTES - 128;

    if (record->kind == SHMETER_KIND_FAMILY
            ? record->bounds_n <= 2000 && 8 * (uint64_t)record->bounds_n + record->name_bytes <= left
            : series->values_bytes <= left && series->family < image->header->records_bytes / SHMETER_UNIT_BYTES - 2)
        image_rehash(image, unit);
}
