/*
 * Label values: how long they may be, and that looking up a series that is there makes no system call, also when its
 * values are repaired first, or when they are past a limit. The header's own code with hooked system calls, and a clock
 * that stands still until it is told to move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

static uint64_t calls;
static time_t seconds = 1000;

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result = syscall(number, a, b, c, d, e, f);

    calls++;
    return result == -1 ? -errno : result;
}

/* libc's, in this program. */
int
clock_gettime(clockid_t clock, struct timespec *out)
{
    (void)clock;
    out->tv_sec = seconds;
    out->tv_nsec = 0;
    return 0;
}

static struct shmeter *meter;
static struct scrape *scrape;

static int
begin(void **state)
{
    static uint32_t n;
    char name[32];
    (void)state;

    snprintf(name, sizeof name, "segment-%u", n++);
    if (shmeter_open(&meter, scratch_path(name), NULL))
        return -1;
    scrape = scrape_open(scratch_path(name));
    return 0;
}

static int
end(void **state)
{
    (void)state;
    scrape_close(scrape);
    shmeter_close(meter);
    return 0;
}

static uint64_t
lost(enum shmeter_loss loss)
{
    return shmeter_load_relaxed(&shmeter_meter_attachment(meter)->state->losses[loss].value);
}

/* Values of these lengths, each of another letter. */
static int
is_taken(uint32_t n, const uint32_t *lengths)
{
    static const char *const labels[] = { "a", "b", "c", "d", "e", "f", NULL };
    static char texts[6][400];
    const char *values[6], *own[7];
    char name[32];
    struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = name, .labels = own };
    uint64_t before = lost(SHMETER_LOSS_SERIES_REFUSED);
    static uint32_t families;
    uint32_t i;

    for (i = 0; i < n; i++) {
        memset(texts[i], 'A' + (int)i, lengths[i]);
        texts[i][lengths[i]] = 0;
        values[i] = texts[i];
        own[i] = labels[i];
    }
    own[n] = NULL;
    snprintf(name, sizeof name, "long_%u_total", families++);
    shmeter_counter_add(shmeter_counter_of_v(shmeter_family(meter, &desc), values, n), 3);
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, name), 1);
    return lost(SHMETER_LOSS_SERIES_REFUSED) == before;
}

static void
values_of_255_bytes_and_1023_together_are_taken(void **state)
{
    static const uint32_t five[] = { 204, 204, 204, 204, 204 }, most[] = { 255, 255, 255, 255, 3 },
                          more[] = { 255, 255, 255, 255, 4 }, one[] = { 255 }, longer[] = { 256 },
                          empty[] = { 255, 255, 255, 255, 3, 0 }, early[] = { 4, 255, 255, 255, 255, 0 };
    (void)state;

    assert_true(is_taken(5, five));
    assert_true(is_taken(5, most));
    assert_true(is_taken(6, empty));
    assert_true(is_taken(1, one));
    assert_false(is_taken(5, more));
    assert_false(is_taken(6, early));
    assert_false(is_taken(1, longer));
}

static void
a_series_whose_values_are_repaired_is_found_without_a_system_call(void **state)
{
    static const char *const labels[] = { "a", NULL };
    static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "repaired_total", .labels = labels };
    const struct shmeter_family *family = shmeter_family(meter, &desc);
    uint64_t before;
    int i;
    (void)state;

    shmeter_counter_inc(shmeter_counter_of(family, "caf\xe9"));
    before = calls;
    for (i = 0; i < 100; i++) {
        shmeter_counter_inc(shmeter_counter_of(family, "caf\xe9"));
        seconds++;
    }
    assert_int_equal(calls - before, 0);
    assert_int_equal(lost(SHMETER_LOSS_VALUES_REPAIRED), 101);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "repaired_total{a=\"caf\xef\xbf\xbd\"}") == 101);
}

static void
past_a_limit_one_lookup_in_a_second_makes_system_calls(void **state)
{
    static const char *const labels[] = { "a", NULL };
    static const struct shmeter_desc desc = {
        .type = SHMETER_COUNTER, .name = "past_total", .labels = labels, .max_series = 1
    };
    const struct shmeter_family *family = shmeter_family(meter, &desc);
    char longer[300], text[16];
    uint64_t before, busy = 0;
    int i, second;
    (void)state;

    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    shmeter_counter_inc(shmeter_counter_of(family, "first"));
    for (second = 0; second < 5; second++, seconds++)
        for (i = 0; i < 100; i++) {
            snprintf(text, sizeof text, "%d", i);
            before = calls;
            shmeter_counter_inc(shmeter_counter_of(family, i % 2 ? longer : text));
            busy += calls != before;
        }
    assert_int_equal(busy, 5);
    assert_int_equal(lost(SHMETER_LOSS_SERIES_OVERFLOWED), 250);
    assert_int_equal(lost(SHMETER_LOSS_SERIES_REFUSED), 250);
    scrape_take(scrape);
    assert_true(scrape_value(scrape, "past_total{a=\"__overflow__\"}") == 500);
    assert_true(scrape_value(scrape, "past_total{a=\"first\"}") == 1);
}

/* The one lookup in a second is what notices it. */
static void
past_a_limit_a_segment_that_was_created_again_is_found(void **state)
{
    static const char *const labels[] = { "a", NULL };
    static const struct shmeter_desc desc = {
        .type = SHMETER_COUNTER, .name = "again_total", .labels = labels, .max_series = 1
    };
    const struct shmeter_family *family = shmeter_family(meter, &desc);
    struct shmeter_options options;
    struct scrape *fresh;
    const char *path = meter->path, *why;
    (void)state;

    shmeter_counter_inc(shmeter_counter_of(family, "first"));
    shmeter_counter_inc(shmeter_counter_of(family, "second"));
    assert_int_equal(unlink(path), 0);
    options = shmeter_open_options(NULL);
    assert_int_equal(shmeter_segment_create(path, &options, &why), 0); /* as another process would */
    shmeter_counter_inc(shmeter_counter_of(family, "second"));
    seconds += 2;
    shmeter_counter_inc(shmeter_counter_of(family, "second"));
    fresh = scrape_open(path);
    scrape_take(fresh);
    assert_true(scrape_value(fresh, "again_total{a=\"second\"}") == 1);
    scrape_close(fresh);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_255_bytes_and_1023_together_are_taken, begin, end),
        cmocka_unit_test_setup_teardown(a_series_whose_values_are_repaired_is_found_without_a_system_call, begin, end),
        cmocka_unit_test_setup_teardown(past_a_limit_one_lookup_in_a_second_makes_system_calls, begin, end),
        cmocka_unit_test_setup_teardown(past_a_limit_a_segment_that_was_created_again_is_found, begin, end),
    };

    return cmocka_run_group_tests_name("label values", tests, NULL, NULL);
}
