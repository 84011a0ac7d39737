/*
 * Does every operation that looks at a double, with each kind of number; number_flags.py compiles this with flags that
 * let compilers assume that some kinds never occur. Each value comes out of a volatile, so that nothing is known about
 * it. The segment's path is the argument.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "shmeter.h"

static const uint64_t numbers[] = {
    UINT64_C(0x3ff0000000000000), /* 1 */
    UINT64_C(0xbff0000000000000), /* -1 */
    UINT64_C(0x0000000000000000), /* 0 */
    UINT64_C(0x8000000000000000), /* -0 */
    UINT64_C(0x7ff0000000000000), /* infinities */
    UINT64_C(0xfff0000000000000),
    UINT64_C(0x7ff8000000000000), /* NaNs: both signs, quiet, signalling, with a payload */
    UINT64_C(0xfff8000000000000),
    UINT64_C(0x7ff0000000000001),
    UINT64_C(0xffffffffffffffff),
    UINT64_C(0x0000000000000003), /* subnormal */
    UINT64_C(0x8000000000000003),
    UINT64_C(0x000fffffffffffff),
    UINT64_C(0x0010000000000000), /* the smallest normal one, the largest */
    UINT64_C(0x7fefffffffffffff),
    UINT64_C(0xffefffffffffffff),
    UINT64_C(0x4024000000000000), /* 10 */
    UINT64_C(0x3f50000000000000)  /* 2^-10 */
};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static volatile uint64_t from;

static double
number(uint64_t bits)
{
    double v;
    from = bits;
    bits = from;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static double tiny[4], around_zero[5];

static struct shmeter *meter;

static struct shmeter_desc
described(enum shmeter_type type, const char *name)
{
    static struct shmeter_desc none; /* zeros in C, defaults in C++ */
    struct shmeter_desc desc = none;
    desc.type = type;
    desc.name = name;
    return desc;
}

static struct shmeter_histogram
histogram(const char *name, const double *bounds, uint32_t bounds_n, const double *range)
{
    struct shmeter_desc desc = described(SHMETER_HISTOGRAM, name);
    desc.bounds = bounds;
    desc.bounds_len = bounds_n;
    if (range) {
        desc.schema = 3;
        desc.min_value = range[0];
        desc.max_value = range[1];
    }
    return shmeter_histogram_of(shmeter_family(meter, &desc));
}

/* A histogram for each number, so that its sum tells what became of it; and the same by the slow path. */
static void
observe(const char *prefix, const double *bounds, uint32_t bounds_n, const double *range)
{
    char name[32];
    size_t i;
    for (i = 0; i < NUMBERS; i++) {
        struct shmeter_histogram one;
        snprintf(name, sizeof name, "%s_%zu", prefix, i);
        one = histogram(name, bounds, bounds_n, range);
        shmeter_histogram_observe(one, number(numbers[0]));
        shmeter_histogram_observe(one, number(numbers[i]));
        shmeter_histogram_observe_slow(one, number(numbers[i]));
    }
}

static void
count(void)
{
    char name[32];
    size_t i;
    for (i = 0; i < NUMBERS; i++) {
        struct shmeter_desc desc = described(SHMETER_COUNTER_F64, name);
        struct shmeter_counter_f64 one;
        snprintf(name, sizeof name, "fraction_%zu_total", i);
        one = shmeter_counter_f64_of(shmeter_family(meter, &desc));
        shmeter_counter_f64_add(one, number(numbers[0]));
        shmeter_counter_f64_add(one, number(numbers[i]));
        shmeter_counter_f64_add_slow(one, number(numbers[i]));
    }
}

/* Of each mode: set, set and added, subtracted from nothing. */
static void
gauge(void)
{
    char name[32];
    size_t i;
    uint32_t mode;
    for (mode = 0; mode < SHMETER_MODES; mode++)
        for (i = 0; i < NUMBERS; i++) {
            struct shmeter_desc desc = described(SHMETER_GAUGE, name);
            struct shmeter_gauge one;
            desc.mode = (enum shmeter_mode)mode;
            snprintf(name, sizeof name, "set_%u_%zu", mode, i);
            shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &desc)), number(numbers[i]));
            snprintf(name, sizeof name, "added_%u_%zu", mode, i);
            one = shmeter_gauge_of(shmeter_family(meter, &desc));
            shmeter_gauge_set(one, number(numbers[4 + i % 2]));
            shmeter_gauge_add(one, number(numbers[i]));
            if (i == 10 || i == 11 || i == 12)
                continue; /* a sum of subnormal numbers is as the thread's mode has it */
            snprintf(name, sizeof name, "taken_%u_%zu", mode, i);
            shmeter_gauge_sub(shmeter_gauge_of(shmeter_family(meter, &desc)), number(numbers[i]));
        }
}

/* Bounds and ranges that are good, and such as must be refused. */
static void
describe(void)
{
    struct shmeter_histogram one;
    double bounds[3], range[2];
    char name[32];
    size_t i, k, n = 0;
    for (i = 0; i < NUMBERS; i++)
        for (k = 0; k < NUMBERS; k += 3, n++) {
            snprintf(name, sizeof name, "bounded_%zu", n);
            bounds[0] = number(numbers[i]);
            bounds[1] = number(numbers[k]);
            bounds[2] = number(numbers[14]);
            one = histogram(name, bounds, 3, NULL);
            shmeter_histogram_observe(one, number(numbers[0]));
            shmeter_histogram_observe(one, number(numbers[k]));
            printf("%s: %s\n", name, shmeter_error(meter));
            snprintf(name, sizeof name, "ranged_%zu", n);
            range[0] = number(numbers[i]);
            range[1] = number(numbers[k]);
            one = histogram(name, NULL, 0, range);
            shmeter_histogram_observe(one, number(numbers[0]));
            shmeter_histogram_observe(one, number(numbers[k]));
            printf("%s: %s\n", name, shmeter_error(meter));
        }
}

int
main(int argc, char **argv)
{
    struct shmeter_options options;
    double range[2] = { number(numbers[17]), number(numbers[16]) };
    double fine[2] = { number(UINT64_C(0x3ff1000000000000)), number(UINT64_C(0x3ff2000000000000)) };
    size_t i;
    memset(&options, 0, sizeof options);
    options.struct_bytes = sizeof options;
    options.lane_bytes = 1 << 22;
    options.max_gauges = 2000;
    options.worker = "one";
    if (argc != 2 || shmeter_open(&meter, argv[1], &options)) {
        fprintf(stderr, "%s\n", shmeter_error(meter));
        return 1;
    }
    for (i = 0; i < 4; i++)
        tiny[i] = number(i + 2); /* the smallest numbers there are */
    around_zero[0] = number(numbers[15]);
    around_zero[1] = number(numbers[11]);
    around_zero[2] = number(numbers[3]);
    around_zero[3] = number(numbers[10]);
    around_zero[4] = number(numbers[12]);
    observe("usual", NULL, 0, NULL);
    observe("tiny", tiny, 4, NULL);
    observe("zero", around_zero, 5, NULL);
    observe("ranged", NULL, 0, range);
    observe("fine", NULL, 0, fine);
    count();
    gauge();
    describe();
    return 0;
}
