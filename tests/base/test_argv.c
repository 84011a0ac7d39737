/*
 * Command lines, word by word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/argv.h"

static const struct argv_entry entries[] = {
    { "name", "NAME", NULL },
    { "named", NULL, NULL },
};

/* What a command line of these words is read as: a letter for each word, with its value or the word. */
static const char *
read_all(const char *const *words)
{
    static const char letters[] = { 0, 'w', 'o', 'h', '?', 'm', 'u' }; /* by enum argv_found */
    static char text[256];
    struct argv argv = { 1, (char **)(uintptr_t)words, entries, 2, sizeof *entries, 1, 0, NULL, NULL, 0 };
    enum argv_found found;
    size_t at = 0;

    while (words[argv.argc])
        argv.argc++;
    text[0] = 0;
    while ((found = argv_next(&argv)) != ARGV_END) {
        const char *what = found == ARGV_OPTION ? argv.value : argv.word;
        int n = found == ARGV_OPTION
                    ? snprintf(text + at, sizeof text - at, "%c(%s=%s)", letters[found], entries[argv.idx].name, what)
                    : snprintf(text + at, sizeof text - at, "%c(%s)", letters[found], what);
        at += (size_t)n;
        assert_in_range(at, 1, sizeof text - 1);
    }
    return text;
}

#define READ(...) read_all((const char *const[]){ "program", __VA_ARGS__, NULL })

static void
options_and_operands_come_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(READ("--name", "a", "b", "--named", "--name=c", "-", "", "d"),
                        "o(name=a)w(b)o(named=)o(name=c)w(-)w()w(d)");
    assert_string_equal(read_all((const char *const[]){ "program", NULL }), "");
}

static void
an_argument_may_look_like_an_option_and_be_empty(void **state)
{
    (void)state;
    assert_string_equal(READ("--name", "--named", "--name", "--", "--name=", "--name==a"),
                        "o(name=--named)o(name=--)o(name=)o(name==a)");
}

static void
behind_two_dashes_there_are_operands_only(void **state)
{
    (void)state;
    assert_string_equal(READ("--named", "--", "--named", "--", "-h"), "o(named=)w(--named)w(--)w(-h)");
    assert_string_equal(READ("--"), "");
}

static void
help_is_found_without_an_entry(void **state)
{
    (void)state;
    assert_string_equal(READ("--help"), "h(--help)");
    assert_string_equal(READ("-h"), "h(-h)");
    assert_string_equal(READ("--help=x"), "u(--help=x)");
    assert_string_equal(READ("--hel"), "?(--hel)");
}

static void
names_are_taken_whole_and_what_is_wrong_is_told_apart(void **state)
{
    (void)state;
    assert_string_equal(READ("--nam=a"), "?(--nam=a)");
    assert_string_equal(READ("--nameda"), "?(--nameda)");
    assert_string_equal(READ("---name"), "?(---name)");
    assert_string_equal(READ("--=a"), "?(--=a)");
    assert_string_equal(READ("-n"), "?(-n)");
    assert_string_equal(READ("--named=x"), "u(--named=x)");
    assert_string_equal(READ("--named="), "u(--named=)");
    assert_string_equal(READ("--name"), "m(--name)");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_come_in_their_order),
        cmocka_unit_test(an_argument_may_look_like_an_option_and_be_empty),
        cmocka_unit_test(behind_two_dashes_there_are_operands_only),
        cmocka_unit_test(help_is_found_without_an_entry),
        cmocka_unit_test(names_are_taken_whole_and_what_is_wrong_is_told_apart),
    };
    return cmocka_run_group_tests_name("base argv", tests, NULL, NULL);
}
