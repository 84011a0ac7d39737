/*
 * Gauges: set and add in the modes that differ in cost.
 */
#include "bench/rows/subjects.h"
#include "bench/rows/tables.h"

/* A loop for each row, so that the choice of mode and operation is not measured. */
#define SET_LOOP(name, mode)                                         \
    static void name(uint64_t n)                                     \
    {                                                                \
        struct shmeter_gauge gauge = subjects.gauges[mode];          \
        for (uint64_t i = 0; i < n; i++) {                           \
            shmeter_gauge_set(gauge, floors_values[i % FLOORS_FEW]); \
            SUBJECT_BARRIER();                                       \
        }                                                            \
    }
#define ADD_LOOP(name, mode)                                \
    static void name(uint64_t n)                            \
    {                                                       \
        struct shmeter_gauge gauge = subjects.gauges[mode]; \
        for (uint64_t i = 0; i < n; i++) {                  \
            shmeter_gauge_add(gauge, 1);                    \
            SUBJECT_BARRIER();                              \
        }                                                   \
    }

SET_LOOP(set_live_sum, SHMETER_LIVE_SUM)
SET_LOOP(set_live_min, SHMETER_LIVE_MIN)
SET_LOOP(set_live_max, SHMETER_LIVE_MAX)
SET_LOOP(set_live_all, SHMETER_LIVE_ALL)
SET_LOOP(set_live_latest, SHMETER_LIVE_LATEST)
SET_LOOP(set_pool, SHMETER_POOL)
ADD_LOOP(add_live_sum, SHMETER_LIVE_SUM)
ADD_LOOP(add_pool, SHMETER_POOL)

/* Not static, so that the compiler loads it each time. */
struct shmeter_gauge gauges_global;

static void
set_global(uint64_t n)
{
    gauges_global = subjects.gauges[SHMETER_LIVE_SUM];
    for (uint64_t i = 0; i < n; i++) {
        SUBJECT_BARRIER();
        shmeter_gauge_set(gauges_global, floors_values[i % FLOORS_FEW]);
    }
}

#define GAUGES "gauges"
#define PLAIN  .floor = "store", .max_ratio = 2.0

const struct bench_row gauges_rows[] = {
    SUBJECT_ROW(GAUGES, "gauge-set", "set, LIVE_SUM, handle in a local variable", set_live_sum, 0, PLAIN),
    SUBJECT_ROW(GAUGES, "gauge-set-global", "set, LIVE_SUM, handle in a global variable", set_global, 0,
                .floor = "store"),
    SUBJECT_ROW(GAUGES, "gauge-set-live-min", "set, LIVE_MIN", set_live_min, 0, PLAIN),
    SUBJECT_ROW(GAUGES, "gauge-set-live-max", "set, LIVE_MAX", set_live_max, 0, PLAIN),
    SUBJECT_ROW(GAUGES, "gauge-set-live-all", "set, LIVE_ALL", set_live_all, 0, PLAIN),
    SUBJECT_ROW(GAUGES, "gauge-set-live-latest", "set, LIVE_LATEST", set_live_latest, 0, .floor = "xadd"),
    SUBJECT_ROW(GAUGES, "gauge-set-pool", "set, POOL", set_pool, 0, .floor = "xadd"),
    SUBJECT_ROW(GAUGES, "gauge-set-pool-two", "set, POOL, two processes; floor: one", set_pool, 1,
                .floor = "gauge-set-pool", .flags = BENCH_TWO),
    SUBJECT_ROW(GAUGES, "gauge-add-live-sum", "add, LIVE_SUM", add_live_sum, 0, .floor = "cas-f64"),
    SUBJECT_ROW(GAUGES, "gauge-add-pool", "add, POOL", add_pool, 0, .floor = "cas-f64"),
    SUBJECT_ROW(GAUGES, "gauge-add-pool-two", "add, POOL, two processes; floor: one", add_pool, 1,
                .floor = "gauge-add-pool", .flags = BENCH_TWO),
};
const size_t gauges_rows_n = ROWS_N(gauges_rows);
