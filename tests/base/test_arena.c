/* The arena, memory that is freed all at once. tests/checked/ finds leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/containers/arena.h"

#define PIECES 2000u

static void
pieces_of_all_sizes_are_zero_aligned_and_apart(void **state)
{
    static unsigned char *pieces[PIECES];
    static size_t sizes[PIECES];
    struct arena arena = { 0 };
    uint32_t i;
    size_t at;
    (void)state;

    for (i = 0; i < PIECES; i++) {
        sizes[i] = i % 50 ? i % 100 : 17000 + i; /* some too large to share a block */
        pieces[i] = arena_take(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (at = 0; at < sizes[i]; at++)
            assert_int_equal(pieces[i][at], 0);
        memset(pieces[i], (int)(i % 255) + 1, sizes[i]);
    }
    for (i = 0; i < PIECES; i++)
        for (at = 0; at < sizes[i]; at++)
            assert_int_equal(pieces[i][at], i % 255 + 1);
    arena_free(&arena);
}

static void
a_large_piece_leaves_the_room_of_the_block_before_it(void **state)
{
    struct arena arena = { 0 };
    char *first, *second;
    size_t left;
    (void)state;

    first = arena_take(&arena, 16);
    left = arena.left;
    assert_non_null(arena_take(&arena, 100000));
    assert_int_equal(arena.left, left);
    second = arena_take(&arena, 16);
    assert_ptr_equal(second, first - 16);
    arena_free(&arena);
}

static void
strings_are_copied_with_their_end_and_bytes_without(void **state)
{
    struct arena arena = { 0 };
    char word[] = "word", *string = arena_string(&arena, word), *bytes = arena_bytes(&arena, word, 2);
    (void)state;

    memset(word, 'x', 4);
    assert_string_equal(string, "word");
    assert_memory_equal(bytes, "wo", 2);
    assert_ptr_equal(bytes, string - 2);
    assert_non_null(arena_bytes(&arena, NULL, 0));
    arena_free(&arena);
}

static void
more_than_there_can_be_is_refused(void **state)
{
    struct arena arena = { 0 };
    (void)state;

    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_take(&arena, SIZE_MAX / 2 + 1));
    arena_free(&arena);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_all_sizes_are_zero_aligned_and_apart),
        cmocka_unit_test(a_large_piece_leaves_the_room_of_the_block_before_it),
        cmocka_unit_test(strings_are_copied_with_their_end_and_bytes_without),
        cmocka_unit_test(more_than_there_can_be_is_refused),
    };
    return cmocka_run_group_tests_name("base arena", tests, NULL, NULL);
}
