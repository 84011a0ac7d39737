/*
 * Characters of UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* The sequence at the text's end, so that a byte read behind it is noticed by a sanitizer. */
static size_t
sequence(const char *text, size_t len)
{
    unsigned char *copy = malloc(len);
    size_t bytes;

    assert_non_null(copy);
    memcpy(copy, text, len);
    bytes = utf8_sequence(copy, len);
    free(copy);
    return bytes;
}

static size_t
encode(unsigned char *out, uint32_t point, size_t bytes)
{
    static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    size_t i;

    if (bytes == 1) {
        out[0] = (unsigned char)point;
        return 1;
    }
    for (i = bytes - 1; i; i--, point >>= 6)
        out[i] = (unsigned char)(0x80 | (point & 0x3f));
    out[0] = (unsigned char)(leads[bytes] | point);
    return bytes;
}

static void
every_code_point_but_surrogates_is_a_character_in_its_shortest_form_only(void **state)
{
    unsigned char text[8] = { 0 };
    uint32_t point;
    size_t bytes, shortest, i;
    (void)state;

    for (point = 0; point < 0x120000; point++) {
        shortest = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        for (bytes = shortest; bytes <= 4; bytes++) {
            int good = bytes == shortest && point < 0x110000 && (point < 0xd800 || point > 0xdfff);
            encode(text, point, bytes);
            if (utf8_sequence(text, sizeof text) != (good ? bytes : 0))
                fail_msg("U+%04X in %zu bytes", point, bytes);
            for (i = 1; good && i < bytes; i++)
                assert_int_equal(utf8_sequence(text, i), 0);
        }
    }
}

static void
what_is_cut_or_broken_is_no_character(void **state)
{
    static const char *const broken[] = { "\x80",         "\xbf",          "\xc0\x80",         "\xc1\xbf",  "\xc3",
                                          "\xc3\xc3",     "\xc3(",         "\xe2\x82",         "\xe2(\xa1", "\xe2\x82(",
                                          "\xf0\x9f\x98", "\xf0\x9f\x98(", "\xf5\x80\x80\x80", "\xfe",      "\xff" };
    size_t i;
    (void)state;

    for (i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(sequence(broken[i], strlen(broken[i])), 0);
    assert_int_equal(sequence("\xc3\xa9", 2), 2);
    assert_int_equal(sequence("a\xff", 2), 1);
    assert_int_equal(sequence("\xc3\0\x80", 3), 0);
    assert_int_equal(sequence("\0", 1), 1);
}

static void
controls_are_those_of_ascii_and_of_latin_1(void **state)
{
    unsigned char text[4];
    uint32_t point;
    (void)state;

    for (point = 0; point < 0x800; point++) {
        size_t bytes = encode(text, point, point < 0x80 ? 1 : 2);
        int wanted = point < 0x20 || (point >= 0x7f && point < 0xa0);
        assert_int_equal(utf8_is_control(text, bytes), wanted);
    }
    assert_false(utf8_is_control((const unsigned char *)"\xe2\x80\xa8", 3));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_but_surrogates_is_a_character_in_its_shortest_form_only),
        cmocka_unit_test(what_is_cut_or_broken_is_no_character),
        cmocka_unit_test(controls_are_those_of_ascii_and_of_latin_1),
    };
    return cmocka_run_group_tests_name("base utf8", tests, NULL, NULL);
}
