/*
 * A segment made by hand and a store that watches it.
 */
#ifndef SHMETER_TESTS_READ_FIXTURE_H
#define SHMETER_TESTS_READ_FIXTURE_H

#include "tests/read/scene.h"

struct fixture {
    struct image image;
    struct scene scene;
};

static inline void
fixture_start(struct fixture *fixture, const struct image_sizes *sizes)
{
    image_make(&fixture->image, sizes);
    scene_open_one(&fixture->scene, fixture->image.path);
}

static inline void
fixture_stop(struct fixture *fixture)
{
    scene_close(&fixture->scene);
    image_free(&fixture->image);
}

/* A series of a family with one label. */
static inline struct image_series
fixture_series(struct image *image, uint32_t family, const char *value)
{
    return image_series(image, family, &value);
}

static inline const struct segment_status *
fixture_status(const struct fixture *fixture)
{
    return store_status(fixture->scene.store, 0);
}

#endif
