/*
 * One scrape of a segment, from file to parsed text.
 */
#ifndef SHMETER_TESTS_READ_SCENE_H
#define SHMETER_TESTS_READ_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exposition/exposition.h"
#include "read/filters/filters.h"
#include "tests/read/image.h"
#include "tests/read/strict.h"

#define SCENE_LISTS 8u

struct scene {
    struct exposition *exposition;
    struct store *store; /* of it                                                                          */
    int with_own;        /* shmeter_* series too                                                           */
    struct settings_list *lists[SCENE_LISTS]; /* that were made for it */
    uint32_t lists_n;
    struct buffer text;
    struct strict parsed;
};

/* With these options; of settings, scene_settings() has made the list, in a scene of zeros. */
void scene_open_as(struct scene *scene, const struct store_options *options);
/* A store over names, without shmeter_* series. */
void scene_open(struct scene *scene, const char *const *names, uint32_t names_n);
void scene_open_one(struct scene *scene, const char *name);
/* The same with one entry of settings for all of them. */
void scene_open_with(struct scene *scene, const char *const *names, uint32_t names_n,
                     const struct settings_spec *settings);
/* Replaces the settings; NULL: none. */
void scene_configure(struct scene *scene, const char *const *names, uint32_t names_n,
                     const struct settings_spec *settings);
/* A list for a store's options, which lasts until scene_close(). */
struct settings_list *scene_settings(struct scene *scene, const struct settings_spec *specs, uint32_t n);
/* Takes, renders, parses; the text must pass the strict parser. */
void scene_scrape(struct scene *scene);
void scene_close(struct scene *scene);

/* The clock of idle series: it stands still until a test moves it. */
extern uint64_t scene_clock_ns;

/* The value of a sample; NaN when it is not there. */
double scene_value(const struct scene *scene, const char *name, const char *labels);
#define assert_sample(scene, name, labels, wanted) scene_assert((scene), (name), (labels), (wanted), __FILE__, __LINE__)
void scene_assert(const struct scene *scene, const char *name, const char *labels, double wanted, const char *file,
                  int line);
#define assert_absent(scene, name, labels) \
    scene_assert((scene), (name), (labels), __builtin_nan(""), __FILE__, __LINE__)

#endif
