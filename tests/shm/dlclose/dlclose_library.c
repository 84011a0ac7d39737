/*
 * The shared library that dlclose.c loads and unloads: it has a copy of the header of its own.
 */
#include "shmeter.h"

#include "tests/shm/dlclose/dlclose_library.h"

static struct shmeter *meter;
static struct shmeter_counter counter;
static struct shmeter_counter_f64 seconds;
static struct shmeter_histogram histogram;
static struct shmeter_gauge gauge;

__attribute__((visibility("default"))) int
library_open(const char *segment)
{
    static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "library_total" };
    static const struct shmeter_desc fractions = { .type = SHMETER_COUNTER_F64, .name = "library_seconds_total" };
    static const struct shmeter_desc histograms = { .type = SHMETER_HISTOGRAM, .name = "library_seconds" };
    static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "both", .mode = SHMETER_LIVE_SUM };
    int result = shmeter_open(&meter, segment, NULL);
    counter = shmeter_counter_of(shmeter_family(meter, &counters));
    seconds = shmeter_counter_f64_of(shmeter_family(meter, &fractions));
    histogram = shmeter_histogram_of(shmeter_family(meter, &histograms));
    gauge = shmeter_gauge_of(shmeter_family(meter, &gauges));
    return result;
}

__attribute__((visibility("default"))) void
library_update(void)
{
    shmeter_counter_inc(counter);
    shmeter_counter_f64_add(seconds, 0.5);
    shmeter_histogram_observe(histogram, 0.25);
}

__attribute__((visibility("default"))) void
library_gauge_add(double v)
{
    shmeter_gauge_add(gauge, v);
}

__attribute__((visibility("default"))) void
library_close(void)
{
    shmeter_close(meter);
}
