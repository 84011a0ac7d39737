/*
 * Memory that fails and is available again later: each mapping in turn, once and from then on, while a program opens a
 * segment, or none, and uses every function. It runs on; it has no meter only where there was no memory for one; and
 * when memory is available again it counts as before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/tools/scratch.h"

static uint64_t mappings, refused_from, refused_to; /* those with a number from .. to are refused; 0 none */

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (number == SYS_mmap && ++mappings >= refused_from && refused_from && mappings <= refused_to)
        return -ENOMEM;
    result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

/* Takes of the heap's chunk, so that something of what comes next needs another one. */
static void
fill_heap(uint64_t bytes)
{
    for (; bytes >= 1000; bytes -= 1000)
        shmeter_heap_take(1000);
}

static const char *const labels[] = { "a", NULL };
static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "memory_total", .labels = labels };

/* Returns whether the counter leads to a segment. */
static int
use(struct shmeter *meter)
{
    static const struct shmeter_desc fractions = { .type = SHMETER_COUNTER_F64, .name = "fraction_total" },
                                     histograms = { .type = SHMETER_HISTOGRAM, .name = "memory_seconds" },
                                     gauges = { .type = SHMETER_GAUGE, .name = "memory", .mode = SHMETER_SUM },
                                     wrong = { .type = SHMETER_GAUGE, .name = "not a name" };
    const struct shmeter_family *family = shmeter_family(meter, &counters);
    struct shmeter_counter counter = shmeter_counter_of(family, "x");
    struct shmeter_histogram histogram;
    struct shmeter_gauge gauge;

    shmeter_counter_inc(counter);
    shmeter_counter_f64_add(shmeter_counter_f64_of(shmeter_family(meter, &fractions)), 0.5);
    histogram = shmeter_histogram_of(shmeter_family(meter, &histograms));
    shmeter_histogram_observe(histogram, 1);
    shmeter_histogram_observe_since(histogram, shmeter_ticks(meter));
    gauge = shmeter_gauge_of(shmeter_family(meter, &gauges));
    shmeter_gauge_set(gauge, 1);
    shmeter_gauge_add(gauge, 1);
    shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &wrong)), 1);
    shmeter_attach_worker(meter);
    shmeter_heartbeat(meter);
    shmeter_busy(meter);
    shmeter_idle(meter);
    shmeter_check(meter, "check", SHMETER_OK, "fine");
    shmeter_hide_v(family, &(const char *){ "x" }, 1);
    return counter.lanes != 0;
}

/* In a child. Its exit code: 0, or what is wrong; 100: all mappings were made before it was refused one. */
static int
live(const char *path, int there, uint64_t from, uint64_t to)
{
    struct shmeter *meter = (struct shmeter *)&meter, *again;
    int result;

    mappings = 0;
    refused_from = from;
    refused_to = to;
    result = shmeter_open(&meter, path, NULL);
    if (!meter ? result != -ENOMEM : !shmeter_meter_attachment(meter)->state)
        return 1;
    if (meter && result && !*shmeter_error(meter))
        return 2;
    use(meter);
    if (mappings < from)
        return 100;
    refused_from = 0;
    use(meter);
    result = shmeter_open(&again, path, NULL);
    if (!again || (meter && again != meter))
        return 3;
    if (there ? result || !use(again) : !result || use(again))
        return 4;
    shmeter_close(again);
    return 0;
}

static void
every_mapping_fails(const char *path, int there)
{
    static const uint64_t filled[] = { 0, 40000, 50000, 55000, 57000, 59000, 60000, 61000 };
    uint64_t n, most;
    size_t i;
    uint32_t lives = 0;

    for (i = 0; i < sizeof filled / sizeof filled[0]; i++)
        for (most = 0; most < 2; most++)
            for (n = 1;; n++, lives++) {
                pid_t child = scratch_fork();
                int ended;
                if (!child) {
                    fill_heap(filled[i]);
                    _exit(live(path, there, n, most ? UINT64_MAX : n));
                }
                ended = scratch_wait(child);
                if (ended == 100)
                    break;
                if (ended)
                    fail_msg("%s, mapping %d%s, %d bytes of the heap taken: %d", path, (int)n,
                             most ? " and all others" : "", (int)filled[i], ended);
            }
    print_message("# %u lives\n", lives);
    assert_true(lives >= 2 * sizeof filled / sizeof filled[0]); /* some were refused, whatever was taken of the heap */
}

static void
a_segment_is_had_or_told_of_whatever_mapping_fails(void **state)
{
    (void)state;
    every_mapping_fails(scratch_path("segment"), 1);
}

static void
a_detached_meter_is_complete_or_none(void **state)
{
    (void)state;
    every_mapping_fails(scratch_path("no/such/directory"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_had_or_told_of_whatever_mapping_fails),
        cmocka_unit_test(a_detached_meter_is_complete_or_none),
    };

    return cmocka_run_group_tests_name("no memory", tests, NULL, NULL);
}
