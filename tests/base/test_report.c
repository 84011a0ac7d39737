/*
 * Reports of mistakes: lib/base/report.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/report.h"

static void
a_sentence_comes_with_the_field_that_it_is_about(void **state)
{
    struct report report = { 0 };

    (void)state;
    assert_int_equal(report_field(&report, 3, 2, "%s is %d", "it", 5), -EINVAL);
    assert_string_equal(report.text, "it is 5");
    assert_int_equal(report.field, 3);
    assert_int_equal(report.item, 2);
}

static void
the_first_mistake_stays(void **state)
{
    struct report report = { 0 };

    (void)state;
    assert_int_equal(report_fail(&report, -ENOMEM, "no memory"), -ENOMEM);
    assert_int_equal(report_field(&report, 3, 2, "another"), -EINVAL);
    assert_int_equal(report_fail(&report, -EFBIG, "a third"), -EFBIG);
    assert_string_equal(report.text, "no memory");
    assert_int_equal(report.field, 0);
    assert_int_equal(report.item, 0);
}

static void
a_sentence_that_is_too_long_is_cut_off(void **state)
{
    struct report report = { 0 };
    char word[2 * REPORT_BYTES];

    (void)state;
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = 0;
    report_fail(&report, -EINVAL, "%s", word);
    assert_int_equal(strlen(report.text), REPORT_BYTES - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_comes_with_the_field_that_it_is_about),
        cmocka_unit_test(the_first_mistake_stays),
        cmocka_unit_test(a_sentence_that_is_too_long_is_cut_off),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
