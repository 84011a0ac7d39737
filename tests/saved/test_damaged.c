/*
 * Texts that are not as save has made them are refused as a whole, with the number of the line, and leave nothing.
 */
#include "tests/saved/producer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char first[128], second[128];
static struct buffer whole; /* of a segment with some of each type */

static int
prepare(void **state)
{
    struct saved_facts facts;

    (void)state;
    strcpy(first, scratch_path("first"));
    strcpy(second, scratch_path("second"));
    producer_run(first, NULL, producer_exact);
    whole = producer_saved(first, &facts);
    return 0;
}

static int
clean_up(void **state)
{
    (void)state;
    buffer_free(&whole);
    return 0;
}

/* The number of the line in the sentence; it must name the text and one of its lines. */
static unsigned
line_of(const struct report *report)
{
    unsigned line = 0;
    int length = 0;

    if (sscanf(report->text, "kept:%u: %n", &line, &length) != 1 || !line || strlen(report->text) < (size_t)length + 8)
        fail_msg("'%s' has no line", report->text);
    return line;
}

static void
assert_nothing_left(void)
{
    assert_int_equal(access(second, F_OK), -1);
    assert_int_equal(scratch_files(), 1);
}

static unsigned
assert_refused(const char *text, size_t len)
{
    struct report report;
    int result = producer_load(second, text, len, &report);

    if (!result)
        fail_msg("this was loaded: %.*s", (int)len, text);
    assert_nothing_left();
    return line_of(&report);
}

static unsigned
lines_of(const char *text, size_t len)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

static void
a_text_that_ends_early_is_refused_wherever_it_ends(void **state)
{
    size_t len, lines = lines_of(whole.data, whole.len);

    (void)state;
    for (len = 1; len < whole.len; len++) {
        char *copy = malloc(len); /* of exactly this size, for tools that watch */
        memcpy(copy, whole.data, len);
        assert_true(assert_refused(copy, len) <= lines);
        free(copy);
    }
}

static void
an_empty_text_is_refused(void **state)
{
    struct report report;

    (void)state;
    assert_int_equal(producer_load(second, "", 0, &report), -EINVAL);
    assert_string_equal(report.text, "kept is empty");
    assert_nothing_left();
}

static void
a_byte_that_is_another_is_found(void **state)
{
    char *copy = malloc(whole.len);
    size_t i;

    (void)state;
    memcpy(copy, whole.data, whole.len);
    for (i = 0; i < whole.len; i++) {
        copy[i] ^= (char)(1 << i % 7);
        assert_refused(copy, whole.len);
        copy[i] = whole.data[i];
    }
    free(copy);
}

/* Without the sum, as a person has it who changes the text: only what is wrong in itself is found. */
static void
without_the_sum_a_line_that_is_missing_or_twice_is_found(void **state)
{
    char *copy = malloc(2 * whole.len);
    const char *at = whole.data, *end = strstr(whole.data, "\nend ") + 1, *next;
    const size_t last = (size_t)(strchr(end + 4, ' ') - end);
    unsigned i;

    (void)state;
    for (i = 0; at < end; at = next, i++) {
        size_t before = (size_t)(at - whole.data), len, k;
        next = strchr(at, '\n') + 1;
        for (k = 0; k < 3; k += 2) {
            /* help, unit and the like may be missing, and then it is another definition */
            if (!k && strncmp(at, "series ", 7) && strncmp(at, "family ", 7) && i >= 4)
                continue;
            len = before;
            memcpy(copy, whole.data, before);
            memcpy(copy + len, at, k ? (size_t)(next - at) : 0);
            len += k ? (size_t)(next - at) : 0;
            memcpy(copy + len, k ? at : next, (size_t)(end - (k ? at : next)));
            len += (size_t)(end - (k ? at : next));
            memcpy(copy + len, end, last);
            len += last;
            copy[len++] = '\n';
            assert_refused(copy, len);
        }
    }
    free(copy);
}

#define HEAD                                                                                \
    "shmeter-saved 1\nsegment \"x\" 0000000000000001 00000000000000ff\nsaved 5 workers 0\n" \
    "sizes lane-bytes 32768 max-series 3 max-family-series 2 max-slots 2 max-gauges 2 ring-bytes 4096\n"
#define COUNTER "family counter \"a_total\" 7\n"

static void
assert_why(const char *text, unsigned line, const char *why)
{
    struct report report;

    if (!producer_load(second, text, strlen(text), &report))
        fail_msg("this was loaded: %s", text);
    assert_nothing_left();
    if (!strstr(report.text, why))
        fail_msg("'%s' is not in '%s', for: %s", why, report.text, text);
    if (line_of(&report) != line)
        fail_msg("line %u is wanted in '%s', for: %s", line, report.text, text);
}

static void
what_is_wrong_is_said_with_its_line(void **state)
{
    static const struct {
        unsigned line;
        const char *text, *why;
    } all[] = {
        { 1, "hello\n", "shmeter save" },
        { 1, "shmeter-saved 2\n", "format 2" },
        { 1, "shmeter-saved 1 more\n", "more in this line" },
        { 2, "shmeter-saved 1\nsegment \"x\" 1 2\n", "16 hexadecimal" },
        { 3, "shmeter-saved 1\nsegment \"x\" 0000000000000001 00000000000000ff\nsaved -5 workers 0\n", "whole number" },
        { 5, HEAD "series 7 1\n", "'family'" },
        { 5, HEAD "family coun\tter\x1b[1m \"a_total\" 7\nend 0\n", "'coun ter\xef\xbf\xbd[1m' is no type" },
        { 5, HEAD "family cuonter \"a_total\" 7\nend 0\n", "no type" },
        { 5, HEAD "family info \"a_info\" 7\nend 0\n", "no type" },
        { 5, HEAD "family counter a_total 7\nend 0\n", "in quotes" },
        { 5, HEAD "family counter \"\" 7\nend 0\n", "no metric name" },
        { 5, HEAD "family counter \"up\" 7\nend 0\n", "reserved" },
        { 5, HEAD "family gauge \"g\" 7\nend 0\n", "'mode'" },
        { 6, HEAD "family gauge \"g\" 7\nmode live_max\nend 0\n", "no mode" },
        { 6, HEAD "family gauge \"g\" 7\nmode pool\nend 0\n", "no mode" },
        { 6, HEAD COUNTER "mode sum\nend 0\n", "no 'mode'" },
        { 6, HEAD COUNTER "bounds 1\nend 0\n", "no 'bounds'" },
        { 7, HEAD COUNTER "unit \"u\"\nhelp \"h\"\nend 0\n", "not in its place" },
        { 7, HEAD COUNTER "help \"h\"\nhelp \"h\"\nend 0\n", "twice" },
        { 7, HEAD COUNTER "labels \"l\"\nend 0\n", "a series of the family a_total" },
        { 5, HEAD COUNTER "labels \"__x\"\nend 0\n", "a_total" },
        { 5, HEAD COUNTER "labels \"a\" \"a\"\nend 0\n", "same label" },
        { 5, HEAD "family histogram \"h\" 7\nend 0\n", "'bounds'" },
        { 5, HEAD "family histogram \"h\" 7\nbounds 2 1\nend 0\n", "ascending" },
        { 5, HEAD "family histogram \"h\" 7\nbounds +Inf\nend 0\n", "ascending" },
        { 5, HEAD "family histogram \"h\" 7\nexponential 9 1 2\nend 0\n", "schema" },
        { 6, HEAD "family histogram \"h\" 7\nexponential 0.5 1 2\nend 0\n", "whole number" },
        { 7, HEAD "family histogram \"h\" 7\nbounds 1\nseries 7 0.5 1\nend 1\n", "whole number" },
        { 7, HEAD "family histogram \"h\" 7\nbounds 1\nseries 7 0.5 1 2 3\nend 1\n", "more in this line" },
        { 5, HEAD "family stateset \"s\" 7\nend 0\n", "states" },
        { 7, HEAD "family stateset \"s\" 7\nstates \"a\" \"b\"\nseries 7 2\nend 1\n", "state" },
        { 7, HEAD "family stateset \"s\" 7\nstates \"a\" \"b\"\nseries 7 0.5\nend 1\n", "state" },
        { 7, HEAD "family gauge \"g\" 7\nmode max\nseries 7 NaN\nend 1\n", "no number" },
        { 6, HEAD COUNTER "series 7 -1\nend 1\n", "whole number" },
        { 6, HEAD COUNTER "series 7 18446744073709551616\nend 1\n", "whole number" },
        { 6, HEAD COUNTER "series 7 1.5\nend 1\n", "whole number" },
        { 6, HEAD COUNTER "series 7 0x10\nend 1\n", "whole number" },
        { 6, HEAD COUNTER "series 7  1\nend 1\n", "whole number" },
        { 6, HEAD COUNTER "series 7 1 \nend 1\n", "more in this line" },
        { 6, HEAD COUNTER "series \"x\" 7 1\nend 1\n", "whole number" },
        { 6, HEAD "family counter_f64 \"a_total\" 7\nseries 7 -0.5\nend 1\n", "below 0" },
        { 6, HEAD "family counter_f64 \"a_total\" 7\nseries 7 NaN\nend 1\n", "below 0" },
        { 6, HEAD "family counter_f64 \"a_total\" 7\nseries 7 1e999\nend 1\n", "number" },
        { 6, HEAD "family counter_f64 \"a_total\" 7\nseries 7 nan(1)\nend 1\n", "number" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"\xff\" 7 1\nend 1\n", "UTF-8" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"\\xff\" 7 1\nend 1\n", "UTF-8" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"\\x00\" 7 1\nend 1\n", "zero byte" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"\\t\" 7 1\nend 1\n", "backslash" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"\\x0\" 7 1\nend 1\n", "backslash" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"a 7 1\nend 1\n", "quotation mark" },
        { 7, HEAD COUNTER "labels \"l\"\nseries \"a\"7 1\nend 1\n", "blank" },
        { 8, HEAD COUNTER "labels \"l\"\nseries \"a\" 7 1\nseries \"a\" 7 1\nend 2\n", "twice" },
        { 8, HEAD COUNTER "labels \"l\"\nseries \"__overflow__\" 7 1\nseries \"__overflow__\" 7 1\nend 2\n", "twice" },
        { 7, HEAD COUNTER "series 7 1\nseries 7 1\nend 2\n", "twice" },
        { 8, HEAD COUNTER "series 7 1\n" COUNTER "series 7 1\nend 2\n", "twice" },
        { 7, HEAD COUNTER "series 7 1\nend 2\n", "damaged" },
        { 7, HEAD COUNTER "series 7 1\nend 1 0123456789abcdef\n", "sum" },
        { 7, HEAD COUNTER "series 7 1\nend 1\n\n", "more follows" },
        { 10,
          HEAD COUNTER "labels \"l\"\nseries \"a\" 7 1\nseries \"b\" 7 1\nseries \"c\" 7 1\nseries \"d\" 7 1\nend 4\n",
          "larger sizes" },
        { 10,
          HEAD
          "family gauge \"g\" 7\nlabels \"l\"\nmode sum\nseries \"a\" 7 1\nseries \"b\" 7 1\nseries \"c\" 7 1\nend 3\n",
          "larger sizes" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof all / sizeof *all; i++)
        assert_why(all[i].text, all[i].line, all[i].why);
}

static void
sizes_that_no_segment_has_are_refused(void **state)
{
    static const char *const sizes[] = {
        "lane-bytes 18446744073709551615 max-series 3 max-family-series 2 max-slots 2 max-gauges 2 ring-bytes 4096",
        "lane-bytes 32768 max-series 4294967295 max-family-series 2 max-slots 2 max-gauges 2 ring-bytes 4096",
        "lane-bytes 32768 max-series 3 max-family-series 2 max-slots 4294967295 max-gauges 2 ring-bytes 4096",
        "lane-bytes 32768 max-series 3 max-family-series 2 max-slots 2 max-gauges 4294967295 ring-bytes 4096",
        "lane-bytes 32768 max-series 3 max-family-series 2 max-slots 2 max-gauges 2 ring-bytes 4294967295",
    };
    struct report report;
    char text[1024];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(
            text, sizeof text,
            "shmeter-saved 1\nsegment \"x\" 0000000000000001 00000000000000ff\nsaved 5 workers 0\nsizes %s\nend 0\n",
            sizes[i]);
        assert_int_equal(producer_load(second, text, strlen(text), &report), -EINVAL);
        assert_non_null(strstr(report.text, "out of range"));
        assert_nothing_left();
    }
}

static void
a_text_that_a_person_has_written_is_loaded(void **state)
{
    static const char text[] = HEAD COUNTER "help \"By hand.\"\nlabels \"l\"\nseries \"a\\x41\\\"\" 7 12\nend 1\n";
    struct saved_facts facts;
    struct buffer saved;
    struct report report;

    (void)state;
    assert_int_equal(producer_load(second, text, sizeof text - 1, &report), 0);
    saved = producer_saved(second, &facts);
    unlink(second);
    *strstr(saved.data, "\nend ") = 0;
    assert_string_equal(producer_body(saved.data), COUNTER "help \"By hand.\"\nlabels \"l\"\nseries \"aA\\\"\" 7 12");
    buffer_free(&saved);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_ends_early_is_refused_wherever_it_ends),
        cmocka_unit_test(an_empty_text_is_refused),
        cmocka_unit_test(a_byte_that_is_another_is_found),
        cmocka_unit_test(without_the_sum_a_line_that_is_missing_or_twice_is_found),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(sizes_that_no_segment_has_are_refused),
        cmocka_unit_test(a_text_that_a_person_has_written_is_loaded),
    };

    return cmocka_run_group_tests(tests, prepare, clean_up);
}
