/*
 * SHMETER_SEGMENT private, off or empty: a program counts in its own memory, that is no error, and nothing is left of
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"

static const struct shmeter_desc counted = { .type = SHMETER_COUNTER, .name = "own_total", .help = "Own." };
static const struct shmeter_desc level = { .type = SHMETER_GAUGE, .name = "own_level", .help = "Own." };
static const char *const words[] = { "private", "off", "" };

static void
a_program_counts_in_its_own_memory_where_that_is_asked_for(void **state)
{
    struct shmeter *first, *again;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof words / sizeof *words; i++) {
        setenv("SHMETER_SEGMENT", words[i], 1);
        assert_int_equal(shmeter_open(&first, NULL, NULL), 0);
        assert_int_equal(shmeter_open(&again, NULL, NULL), 0);
        assert_ptr_equal(again, first);
        assert_string_equal(shmeter_error(first), "");
        shmeter_counter_add(shmeter_counter_of(shmeter_family(first, &counted)), 2);
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(first, &level)), 3);
        assert_string_equal(shmeter_error(first), "");
        shmeter_close(again);
        shmeter_close(first);
    }
    assert_int_equal(access("/dev/shm/shmeter.private.v1", F_OK), -1);
    assert_int_equal(access("/dev/shm/shmeter.off.v1", F_OK), -1);
}

static void
a_segment_that_the_program_names_is_that_segment(void **state)
{
    char path[64];
    struct shmeter *meter;

    (void)state;
    snprintf(path, sizeof path, "/dev/shm/shmeter-own-memory-%d", (int)getpid());
    setenv("SHMETER_SEGMENT", "private", 1);
    assert_int_equal(shmeter_open(&meter, path, NULL), 0);
    shmeter_close(meter);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "/dev/shm/shmeter-own-memory-%d-2", (int)getpid());
    setenv("SHMETER_SEGMENT", path, 1);
    assert_int_equal(shmeter_open(&meter, NULL, NULL), 0);
    shmeter_close(meter);
    assert_int_equal(unlink(path), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_counts_in_its_own_memory_where_that_is_asked_for),
        cmocka_unit_test(a_segment_that_the_program_names_is_that_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
