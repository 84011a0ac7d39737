/*
 * The hash table, the growing array and the addition that saturates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/containers/array.h"
#include "base/containers/hash_table.h"
#include "base/saturate.h"

#define NUMBERS 1000u

/* How often a number stands under a hash. */
static uint32_t
found(const struct hash_table *table, uint32_t hash, uint32_t number)
{
    const struct hash_table_entry *entry;
    uint32_t at = 0, n = 0;

    while ((entry = hash_table_next(table, hash, &at))) {
        assert_int_equal(entry->hash, hash);
        n += entry->number == number;
    }
    return n;
}

static void
fill(struct hash_table *table, uint32_t hashes)
{
    uint32_t number;

    for (number = 1; number <= NUMBERS; number++) {
        assert_int_equal(hash_table_room(table, 1), 0);
        hash_table_add(table, number % hashes * 0x10001, number);
    }
}

static void
an_empty_table_has_nothing_and_no_memory(void **state)
{
    struct hash_table table = { 0 };
    uint32_t at = 0;
    (void)state;

    assert_null(hash_table_next(&table, 0, &at));
    assert_null(table.entries);
}

static void
each_number_is_found_under_its_hash_and_no_other(void **state)
{
    struct hash_table table = { 0 };
    uint32_t number;
    (void)state;

    fill(&table, NUMBERS + 1);
    assert_int_equal(table.used, NUMBERS);
    for (number = 1; number <= NUMBERS; number++) {
        assert_int_equal(found(&table, number * 0x10001, number), 1);
        assert_int_equal(found(&table, number * 0x10001 + 1, number), 0);
    }
    free(table.entries);
}

static void
numbers_of_one_hash_are_all_found(void **state)
{
    struct hash_table table = { 0 };
    uint32_t number;
    (void)state;

    fill(&table, 7);
    for (number = 1; number <= NUMBERS; number++)
        assert_int_equal(found(&table, number % 7 * 0x10001, number), 1);
    assert_int_equal(found(&table, 7 * 0x10001, 7), 0);
    free(table.entries);
}

static void
room_is_made_once_for_many_and_half_of_it_stays_free(void **state)
{
    struct hash_table table = { 0 };
    const struct hash_table_entry *entries;
    uint32_t i;
    (void)state;

    assert_int_equal(hash_table_room(&table, NUMBERS), 0);
    entries = table.entries;
    for (i = 0; i < NUMBERS; i++)
        hash_table_add(&table, i, i + 1);
    assert_ptr_equal(table.entries, entries);
    assert_true(table.entries_n >= 2 * NUMBERS);
    assert_int_equal(table.entries_n & (table.entries_n - 1), 0);
    assert_int_equal(hash_table_room(&table, UINT32_MAX), -ENOMEM);
    assert_ptr_equal(table.entries, entries);
    free(table.entries);
}

static void
an_array_grows_by_parts_of_itself_and_keeps_what_it_has(void **state)
{
    uint32_t *array = NULL, capacity = 0, grown = 0, before = 0, i;
    (void)state;

    for (i = 0; i < 10000; i++) {
        assert_int_equal(array_room(&array, &capacity, (uint64_t)i + 1, sizeof *array), 0);
        assert_true(capacity > i);
        array[i] = i;
        grown += capacity != before;
        before = capacity;
    }
    for (i = 0; i < 10000; i++)
        assert_int_equal(array[i], i);
    assert_in_range(grown, 2, 20);
    free(array);
}

static void
an_array_that_is_too_long_is_refused_and_as_before(void **state)
{
    uint64_t *array = NULL;
    const uint64_t *before;
    uint32_t capacity = 0;
    (void)state;

    assert_int_equal(array_room(&array, &capacity, 3, sizeof *array), 0);
    before = array;
    assert_int_equal(array_room(&array, &capacity, (uint64_t)UINT32_MAX + 1, sizeof *array), -ENOMEM);
    assert_ptr_equal(array, before);
    assert_in_range(capacity, 3, 100);
    free(array);
}

static void
an_addition_stays_at_the_largest_number(void **state)
{
    (void)state;

    assert_true(saturate_add(1, 2) == 3);
    assert_true(saturate_add(UINT64_MAX - 1, 1) == UINT64_MAX);
    assert_true(saturate_add(UINT64_MAX, 1) == UINT64_MAX);
    assert_true(saturate_add(1, UINT64_MAX) == UINT64_MAX);
    assert_true(saturate_add(UINT64_MAX, UINT64_MAX) == UINT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_has_nothing_and_no_memory),
        cmocka_unit_test(each_number_is_found_under_its_hash_and_no_other),
        cmocka_unit_test(numbers_of_one_hash_are_all_found),
        cmocka_unit_test(room_is_made_once_for_many_and_half_of_it_stays_free),
        cmocka_unit_test(an_array_grows_by_parts_of_itself_and_keeps_what_it_has),
        cmocka_unit_test(an_array_that_is_too_long_is_refused_and_as_before),
        cmocka_unit_test(an_addition_stays_at_the_largest_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
