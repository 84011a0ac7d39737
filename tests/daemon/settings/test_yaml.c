/*
 * YAML files as trees, and files that are damaged: lib/daemon/settings/yaml.h.
 */
#include "tests/daemon/settings/yaml_file.h"

#include <errno.h>
#include <sys/stat.h>

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
    assert_string_equal(report.text, "");
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
    assert_int_equal(read_path(&yaml, "/dev/null"), 0);
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
the_sentence_has_libyamls_words_behind_ours_or_alone(void **state)
{
    struct yaml yaml;
    char wanted[512];

    (void)state;
    assert_int_equal(read_text(&yaml, "a: \"x\n"), -EINVAL);
    snprintf(wanted, sizeof wanted,
             "%s:1: not YAML: the quote that opens here is not closed (libyaml: found unexpected end of stream)",
             yaml_path);
    assert_string_equal(report.text, wanted);
    assert_int_equal(read_text(&yaml, "a: ["), -EINVAL);
    snprintf(wanted, sizeof wanted, "%s:2: not YAML: did not find expected node content", yaml_path);
    assert_string_equal(report.text, wanted);
}

static void
a_nul_byte_is_refused_with_its_line(void **state)
{
    static const char text[] = "a: 1\nb: x\0y\n";
    struct yaml yaml;

    (void)state;
    write_file(text, sizeof text - 1);
    assert_int_equal(read_path(&yaml, yaml_path), -EINVAL);
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
    assert_int_equal(read_path(&yaml, "/nowhere/at all.yml"), -ENOENT);
    assert_string_equal(report.text,
                        "/nowhere/at all.yml: cannot be read: No such file or directory; correct the option or the "
                        "file's permissions");
    assert_int_equal(read_path(&yaml, yaml_folder), -EISDIR);
    unlink(yaml_path);
    assert_int_equal(mkfifo(yaml_path, 0600), 0);
    assert_int_equal(read_path(&yaml, yaml_path), -EINVAL);
    assert_non_null(strstr(report.text, "a pipe"));
    unlink(yaml_path);
    memset(large, '#', YAML_FILE_BYTES + 1);
    write_file(large, YAML_FILE_BYTES + 1);
    assert_int_equal(read_path(&yaml, yaml_path), -EFBIG);
    assert_non_null(strstr(report.text, "larger than 1024 KiB"));
    write_file(large, YAML_FILE_BYTES);
    assert_int_equal(read_path(&yaml, yaml_path), 0);
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
    sprintf(end, "k%u:\n", 77u);
    assert_int_equal(read_text(&yaml, text), -EINVAL);
    check_sentence(100001, "'k77' is given twice, here and in line 78");
    free(text);
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
    result = read_path(&yaml, yaml_path);
    if (!result) {
        assert_string_equal(report.text, "");
        yaml_close(&yaml);
        return;
    }
    assert_int_equal(result, -EINVAL);
    snprintf(begin, sizeof begin, "%s:", yaml_path);
    assert_int_equal(strncmp(report.text, begin, strlen(begin)), 0);
    assert_in_range(strtoul(report.text + strlen(begin), NULL, 10), 1, 17);
    assert_null(strpbrk(report.text, "\n\r\t"));
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_tree_with_lines),
        cmocka_unit_test(a_file_without_content_has_no_root),
        cmocka_unit_test(what_is_no_plain_yaml_is_refused_with_its_line),
        cmocka_unit_test(the_sentence_has_libyamls_words_behind_ours_or_alone),
        cmocka_unit_test(a_nul_byte_is_refused_with_its_line),
        cmocka_unit_test(values_may_be_as_deep_as_the_limit),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_map_of_a_hundred_thousand_keys_is_checked),
        cmocka_unit_test(every_cut_of_a_good_file_is_read_or_told_with_a_line),
        cmocka_unit_test(every_changed_byte_of_a_good_file_is_read_or_told_with_a_line),
    };

    return cmocka_run_group_tests(tests, yaml_file_set_up, yaml_file_tear_down);
}
