/*
 * The program whose system calls fail: a worker from opening to closing, which prints the results. It does not know
 * which call fails, or whether one does.
 *
 *     faulty SEGMENT
 *
 * Between two calls of getppid, which mark what is the library's, it makes no system call itself. What it prints:
 *
 *     opened RESULT attached RESULT adds N observations N error SENTENCE
 *
 * adds: updates of the counters that lead to the store (the others count privately). It ends with 0 whatever happened.
 */
#include <shmeter.h>

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SERIES  20
#define UPDATES 3

static const char *const labels[] = { "n", NULL };
static const struct shmeter_desc counts_desc = {
    .type = SHMETER_COUNTER, .name = "faulty_total", .help = "Counted.", .labels = labels
};
static const struct shmeter_desc sizes_desc = { .type = SHMETER_HISTOGRAM,
                                                .name = "faulty_seconds",
                                                .help = "Observed." };
static const struct shmeter_desc gauge_desc = {
    .type = SHMETER_GAUGE, .name = "faulty_level", .help = "Set.", .mode = SHMETER_SUM
};

static struct {
    int opened, attached;
    unsigned adds, observations;
    const char *error;
} told;

static void
update(struct shmeter *meter)
{
    const struct shmeter_family *counts = shmeter_family(meter, &counts_desc);
    struct shmeter_histogram histogram = shmeter_histogram_of(shmeter_family(meter, &sizes_desc));
    struct shmeter_gauge gauge = shmeter_gauge_of(shmeter_family(meter, &gauge_desc));
    char text[2] = "a";
    unsigned i, n;

    for (i = 0; i < SERIES; i++) {
        struct shmeter_counter counter;
        text[0] = (char)('a' + i);
        counter = shmeter_counter_of(counts, text);
        for (n = 0; n < UPDATES; n++) {
            shmeter_counter_inc(counter);
            shmeter_histogram_observe(histogram, 0.25);
            shmeter_gauge_add(gauge, 1);
            told.observations++;
        }
        if (!told.opened && counter.lanes)
            told.adds += UPDATES;
    }
}

static void
live(const char *segment)
{
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .lane_bytes = 1 << 17, .max_slots = 8, .cpu_lanes = 4, .worker = "faulty"
    };
    struct shmeter *meter;

    told.opened = shmeter_open(&meter, segment, &options);
    told.attached = shmeter_attach_worker(meter);
    update(meter);
    shmeter_heartbeat(meter);
    shmeter_check(meter, "faults", SHMETER_OK, "none seen");
    shmeter_close(meter);
    update(meter); /* too late for gauges, and harmless */
    told.error = shmeter_error(meter);
}

int
main(int argc, char **argv)
{
    char line[1024];
    int n;

    if (argc != 2)
        return 2;
    syscall(SYS_getppid);
    live(argv[1]);
    syscall(SYS_getppid);
    n = snprintf(line, sizeof line, "opened %d attached %d adds %u observations %u error %s\n", told.opened,
                 told.attached, told.adds, told.observations, told.error);
    _exit(write(1, line, (size_t)n) != n);
}
