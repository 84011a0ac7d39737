/*
 * Regular expressions: what they match, and what is refused: lib/base/regex.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "base/regex.h"

static int
matches(const char *expression, const char *text)
{
    struct regex *regex;
    struct report report = { 0 };
    int result;

    if (regex_new(&regex, expression, &report))
        fail_msg("%s", report.text);
    assert_string_equal(report.text, "");
    result = regex_matches(regex, text);
    regex_free(regex);
    return result;
}

static void
the_whole_text_is_matched(void **state)
{
    static const struct {
        const char *expression, *text;
        int wanted;
    } cases[] = {
        { "b", "abc", 0 },
        { "a.c", "abc", 1 },
        { "a|ab", "ab", 1 },
        { "ab|a", "ab", 1 },
        { "^ab$", "ab", 1 },
        { "", "", 1 },
        { "", "a", 0 },
        { "a*?", "aaa", 1 },
        { "a.b", "a\nb", 1 },
        { "ab$", "ab\n", 0 },
        { ".", "\xc3\xa4", 1 },
        { "..", "\xc3\xa4", 0 },
        { "\\d+", "2026", 1 },
        { "\\d", "\xd9\xa1", 0 },
        { "\\pL", "\xc3\xa4", 1 },
        { "(?i)\xc3\xa4", "\xc3\x84", 1 },
        { "(?-s)a.b", "a\nb", 0 },
        { "(?m)^a$", "b\na", 0 },
        { "\\Qa.b\\E", "a.b", 1 },
        { "[[:alpha:]]\\.", "a.", 1 },
        { "\\bab\\b", "ab", 1 },
        { ".*", "\xff", 0 },
        { "\\\\C", "\\C", 1 },
        { "a{0}b", "b", 1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matches(cases[i].expression, cases[i].text) != cases[i].wanted)
            fail_msg("%s, %s", cases[i].expression, cases[i].text);
}

static void
what_is_no_expression_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *expression, *wanted;
    } cases[] = {
        { "a(", "expression \"a(\" is no regular expression: missing ): a(" },
        { "a)", "expression \"a)\" is no regular expression: unexpected ): a)" },
        { "\\", "expression \"\\\" is no regular expression: trailing \\" },
        { "(?=a)", "expression \"(?=a)\" is no regular expression: invalid perl operator: (?=" },
        { "\\C", "expression \"\\C\" is no regular expression: \\C, a single byte, is not taken" },
        { "(a)\\9", "expression \"(a)\\9\" has a back reference (\\1 to \\9), which this does not do" },
        { "a{1001}", "expression \"a{1001}\" repeats too much: more than 1000 times" },
        { "(a{2}){501}", "expression \"(a{2}){501}\" repeats too much: more than 1000 times" },
        { "a{1,12345678901}", "expression \"a{1,12345678901}\" repeats too much: more than 1000 times" },
        { "\\pL{1000}", "expression \"\\pL{1000}\" is too large for the 1024 KiB that it may take" },
    };
    struct regex *regex = (struct regex *)(uintptr_t)1;
    struct report report;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        report = (struct report){ 0 };
        assert_int_equal(regex_new(&regex, cases[i].expression, &report), -EINVAL);
        assert_null(regex);
        assert_string_equal(report.text, cases[i].wanted);
    }
}

static void
lengths_and_repetitions_up_to_the_limits_are_taken(void **state)
{
    char text[REGEX_BYTES + 2];
    struct report report = { 0 };
    struct regex *regex;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[REGEX_BYTES] = 0;
    assert_true(matches(text, text));
    text[REGEX_BYTES] = 'a';
    text[REGEX_BYTES + 1] = 0;
    assert_int_equal(regex_new(&regex, text, &report), -EINVAL);
    assert_string_equal(report.text + strlen(report.text) - strlen("is longer than 512 bytes"),
                        "is longer than 512 bytes");
    assert_true(matches("(b{10}){100}|a{1000}?", text) == 0);
    assert_true(matches("x{0,1000}[{1000,1000}]*", "xxx{1000,1000}"));
}

static size_t
bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* A matcher that remembers each set of places has 2^20 of them here. */
static void
memory_stays_within_its_bound_while_matching(void **state)
{
    enum { LEN = 1 << 16 };
    char *text = malloc(LEN + 1);
    struct report report = { 0 };
    struct regex *regex;
    uint64_t random = 1;
    size_t before, i, k;

    (void)state;
    assert_non_null(text);
    text[LEN] = 0;
    before = bytes_in_use();
    assert_int_equal(regex_new(&regex, "(a|b)*a(a|b){19}", &report), 0);
    for (i = 0; i < 8; i++) {
        for (k = 0; k < LEN; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[k] = random >> 63 ? 'a' : 'b';
        }
        text[LEN - 20] = i % 2 ? 'a' : 'b';
        assert_int_equal(regex_matches(regex, text), i % 2);
        assert_in_range(bytes_in_use() - before, 1, REGEX_MEMORY_BYTES);
    }
    regex_free(regex);
    assert_in_range(bytes_in_use(), 0, before + 4096);
    free(text);
}

/* ---- no memory: malloc's, which operator new takes its own from ---- */

void *__libc_malloc(size_t bytes);

static long left = -1; /* allocations until there is no memory; negative: there is */

void *
malloc(size_t bytes)
{
    if (left == 0) {
        errno = ENOMEM;
        return NULL;
    }
    left -= left > 0;
    return __libc_malloc(bytes);
}

static void
without_memory_it_says_so(void **state)
{
    struct regex *regex;
    struct report report = { 0 };
    long n;
    int result = -ENOMEM;

    (void)state;
    matches("a+b", "aab"); /* what the library makes once */
    for (n = 0; result == -ENOMEM; n++) {
        left = n;
        result = regex_new(&regex, "(a|bc)+d{3}", &report);
        left = -1;
        assert_true(result == 0 || !regex);
    }
    assert_int_equal(result, 0);
    assert_in_range(n, 10, 10000);
    left = 0;
    result = regex_matches(regex, "abcabcabcabcabcabcabcabcddd");
    left = -1;
    assert_int_equal(result, -ENOMEM);
    assert_int_equal(1, regex_matches(regex, "abcabcabcabcabcabcabcabcddd"));
    regex_free(regex);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text_is_matched),
        cmocka_unit_test(what_is_no_expression_is_refused_with_a_sentence),
        cmocka_unit_test(lengths_and_repetitions_up_to_the_limits_are_taken),
        cmocka_unit_test(memory_stays_within_its_bound_while_matching),
        cmocka_unit_test(without_memory_it_says_so),
    };

    return cmocka_run_group_tests_name("regex", tests, NULL, NULL);
}
