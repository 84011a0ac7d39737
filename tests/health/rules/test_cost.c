/*
 * What rules keep in memory, asserted, and what they take of a CPU, printed: 1,000 series, a reading each second.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "scene.h"

#define SERIES      1000u
#define LIMIT_BYTES (2u << 20)
#define TIMED       100u

static double
cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t
bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static struct model_series *counters, *gauges;

static void
make_series(struct scene *scene)
{
    char name[16];
    uint32_t i;

    for (i = 0; i < SERIES; i++) {
        snprintf(name, sizeof name, "%u", i);
        scene_u64(scene, MODEL_COUNTER, "shop_total", name, 0);
        scene_f64(scene, MODEL_GAUGE, "shop_level", name, 0);
    }
    counters = model_find(scene->model, "shop_total")->series;
    gauges = model_find(scene->model, "shop_level")->series;
}

/* Every series changes in every second, so that nothing is saved by what stays empty. */
static void
seconds(struct scene *scene, uint32_t n)
{
    double level;
    uint32_t i;

    for (; n; n--) {
        for (i = 0; i < SERIES; i++) {
            scene->model->words[counters[i].word] += 1 + i % 7;
            level = (double)(i + n);
            memcpy(&scene->model->words[gauges[i].word], &level, sizeof level);
        }
        scene_tick(scene, 1);
    }
}

static void
cost(const char *expression, uint32_t history_seconds, size_t limit_bytes)
{
    struct scene scene;
    size_t before;
    double began;

    scene_begin(&scene);
    make_series(&scene);
    before = bytes_in_use();
    scene_rule(&scene, expression, 60);
    seconds(&scene, history_seconds);
    print_message("# %-40s %7.1f KiB", expression, (double)(bytes_in_use() - before) / 1024);
    if (bytes_in_use() - before > limit_bytes)
        fail_msg("%zu bytes where %zu are allowed", bytes_in_use() - before, limit_bytes);
    began = cpu_seconds();
    seconds(&scene, TIMED);
    print_message(", %5.3f %% of a CPU\n", 100 * (cpu_seconds() - began) / TIMED);
    scene_end(&scene);
}

static void
half_an_hour_of_a_thousand_series_takes_less_than_two_mebibytes(void **state)
{
    (void)state;
    print_message("# 1,000 series, each changing every second, over half an hour; target 2048 KiB, 0.5 %% of a CPU\n");
    cost("max(rate(shop_total[30m])) > 1e9", 2000, LIMIT_BYTES);
    cost("max(max_over_time(shop_level[30m])) > 1e9", 2000, LIMIT_BYTES);
    cost("sum(avg_over_time(shop_level[30m])) > 1e9", 2000, LIMIT_BYTES);
    cost("sum(rate(shop_total[30m])) > 1e9", 2000, LIMIT_BYTES / 16);
}

static void
so_does_an_hour(void **state)
{
    (void)state;
    cost("max(rate(shop_total[1h])) > 1e9", 4000, LIMIT_BYTES);
    cost("min(delta(shop_level[2m])) > 1e9", 200, LIMIT_BYTES);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_an_hour_of_a_thousand_series_takes_less_than_two_mebibytes),
        cmocka_unit_test(so_does_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
