/*
 * Values and maps of a YAML tree, and the one sentence that a mistake is answered with: lib/daemon/settings/yaml.h.
 */
#include "tests/daemon/settings/yaml_file.h"

#include <errno.h>
#include <math.h>

/* ---- values ---- */

static struct yaml_value
plain(const char *text)
{
    return (struct yaml_value){ .kind = YAML_SCALAR, .line = 7, .text = text };
}

static struct yaml_value
quoted(const char *text)
{
    return (struct yaml_value){ .kind = YAML_SCALAR, .line = 7, .text = text, .is_quoted = 1 };
}

static struct yaml
blank(void)
{
    report = (struct report){ 0 };
    return (struct yaml){ .path = yaml_path, .report = &report };
}

static void
durations_are_read_as_prometheus_writes_them(void **state)
{
    static const struct {
        const char *text;
        double seconds; /* negative: refused */
    } cases[] = {
        { "0", 0 },         { "30s", 30 },
        { "500ms", 0.5 },   { "5m", 300 },
        { "1h30m", 5400 },  { "1d", 86400 },
        { "2w", 1209600 },  { "1y", 31536000 },
        { "1h0m5s", 3605 }, { "1s1ms", 1.001 },
        { "0s", 0 },        { "090s", 90 },
        { "", -1 },         { "5", -1 },
        { "1.5h", -1 },     { "5 m", -1 },
        { "30m1h", -1 },    { "1m1m", -1 },
        { "-5s", -1 },      { "s", -1 },
        { "5x", -1 },       { "5sm", -1 },
        { "5ms1s", -1 },    { "1h30", -1 },
        { "5S", -1 },       { "9999999999999s", -1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct yaml_value value = quoted(cases[i].text);
        struct yaml yaml = blank();
        double seconds = -2;
        int result = yaml_duration(&yaml, "for", &value, 0, 1e9, &seconds);
        if (cases[i].seconds < 0) {
            assert_int_equal(result, -EINVAL);
            check_sentence(7, "a duration from 0 to");
        } else {
            assert_int_equal(result, 0);
            assert_true(fabs(seconds - cases[i].seconds) < 1e-9);
        }
    }
}

static void
a_duration_out_of_bounds_or_without_a_unit_is_told_so(void **state)
{
    const struct yaml_value bare = plain("60"), large = plain("2h");
    struct yaml yaml = blank();
    double seconds;

    (void)state;
    yaml_duration(&yaml, "over", &bare, 1, 3600, &seconds);
    check_sentence(7, "over is '60', without a unit; a duration from 1s to 1h, such as");
    yaml = blank();
    yaml_duration(&yaml, "over", &large, 1, 3600, &seconds);
    check_sentence(7, "over is '2h'; a duration from 1s to 1h, such as");
}

static void
numbers_are_decimal_and_plain(void **state)
{
    static const char *const good[] = { "0.8", "1", "-1e1", ".5", "+2", "1E-3" };
    static const char *const bad[] = { "", "0x10", "inf", "nan", "1_000", "1e999", "-", "5%", "1.2.3", " 1" };
    double number;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        const struct yaml_value value = plain(good[i]);
        struct yaml yaml = blank();
        assert_int_equal(yaml_number(&yaml, "apdex", &value, -10, 10, &number), 0);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct yaml_value value = plain(bad[i]);
        struct yaml yaml = blank();
        assert_int_equal(yaml_number(&yaml, "apdex", &value, -10, 10, &number), -EINVAL);
        check_sentence(7, "a number from -10 to 10 is wanted");
    }
}

static void
quotes_make_a_text_of_a_number(void **state)
{
    const struct yaml_value five = quoted("5"), yes = quoted("true");
    struct yaml yaml = blank();
    const char *text;
    double number;
    int truth;

    (void)state;
    assert_int_equal(yaml_number(&yaml, "apdex", &five, 0, 10, &number), -EINVAL);
    check_sentence(7, "apdex is '5'; a number from 0 to 10 is wanted, without quotes");
    yaml = blank();
    assert_int_equal(yaml_bool(&yaml, "created", &yes, &truth), -EINVAL);
    check_sentence(7, "without quotes");
    yaml = blank();
    assert_int_equal(yaml_string(&yaml, "name", &five, &text), 0);
    assert_string_equal(text, "5");
}

static void
whole_numbers_have_no_octal_and_no_fraction(void **state)
{
    static const char *const bad[] = { "010", "1.0", "0x1", "--1", "11", "-1", "99999999999999999999", "" };
    const struct yaml_value ten = plain("10");
    struct yaml yaml = blank();
    int64_t number;
    size_t i;

    (void)state;
    assert_int_equal(yaml_integer(&yaml, "n", &ten, 0, 10, &number), 0);
    assert_int_equal(number, 10);
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct yaml_value value = plain(bad[i]);
        yaml = blank();
        assert_int_equal(yaml_integer(&yaml, "n", &value, 0, 10, &number), -EINVAL);
        check_sentence(7, "a whole number from 0 to 10 is wanted");
    }
}

static void
truth_has_two_words(void **state)
{
    static const char *const bad[] = { "yes", "on", "True", "1", "" };
    const struct yaml_value yes = plain("true"), no = plain("false");
    struct yaml yaml = blank();
    int truth = -1;
    size_t i;

    (void)state;
    assert_int_equal(yaml_bool(&yaml, "created", &yes, &truth), 0);
    assert_int_equal(truth, 1);
    assert_int_equal(yaml_bool(&yaml, "created", &no, &truth), 0);
    assert_int_equal(truth, 0);
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct yaml_value value = plain(bad[i]);
        yaml = blank();
        assert_int_equal(yaml_bool(&yaml, "created", &value, &truth), -EINVAL);
        check_sentence(7, "true or false is wanted");
    }
}

static void
secrets_are_not_shown(void **state)
{
    static const char *const keys[] = { "password", "PasswordHash", "hash", "client_secret" };
    const struct yaml_value value = plain("hunter2");
    double number;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct yaml yaml = blank();
        yaml_number(&yaml, keys[i], &value, 0, 1, &number);
        check_sentence(7, "(not shown)");
        assert_null(strstr(report.text, "hunter2"));
    }
}

static void
a_sentence_is_one_line_of_text_whatever_the_value(void **state)
{
    char longest[400], shown[YAML_SHOWN_BYTES], path[REPORT_BYTES];
    struct yaml_value value = quoted("a\nb\x7f\t\xc3\xa9");
    struct yaml yaml = blank();
    size_t i;

    (void)state;
    yaml_fail(&yaml, &value, "it is %s", yaml_shown("name", &value, shown));
    check_sentence(7, "it is 'a b\xef\xbf\xbd \xc3\xa9'");
    for (i = 0; i + 2 < sizeof longest; i += 2)
        memcpy(longest + i, "\xc3\xa9", 3);
    value.text = longest;
    yaml = blank();
    yaml_fail(&yaml, &value, "it is %s", yaml_shown("name", &value, shown));
    check_sentence(7, "\xc3\xa9...'");
    for (i = REPORT_BYTES - 40; i < REPORT_BYTES; i++) { /* never half a character at the end */
        memset(path, 'x', i);
        path[i] = 0;
        yaml = blank();
        yaml.path = path;
        yaml_fail(
            &yaml, NULL,
            "\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
        assert_in_range(strlen(report.text), REPORT_BYTES - 20, REPORT_BYTES - 1);
        assert_int_not_equal(mbstowcs(NULL, report.text, 0), (size_t)-1);
    }
}

static void
the_first_sentence_stays(void **state)
{
    const struct yaml_value value = plain("x");
    struct yaml yaml = blank();

    (void)state;
    yaml_fail(&yaml, &value, "first");
    yaml_fail(&yaml, &value, "second");
    check_sentence(7, "first");
}

/* ---- maps ---- */

struct taken {
    const char *name;
    uint32_t items_n;
};

static int
take_name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct taken *)into)->name);
}

static int
take_item(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    const char *text;

    ((struct taken *)into)->items_n++;
    return yaml_string(yaml, key, value, &text);
}

static int
take_labels(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_list(yaml, key, value, take_item, into);
}

static const struct yaml_field fields[] = { { "name", take_name, 1 },
                                            { "labels", take_labels, 0 },
                                            { "idle_timeout", take_name, 0 } };

static int
read_map(const char *text, const char *key, struct taken *taken)
{
    static const struct yaml_value nothing = { .kind = YAML_SCALAR, .line = 1, .text = "" };
    struct yaml yaml;
    int result = read_text(&yaml, text);

    assert_int_equal(result, 0);
    *taken = (struct taken){ 0 };
    result = yaml_map(&yaml, key, yaml.root ? yaml.root : &nothing, fields, 3, taken);
    yaml_close(&yaml);
    return result;
}

static void
a_map_is_taken_by_its_table(void **state)
{
    struct taken taken;

    (void)state;
    assert_int_equal(read_map("name: shop\nlabels: [a, b]\n", "segments", &taken), 0);
    assert_int_equal(taken.items_n, 2);
    assert_int_equal(read_map("name: shop\nlabels:\n", "segments", &taken), 0);
    assert_int_equal(taken.items_n, 0);
}

static void
mistakes_in_maps_are_told_with_what_would_be_right(void **state)
{
    static const struct {
        const char *text, *key;
        uint32_t line;
        const char *words;
    } cases[] = {
        { "name: a\nlabls: []\n", "segments", 2, "unknown key 'labls' in segments; did you mean 'labels'?" },
        { "idle-timeout: 1\n", "segments", 1, "did you mean 'idle_timeout'?" },
        { "nmae: 1\n", "segments", 1, "did you mean 'name'?" },
        { "Name: 1\n", "segments", 1, "did you mean 'name'?" },
        { "port: 1\n", "segments", 1, "unknown key 'port' in segments; known ones are name, labels, idle_timeout" },
        { "port: 1\n", NULL, 1, "unknown key 'port'; known ones are name" },
        { "\nlabels: []\n", "segments", 2, "segments lacks the key 'name'" },
        { "", "segments", 1, "segments lacks the key 'name'" },
        { "- 1\n", "segments", 1,
          "segments holds a list; lines of the form 'key: value' are wanted, indented below it" },
        { "hello\n", NULL, 1, "this file holds a text; lines of the form 'key: value' are wanted" },
        { "name: a\nlabels: b\n", "segments", 2, "labels holds a text; a list is wanted" },
        { "name: a\nlabels:\n  b: 1\n", "segments", 3, "labels holds a map; a list is wanted" },
        { "name: [a]\n", "segments", 1, "name is a list; a text is wanted" },
        { "name:\n", "segments", 1, "name has no value; a text is wanted" },
    };
    struct taken taken;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (read_map(cases[i].text, cases[i].key, &taken) != -EINVAL)
            fail_msg("is taken: %s", cases[i].text);
        check_sentence(cases[i].line, cases[i].words);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_prometheus_writes_them),
        cmocka_unit_test(a_duration_out_of_bounds_or_without_a_unit_is_told_so),
        cmocka_unit_test(numbers_are_decimal_and_plain),
        cmocka_unit_test(quotes_make_a_text_of_a_number),
        cmocka_unit_test(whole_numbers_have_no_octal_and_no_fraction),
        cmocka_unit_test(truth_has_two_words),
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(a_sentence_is_one_line_of_text_whatever_the_value),
        cmocka_unit_test(the_first_sentence_stays),
        cmocka_unit_test(a_map_is_taken_by_its_table),
        cmocka_unit_test(mistakes_in_maps_are_told_with_what_would_be_right),
    };

    return cmocka_run_group_tests(tests, yaml_file_set_up, yaml_file_tear_down);
}
