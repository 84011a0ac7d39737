/*
 * A take for which memory cannot be had: nothing of it is half done. Each allocation of a first take fails in turn; the
 * next take, which has memory, shows each series, also when its record has become another one. New memory is not zero.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/file/reader.h"
#include "read/snapshot/internal.h"
#include "read/snapshot/snapshot.h"
#include "shm/layout/words.h"
#include "tests/read/image.h"

#define INFOS    70u /* more than their list has room for at first */
#define COUNTERS 70u

void *__libc_realloc(void *memory, size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_malloc(size_t bytes);

static uint32_t allocations, fails; /* fails: the number of the one that does; 0: none */

static int
is_refused(void)
{
    return ++allocations == fails;
}

void *
malloc(size_t bytes)
{
    void *memory = is_refused() ? NULL : __libc_malloc(bytes);

    return memory ? memset(memory, 0xa5, bytes) : NULL;
}

void *
calloc(size_t n, size_t bytes)
{
    return is_refused() ? NULL : __libc_calloc(n, bytes);
}

void *
realloc(void *memory, size_t bytes)
{
    void *more;

    if (is_refused())
        return NULL;
    more = __libc_malloc(bytes);
    if (!more || !memory)
        return more ? memset(more, 0xa5, bytes) : NULL;
    memset(more, 0xa5, bytes);
    memcpy(more, memory, bytes < malloc_usable_size(memory) ? bytes : malloc_usable_size(memory));
    free(memory);
    return more;
}

static void
make(struct image *image)
{
    static const struct image_sizes sizes = { .reuses = 1 };
    static const struct image_family infos = { .type = SHMETER_INFO, .name = "build_info", .labels = { "a" } },
                                     counters = { .type = SHMETER_COUNTER, .name = "made_total", .labels = { "a" } };
    uint32_t family, i;

    image_make(image, &sizes);
    family = image_family(image, &infos);
    for (i = 0; i < INFOS; i++)
        image_series(image, family, &(const char *){ (char[]){ 'a', (char)('0' + i), 0 } });
    family = image_family(image, &counters);
    for (i = 0; i < COUNTERS; i++)
        image_series(image, family, &(const char *){ (char[]){ 'a', (char)('0' + i), 0 } });
}

/* Each series leaves, and another one has its record. */
static void
renew(struct image *image)
{
    uint32_t unit;

    image->state->changes_begun.value++;
    for (unit = 1; unit < image->next_unit; unit += image_series_at(image, unit)->bytes / SHMETER_UNIT_BYTES) {
        struct shmeter_series_record *record = image_series_at(image, unit);
        if (record->kind != SHMETER_KIND_SERIES)
            continue;
        *(char *)(record + 1) ^= 'a' ^ 'b';
        image_rehash(image, unit);
        record->state = SHMETER_STATE(SHMETER_VISIBLE, SHMETER_STATE_EPOCH(record->state) + 1);
    }
    image->state->changes_done.value++;
}

static uint32_t
shown(const struct snapshot *snapshot)
{
    uint32_t i, n = 0;

    for (i = 0; i < snapshot->series_n; i++)
        n += snapshot->series[i].visible != 0;
    return n;
}

/* Whether the allocation was one of the take. */
static int
take_without(struct image *image, uint32_t fails_at)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    struct snapshot *snapshot;
    int result, was_refused;

    assert_int_equal(shmeter_reader_open(&reader, image->path, NULL, &error), 0);
    snapshot = snapshot_new(reader);
    assert_non_null(snapshot);
    allocations = 0;
    fails = fails_at;
    result = snapshot_take(snapshot, SNAPSHOT_ALL);
    was_refused = allocations >= fails;
    fails = 0;
    assert_true(!result || (was_refused && result == -ENOMEM));
    assert_int_equal(snapshot_take(snapshot, SNAPSHOT_ALL), 0);
    assert_int_equal(shown(snapshot), INFOS + COUNTERS);
    renew(image);
    assert_int_equal(snapshot_take(snapshot, SNAPSHOT_ALL), 0);
    assert_int_equal(shown(snapshot), INFOS + COUNTERS);
    snapshot_free(snapshot);
    return was_refused;
}

static void
a_take_that_had_no_memory_leaves_nothing_half_done(void **state)
{
    struct image image;
    uint32_t n = 1;
    (void)state;

    make(&image);
    while (take_without(&image, n))
        n++;
    assert_true(n > 10);
    image_free(&image);
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_take_that_had_no_memory_leaves_nothing_half_done) };

    return cmocka_run_group_tests_name("read no_memory", tests, NULL, NULL);
}
