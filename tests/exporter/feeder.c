/*
 * A worker that a test controls: attaches to a segment, executes the commands on standard input, one on a line, and
 * answers each with a line "ok" when it is done. It ends with its input. Fields are separated by blanks; %XX stands for
 * a byte.
 *
 *     feeder SEGMENT WORKER [MAX_SERIES]
 *
 *     requests METHOD STATUS N     shop_requests_total += N
 *     cpu SECONDS                  shop_cpu_seconds_total += SECONDS
 *     latency ROUTE SECONDS N      N observations in shop_latency_seconds
 *     work SECONDS N               N observations in shop_work_seconds, an exponential histogram
 *     active N                     shop_active += N (a pool's gauge)
 *     temperature DEGREES          shop_temperature_celsius = DEGREES (one series for each live worker)
 *     many FROM TO                 shop_many_total{number=FROM .. TO - 1} += 1
 *     build VERSION                shop_build_info{version} 1
 *     counter NAME N               a counter without labels += N
 *     labelled NAME LABEL VALUE N  a counter with one label += N
 *     sizes NAME LABEL VALUE N     N observations of 1 in a histogram with one label and the bounds 1 and 2
 *     turns BOUND N                N observations of 1 in shop_turns, a histogram of one bucket up to BOUND
 *     busy | idle | beat | check NAME 0|1|2 MESSAGE | release
 */
#include <shmeter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 5

static const char *const request_labels[] = { "method", "status", NULL };
static const char *const route_labels[] = { "route", NULL };
static const char *const number_labels[] = { "number", NULL };
static const char *const version_labels[] = { "version", NULL };

static const struct shmeter_desc requests_desc = {
    .type = SHMETER_COUNTER, .name = "shop_requests_total", .help = "Requests served.", .labels = request_labels
};
static const struct shmeter_desc cpu_desc = { .type = SHMETER_COUNTER_F64,
                                              .name = "shop_cpu_seconds_total",
                                              .help = "CPU time of the workers." };
static const struct shmeter_desc latency_desc = {
    .type = SHMETER_HISTOGRAM, .name = "shop_latency_seconds", .help = "Time to answer.", .labels = route_labels
};
static const struct shmeter_desc work_desc = { .type = SHMETER_HISTOGRAM,
                                               .name = "shop_work_seconds",
                                               .help = "Time of a piece of work.",
                                               .unit = "seconds",
                                               .schema = 3,
                                               .min_value = 1e-4,
                                               .max_value = 100 };
static const struct shmeter_desc active_desc = { .type = SHMETER_GAUGE,
                                                 .name = "shop_active",
                                                 .help = "Requests in progress." };
static const struct shmeter_desc temperature_desc = {
    .type = SHMETER_GAUGE, .name = "shop_temperature_celsius", .help = "How warm a worker is.", .mode = SHMETER_LIVE_ALL
};
static const struct shmeter_desc many_desc = { .type = SHMETER_COUNTER,
                                               .name = "shop_many_total",
                                               .help = "One series a number.",
                                               .labels = number_labels,
                                               .max_series = 1000000 };
static const struct shmeter_desc build_desc = {
    .type = SHMETER_INFO, .name = "shop_build_info", .help = "What runs.", .labels = version_labels
};

static void
unescape(char *text)
{
    char *out = text;
    unsigned byte;

    for (; *text; text++)
        if (*text == '%' && sscanf(text + 1, "%2x", &byte) == 1) {
            *out++ = (char)byte;
            text += 2;
        } else {
            *out++ = *text;
        }
    *out = 0;
}

static unsigned long
number(const char *text)
{
    return strtoul(text, NULL, 10);
}

static void
observe(struct shmeter_histogram histogram, double seconds, unsigned long n)
{
    while (n--)
        shmeter_histogram_observe(histogram, seconds);
}

static void
many(struct shmeter *meter, unsigned long from, unsigned long to)
{
    const struct shmeter_family *family = shmeter_family(meter, &many_desc);
    char text[32];

    for (; from < to; from++) {
        snprintf(text, sizeof text, "%lu", from);
        shmeter_counter_inc(shmeter_counter_of(family, text));
    }
}

static void
plain_counter(struct shmeter *meter, const char *name, unsigned long n)
{
    const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = name, .help = "A counter." };

    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &desc)), n);
}

static void
turns(struct shmeter *meter, double bound, unsigned long n)
{
    const struct shmeter_desc desc = {
        .type = SHMETER_HISTOGRAM, .name = "shop_turns", .help = "Turns.", .bounds = &bound, .bounds_len = 1
    };

    observe(shmeter_histogram_of(shmeter_family(meter, &desc)), 1, n);
}

/* Returns 0 when there is no such command with so many fields. */
/* field: a command, the family's name, the label's and its value. */
static void
labelled(struct shmeter *meter, char *const *field, uint64_t n)
{
    const char *labels[] = { field[2], NULL };
    const struct shmeter_desc desc = {
        .type = SHMETER_COUNTER, .name = field[1], .help = "As told.", .labels = labels
    };

    shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &desc), field[3]), n);
}

static void
sizes(struct shmeter *meter, char *const *field, uint64_t n)
{
    static const double bounds[] = { 1, 2 };
    const char *labels[] = { field[2], NULL };
    const struct shmeter_desc desc = { .type = SHMETER_HISTOGRAM,
                                       .name = field[1],
                                       .help = "As told.",
                                       .labels = labels,
                                       .bounds = bounds,
                                       .bounds_len = 2 };
    struct shmeter_histogram histogram = shmeter_histogram_of(shmeter_family(meter, &desc), field[3]);

    for (; n; n--)
        shmeter_histogram_observe(histogram, 1);
}

static int
obey(struct shmeter *meter, char *const field[FIELDS], int n)
{
    const char *command = field[0];

    if (n == 4 && !strcmp(command, "requests"))
        shmeter_counter_add(shmeter_counter_of(shmeter_family(meter, &requests_desc), field[1], field[2]),
                            number(field[3]));
    else if (n == 2 && !strcmp(command, "cpu"))
        shmeter_counter_f64_add(shmeter_counter_f64_of(shmeter_family(meter, &cpu_desc)), strtod(field[1], NULL));
    else if (n == 4 && !strcmp(command, "latency"))
        observe(shmeter_histogram_of(shmeter_family(meter, &latency_desc), field[1]), strtod(field[2], NULL),
                number(field[3]));
    else if (n == 3 && !strcmp(command, "work"))
        observe(shmeter_histogram_of(shmeter_family(meter, &work_desc)), strtod(field[1], NULL), number(field[2]));
    else if (n == 2 && !strcmp(command, "active"))
        shmeter_gauge_add(shmeter_gauge_of(shmeter_family(meter, &active_desc)), strtod(field[1], NULL));
    else if (n == 2 && !strcmp(command, "temperature"))
        shmeter_gauge_set(shmeter_gauge_of(shmeter_family(meter, &temperature_desc)), strtod(field[1], NULL));
    else if (n == 3 && !strcmp(command, "many"))
        many(meter, number(field[1]), number(field[2]));
    else if (n == 2 && !strcmp(command, "build"))
        shmeter_info_of(shmeter_family(meter, &build_desc), field[1]);
    else if (n == 3 && !strcmp(command, "counter"))
        plain_counter(meter, field[1], number(field[2]));
    else if (n == 3 && !strcmp(command, "turns"))
        turns(meter, strtod(field[1], NULL), number(field[2]));
    else if (n == 5 && !strcmp(command, "labelled"))
        labelled(meter, field, number(field[4]));
    else if (n == 5 && !strcmp(command, "sizes"))
        sizes(meter, field, number(field[4]));
    else if (n == 1 && !strcmp(command, "busy"))
        shmeter_busy(meter);
    else if (n == 1 && !strcmp(command, "idle"))
        shmeter_idle(meter);
    else if (n == 1 && !strcmp(command, "beat"))
        shmeter_heartbeat(meter);
    else if (n == 4 && !strcmp(command, "check"))
        shmeter_check(meter, field[1], (enum shmeter_health)number(field[2]), field[3]);
    else if (n == 1 && !strcmp(command, "release"))
        shmeter_close(meter);
    else
        return 0;
    return 1;
}

int
main(int argc, char **argv)
{
    struct shmeter_options options = { .struct_bytes = sizeof options };
    struct shmeter *meter;
    char line[4096], *field[FIELDS], *at;
    int n;

    if (argc < 3)
        return 2;
    options.worker = argv[2];
    if (argc > 3) {
        options.max_series = (uint32_t)number(argv[3]);
        options.lane_bytes = 64u * options.max_series;
    }
    if (shmeter_open(&meter, argv[1], &options) || shmeter_attach_worker(meter)) {
        fprintf(stderr, "feeder: %s: %s\n", argv[1], shmeter_error(meter));
        return 1;
    }
    puts("ok");
    while (!fflush(stdout) && fgets(line, sizeof line, stdin)) {
        n = 0;
        for (at = strtok(line, " \n"); at && n < FIELDS; at = strtok(NULL, " \n"), n++) {
            unescape(at);
            field[n] = at;
        }
        puts(n && obey(meter, field, n) ? "ok" : "no such command");
    }
    shmeter_close(meter);
    return 0;
}
