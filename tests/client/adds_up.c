/* Values of several definitions of a name are added up if the definitions have the same labels and the same meaning. */
#include "tests/client/definitions.h"

static void
counters_of_the_same_labels_add_up_over_definitions(void **state)
{
    const char *segment = place_path("counters");
    struct exposition *store = values_new(segment);
    struct release u64 = release_with(segment, SUM_U64), f64, bytes;
    (void)state;
    release_does(&u64, 'u', SUM_U64);
    take_good(store);
    f64 = release_with(segment, SUM_F64);
    release_does(&f64, 'u', SUM_F64);
    take_good(store);
    assert_true(values_number(store, "s_total", NULL) == 1.5);
    release_does(&u64, 'u', SUM_U64);
    bytes = release_with(segment, SUM_BYTES);
    release_does(&bytes, 'u', SUM_BYTES);
    take_good(store);
    assert_true(values_number(store, "s_total", NULL) == 3.5);
    assert_int_equal(values_take(store)->families_superseded, 0);
    assert_int_equal(values_take(store)->families, 1);
    release_end(&f64);
    release_end(&bytes);
    release_kill(&u64);
    take_good(store); /* and nothing goes back when nobody has them open */
    assert_true(values_number(store, "s_total", NULL) == 3.5);
    exposition_free(store);
}

static void
labels_in_another_order_are_the_same_labels(void **state)
{
    const char *segment = place_path("order");
    struct exposition *store = values_new(segment);
    struct release both = release_with(segment, LABEL_BOTH), swapped;
    const struct model_family *family;
    (void)state;
    release_does(&both, 'u', LABEL_BOTH); /* x="x", y="y" */
    take_good(store);
    swapped = release_with(segment, LABEL_SWAPPED);
    release_does(&swapped, 'u', LABEL_SWAPPED); /* y="x", x="y" */
    take_good(store);
    family = model_find(store->model, "l_total");
    assert_int_equal(family->present_n, 2);
    release_end(&swapped);
    take_good(store);
    family = model_find(store->model, "l_total");
    assert_int_equal(family->present_n, 2);
    assert_int_equal(values_number(store, "l_total", "x"), 1);
    assert_int_equal(values_number(store, "l_total", "y"), 1);
    release_end(&both);
    exposition_free(store);
}

static void
histograms_of_the_same_bounds_add_up_over_definitions(void **state)
{
    const char *segment = place_path("histograms");
    struct exposition *store = values_new(segment);
    struct release plain = release_with(segment, HISTOGRAM_A), seconds;
    (void)state;
    release_does(&plain, 'u', HISTOGRAM_A);
    seconds = release_with(segment, HISTOGRAM_A_SECONDS);
    release_does(&seconds, 'u', HISTOGRAM_A_SECONDS);
    release_does(&plain, 'u', HISTOGRAM_A);
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 3);
    assert_true(values_sum(store, "h", NULL) == 4.5);
    release_end(&plain);
    release_end(&seconds);
    exposition_free(store);
}

static void
gauges_of_the_same_labels_add_up_over_definitions(void **state)
{
    const char *segment = place_path("gauges");
    struct exposition *store = values_new(segment);
    struct release live = release_with(segment, GAUGE_LIVE), sum, pool, all;
    const struct segment_status *status;
    (void)state;
    release_does(&live, 'u', GAUGE_LIVE);
    sum = release_with(segment, GAUGE_SUM);
    release_does(&sum, 'u', GAUGE_SUM);
    pool = release_with(segment, GAUGE_POOL);
    release_does(&pool, 'u', GAUGE_POOL);
    take_good(store);
    assert_int_equal(values_number(store, "g", NULL), 9);
    release_end(&live);
    release_end(&sum); /* retained */
    take_good(store);
    assert_int_equal(values_number(store, "g", NULL), 6);
    live = release_with(segment, GAUGE_LIVE);
    release_does(&live, 'u', GAUGE_LIVE);
    take_good(store);
    assert_int_equal(values_number(store, "g", NULL), 9);
    release_end(&pool); /* the pool's of nobody stays away */
    take_good(store);
    assert_int_equal(values_number(store, "g", NULL), 6);
    all = release_with(segment, GAUGE_ALL); /* has two labels more */
    release_does(&all, 'u', GAUGE_ALL);
    status = values_take(store);
    assert_int_equal(reasons_n(status, " g "), 1);
    assert_int_equal(model_find(store->model, "g")->present_n, 1);
    assert_non_null(values_series(store, "g", "adds_up")); /* the label worker */
    release_end(&all);
    release_end(&live);
    exposition_free(store);
}

static void
extremes_of_definitions_are_not_added_up(void **state)
{
    const char *segment = place_path("extremes");
    struct exposition *store = values_new(segment);
    struct release most = release_with(segment, GAUGE_MAX), live;
    (void)state;
    release_does(&most, 'u', GAUGE_MAX);
    release_does(&most, 'u', GAUGE_MAX);
    live = release_with(segment, GAUGE_LIVE_MAX);
    release_does(&live, 'u', GAUGE_LIVE_MAX);
    take_good(store);
    assert_int_equal(values_number(store, "g", NULL), 6);
    release_end(&most);
    release_end(&live);
    exposition_free(store);
}

static void
infos_stand_beside_each_other_and_statesets_of_other_states_do_not(void **state)
{
    const char *segment = place_path("infos");
    struct exposition *store = values_new(segment);
    struct release one = release_with(segment, INFO_ONE), both;
    (void)state;
    release_does(&one, 'u', INFO_ONE);
    both = release_with(segment, INFO_BOTH);
    release_does(&both, 'u', INFO_BOTH);
    release_does(&one, 'f', STATES_LOW);
    release_does(&one, 'u', STATES_LOW);
    take_good(store);
    assert_int_equal(model_find(store->model, "i_info")->present_n, 2);
    release_does(&both, 'f', STATES_OTHER);
    release_does(&both, 'u', STATES_OTHER);
    assert_int_equal(reasons_n(values_take(store), " st "), 1);
    assert_int_equal(model_find(store->model, "i_info")->present_n, 2);
    assert_int_equal(values_number(store, "st", "low") == 0, 0);
    release_end(&both);
    take_good(store);
    assert_int_equal(values_number(store, "st", "high"), 1);
    release_end(&one);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_of_the_same_labels_add_up_over_definitions),
        cmocka_unit_test(labels_in_another_order_are_the_same_labels),
        cmocka_unit_test(histograms_of_the_same_bounds_add_up_over_definitions),
        cmocka_unit_test(gauges_of_the_same_labels_add_up_over_definitions),
        cmocka_unit_test(extremes_of_definitions_are_not_added_up),
        cmocka_unit_test(infos_stand_beside_each_other_and_statesets_of_other_states_do_not),
    };
    release_descs = descs;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("adds-up", body);
}
