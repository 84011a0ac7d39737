/*
 * Which definition of a name is exposed: of those that living processes have open, the one opened last. Values that fit
 * it are added to it; others are counted as a loss and are a reason in health.
 */
#include "tests/client/definitions.h"

/* ---- releases ---- */

static void
a_rollback_is_in_force_as_soon_as_it_opens(void **state)
{
    const char *segment = place_path("rollback");
    struct exposition *store = values_new(segment);
    struct release a, b;
    uint32_t round;
    (void)state;
    for (round = 0; round < 3; round++) {
        a = release_with(segment, HISTOGRAM_A);
        release_does(&a, 'u', HISTOGRAM_A);
        take_good(store);
        assert_int_equal(buckets_n(store), 3);
        assert_int_equal(values_count(store, "h", NULL), round + 1);
        (round == 1 ? release_kill : release_end)(&a);
        take_good(store); /* nobody has it open: it was opened last */
        assert_int_equal(buckets_n(store), 3);

        b = release_with(segment, HISTOGRAM_B);
        take_good(store);
        assert_int_equal(buckets_n(store), round ? 4 : 0);
        release_does(&b, 'u', HISTOGRAM_B);
        take_good(store);
        assert_int_equal(buckets_n(store), 4);
        assert_int_equal(values_count(store, "h", NULL), round + 1);
        release_end(&b);
    }
    exposition_free(store);
}

static void
in_a_rolling_deployment_what_the_old_workers_count_is_a_loss_and_a_reason(void **state)
{
    const char *segment = place_path("rolling");
    struct exposition *store = values_new(segment);
    const struct segment_status *status;
    struct release old[2], fresh;
    uint32_t i;
    (void)state;
    for (i = 0; i < 2; i++) {
        old[i] = release_with(segment, HISTOGRAM_A);
        release_does(&old[i], 'u', HISTOGRAM_A);
    }
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 2);
    fresh = release_with(segment, HISTOGRAM_B);
    release_does(&fresh, 'u', HISTOGRAM_B);
    status = values_take(store);
    assert_int_equal(buckets_n(store), 4);
    assert_int_equal(lost(status), 0); /* both were exposed while their definition was in force */
    assert_int_equal(reasons_n(status, " h "), 1);
    assert_int_equal(status->families_superseded, 1);
    for (i = 0; i < 2; i++) {
        release_does(&old[i], 'u', HISTOGRAM_A);
        status = values_take(store);
        assert_int_equal(lost(status), i + 1);
        assert_int_equal(values_count(store, "h", NULL), 1);
    }
    release_end(&old[0]);
    assert_int_equal(reasons_n(values_take(store), " h "), 1);
    release_kill(&old[1]);
    status = values_take(store);
    assert_int_equal(reasons_n(status, " h "), 0);
    assert_int_equal(lost(status), 2);
    release_does(&fresh, 'u', HISTOGRAM_B);
    assert_int_equal(lost(values_take(store)), 2);
    assert_int_equal(values_count(store, "h", NULL), 2);
    release_end(&fresh);
    exposition_free(store);
}

static void
a_reader_that_begins_finds_what_is_open_and_not_exposed(void **state)
{
    const char *segment = place_path("begins");
    struct exposition *store = values_new(segment);
    struct release old = release_with(segment, HISTOGRAM_A), fresh;
    uint32_t i;
    (void)state;
    for (i = 0; i < 5; i++)
        release_does(&old, 'u', HISTOGRAM_A);
    fresh = release_with(segment, HISTOGRAM_B);
    assert_int_equal(lost(values_take(store)), 5);
    assert_int_equal(lost(values_take(store)), 5);
    release_end(&old);
    exposition_free(store);
    store = values_new(segment);
    take_good(store);
    release_end(&fresh);
    exposition_free(store);
}

static void
a_start_that_failed_hides_nothing(void **state)
{
    const char *segment = place_path("failed");
    struct exposition *store = values_new(segment);
    struct release running = release_with(segment, HISTOGRAM_A), failing;
    (void)state;
    release_does(&running, 'u', HISTOGRAM_A);
    take_good(store);
    failing = release_with(segment, HISTOGRAM_B);
    assert_int_equal(reasons_n(values_take(store), " h "), 1);
    release_kill(&failing);
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 1);
    release_does(&running, 'u', HISTOGRAM_A);
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 2);
    failing = release_with(segment, HISTOGRAM_B);
    release_end(&failing);
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 2);
    release_end(&running);
    take_good(store); /* the failed one was opened last of all */
    assert_int_equal(buckets_n(store), 0);
    exposition_free(store);
}

static void
a_label_is_added_and_taken_back(void **state)
{
    const char *segment = place_path("label");
    struct exposition *store = values_new(segment);
    struct release one = release_with(segment, LABEL_ONE), both;
    const struct segment_status *status;
    (void)state;
    release_does(&one, 'u', LABEL_ONE);
    take_good(store);
    assert_int_equal(values_number(store, "l_total", "x"), 1);
    release_end(&one);
    both = release_with(segment, LABEL_BOTH);
    release_does(&both, 'u', LABEL_BOTH);
    release_does(&both, 'u', LABEL_BOTH);
    take_good(store);
    assert_int_equal(values_number(store, "l_total", "x"), 2);
    one = release_with(segment, LABEL_ONE);
    release_does(&one, 'u', LABEL_ONE);
    release_does(&both, 'u', LABEL_BOTH);
    status = values_take(store);
    assert_int_equal(values_number(store, "l_total", "x"), 2);
    assert_int_equal(values_series(store, "l_total", "x")->shape->labels_n, 1);
    assert_int_equal(lost(status), 1);
    assert_int_equal(reasons_n(status, "l_total"), 1);
    release_end(&both);
    assert_int_equal(reasons_n(values_take(store), ""), 0);
    release_end(&one);
    exposition_free(store);
}

static void
a_type_is_changed_and_changed_back(void **state)
{
    const char *segment = place_path("type");
    struct exposition *store = values_new(segment);
    struct release counter = release_with(segment, TYPE_COUNTER), gauge;
    (void)state;
    release_does(&counter, 'u', TYPE_COUNTER);
    take_good(store);
    assert_int_equal(model_find(store->model, "t")->type, MODEL_COUNTER);
    gauge = release_with(segment, TYPE_GAUGE);
    release_does(&gauge, 'u', TYPE_GAUGE);
    release_does(&counter, 'u', TYPE_COUNTER);
    assert_int_equal(lost(values_take(store)), 1);
    assert_int_equal(model_find(store->model, "t")->type, MODEL_GAUGE);
    assert_int_equal(values_number(store, "t", NULL), 3);
    release_end(&gauge);
    assert_int_equal(lost(values_take(store)), 1);
    assert_int_equal(model_find(store->model, "t")->type, MODEL_COUNTER);
    assert_int_equal(values_number(store, "t", NULL), 2);
    release_end(&counter);
    exposition_free(store);
}

/* ---- processes ---- */

static void
a_forked_child_is_spoken_for_by_its_parent_until_it_has_a_list(void **state)
{
    const char *segment = place_path("forked");
    struct exposition *store = values_new(segment);
    struct release pool = release_with(segment, HISTOGRAM_A), other = release_with(segment, HISTOGRAM_B);
    const struct segment_status *status;
    (void)state;
    release_end(&other);
    release_does(&pool, 'k', 0);
    release_does(&pool, 'u', HISTOGRAM_A); /* a child without a slot */
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 1);
    assert_int_equal(values_take(store)->slots_live, 1);
    release_does(&pool, 's', 0);
    assert_int_equal(values_take(store)->slots_live, 2);
    kill(pool.pid, SIGKILL);
    place_wait(pool.pid);
    take_good(store); /* now its own list */
    assert_int_equal(values_take(store)->slots_live, 1);
    release_does(&pool, 'u', HISTOGRAM_A);
    take_good(store);
    assert_int_equal(values_count(store, "h", NULL), 2);
    other = release_with(segment, HISTOGRAM_B);
    assert_int_equal(reasons_n(values_take(store), " h "), 1);
    release_does(&pool, 's', 0);
    assert_int_equal(reasons_n(values_take(store), " h "), 1); /* its slot is no new open */
    release_end(&other);
    release_does(&pool, 'q', 0);
    release_forget(&pool);
    status = values_take(store);
    assert_int_equal(status->losses[SHMETER_LOSS_SLOTS_EXHAUSTED], 0);
    exposition_free(store);
}

static void
a_forked_child_opens_what_its_parent_does_not_have(void **state)
{
    const char *segment = place_path("child");
    struct exposition *store = values_new(segment);
    struct release pool = release_begin(segment), other = release_with(segment, HISTOGRAM_B);
    (void)state;
    release_does(&pool, 'k', 0);
    release_does(&pool, 'f', HISTOGRAM_A);
    release_does(&pool, 'u', HISTOGRAM_A);
    assert_int_equal(reasons_n(values_take(store), " h "), 1);
    assert_int_equal(buckets_n(store), 3);
    release_end(&other);
    take_good(store);
    kill(pool.pid, SIGKILL);
    place_wait(pool.pid);
    release_does(&pool, 'q', 0);
    release_forget(&pool);
    exposition_free(store);
}

static void
a_definition_that_is_given_up_or_closed_is_open_no_more(void **state)
{
    const char *segment = place_path("given-up");
    struct exposition *store = values_new(segment);
    struct release a = release_with(segment, HISTOGRAM_A), b = release_with(segment, HISTOGRAM_B);
    (void)state;
    release_does(&a, 'u', HISTOGRAM_A);
    release_does(&b, 'g', HISTOGRAM_B);
    assert_int_equal(reasons_n(values_take(store), ""), 0);
    assert_int_equal(buckets_n(store), 3);
    release_does(&b, 'f', HISTOGRAM_B); /* opened anew */
    release_does(&b, 'u', HISTOGRAM_B);
    assert_int_equal(reasons_n(values_take(store), " h "), 1);
    assert_int_equal(buckets_n(store), 4);
    release_does(&b, 'f', HISTOGRAM_B); /* it is open */
    release_does(&a, 'f', HISTOGRAM_A);
    values_take(store);
    assert_int_equal(buckets_n(store), 4);
    release_does(&a, 'g', HISTOGRAM_A);
    release_does(&a, 'f', HISTOGRAM_A);
    values_take(store);
    assert_int_equal(buckets_n(store), 3);
    release_does(&b, 'c', 0);
    assert_int_equal(reasons_n(values_take(store), ""), 0);
    assert_int_equal(buckets_n(store), 3);
    release_does(&b, 'o', 0); /* opens all that it had, anew */
    values_take(store);
    assert_int_equal(buckets_n(store), 4);
    release_does(&a, 'c', 0);
    assert_int_equal(reasons_n(values_take(store), ""), 0);
    release_end(&a);
    release_end(&b);
    exposition_free(store);
}

static void
one_process_changes_its_definition(void **state)
{
    const char *segment = place_path("remade");
    struct exposition *store = values_new(segment);
    struct release process = release_with(segment, HISTOGRAM_A);
    uint32_t i;
    (void)state;
    for (i = 0; i < 500; i++) { /* its list does not fill up by it */
        release_does(&process, 'u', i % 2 ? HISTOGRAM_B : HISTOGRAM_A);
        if (i % 50 < 2) {
            take_good(store);
            assert_int_equal(buckets_n(store), i % 2 ? 4 : 3);
            assert_int_equal(values_count(store, "h", NULL), i / 2 + 1);
        }
        release_does(&process, 'g', HISTOGRAM_A);
        release_does(&process, 'f', i % 2 ? HISTOGRAM_A : HISTOGRAM_B);
    }
    release_end(&process);
    exposition_free(store);
}

static void
two_applications_in_one_segment_are_told(void **state)
{
    const char *segment = place_path("shared");
    struct exposition *store = values_new(segment);
    struct release first = release_with(segment, LABEL_ONE), second = release_with(segment, LABEL_BOTH);
    const struct segment_status *status;
    (void)state;
    release_does(&first, 'f', ALONE);
    release_does(&second, 'f', ALONE);
    release_does(&first, 'u', ALONE);
    release_does(&second, 'u', ALONE);
    release_does(&first, 'u', LABEL_ONE);
    release_does(&second, 'u', LABEL_BOTH);
    status = values_take(store);
    assert_int_equal(values_number(store, "alone_total", NULL), 2);
    assert_int_equal(reasons_n(status, "l_total"), 1);
    assert_int_equal(lost(status), 1);
    release_end(&first);
    release_end(&second);
    exposition_free(store);
}

/* ---- the list's end ---- */

static struct shmeter_desc many[RELEASE_DESCS];
static char many_names[RELEASE_DESCS][16];

static void
of_more_families_than_a_list_holds_the_others_are_judged_by_their_last_open(void **state)
{
    const char *segment = place_path("many");
    struct exposition *store = values_new(segment);
    struct release process, other;
    uint32_t i;
    (void)state;
    for (i = 0; i < RELEASE_DESCS; i++) {
        snprintf(many_names[i], sizeof many_names[i], "m%u", i);
        many[i] = (struct shmeter_desc){ .type = SHMETER_COUNTER, .name = many_names[i] };
    }
    for (i = 0; i < 4; i++) /* other definitions of the first two, and of two past the list's end */
        many[508 + i] = (struct shmeter_desc){ .type = SHMETER_COUNTER,
                                               .name = many_names[i < 2 ? i : SHMETER_OPENED + i],
                                               .labels = label_x };
    release_descs = many;
    process = release_begin(segment);
    for (i = 0; i < SHMETER_OPENED + 8; i++) {
        release_does(&process, 'f', i);
        release_does(&process, 'u', i);
    }
    other = release_begin(segment);
    for (i = 508; i < 512; i++) {
        release_does(&other, 'f', i);
        release_does(&other, 'u', i);
    }
    assert_int_equal(reasons_n(values_take(store), "m"), 2); /* of the others nobody knows that they are open */
    release_does(&process, 'u', SHMETER_OPENED + 3);
    assert_int_equal(lost(values_take(store)), 2 + 1); /* but what is counted in them is seen */
    release_end(&other);
    assert_int_equal(reasons_n(values_take(store), ""), 0);
    assert_int_equal(values_number(store, "m0", NULL), 1);
    assert_int_equal(values_number(store, many_names[SHMETER_OPENED + 2], "x"), 1); /* opened last of all */
    release_does(&process, 'g', 3);                                                 /* makes room */
    release_does(&process, 'g', SHMETER_OPENED + 2);
    release_does(&process, 'f', SHMETER_OPENED + 2);
    values_take(store);
    assert_int_equal(values_number(store, many_names[SHMETER_OPENED + 2], NULL), 1);
    other = release_with(segment, 510);
    assert_int_equal(reasons_n(values_take(store), many_names[SHMETER_OPENED + 2]), 1); /* it is listed now */
    release_end(&other);
    release_end(&process);
    release_descs = descs;
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_is_in_force_as_soon_as_it_opens),
        cmocka_unit_test(in_a_rolling_deployment_what_the_old_workers_count_is_a_loss_and_a_reason),
        cmocka_unit_test(a_reader_that_begins_finds_what_is_open_and_not_exposed),
        cmocka_unit_test(a_start_that_failed_hides_nothing),
        cmocka_unit_test(a_label_is_added_and_taken_back),
        cmocka_unit_test(a_type_is_changed_and_changed_back),
        cmocka_unit_test(a_forked_child_is_spoken_for_by_its_parent_until_it_has_a_list),
        cmocka_unit_test(a_forked_child_opens_what_its_parent_does_not_have),
        cmocka_unit_test(a_definition_that_is_given_up_or_closed_is_open_no_more),
        cmocka_unit_test(one_process_changes_its_definition),
        cmocka_unit_test(two_applications_in_one_segment_are_told),
        cmocka_unit_test(of_more_families_than_a_list_holds_the_others_are_judged_by_their_last_open),
    };
    release_descs = descs;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("in-force", body);
}
