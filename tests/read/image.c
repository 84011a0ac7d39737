#include "tests/read/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/layout/header.h"
#include "shm/layout/words.h"
#include "shm/machine/hash.h"
#include "shm/process/clock.h"
#include "shm/process/identity.h"

static void
must(int good, const char *what)
{
    if (good)
        return;
    perror(what);
    abort();
}

struct image_left { /* what is to be removed at the end */
    struct image_left *next;
    char directory[64], path[96];
    pid_t owner;
};

static struct image_left *all_left;

static void
remove_left(void)
{
    struct image_left *left;

    for (left = all_left; left; left = left->next)
        if (*left->path && left->owner == getpid()) {
            unlink(left->path);
            rmdir(left->directory);
        }
}

static void
remember(struct image *image)
{
    struct image_left *left = calloc(1, sizeof *left);

    must(left != NULL, "calloc");
    if (!all_left)
        atexit(remove_left);
    snprintf(left->directory, sizeof left->directory, "%s", image->directory);
    snprintf(left->path, sizeof left->path, "%s", image->path);
    left->owner = getpid();
    left->next = all_left;
    all_left = image->left = left;
}

void
image_seal(struct image *image)
{
    image->header->sum = shmeter_header_sum(image->header);
}

static void
fill_header(struct shmeter_header *header, const struct image_sizes *sizes)
{
    memset(header, 0, sizeof *header);
    header->magic = SHMETER_MAGIC;
    header->abi_major = SHMETER_ABI_MAJOR;
    header->abi_minor = SHMETER_ABI_MINOR;
    header->header_bytes = sizeof *header;
    header->nonce[0] = UINT64_C(0x0123456789abcdef);
    header->nonce[1] = UINT64_C(0xfedcba9876543210);
    shmeter_identity_boot(header->boot_id);
    header->created_real_ns = UINT64_C(1700000000000000000);
    header->created_mono_ns = shmeter_clock_ns();
    header->created_ticks = header->created_mono_ns;
    header->ticks_kind = SHMETER_TICKS_MONOTONIC_NS;
    header->created_timens = shmeter_identity_timens();
    header->index_entries = 64;
    header->records_bytes = (sizes && sizes->record_chunks ? sizes->record_chunks : 4u) * (uint64_t)SHMETER_CHUNK_BYTES;
    header->cpu_lanes_n = sizes && sizes->cpu_lanes ? sizes->cpu_lanes : 2;
    header->shared_lanes_n = sizes && sizes->shared_lanes ? sizes->shared_lanes : 1;
    header->lane_shift = sizes && sizes->lane_shift ? sizes->lane_shift : 16;
    header->max_series = 1000;
    header->max_family_series = 100;
    header->slots_n = sizes && sizes->slots ? sizes->slots : 4;
    header->gauges_n = sizes && sizes->gauges ? sizes->gauges : 64;
    header->ring_bytes = 4096;
    if (sizes && sizes->reuses) {
        header->features = SHMETER_FEATURE_REUSE;
        header->limbo_entries = 16;
    }
    shmeter_header_place(header);
    header->sum = shmeter_header_sum(header);
}

void
image_make(struct image *image, const struct image_sizes *sizes)
{
    struct shmeter_header header;

    memset(image, 0, sizeof *image);
    fill_header(&header, sizes);
    snprintf(image->directory, sizeof image->directory, "/dev/shm/shmeter-test-%d-XXXXXX", (int)getpid());
    must(mkdtemp(image->directory) != NULL, "mkdtemp");
    snprintf(image->path, sizeof image->path, "%s/segment", image->directory);
    remember(image);
    image->fd = open(image->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(image->fd >= 0, "open");
    image->bytes = header.segment_bytes;
    must(ftruncate(image->fd, (off_t)image->bytes) == 0, "ftruncate");
    image->base = mmap(NULL, image->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
    must(image->base != MAP_FAILED, "mmap");
    memcpy(image->base, &header, sizeof header);
    image->header = (struct shmeter_header *)(void *)image->base;
    image->state = (struct shmeter_state *)(void *)(image->base + header.state_off);
    image->next_unit = 1;
    image->next_cell = SHMETER_FIRST_CELL_OFF;
    image->state->records_fill.value = SHMETER_UNIT_BYTES;
    image->state->records_backed.value = header.records_bytes;
    image->state->cells_fill.value = SHMETER_FIRST_CELL_OFF;
    image->state->cells_backed.value = UINT64_C(1) << header.lane_shift;
}

void
image_free(struct image *image)
{
    munmap(image->base, image->bytes);
    close(image->fd);
    unlink(image->path);
    rmdir(image->directory);
    *image->left->path = 0;
}

static unsigned char *
record_at(struct image *image, uint64_t unit)
{
    return image->base + image->header->records_off + unit * SHMETER_UNIT_BYTES;
}

struct shmeter_family_record *
image_family_at(struct image *image, uint32_t unit)
{
    return (struct shmeter_family_record *)(void *)record_at(image, unit);
}

struct shmeter_series_record *
image_series_at(struct image *image, uint32_t unit)
{
    return (struct shmeter_series_record *)(void *)record_at(image, unit);
}

void
image_rehash(struct image *image, uint32_t unit)
{
    struct shmeter_family_record *family = image_family_at(image, unit);
    struct shmeter_series_record *series = image_series_at(image, unit);
    const uint64_t *nonce = image->header->nonce;

    if (family->kind == SHMETER_KIND_FAMILY)
        family->hash = shmeter_hash_bytes(nonce[0] ^ family->definition, (char *)(family + 1) + 8 * family->bounds_n,
                                          family->name_bytes);
    else
        series->hash = shmeter_hash_bytes(shmeter_hash_word(image_family_at(image, series->family)->hash, nonce[1]),
                                          series + 1, series->values_bytes);
}

static uint32_t
take_units(struct image *image, size_t bytes, uint32_t *record_bytes)
{
    uint64_t units = (bytes + SHMETER_UNIT_BYTES - 1) / SHMETER_UNIT_BYTES, unit = image->next_unit;

    must((unit + units) * SHMETER_UNIT_BYTES <= image->header->records_bytes, "arena of the image");
    image->next_unit += units;
    image->state->records_fill.value = image->next_unit * SHMETER_UNIT_BYTES;
    *record_bytes = (uint32_t)(units * SHMETER_UNIT_BYTES);
    return (uint32_t)unit;
}

static char *
put_string(char *at, const char *string, uint16_t *bytes)
{
    size_t n = strlen(string ? string : "") + 1;

    memcpy(at, string ? string : "", n);
    *bytes = (uint16_t)(*bytes + n);
    return at + n;
}

uint32_t
image_family(struct image *image, const struct image_family *family)
{
    unsigned char copy[16384] = { 0 };
    struct shmeter_family_record *record = (struct shmeter_family_record *)(void *)copy;
    char *at = (char *)(record + 1);
    uint32_t unit;

    record->kind = SHMETER_KIND_FAMILY;
    record->state = SHMETER_VISIBLE;
    record->definition = image->next_unit * 77;
    record->type = family->type;
    record->mode = family->mode;
    record->schema = family->schema;
    record->exponential = family->log_n != 0;
    record->first_index = family->first_index;
    record->log_n = family->log_n;
    record->bounds_n = family->bounds_n;
    if (family->log_n)
        record->min_value = family->bounds[0];
    if (shmeter_type_histogram(family->type)) {
        record->buckets_n = family->bounds_n + !family->log_n;
        record->cell_bytes = (uint32_t)sizeof(struct shmeter_histogram_cell) + 8 * record->buckets_n;
    } else if (family->type <= SHMETER_COUNTER_F64) {
        record->cell_bytes = 8;
    }
    record->max_series = 100;
    if (family->bounds_n)
        memcpy(at, family->bounds, family->bounds_n * sizeof *family->bounds);
    at += family->bounds_n * sizeof *family->bounds;
    at = put_string(at, family->name, &record->name_bytes);
    at = put_string(at, family->help, &record->help_bytes);
    at = put_string(at, family->unit, &record->unit_bytes);
    for (; family->labels[record->labels_n]; record->labels_n++)
        at = put_string(at, family->labels[record->labels_n], &record->labels_bytes);
    for (; family->states[record->states_n]; record->states_n++)
        at = put_string(at, family->states[record->states_n], &record->states_bytes);
    unit = take_units(image, (size_t)(at - (char *)copy), &record->bytes);
    memcpy(record_at(image, unit), copy, record->bytes);
    image_rehash(image, unit);
    return unit;
}

struct image_series
image_series(struct image *image, uint32_t family, const char *const *values)
{
    const struct shmeter_family_record *of = image_family_at(image, family);
    unsigned char copy[2048] = { 0 };
    struct shmeter_series_record *record = (struct shmeter_series_record *)(void *)copy;
    struct image_series series;
    uint16_t bytes = 0;
    char *at = (char *)(record + 1);
    uint32_t i;

    record->kind = SHMETER_KIND_SERIES;
    record->state = image->header->features ? SHMETER_STATE(SHMETER_VISIBLE, 1) : SHMETER_VISIBLE;
    record->family = family;
    record->values_n = of->labels_n;
    for (i = 0; i < of->labels_n; i++)
        at = put_string(at, values[i], &bytes);
    record->values_bytes = bytes;
    if (shmeter_type_gauge(of->type)) {
        record->cell = image->next_gauge++;
        image->state->gauges_fill.value = image->next_gauge;
    } else if (of->cell_bytes) {
        record->cell = image->next_cell;
        image->next_cell += of->cell_bytes;
        image->state->cells_fill.value = image->next_cell;
    }
    image->state->series_n.value++;
    series.cell = record->cell;
    series.unit = take_units(image, (size_t)(at - (char *)copy), &record->bytes);
    memcpy(record_at(image, series.unit), copy, record->bytes);
    image_rehash(image, series.unit);
    return series;
}

uint64_t *
image_cpu(struct image *image, uint32_t lane, uint64_t cell)
{
    return (uint64_t *)(void *)(image->base + image->header->cpu_lanes_off +
                                ((uint64_t)lane << image->header->lane_shift) + cell);
}

uint64_t *
image_shared(struct image *image, uint32_t lane, uint64_t cell)
{
    return (uint64_t *)(void *)(image->base + image->header->shared_lanes_off +
                                ((uint64_t)lane << (image->header->lane_shift + 1)) + 2 * cell);
}

struct shmeter_histogram_cell *
image_histogram(struct image *image, uint32_t lane, uint64_t cell)
{
    return (struct shmeter_histogram_cell *)(void *)image_cpu(image, lane, cell);
}

uint64_t *
image_buckets(struct image *image, uint32_t lane, uint64_t cell)
{
    return (uint64_t *)(image_histogram(image, lane, cell) + 1);
}

struct shmeter_shared_bucket *
image_shared_buckets(struct image *image, uint32_t lane, uint64_t cell)
{
    return (struct shmeter_shared_bucket *)(void *)image_shared(image, lane,
                                                                cell + sizeof(struct shmeter_histogram_cell));
}

uint64_t
image_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint64_t
image_stored(double value)
{
    return image_bits(value) ^ SHMETER_UNSET_BITS;
}

struct shmeter_slot_word *
image_slot(struct image *image, uint32_t slot)
{
    return (struct shmeter_slot_word *)(void *)(image->base + image->header->slot_words_off) + slot;
}

struct shmeter_slot_block *
image_block(struct image *image, uint32_t slot)
{
    return (struct shmeter_slot_block *)(void *)(image->base + image->header->slot_blocks_off +
                                                 slot * image->header->slot_block_bytes);
}

struct shmeter_gauge_cell *
image_gauge(struct image *image, uint32_t slot, uint64_t cell)
{
    return (struct shmeter_gauge_cell *)(void *)((unsigned char *)image_block(image, slot) +
                                                 image->header->gauges_off) +
           cell;
}

struct shmeter_gauge_cell *
image_common(struct image *image, uint64_t cell)
{
    return (struct shmeter_gauge_cell *)(void *)(image->base + image->header->common_off) + cell;
}

void
image_own(struct image *image, uint32_t slot, enum shmeter_slot_state state, enum image_owner owner, const char *worker)
{
    struct shmeter_slot_word *word = image_slot(image, slot);
    uint32_t namespaces = shmeter_namespaces_hash(), start;
    struct shmeter_stat stat;

    must(shmeter_identity_stat(0, &stat) == 0, "/proc/self/stat");
    start = stat.start_ticks;
    if (owner == IMAGE_DEAD)
        start++;
    if (owner == IMAGE_FOREIGN)
        namespaces++;
    word->backed = image->header->ring_off;
    word->identity = SHMETER_IDENTITY(start, namespaces);
    word->claimed_ticks = shmeter_clock_ns();
    word->owner = SHMETER_OWNER(state, SHMETER_OWNER_GENERATION(word->owner) + 1, getpid());
    snprintf(image_block(image, slot)->worker, SHMETER_WORKER_BYTES, "%s", worker);
}
