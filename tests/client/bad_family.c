/*
 * Descriptions and label values that break the rules: one sentence that names the family, a count of the loss, and
 * handles that work privately.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/sentence.h"
#include "tests/tools/values.h"

/* The description is refused with these words; its handles count privately; the loss is counted. */
static void
expect_bad_family(struct shmeter *meter, struct exposition *store, const struct shmeter_desc *desc, const char *words)
{
    uint64_t before = values_take(store)->losses[SHMETER_LOSS_FAMILIES_REFUSED];
    const struct shmeter_family *family = shmeter_family(meter, desc);
    const char *one[1] = { "a" };
    assert_non_null(family);
    expect_sentence(meter, desc->name ? desc->name : "(no name)", words);
    shmeter_counter_inc(shmeter_counter_of_v(family, one, 1));
    shmeter_gauge_set(shmeter_gauge_of_v(family, one, 1), 1);
    shmeter_histogram_observe(shmeter_histogram_of_v(family, one, 1), 1);
    assert_int_equal(values_take(store)->losses[SHMETER_LOSS_FAMILIES_REFUSED], before + 1);
    if (desc->name)
        assert_null(model_find(store->model, desc->name));
}

static void
bad_descriptions_are_refused(void **state)
{
    static const char *const bad_labels[][3] = { { "le", NULL },    { "quantile", NULL }, { "__x", NULL },
                                                 { "a\x01", NULL }, { "\xff", NULL },     { "", NULL },
                                                 { "a:b", NULL },   { "a", "a", NULL } };
    static const char *const label_words[] = { "reserved label", "reserved label", "reserved label", "no label name",
                                               "no label name",  "no label name",  "no label name",  "twice" };
    static const char *const reserved[] = { "up", "scrape_x", "ALERTS_x", "__x", "shmeter_x" };
    static const char *const bad_names[] = { "", "x\n", "\x7f", "a\xff", "x\xc2\x85", "\xed\xa0\x80", NULL };
    static const double descending[] = { 1, 1 }, infinite[] = { 1, INFINITY }, nan_bound[] = { NAN };
    const char *worker_label[] = { "worker", NULL }, *pid_label[] = { "pid", NULL }, *many[18];
    struct shmeter_desc desc = { .type = SHMETER_COUNTER };
    struct exposition *store = values_new(place_path("descriptions"));
    struct shmeter *meter;
    char name[260], unique[32];
    uint32_t i;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("descriptions"), NULL), 0);
    for (i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        desc.name = reserved[i];
        expect_bad_family(meter, store, &desc, "reserved");
    }
    for (i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        desc.name = bad_names[i];
        expect_bad_family(meter, store, &desc, "no metric name");
    }
    memset(name, 'x', 200);
    name[200] = 0;
    desc.name = name;
    expect_bad_family(meter, store, &desc, "at most 199");
    for (i = 0; i < sizeof label_words / sizeof label_words[0]; i++) {
        snprintf(unique, sizeof unique, "labels_%u_total", i);
        desc.name = unique;
        desc.type = i == 0 ? SHMETER_HISTOGRAM : i == 1 ? SHMETER_SUMMARY : SHMETER_COUNTER;
        desc.labels = bad_labels[i];
        expect_bad_family(meter, store, &desc, label_words[i]);
    }
    for (i = 0; i < 17; i++) {
        static char names[17][8];
        snprintf(names[i], sizeof names[0], "l%u", i);
        many[i] = names[i];
    }
    many[17] = NULL;
    desc.name = "many_total";
    desc.labels = many;
    expect_bad_family(meter, store, &desc, "more than 16");
    desc = (struct shmeter_desc){ .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_ALL, .labels = worker_label };
    expect_bad_family(meter, store, &desc, "worker, slot or pid");
    desc = (struct shmeter_desc){
        .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_LIVE_ALL, .labels = pid_label, .by_pid = 1
    };
    expect_bad_family(meter, store, &desc, "worker, slot or pid");
    desc = (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .name = "h1", .bounds = descending, .bounds_len = 2 };
    expect_bad_family(meter, store, &desc, "ascending");
    desc = (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .name = "h2", .bounds = infinite, .bounds_len = 2 };
    expect_bad_family(meter, store, &desc, "finite");
    desc = (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .name = "h3", .bounds = nan_bound, .bounds_len = 1 };
    expect_bad_family(meter, store, &desc, "finite");
    desc = (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .name = "h4", .bounds = infinite };
    expect_bad_family(meter, store, &desc, "1 to 1000");
    desc.name = "h5";
    desc.bounds_len = 1001;
    expect_bad_family(meter, store, &desc, "1 to 1000");
    desc = (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .name = "h6", .min_value = 2, .max_value = 1 };
    expect_bad_family(meter, store, &desc, "min_value");
    desc = (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .name = "h6", .min_value = 1e-310, .max_value = 1 };
    expect_bad_family(meter, store, &desc, "subnormal");
    desc = (struct shmeter_desc){
        .type = SHMETER_HISTOGRAM, .name = "h7", .min_value = 1, .max_value = 2, .schema = 9
    };
    expect_bad_family(meter, store, &desc, "schema");
    desc = (struct shmeter_desc){ .type = (enum shmeter_type)77, .name = "t" };
    expect_bad_family(meter, store, &desc, "unknown type");
    desc = (struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = (enum shmeter_mode)77, .name = "m" };
    expect_bad_family(meter, store, &desc, "unknown mode");
    desc = (struct shmeter_desc){ .type = SHMETER_GAUGE, .unit = "m/s", .name = "u" };
    expect_bad_family(meter, store, &desc, "unit");
    exposition_free(store);
    shmeter_close(meter);
}

static void
bad_label_values_are_refused_or_repaired(void **state)
{
    static const char *const labels[] = { "who", "where", NULL };
    static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "values_total", .labels = labels };
    const char *values[3] = { "a", NULL, "c" };
    const struct segment_status *status;
    const struct shmeter_family *family;
    struct exposition *store = values_new(place_path("values"));
    struct shmeter *meter;
    char longest[257];
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("values"), NULL), 0);
    family = shmeter_family(meter, &desc);
    shmeter_counter_inc(shmeter_counter_of(family, "one"));
    expect_sentence(meter, "values_total", "number of label values");
    values[1] = "b";
    shmeter_counter_inc(shmeter_counter_of_v(family, values, 3));
    values[1] = NULL;
    shmeter_counter_inc(shmeter_counter_of_v(family, values, 2));
    expect_sentence(meter, "values_total", "NULL");
    shmeter_gauge_set(shmeter_gauge_of(family, "a", "b"), 1);
    expect_sentence(meter, "values_total", "another type");
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_HANDLES_REFUSED], 4);
    assert_null(values_series(store, "values_total", "a"));
    memset(longest, 'v', 256);
    longest[256] = 0;
    shmeter_counter_inc(shmeter_counter_of(family, longest, "b"));
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SERIES_REFUSED], 1);
    assert_true(values_number(store, "values_total", "__overflow__") == 1);
    longest[255] = 0; /* the longest that may be */
    shmeter_counter_inc(shmeter_counter_of(family, longest, "b"));
    values_take(store);
    assert_true(values_number(store, "values_total", longest) == 1);
    shmeter_counter_inc(shmeter_counter_of(family, "x\xff\xc3", "b"));
    shmeter_counter_inc(shmeter_counter_of(family, "x\xff\xc3", "b"));
    status = values_take(store);
    assert_true(status->losses[SHMETER_LOSS_VALUES_REPAIRED] >= 1);
    assert_true(values_number(store, "values_total", "x\xef\xbf\xbd\xef\xbf\xbd") == 2);
    exposition_free(store);
    shmeter_close(meter);
}

/* What is wrong with one description does not stick to its name. */
static void
a_name_that_was_refused_can_be_opened_rightly(void **state)
{
    static const char *const reserved[] = { "__le", NULL };
    static const struct shmeter_desc bad = { .type = SHMETER_COUNTER, .name = "mended_total", .labels = reserved };
    static const struct shmeter_desc good = { .type = SHMETER_COUNTER, .name = "mended_total" };
    const struct shmeter_family *refused;
    struct exposition *store = values_new(place_path("mended"));
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("mended"), NULL), 0);
    refused = shmeter_family(meter, &bad);
    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &good)), 3);
    assert_ptr_equal(shmeter_family(meter, &bad), refused);
    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &bad)), 5);
    values_take(store);
    assert_true(values_number(store, "mended_total", NULL) == 3);
    shmeter_close(meter);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_descriptions_are_refused),
        cmocka_unit_test(bad_label_values_are_refused_or_repaired),
        cmocka_unit_test(a_name_that_was_refused_can_be_opened_rightly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("family", body);
}
