/*
 * What was counted in one segment is in another one after save and load, to the last bit, and goes on there.
 */
#include "tests/saved/producer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char first[128], second[128];

static int
begin(void **state)
{
    (void)state;
    strcpy(first, scratch_path("first"));
    strcpy(second, scratch_path("second"));
    unlink(first);
    unlink(second);
    return 0;
}

static void
load(const struct buffer *text)
{
    struct report report;

    if (producer_load(second, text->data, text->len, &report))
        fail_msg("%s", report.text);
}

/* Saves first, loads it as second, saves that; both texts. */
static void
carry(struct buffer texts[2], struct saved_facts facts[2])
{
    texts[0] = producer_saved(first, &facts[0]);
    load(&texts[0]);
    texts[1] = producer_saved(second, &facts[1]);
}

static void
free_both(struct buffer texts[2])
{
    buffer_free(&texts[0]);
    buffer_free(&texts[1]);
}

/* Without the line that ends it, in which there is the sum over the first lines. */
static void
assert_same_body(struct buffer texts[2])
{
    uint32_t i;

    for (i = 0; i < 2; i++)
        *strstr(texts[i].data, "\nend ") = 0;
    assert_string_equal(producer_body(texts[0].data), producer_body(texts[1].data));
}

static void
everything_is_the_same_after_a_load(void **state)
{
    struct buffer texts[2];
    struct saved_facts facts[2];

    (void)state;
    producer_run(first, NULL, producer_everything);
    carry(texts, facts);
    assert_int_equal(facts[0].series, facts[1].series);
    assert_int_equal(facts[0].families, facts[1].families);
    assert_int_equal(facts[0].families, 12);
    assert_int_not_equal(facts[0].nonce[0], facts[1].nonce[0]);
    assert_same_body(texts);
    free_both(texts);
}

static void
assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("%s is not in %s", part, text);
}

static void
what_belongs_to_the_living_is_not_saved(void **state)
{
    struct saved_facts facts;
    struct buffer text;

    (void)state;
    producer_run(first, NULL, producer_everything);
    text = producer_saved(first, &facts);
    assert_int_equal(facts.workers, 0);
    assert_has(text.data, "series \"one\"");
    assert_has(text.data, "family gauge \"g_latest\"");
    assert_null(strstr(text.data, "g_pool"));
    assert_null(strstr(text.data, "g_live"));
    assert_null(strstr(text.data, "g_all"));
    assert_null(strstr(text.data, "build_info"));
    assert_null(strstr(text.data, "never set"));
    assert_null(strstr(text.data, "hidden"));
    assert_has(text.data, "\"zero\" \"0\" ");
    buffer_free(&text);
}

static void
everything_goes_on_where_it_was(void **state)
{
    struct buffer texts[2];
    struct saved_facts facts[2];

    (void)state;
    producer_run(first, NULL, producer_exact);
    texts[0] = producer_saved(first, &facts[0]);
    load(&texts[0]);
    producer_run(first, NULL, producer_exact); /* twice there */
    producer_run(second, NULL, producer_exact);
    buffer_free(&texts[0]);
    texts[0] = producer_saved(first, &facts[0]);
    texts[1] = producer_saved(second, &facts[1]);
    assert_int_equal(facts[0].families, facts[1].families);
    assert_int_equal(facts[0].series, facts[1].series);
    assert_same_body(texts);
    free_both(texts);
}

static void
count_one(struct shmeter *meter)
{
    static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "one_total" };

    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc)));
}

static void
a_load_leaves_a_segment_that_is_there_as_it_is(void **state)
{
    struct buffer texts[2];
    struct saved_facts facts;
    struct report report;

    (void)state;
    producer_run(first, NULL, count_one);
    texts[0] = producer_saved(first, &facts);
    load(&texts[0]);
    assert_int_equal(producer_load(second, texts[0].data, texts[0].len, &report), -EEXIST);
    assert_int_equal(producer_load(first, texts[0].data, texts[0].len, &report), -EEXIST);
    assert_int_equal(scratch_files(), 2);
    texts[1] = producer_saved(second, &facts);
    assert_same_body(texts);
    free_both(texts);
}

static void
observe(struct shmeter *meter, uint32_t bounds_n, double value)
{
    static const double bounds[] = { 1, 2, 5 };
    const struct shmeter_desc desc = {
        .type = SHMETER_HISTOGRAM, .name = "waits", .bounds = bounds, .bounds_len = bounds_n
    };

    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &desc)), value);
}

static void
observe_three(struct shmeter *meter)
{
    observe(meter, 3, 1.5);
}

static void
observe_two(struct shmeter *meter)
{
    observe(meter, 2, 0.5);
}

static void
all_definitions_are_saved_and_the_last_one_stays_in_force(void **state)
{
    struct buffer texts[2];
    struct saved_facts facts[2];

    (void)state;
    producer_run(first, NULL, observe_two);
    producer_run(first, NULL, observe_three);
    producer_run(first, NULL, observe_two); /* a rollback: its record is the older one */
    carry(texts, facts);
    assert_int_equal(facts[1].families, 2);
    assert_has(producer_body(texts[0].data), "bounds 1 2 5\nseries ");
    assert_true(strstr(texts[0].data, "bounds 1 2 5\n") < strstr(texts[0].data, "bounds 1 2\n"));
    assert_has(texts[0].data, " 1 2 0 0\n");
    assert_same_body(texts);
    free_both(texts);
}

static void
exceed(struct shmeter *meter)
{
    static const char *const labels[] = { "n", NULL };
    const struct shmeter_desc desc = {
        .type = SHMETER_COUNTER, .name = "many_total", .labels = labels, .max_series = 2
    };
    const struct shmeter_family *family = shmeter_family(meter, &desc);

    shmeter_counter_inc(shmeter_counter_of(family, "a"));
    shmeter_counter_inc(shmeter_counter_of(family, "b"));
    shmeter_counter_add(shmeter_counter_of(family, "c"), 40);
    shmeter_counter_add(shmeter_counter_of(family, "d"), 2);
}

static void
a_family_that_was_full_is_full_after_a_load(void **state)
{
    struct buffer texts[2];
    struct saved_facts facts[2];

    (void)state;
    producer_run(first, NULL, exceed);
    carry(texts, facts);
    assert_same_body(texts);
    assert_has(texts[1].data, "\"__overflow__\" ");
    free_both(texts);
    producer_run(second, NULL, exceed);
    texts[1] = producer_saved(second, &facts[1]);
    assert_int_equal(facts[1].series, 3);
    assert_has(texts[1].data, " 84\n");
    buffer_free(&texts[1]);
}

static void
sizes_are_those_of_the_segment_that_was_saved(void **state)
{
    const struct shmeter_options options = SHMETER_OPTIONS(.lane_bytes = 1 << 17, .max_series = 77, .max_slots = 9,
                                                           .max_gauges = 11, .ring_bytes = 8192);
    struct buffer texts[2];
    struct saved_facts facts[2];
    char *lines[2];
    uint32_t i;

    (void)state;
    producer_run(first, &options, count_one);
    carry(texts, facts);
    for (i = 0; i < 2; i++) {
        lines[i] = strstr(texts[i].data, "\nsizes ");
        *strchr(lines[i] + 1, '\n') = 0;
    }
    assert_string_equal(lines[0], lines[1]);
    free_both(texts);
}

/* As the pools that follow see it: a worker on the first slot has folded the values into its own. */
static void
gauges_of_the_dead_outlive_the_next_workers(void **state)
{
    struct buffer texts[2];
    struct saved_facts facts[2];

    (void)state;
    producer_run(first, NULL, producer_everything);
    carry(texts, facts);
    buffer_free(&texts[1]);
    producer_run(second, NULL, count_one);
    producer_run(second, NULL, count_one);
    texts[1] = producer_saved(second, &facts[1]);
    assert_int_equal(facts[1].series, facts[0].series + 1);
    *strstr(texts[1].data, "family counter \"one_total\"") = 0; /* the last one */
    *strstr(texts[0].data, "\nend ") = 0;
    assert_int_equal(
        strncmp(producer_body(texts[0].data), producer_body(texts[1].data), strlen(producer_body(texts[0].data))), 0);
    free_both(texts);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        TEST(everything_is_the_same_after_a_load),
        TEST(what_belongs_to_the_living_is_not_saved),
        TEST(everything_goes_on_where_it_was),
        TEST(a_load_leaves_a_segment_that_is_there_as_it_is),
        TEST(all_definitions_are_saved_and_the_last_one_stays_in_force),
        TEST(a_family_that_was_full_is_full_after_a_load),
        TEST(sizes_are_those_of_the_segment_that_was_saved),
        TEST(gauges_of_the_dead_outlive_the_next_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
