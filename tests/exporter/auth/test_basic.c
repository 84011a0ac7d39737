/*
 * exporter/auth/basic.h: headers and hashes, those that are right and those that nearly are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/auth/basic.h"

#define SUM "abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZabcde" /* 53 characters */

static void
a_header_is_parted_into_name_and_password(void **state)
{
    static const struct {
        const char *header, *user, *password;
    } table[] = {
        { "Basic YTpi", "a", "b" },        { "basic YTpi", "a", "b" },
        { "BASIC   YTpi  ", "a", "b" },    { "Basic YTpiOmM=", "a", "b:c" },
        { "Basic Og==", "", "" },          { "Basic YTo=", "a", "" },
        { "Basic OmI=", "", "b" },         { "Basic w7w6w6Q=", "\xc3\xbc", "\xc3\xa4" },
        { "Basic YTo/Pj8+", "a", "?>?>" },
    };
    struct basic basic;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof table / sizeof *table; i++) {
        if (basic_parse(table[i].header, &basic))
            fail_msg("%s is refused", table[i].header);
        assert_string_equal(basic.user, table[i].user);
        assert_string_equal(basic.password, table[i].password);
    }
}

static void
a_header_with_a_second_reading_is_refused(void **state)
{
    static const char *const table[] = { "",
                                         "Basic",
                                         "Basic ",
                                         "BasicYTpi",
                                         "Bearer YTpi",
                                         "Basic YTp",
                                         "Basic YTpi=",
                                         "Basic YTp=",
                                         "Basic YQ==",
                                         "Basic Oh==",
                                         "Basic YTp9YTp=",
                                         "Basic YT==YTpi",
                                         "Basic YTpi YTpi",
                                         "Basic\tYTpi",
                                         "Basic YTpi\n",
                                         "Basic YTp\xff",
                                         "Basic =====",
                                         "Basic YTp-",
                                         "Basic YTpi\tYTpi",
                                         "Basic YT\rpi",
                                         "Basic YTpi\v",
                                         "Basic YTpi====",
                                         "Basic YTpiYWF=",
                                         "Basic Y=pi",
                                         "Basic YToA", /* a zero */
                                         "Basic ====" };
    struct basic basic;
    size_t i;

    (void)state;
    assert_int_equal(basic_parse(NULL, &basic), -EINVAL);
    for (i = 0; i < sizeof table / sizeof *table; i++)
        if (basic_parse(table[i], &basic) != -EINVAL)
            fail_msg("%s is taken", table[i]);
}

static void
a_header_that_is_too_long_is_refused(void **state)
{
    char *header = malloc(4096);
    struct basic basic;
    size_t len;

    (void)state;
    for (len = 4; len < 2048; len += 4) {
        memcpy(header, "Basic ", 6);
        memset(header + 6, 'O', len); /* 8:8... */
        memcpy(header + 6, "OjoK", 4);
        header[6 + len] = 0;
        assert_int_equal(basic_parse(header, &basic), len / 4 * 3 < BASIC_BYTES ? 0 : -EINVAL);
    }
    free(header);
}

static void
a_refused_header_leaves_nothing_in_memory(void **state)
{
    struct basic basic, zero;

    (void)state;
    memset(&zero, 0, sizeof zero);
    assert_int_equal(basic_parse("Basic c2VjcmV0c2VjcmV0", &basic), -EINVAL); /* no colon */
    assert_memory_equal(&basic, &zero, sizeof zero);
}

static void
only_bcrypt_hashes_of_a_bearable_cost_are_taken(void **state)
{
    static const char *const good[] = { "$2a$04$" SUM, "$2b$10$" SUM, "$2y$18$" SUM };
    static const char *const bad[] = {
        "",
        "secret",
        "$2x$10$" SUM,
        "$2$10$" SUM "a",
        "$2c$10$" SUM,
        "$1$10$" SUM "a",
        "$2b$10$" SUM "a",
        "$2b$1$" SUM "a",
        "$2b$+5$" SUM,
        "$2b$03$" SUM,
        "$2b$19$" SUM,
        "$2b$31$" SUM,
        "$2b$10." SUM,
        "$6$abcdefgh$" SUM,
        " $2b$10$" SUM,
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof *good; i++)
        if (basic_hash_check(good[i]))
            fail_msg("%s: %s", good[i], basic_hash_check(good[i]));
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!basic_hash_check(bad[i]))
            fail_msg("%s is taken", bad[i]);
    assert_int_equal(basic_hash_cost("$2y$07$" SUM), 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_parted_into_name_and_password),
        cmocka_unit_test(a_header_with_a_second_reading_is_refused),
        cmocka_unit_test(a_header_that_is_too_long_is_refused),
        cmocka_unit_test(a_refused_header_leaves_nothing_in_memory),
        cmocka_unit_test(only_bcrypt_hashes_of_a_bearable_cost_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
