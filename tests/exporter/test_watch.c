/*
 * What the log says of segments that come, change and go: exporter/scrape/watch.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/scrape/watch.h"
#include "tests/tools/compared.h"

/* One look, and how many lines of the log have the words. */
static uint32_t
look(struct watch *watch, const struct segment_status *const *statuses, uint32_t statuses_n, const char *words)
{
    static char text[1 << 20];
    const int lines = memfd_create("log", 0), before = dup(STDERR_FILENO);
    const char *at = text;
    uint32_t n = 0;
    ssize_t bytes;

    assert_true(lines >= 0 && before >= 0 && dup2(lines, STDERR_FILENO) >= 0);
    watch_look(watch, statuses, statuses_n);
    dup2(before, STDERR_FILENO);
    bytes = pread(lines, text, sizeof text - 1, 0);
    assert_true(bytes >= 0);
    text[bytes] = 0;
    close(lines);
    close(before);
    for (; (at = strstr(at, words)); at++)
        n++;
    return n;
}

static void
each_change_is_told_once_whatever_the_order(void **state)
{
    struct segment_status all[4];
    const struct segment_status *const statuses[] = { &all[2], &all[0], &all[3], &all[1] };
    struct watch watch = { 0 };
    uint32_t i;
    (void)state;

    memset(all, 0, sizeof all);
    for (i = 0; i < 4; i++) {
        snprintf(all[i].name, sizeof all[i].name, "shop%u", i);
        all[i].readable = 1;
    }
    assert_int_equal(look(&watch, statuses, 3, "segment found"), 3);
    assert_int_equal(look(&watch, statuses, 4, "\n"), 1);
    assert_int_equal(look(&watch, statuses, 4, "\n"), 0);
    all[0].generation = 1;
    all[3].readable = 0;
    assert_int_equal(look(&watch, statuses, 4, "\n"), 2);
    assert_int_equal(look(&watch, statuses + 1, 2, "segment is gone"), 2);
    assert_int_equal(look(&watch, statuses, 4, "segment found"), 2);
    watch_free(&watch);
}

/* Names that are alike in all but their ends, in an order of no kind. */
static void
thousands_of_segments_cost_what_each_does(void **state)
{
    enum { SEGMENTS = 8000, STEP = 1789 };
    struct segment_status *all = calloc(SEGMENTS, sizeof *all);
    const struct segment_status **statuses = calloc(SEGMENTS, sizeof *statuses);
    struct watch watch = { 0 };
    uint64_t before;
    uint32_t i;
    (void)state;

    assert_true(all && statuses);
    for (i = 0; i < SEGMENTS; i++) {
        snprintf(all[i].name, sizeof all[i].name, "%01500u.%u", 0u, i * STEP % SEGMENTS);
        all[i].readable = 1;
        statuses[i] = &all[i];
    }
    look(&watch, statuses, SEGMENTS, "\n");
    before = compared_n;
    assert_int_equal(look(&watch, statuses, SEGMENTS, "\n"), 0);
    assert_in_range(compared_n - before, SEGMENTS, 40 * SEGMENTS); /* each with each: 64,000,000 */
    watch_free(&watch);
    free(statuses);
    free(all);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_is_told_once_whatever_the_order),
        cmocka_unit_test(thousands_of_segments_cost_what_each_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
