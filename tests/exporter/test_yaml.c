/*
 * Files as people write them, and as they should not: exporter/settings/yaml.h. Every mistake is one sentence with file and line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/settings/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct fixture {
    char path[64];
    char error[512];
    struct yaml yaml;
};

static int
set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    int fd;

    if (!fixture)
        return -1;
    strcpy(fixture->path, "/tmp/shmeter-yaml-XXXXXX");
    fd = mkstemp(fixture->path);
    if (fd < 0)
        return -1;
    close(fd);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *fixture = *state;

    unlink(fixture->path);
    free(fixture);
    return 0;
}

static int
read_bytes(struct fixture *fixture, const void *bytes, size_t len)
{
    FILE *file = fopen(fixture->path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return yaml_open(&fixture->yaml, fixture->path, fixture->error, sizeof fixture->error);
}

static int
read_text(struct fixture *fixture, const char *text)
{
    return read_bytes(fixture, text, strlen(text));
}

/* The sentence behind "PATH:LINE: ", and the line; 0 without one. */
static const char *
sentence(const struct fixture *fixture, unsigned *line)
{
    size_t len = strlen(fixture->path);
    char *end;

    if (strncmp(fixture->error, fixture->path, len) || fixture->error[len] != ':' || strchr(fixture->error, '\n'))
        fail_msg("not one sentence about the file: %s", fixture->error);
    *line = 0;
    if (fixture->error[len + 1] == ' ')
        return fixture->error + len + 2;
    *line = (unsigned)strtoul(fixture->error + len + 1, &end, 10);
    if (!*line || end[0] != ':' || end[1] != ' ' || !end[2])
        fail_msg("no line: %s", fixture->error);
    return end + 2;
}

static void
a_file_is_a_tree_with_lines(void **state)
{
    struct fixture *fixture = *state;
    const struct yaml_value *root, *list;

    assert_int_equal(read_text(fixture, "# about\nname: shop\nlist:\n  - a\n  - {x: \"5\"}\nempty:\n"), 0);
    root = fixture->yaml.root;
    assert_int_equal(root->kind, YAML_MAP);
    assert_int_equal(root->n, 3);
    assert_string_equal(root->keys[0], "name");
    assert_int_equal(root->key_lines[0], 2);
    assert_string_equal(root->items[0].text, "shop");
    list = &root->items[1];
    assert_int_equal(list->kind, YAML_LIST);
    assert_int_equal(list->n, 2);
    assert_int_equal(list->items[0].line, 4);
    assert_int_equal(list->items[1].line, 5);
    assert_string_equal(list->items[1].items[0].text, "5");
    assert_true(list->items[1].items[0].is_quoted);
    assert_string_equal(root->items[2].text, "");
    yaml_close(&fixture->yaml);
}

static void
comments_alone_are_no_settings(void **state)
{
    static const char *const texts[] = { "", "\n\n", "# nothing\n", "---\n# nothing\n...\n",
                                         "\xef\xbb\xbf# with a mark\n" };
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        assert_int_equal(read_text(fixture, texts[i]), 0);
        if (fixture->yaml.root && (fixture->yaml.root->kind != YAML_SCALAR || *fixture->yaml.root->text))
            fail_msg("%zu has a value", i);
        yaml_close(&fixture->yaml);
    }
}

static void
what_is_no_good_file_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *word; /* that the sentence has */
    } cases[] = {
        { "a: 1\nb: [1, 2\nc: 3\n", 3, "YAML" },  { "a: 1\n\tb: 2\n", 2, "YAML" },
        { "a: 1\n b: 2\n", 2, "YAML" },           { "a: \"unended\n", 2, "YAML" },
        { "a: 1\nb: 2\na: 3\n", 3, "line 1" },    { "x:\n  a: 1\n  a: 1\n", 3, "line 2" },
        { "a: &x 1\nb: *x\n", 1, "anchors" },     { "b: *nowhere\n", 1, "anchors" },
        { "a: {<<: {b: 1}}\n", 1, "merge" },      { "a: !!int 5\n", 1, "tags" },
        { "a: 1\nb: !mine {c: 1}\n", 2, "tags" }, { "a: 1\n---\nb: 2\n", 3, "second" },
        { "a: 1\n---\nb: [\n", 4, "YAML" },       { "? [a, b]\n: c\n", 1, "key" },
        { "a: 1\nb: \"x\\0y\"\n", 2, "zero" },    { "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", 1, "deep" },
        { "a: \xff\xfe\n", 0, "UTF-8" },          { "a: \x01\n", 0, "UTF-8" },
    };
    struct fixture *fixture = *state;
    const char *said;
    unsigned line;
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        if (read_text(fixture, cases[i].text) == 0)
            fail_msg("taken: %s", cases[i].text);
        said = sentence(fixture, &line);
        if (line != cases[i].line || !strstr(said, cases[i].word))
            fail_msg("%s gave %s", cases[i].text, fixture->error);
    }
}

static void
what_is_no_file_is_told(void **state)
{
    struct fixture *fixture = *state;
    char *large = malloc(YAML_FILE_BYTES + 1);
    struct yaml yaml;

    assert_non_null(large);
    memset(large, '#', YAML_FILE_BYTES + 1);
    assert_int_equal(read_bytes(fixture, large, YAML_FILE_BYTES), 0);
    yaml_close(&fixture->yaml);
    assert_int_not_equal(read_bytes(fixture, large, YAML_FILE_BYTES + 1), 0);
    assert_non_null(strstr(fixture->error, "1 MiB"));
    free(large);
    assert_int_not_equal(yaml_open(&yaml, "/nowhere/at/all", fixture->error, sizeof fixture->error), 0);
    assert_string_equal(fixture->error, "/nowhere/at/all: No such file or directory");
    assert_int_not_equal(yaml_open(&yaml, "/tmp", fixture->error, sizeof fixture->error), 0);
    assert_string_equal(fixture->error, "/tmp: Is a directory");
    assert_int_not_equal(yaml_open(&yaml, "/dev/null", fixture->error, sizeof fixture->error), 0);
    assert_string_equal(fixture->error, "/dev/null: this is no ordinary file");
}

/* ---- values ---- */

struct taken {
    const char *name;
    double seconds, share;
    int64_t n;
    int on;
    uint32_t words;
};

static int
take_name(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_string(yaml, key, value, &((struct taken *)into)->name);
}

static int
take_seconds(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_duration(yaml, key, value, 0, 3600, &((struct taken *)into)->seconds);
}

static int
take_share(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_number(yaml, key, value, 0, 1, &((struct taken *)into)->share);
}

static int
take_n(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_integer(yaml, key, value, -5, 5, &((struct taken *)into)->n);
}

static int
take_on(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_bool(yaml, key, value, &((struct taken *)into)->on);
}

static int
take_word(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    const char *word;

    ((struct taken *)into)->words++;
    return yaml_string(yaml, key, value, &word);
}

static int
take_words(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into)
{
    return yaml_list(yaml, key, value, take_word, into);
}

static const struct yaml_field fields[] = {
    { "name", take_name, 1 }, { "timeout", take_seconds, 0 }, { "share", take_share, 0 },
    { "number", take_n, 0 },  { "enabled", take_on, 0 },      { "words", take_words, 0 },
};

static int
take_text(struct fixture *fixture, const char *text, struct taken *taken)
{
    int result = read_text(fixture, text);

    if (!result) {
        result = yaml_map(&fixture->yaml, "the file", fixture->yaml.root, fields, COUNT(fields), taken);
        yaml_close(&fixture->yaml);
    }
    return result;
}

static void
values_are_taken_as_what_they_are(void **state)
{
    struct fixture *fixture = *state;
    struct taken taken = { 0 };

    assert_int_equal(
        take_text(fixture,
                  "name: 'a b'\ntimeout: 30m30s\nshare: 2.5e-1\nnumber: -5\nenabled: true\nwords: [a, b, \"\"]\n",
                  &taken),
        0);
    assert_true(taken.seconds == 1830 && taken.share == 0.25 && taken.n == -5 && taken.on && taken.words == 3);
    assert_int_equal(take_text(fixture, "{name: x, timeout: 500ms}", &taken), 0);
    assert_true(taken.seconds == 0.5);
    assert_int_equal(take_text(fixture, "{name: x, timeout: 0}", &taken), 0);
    assert_true(taken.seconds == 0);
}

static void
wrong_values_are_told_with_key_and_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *sentence;
    } cases[] = {
        { "timeout: 1s\n", 1, "the file lacks the key 'name'" },
        { "- a\n", 1, "the file wants keys with values (key: value)" },
        { "name:\n", 1, "name has no value" },
        { "name: x\ntimeuot: 1s\n", 2, "unknown key 'timeuot' in the file; did you mean 'timeout'?" },
        { "name: x\nnmae: y\n", 2, "unknown key 'nmae' in the file; did you mean 'name'?" },
        { "name: x\ncolour: red\n", 2,
          "unknown key 'colour' in the file, which knows: name, timeout, share, number, enabled, words" },
        { "name: [a]\n", 1, "name wants one value, not a list" },
        { "name: {a: b}\n", 1, "name wants one value, not a map" },
        { "name: x\ntimeout: 5\n", 2, "timeout wants a duration such as 30s, 5m or 1h30m" },
        { "name: x\ntimeout: 5s1m\n", 2, "timeout wants a duration such as 30s, 5m or 1h30m" },
        { "name: x\ntimeout: 1m1m\n", 2, "timeout wants a duration such as 30s, 5m or 1h30m" },
        { "name: x\ntimeout: -1s\n", 2, "timeout wants a duration such as 30s, 5m or 1h30m" },
        { "name: x\ntimeout: 1.5s\n", 2, "timeout wants a duration such as 30s, 5m or 1h30m" },
        { "name: x\ntimeout: 1d\n", 2, "timeout must be from 0s to 3600s" },
        { "name: x\nshare: much\n", 2, "share wants a number" },
        { "name: x\nshare: '0.5'\n", 2, "share wants a number" },
        { "name: x\nshare: nan\n", 2, "share wants a number" },
        { "name: x\nshare: .inf\n", 2, "share wants a number" },
        { "name: x\nshare: 0x1\n", 2, "share wants a number" },
        { "name: x\nshare: 50\n", 2, "share must be from 0 to 1" },
        { "name: x\nnumber: 1.5\n", 2, "number wants a whole number" },
        { "name: x\nnumber: 99999999999999999999\n", 2, "number must be from -5 to 5" },
        { "name: x\nenabled: yes\n", 2, "enabled is true or false" },
        { "name: x\nenabled: 'true'\n", 2, "enabled is true or false" },
        { "name: x\nwords: a\n", 2, "words wants a list (lines that begin with - )" },
        { "name: x\nwords:\n  - a\n  - [b]\n", 4, "words wants one value, not a list" },
    };
    struct fixture *fixture = *state;
    struct taken taken;
    const char *said;
    unsigned line;
    size_t i;

    for (i = 0; i < COUNT(cases); i++) {
        if (take_text(fixture, cases[i].text, &taken) == 0)
            fail_msg("taken: %s", cases[i].text);
        said = sentence(fixture, &line);
        if (line != cases[i].line || strcmp(said, cases[i].sentence))
            fail_msg("%s gave %s", cases[i].text, fixture->error);
    }
}

/* Cut anywhere and with each byte changed, a file is read or refused with one sentence. */
static void
damaged_files_are_read_or_told(void **state)
{
    static const char good[] =
        "name: \"sh\\u00f6p\"\ntimeout: 5m # so long\nwords:\n  - a\n  - 'b: c'\n  - |\n    d\nshare: {x: [1, 2]}\n";
    static const char changes[] = "\0\n\t\"'&*!|>{}[]:,-#%@`\\\xc3\xff 0a";
    struct fixture *fixture = *state;
    char bytes[sizeof good];
    unsigned line, told = 0, taken = 0;
    size_t i, k;

    for (i = 0; i < sizeof good; i++)
        for (k = 0; k < sizeof changes; k++) {
            memcpy(bytes, good, sizeof good);
            if (k < sizeof changes - 1 && i < sizeof good - 1)
                bytes[i] = changes[k];
            if (read_bytes(fixture, bytes, k < sizeof changes - 1 ? sizeof good - 1 : i) == 0) {
                taken++;
                yaml_close(&fixture->yaml);
                continue;
            }
            told++;
            sentence(fixture, &line);
        }
    print_message("# %u damaged files: %u refused, %u read\n", told + taken, told, taken);
    assert_true(told > 500 && taken > 500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_a_tree_with_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(comments_alone_are_no_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_good_file_is_told_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_taken_as_what_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_values_are_told_with_key_and_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_files_are_read_or_told, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
