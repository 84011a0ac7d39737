/*
 * YAML files as trees, and the one sentence that a mistake is answered with: exporter/settings/yaml.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/settings/yaml.h"

static char folder[] = "/dev/shm/shmeter-yaml-XXXXXX";
static char path[64], error[512];

static void
write_file(const char *text, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int
read_text(struct yaml *yaml, const char *text)
{
    write_file(text, strlen(text));
    return yaml_open(yaml, path, error, sizeof error);
}

/* The sentence is "FILE:LINE: " and has the words in it. */
static void
check_sentence(uint32_t line, const char *words)
{
    char begin[96];

    snprintf(begin, sizeof begin, "%s:%u: ", path, line);
    if (strncmp(error, begin, strlen(begin)) != 0 || !strstr(error, words))
        fail_msg("'%s' is not '%s...%s'", error, begin, words);
    assert_null(strchr(error, '\n'));
}

static const struct yaml_value *
item(const struct yaml_value *map, const char *key)
{
    uint32_t i;

    assert_int_equal(map->kind, YAML_MAP);
    for (i = 0; i < map->n; i++)
        if (!strcmp(map->keys[i], key))
            return &map->items[i];
    fail_msg("no key %s", key);
    return NULL;
}

/* ---- the tree ---- */

static void
a_file_becomes_a_tree_with_lines(void **state)
{
    const struct yaml_value *list, *one;
    struct yaml yaml;

    (void)state;
    assert_int_equal(read_text(&yaml, "# settings\n"
                                      "segments:\n"
                                      "  - name: shop\n"
                                      "    labels: {site: berlin, floor: \"2\"}\n"
                                      "  - name: 'jobs-*'\n"
                                      "empty:\n"
                                      "none: ~\n"
                                      "text: \"a\\nb\"\n"),
                     0);
    assert_string_equal(error, "");
    list = item(yaml.root, "segments");
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->n, 2);
    assert_int_equal(list->items[0].line, 3);
    one = item(&list->items[0], "labels");
    assert_int_equal(one->line, 4);
    assert_string_equal(item(one, "site")->text, "berlin");
    assert_false(item(one, "site")->is_quoted);
    assert_true(item(one, "floor")->is_quoted);
    assert_int_equal(list->items[1].key_lines[0], 5);
    assert_string_equal(item(&list->items[1], "name")->text, "jobs-*");
    assert_int_equal(item(yaml.root, "empty")->line, 6);
    assert_string_equal(item(yaml.root, "empty")->text, "");
    assert_string_equal(item(yaml.root, "none")->text, "");
    assert_string_equal(item(yaml.root, "text")->text, "a\nb");
    yaml_close(&yaml);
}

static void
a_file_without_content_has_no_root(void **state)
{
    static const char *const texts[] = { "",    "# nothing\n",   "---\n", "\xef\xbb\xbf# a mark of its order\n",
                                         "~\n", "--- # x\n...\n" };
    struct yaml yaml;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_text(&yaml, texts[i]), 0);
        assert_null(yaml.root);
        yaml_close(&yaml);
    }
    assert_int_equal(yaml_open(&yaml, "/dev/null", error, sizeof error), 0);
    assert_null(yaml.root);
    yaml_close(&yaml);
}

static void
what_is_no_plain_yaml_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *words;
    } cases[] = {
        { "a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice, here and in line 1" },
        { "a:\n  b: 1\n  c: 2\n  b: 3\nb: 4\n", 4, "key 'b' is given twice, here and in line 2" },
        { "x: {y: 1, 'y': 2}\n", 1, "'y' is given twice" },
        { "a: &one 1\n", 1, "anchors ('&one')" },
        { "a: 1\nb: *one\n", 2, "aliases" },
        { "a: &one {b: 1}\nc: *one\n", 1, "anchors" },
        { "a: 1\nb: !!str 5\n", 2, "tags ('!')" },
        { "a: !x [1]\n", 1, "tags" },
        { "a: ! b\n", 1, "tags" },
        { "a:\n  <<: {b: 1}\n", 2, "merge keys" },
        { "a: 1\n---\nb: 2\n", 2, "a second document" },
        { "a: 1\n...\n---\nb: 2\n", 3, "a second document" },
        { "? [a, b]\n: 1\n", 1, "no list or map" },
        { "a: 1\n'': 2\n", 2, "a key is missing" },
        { "a:\n\tb: 1\n", 2, "a tab" },
        { "a:\n  - b\n \t- c: 1\n", 3, "a tab" },
        { "a: 'one\nb: 2\n", 1, "the quote that opens here is not closed" },
        { "x: 1\na: \"one\n\n\n", 2, "the quote that opens here is not closed" },
        { "a: [1, 2\nb: 3\n", 1, "is not closed" },
        { "a: {b: 1\n\n", 1, "is not closed" },
        { "a: 1\n  b: 2\n", 2, "a ':' stands where no key can be" },
        { "message: too many: errors\n", 1, "has to stand in quotes" },
        { "a:\n  b: 1\n c: 2\n", 3, "indented" },
        { "a:\n  - b\n  c: 1\n", 3, "indented" },
        { "a: 1\nb\nc: 2\n", 3, "" },
        { "a: @x\n", 1, "has to stand in quotes" },
        { "a: \"\\q\"\n", 1, "unknown escape" },
        { "a: \"\\0\"\n", 1, "NUL" },
        { "a: \"\\ud800\"\n", 1, "" },
        { "a: 1\nb: \xff\n", 2, "not UTF-8" },
        { "a: 1\n\nb: \xc3\n", 3, "not UTF-8" },
        { "a: 1\nb: \xed\xa0\x80\n", 2, "not UTF-8" },
        { "a: 1\nb: \x01\n", 2, "control character (0x01)" },
        { "\xff\xfe"
          "a\n",
          1, "not UTF-8" },
        { "%YAML 9.9\n---\na: 1\n", 1, "" },
        { "%TAG ! x:\n---\na: !b 1\n", 3, "tags" },
        { "a: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", 1, "nested more than 16 deep" },
    };
    struct yaml yaml;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (read_text(&yaml, cases[i].text) != -EINVAL)
            fail_msg("is taken: %s", cases[i].text);
        check_sentence(cases[i].line, cases[i].words);
        assert_null(yaml.root);
    }
}

static void
a_nul_byte_is_refused_with_its_line(void **state)
{
    static const char text[] = "a: 1\nb: x\0y\n";
    struct yaml yaml;

    (void)state;
    write_file(text, sizeof text - 1);
    assert_int_equal(yaml_open(&yaml, path, error, sizeof error), -EINVAL);
    check_sentence(2, "control character (0x00)");
}

static void
values_may_be_as_deep_as_the_limit(void **state)
{
    struct yaml yaml;

    (void)state;
    assert_int_equal(read_text(&yaml, "a: [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]\n"), 0);
    yaml_close(&yaml);
}

static void
what_cannot_be_read_is_named(void **state)
{
    struct yaml yaml;
    char *large = malloc(YAML_FILE_BYTES + 1);

    (void)state;
    assert_non_null(large);
    assert_int_equal(yaml_open(&yaml, "/nowhere/at all.yml", error, sizeof error), -ENOENT);
    assert_string_equal(error,
                        "/nowhere/at all.yml: cannot be read: No such file or directory; correct the option or the "
                        "file's permissions");
    assert_int_equal(yaml_open(&yaml, folder, error, sizeof error), -EISDIR);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(yaml_open(&yaml, path, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "a pipe"));
    unlink(path);
    memset(large, '#', YAML_FILE_BYTES + 1);
    write_file(large, YAML_FILE_BYTES + 1);
    assert_int_equal(yaml_open(&yaml, path, error, sizeof error), -EFBIG);
    assert_non_null(strstr(error, "larger than 1024 KiB"));
    write_file(large, YAML_FILE_BYTES);
    assert_int_equal(yaml_open(&yaml, path, error, sizeof error), 0);
    yaml_close(&yaml);
    free(large);
}

static void
a_map_of_a_hundred_thousand_keys_is_checked(void **state)
{
    char *text = malloc(YAML_FILE_BYTES), *end = text;
    struct yaml yaml;
    unsigned i;

    (void)state;
    assert_non_null(text);
    for (i = 0; i < 100000; i++)
        end += sprintf(end, "k%u:\n", i);
    assert_int_equal(read_text(&yaml, text), 0);
    assert_int_equal(yaml.root->n, 100000);
    yaml_close(&yaml);
    strcpy(end, "k77:\n");
    assert_int_equal(read_text(&yaml, text), -EINVAL);
    check_sentence(100001, "'k77' is given twice, here and in line 78");
    free(text);
}

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
    *error = 0;
    return (struct yaml){ .path = path, .error = error, .error_bytes = sizeof error };
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
        assert_null(strstr(error, "hunter2"));
    }
}

static void
a_sentence_is_one_line_of_text_whatever_the_value(void **state)
{
    char longest[400], shown[YAML_SHOWN_BYTES], small[40];
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
    for (i = 1; i < sizeof small; i++) { /* never half a character at the end */
        yaml = (struct yaml){ .path = "x", .error = small, .error_bytes = i };
        *small = 0;
        yaml_fail(
            &yaml, NULL,
            "\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
        assert_true(strlen(small) < i);
        assert_int_not_equal(mbstowcs(NULL, small, 0), (size_t)-1);
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

/* ---- damaged files ---- */

static const char whole[] = "# A good file.\n"
                            "segments:\n"
                            "  - name: shop\n"
                            "    labels: {site: berlin, \"floor\": '2'}\n"
                            "    allow: ['shop_.*', \"caf\xc3\xa9\\u00e9\"]\n"
                            "  - name: jobs-*\n"
                            "health:\n"
                            "  stuck_after: 1h30m   # late\n"
                            "  rules:\n"
                            "    - expr: >\n"
                            "        sum(rate(shop_requests_total[5m]))\n"
                            "        > 0.05\n"
                            "      message: |\n"
                            "        too many\n";

static void
check_damaged(const char *text, size_t len, uint32_t *refused_n)
{
    char begin[96];
    struct yaml yaml;
    int result;

    write_file(text, len);
    result = yaml_open(&yaml, path, error, sizeof error);
    if (!result) {
        assert_string_equal(error, "");
        yaml_close(&yaml);
        return;
    }
    assert_int_equal(result, -EINVAL);
    snprintf(begin, sizeof begin, "%s:", path);
    assert_int_equal(strncmp(error, begin, strlen(begin)), 0);
    assert_in_range(strtoul(error + strlen(begin), NULL, 10), 1, 17);
    assert_null(strpbrk(error, "\n\r\t"));
    (*refused_n)++;
}

static void
every_cut_of_a_good_file_is_read_or_told_with_a_line(void **state)
{
    uint32_t refused_n = 0;
    size_t len;

    (void)state;
    for (len = 0; len < sizeof whole; len++)
        check_damaged(whole, len, &refused_n);
    assert_in_range(refused_n, 20, sizeof whole);
}

static void
every_changed_byte_of_a_good_file_is_read_or_told_with_a_line(void **state)
{
    static const unsigned char bytes[] = "\0\t\n\r '\"[]{},:-?#&*!|>%@`~<\x7f\x80\xc3\xff";
    uint32_t refused_n = 0;
    char text[sizeof whole];
    size_t at, which;

    (void)state;
    for (at = 0; at < sizeof whole - 1; at++)
        for (which = 0; which < sizeof bytes - 1; which++) {
            memcpy(text, whole, sizeof whole);
            text[at] = (char)bytes[which];
            check_damaged(text, sizeof whole - 1, &refused_n);
        }
    assert_in_range(refused_n, 1000, sizeof whole * sizeof bytes);
}

static int
set_up(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8") || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file.yml", folder);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_tree_with_lines),
        cmocka_unit_test(a_file_without_content_has_no_root),
        cmocka_unit_test(what_is_no_plain_yaml_is_refused_with_its_line),
        cmocka_unit_test(a_nul_byte_is_refused_with_its_line),
        cmocka_unit_test(values_may_be_as_deep_as_the_limit),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_map_of_a_hundred_thousand_keys_is_checked),
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
        cmocka_unit_test(every_cut_of_a_good_file_is_read_or_told_with_a_line),
        cmocka_unit_test(every_changed_byte_of_a_good_file_is_read_or_told_with_a_line),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
