/* A segment's file is truncated, grows, or has another name for a while: its counts are counted once. */
#include "tests/read/scene.h"

#include <stdio.h>
#include <unistd.h>

static const double bounds[] = { 1, 2 };
static const struct image_family counter = { .type = SHMETER_COUNTER, .name = "t_total" };
static const struct image_family fraction = { .type = SHMETER_COUNTER_F64, .name = "f_total" };
static const struct image_family histogram = {
    .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds, .bounds_n = 2
};

struct rest {
    struct image image;
    struct scene scene;
    uint64_t counter, fraction, histogram; /* cells */
};

static uint64_t
add(struct image *image, const struct image_family *family)
{
    return image_series(image, image_family(image, family), NULL).cell;
}

/* 100 and 0.5 in the first CPU lane, 10 and 0.25 in the second one, 1000 observations of 1.5 in the shared one. */
static void
make(struct rest *rest)
{
    image_make(&rest->image, NULL);
    image_own(&rest->image, 0, SHMETER_SLOT_LIVE, IMAGE_SELF, "w");
    rest->counter = add(&rest->image, &counter);
    rest->fraction = add(&rest->image, &fraction);
    rest->histogram = add(&rest->image, &histogram);
    *image_cpu(&rest->image, 0, rest->counter) = 100;
    *image_cpu(&rest->image, 1, rest->counter) = 10;
    *image_cpu(&rest->image, 0, rest->fraction) = image_bits(0.5);
    *image_cpu(&rest->image, 1, rest->fraction) = image_bits(0.25);
    image_shared_buckets(&rest->image, 0, rest->histogram)[1] = (struct shmeter_shared_bucket){ 1000, 1500 };
    scene_open_one(&rest->scene, rest->image.path);
}

static void
expect(struct rest *rest, double whole, double parts, double observations)
{
    scene_scrape(&rest->scene);
    assert_sample(&rest->scene, "t_total", "", whole);
    assert_sample(&rest->scene, "f_total", "", parts);
    assert_sample(&rest->scene, "h_count", "", observations);
    assert_sample(&rest->scene, "h_sum", "", 1.5 * observations);
    assert_sample(&rest->scene, "h_bucket", "le=2.0,", observations);
}

static void
end(struct rest *rest)
{
    scene_close(&rest->scene);
    image_free(&rest->image);
}

static void
a_file_that_grows_counts_once(void **state)
{
    struct rest rest;
    off_t bytes;
    (void)state;

    make(&rest);
    expect(&rest, 110, 0.75, 1000);
    for (bytes = (off_t)rest.image.bytes; bytes < (off_t)rest.image.bytes + 40960; bytes += 10000) {
        assert_int_equal(ftruncate(rest.image.fd, bytes), 0);
        expect(&rest, 110, 0.75, 1000);
    }
    *image_cpu(&rest.image, 1, rest.counter) += 5;
    expect(&rest, 115, 0.75, 1000);
    end(&rest);
}

static void
what_was_cut_off_and_grew_again_is_kept(void **state)
{
    struct rest rest;
    uint32_t round;
    (void)state;

    make(&rest);
    expect(&rest, 110, 0.75, 1000);
    for (round = 0; round < 3; round++) {
        assert_int_equal(ftruncate(rest.image.fd, (off_t)rest.image.header->cpu_lanes_off + 65536), 0);
        scene_scrape(&rest.scene);
        assert_int_equal(store_status(rest.scene.store, 0)->readable, 0);
        assert_int_equal(ftruncate(rest.image.fd, (off_t)rest.image.bytes), 0);
        expect(&rest, 110 + 10 * round, 0.75 + round, 1000 + round);
        *image_cpu(&rest.image, 0, rest.counter) += 4; /* stays */
        *image_cpu(&rest.image, 1, rest.counter) += 6; /* is cut off the next time */
        *image_cpu(&rest.image, 1, rest.fraction) = image_bits(1);
        image_shared_buckets(&rest.image, 0, rest.histogram)[1] = (struct shmeter_shared_bucket){ 1, 1.5 };
        expect(&rest, 120 + 10 * round, 1.75 + round, 1001 + round);
    }
    end(&rest);
}

static void
a_segment_that_had_another_name_for_a_while_counts_once(void **state)
{
    struct rest rest, other;
    char away[128];
    uint32_t round;
    (void)state;

    make(&rest);
    make(&other);
    expect(&rest, 110, 0.75, 1000);
    snprintf(away, sizeof away, "%s.away", rest.image.path);
    for (round = 0; round < 8; round++) { /* more often than replaced segments stay mapped */
        assert_int_equal(rename(rest.image.path, away), 0);
        assert_int_equal(rename(other.image.path, rest.image.path), 0);
        expect(&rest, 220 + 4 * round, 1.5, 2000);
        *image_cpu(&rest.image, 0, rest.counter) += 3;
        expect(&rest, 223 + 4 * round, 1.5, 2000);
        assert_int_equal(rename(rest.image.path, other.image.path), 0);
        assert_int_equal(rename(away, rest.image.path), 0);
        expect(&rest, 223 + 4 * round, 1.5, 2000);
        *image_cpu(&rest.image, 0, rest.counter) += 1;
        expect(&rest, 224 + 4 * round, 1.5, 2000);
    }
    end(&rest);
    end(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_grows_counts_once),
        cmocka_unit_test(what_was_cut_off_and_grew_again_is_kept),
        cmocka_unit_test(a_segment_that_had_another_name_for_a_while_counts_once),
    };

    return cmocka_run_group_tests_name("rest", tests, NULL, NULL);
}
