/*
 * exporter/auth/cache.h: keys that cannot be forged, and the results that are kept under them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "exporter/auth/cache.h"

static struct auth_cache cache;

static struct auth_key
key_of(const char *user, const char *hash, const char *password)
{
    struct auth_key key;

    assert_int_equal(auth_cache_key(&cache, user, hash, password, &key), 0);
    return key;
}

static int
same(struct auth_key a, struct auth_key b)
{
    return !memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

static int
open_cache(void **state)
{
    (void)state;
    return auth_cache_open(&cache);
}

static void
bytes_that_move_between_the_parts_make_another_key(void **state)
{
    static const char *const table[][3] = {
        { "ab", "c", "d" }, { "a", "bc", "d" },  { "a", "b", "cd" },  { "abcd", "", "" },
        { "", "abcd", "" }, { "", "", "abcd" },  { "a", "", "bcd" },  { "abc", "d", "" },
        { "", "ab", "cd" }, { "a:b", "c", "d" }, { "a", "b:c", "d" }, { "a", "b", "c:d" },
    };
    size_t i, j;

    (void)state;
    for (i = 0; i < sizeof table / sizeof *table; i++)
        for (j = 0; j < sizeof table / sizeof *table; j++)
            assert_int_equal(
                same(key_of(table[i][0], table[i][1], table[i][2]), key_of(table[j][0], table[j][1], table[j][2])),
                i == j);
}

static void
another_process_has_other_keys(void **state)
{
    const struct auth_key key = key_of("a", "b", "c");

    (void)state;
    assert_int_equal(auth_cache_open(&cache), 0);
    assert_false(same(key, key_of("a", "b", "c")));
}

static void
results_are_kept_and_forgotten(void **state)
{
    const struct auth_key yes = key_of("a", "b", "yes"), no = key_of("a", "b", "no");

    (void)state;
    auth_cache_add(&cache, &yes, 1);
    auth_cache_add(&cache, &no, 0);
    assert_int_equal(auth_cache_find(&cache, &yes), 1);
    assert_int_equal(auth_cache_find(&cache, &no), 0);
    auth_cache_empty(&cache);
    assert_int_equal(auth_cache_find(&cache, &yes), -ENOENT);
    assert_int_equal(auth_cache_find(&cache, &no), -ENOENT);
    assert_true(same(yes, key_of("a", "b", "yes")));
}

static void
guesses_do_not_push_out_a_password_that_counts(void **state)
{
    const struct auth_key yes = key_of("a", "b", "yes");
    struct auth_key guess = { { 0 } };
    uint32_t i;

    (void)state;
    auth_cache_add(&cache, &yes, 1);
    for (i = 0; i < 10 * AUTH_CACHE_ROOM; i++) {
        memcpy(guess.bytes, &i, sizeof i);
        auth_cache_add(&cache, &guess, 0);
    }
    assert_int_equal(auth_cache_find(&cache, &yes), 1);
    assert_int_equal(auth_cache_find(&cache, &guess), 0);
    memset(guess.bytes, 0, sizeof guess.bytes);
    assert_int_equal(auth_cache_find(&cache, &guess), -ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bytes_that_move_between_the_parts_make_another_key, open_cache),
        cmocka_unit_test_setup(another_process_has_other_keys, open_cache),
        cmocka_unit_test_setup(results_are_kept_and_forgotten, open_cache),
        cmocka_unit_test_setup(guesses_do_not_push_out_a_password_that_counts, open_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
