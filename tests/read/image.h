/*
 * A segment made by hand from shm/layout/layout.h, for tests that need bytes no client would write. Mapped writable
 * here, so that a test may go on writing while a reader looks.
 */
#ifndef SHMETER_TESTS_READ_IMAGE_H
#define SHMETER_TESTS_READ_IMAGE_H

#include <stdint.h>

#include "shm/layout/kinds.h"
#include "shm/layout/layout.h"

struct image_left;

struct image {
    unsigned char *base;
    uint64_t bytes;
    struct shmeter_header *header;
    struct shmeter_state *state;
    uint64_t next_unit, next_cell, next_gauge;
    struct image_left *left;
    int fd;
    char directory[64];
    char path[96];
};

struct image_sizes {        /* 0: what is in brackets */
    uint32_t cpu_lanes;     /* 2 */
    uint32_t shared_lanes;  /* 1 */
    uint32_t lane_shift;    /* 16 */
    uint32_t slots;         /* 4 */
    uint32_t gauges;        /* 64 */
    uint32_t record_chunks; /* 4 */
    uint32_t reuses;        /* 0: no SHMETER_FEATURE_REUSE; 1: records may become other series */
};

/* Makes a file in a directory of its own under /dev/shm. Fails the program when it cannot. */
void image_make(struct image *image, const struct image_sizes *sizes);
/* Removes the file and the directory; so does the program's end, for images that a failed test left. */
void image_free(struct image *image);
/* Writes the header's sum again. */
void image_seal(struct image *image);

struct image_family {
    enum shmeter_type type;
    enum shmeter_mode mode;
    const char *name, *help, *unit;
    const char *labels[17]; /* ended by NULL */
    const double *bounds;
    uint32_t bounds_n;
    int32_t schema; /* with log_n: an exponential histogram, whose bounds are given all the same */
    int32_t first_index;
    uint32_t log_n;
    const char *states[17]; /* ended by NULL */
};

struct image_series {
    uint32_t unit;
    uint64_t cell; /* offset in a lane, or number of the gauge */
};

/* Published and visible. Returns the unit. */
uint32_t image_family(struct image *image, const struct image_family *family);
/* values: as many as the family has labels. */
struct image_series image_series(struct image *image, uint32_t family, const char *const *values);
/* Hashes of a record that was changed by hand. */
void image_rehash(struct image *image, uint32_t unit);

struct shmeter_family_record *image_family_at(struct image *image, uint32_t unit);
struct shmeter_series_record *image_series_at(struct image *image, uint32_t unit);

uint64_t *image_cpu(struct image *image, uint32_t lane, uint64_t cell);
uint64_t *image_shared(struct image *image, uint32_t lane, uint64_t cell);
struct shmeter_histogram_cell *image_histogram(struct image *image, uint32_t lane, uint64_t cell);
uint64_t *image_buckets(struct image *image, uint32_t lane, uint64_t cell);
struct shmeter_shared_bucket *image_shared_buckets(struct image *image, uint32_t lane, uint64_t cell);
uint64_t image_bits(double value);

struct shmeter_slot_word *image_slot(struct image *image, uint32_t slot);
struct shmeter_slot_block *image_block(struct image *image, uint32_t slot);
struct shmeter_gauge_cell *image_gauge(struct image *image, uint32_t slot, uint64_t cell);
struct shmeter_gauge_cell *image_common(struct image *image, uint64_t cell);
/* A value as it is stored. */
uint64_t image_stored(double value);

enum image_owner {
    IMAGE_SELF,    /* this process, which lives                                                             */
    IMAGE_DEAD,    /* this process's number with another start time                                         */
    IMAGE_FOREIGN, /* another namespace's                                                                   */
};
void image_own(struct image *image, uint32_t slot, enum shmeter_slot_state state, enum image_owner owner,
               const char *worker);

#endif
