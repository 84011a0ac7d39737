/* Several definitions of the same names, and what a reader shows of them. */
#ifndef SHMETER_TESTS_CLIENT_DEFINITIONS_H
#define SHMETER_TESTS_CLIENT_DEFINITIONS_H

#include "tests/client/release.h"

#include "health/health.h"
#include "shm/layout/layout.h"
#include "tests/tools/values.h"

static const double bounds_a[] = { 1, 2 }, bounds_b[] = { 1, 3, 10 };
static const char *const label_x[] = { "x", NULL }, *const labels_xy[] = { "x", "y", NULL },
                         *const labels_yx[] = { "y", "x", NULL }, *const states[] = { "low", "high", NULL };

enum {
    HISTOGRAM_A,
    HISTOGRAM_B,
    HISTOGRAM_A_SECONDS,
    LABEL_ONE,
    LABEL_BOTH,
    LABEL_SWAPPED,
    TYPE_COUNTER,
    TYPE_GAUGE,
    SUM_U64,
    SUM_F64,
    SUM_BYTES,
    GAUGE_LIVE,
    GAUGE_SUM,
    GAUGE_POOL,
    GAUGE_MAX,
    GAUGE_LIVE_MAX,
    GAUGE_ALL,
    INFO_ONE,
    INFO_BOTH,
    STATES_LOW,
    STATES_OTHER,
    ALONE,
    DESCS
};

__attribute__((unused)) static const struct shmeter_desc descs[DESCS] = {
    [HISTOGRAM_A] = { .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds_a, .bounds_len = 2 },
    [HISTOGRAM_B] = { .type = SHMETER_HISTOGRAM, .name = "h", .bounds = bounds_b, .bounds_len = 3 },
    [HISTOGRAM_A_SECONDS] = { .type = SHMETER_HISTOGRAM,
                              .name = "h",
                              .unit = "seconds",
                              .help = "Later.",
                              .bounds = bounds_a,
                              .bounds_len = 2 },
    [LABEL_ONE] = { .type = SHMETER_COUNTER, .name = "l_total", .labels = label_x },
    [LABEL_BOTH] = { .type = SHMETER_COUNTER, .name = "l_total", .labels = labels_xy },
    [LABEL_SWAPPED] = { .type = SHMETER_COUNTER, .name = "l_total", .labels = labels_yx },
    [TYPE_COUNTER] = { .type = SHMETER_COUNTER, .name = "t" },
    [TYPE_GAUGE] = { .type = SHMETER_GAUGE, .name = "t", .mode = SHMETER_LIVE_SUM },
    [SUM_U64] = { .type = SHMETER_COUNTER, .name = "s_total" },
    [SUM_F64] = { .type = SHMETER_COUNTER_F64, .name = "s_total" },
    [SUM_BYTES] = { .type = SHMETER_COUNTER, .name = "s_total", .unit = "bytes", .help = "Another help." },
    [GAUGE_LIVE] = { .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_LIVE_SUM },
    [GAUGE_SUM] = { .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_SUM },
    [GAUGE_POOL] = { .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_POOL, .unit = "bytes" },
    [GAUGE_MAX] = { .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_MAX },
    [GAUGE_LIVE_MAX] = { .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_LIVE_MAX },
    [GAUGE_ALL] = { .type = SHMETER_GAUGE, .name = "g", .mode = SHMETER_ALL },
    [INFO_ONE] = { .type = SHMETER_INFO, .name = "i_info", .labels = label_x },
    [INFO_BOTH] = { .type = SHMETER_INFO, .name = "i_info", .labels = labels_xy },
    [STATES_LOW] = { .type = SHMETER_STATESET, .name = "st", .states = states },
    [STATES_OTHER] = { .type = SHMETER_STATESET, .name = "st", .states = label_x },
    [ALONE] = { .type = SHMETER_COUNTER, .name = "alone_total" },
};

/* ---- what is seen ---- */

static uint64_t
lost(const struct segment_status *status)
{
    return status->losses[SHMETER_LOSS_SUPERSEDED] + status->losses_before[SHMETER_LOSS_SUPERSEDED];
}

__attribute__((unused)) static uint32_t
buckets_n(struct exposition *store)
{
    const struct model_series *series = values_series(store, "h", NULL);
    return series ? series->shape->buckets_n : 0;
}

/* The reasons that a definition of this name is superseded. */
static uint32_t
reasons_n(const struct segment_status *status, const char *name)
{
    const struct health_limits limits = { 0 };
    struct health health;
    uint32_t i, n = 0;
    assert_int_equal(health_judge(&health, &status, 1, &limits), 0);
    for (i = 0; i < health.reasons_n; i++)
        if (health.reasons[i].check == HEALTH_LOSSES) {
            assert_string_equal(health.reasons[i].what, "superseded");
            assert_int_equal(health.reasons[i].severity, STATUS_DEGRADED);
            assert_non_null(strstr(health.reasons[i].message, name));
            assert_non_null(health.reasons[i].slot);
            n++;
        }
    health_free(&health);
    return n;
}

/* Takes, and nothing is lost or told. */
__attribute__((unused)) static void
take_good(struct exposition *store)
{
    const struct segment_status *status = values_take(store);
    assert_non_null(status);
    assert_int_equal(lost(status), 0);
    assert_int_equal(reasons_n(status, ""), 0);
}

#endif
