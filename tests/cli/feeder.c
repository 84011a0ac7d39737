/*
 * A worker on a string, for the command's tests: attaches to a segment, makes a few metrics with known values, says
 * "ready", and then does what standard input says, answering each line with "ok". The end of the input is the end of
 * the worker.
 *
 *     feeder SEGMENT WORKER
 *
 *     check NAME 0|1|2 MESSAGE    reports a check
 *     busy                        begins a unit of work
 *     nan                         observes NaN, which is refused and counted
 *     orphan                      forks a child that only counts, and says its pid instead of "ok"; the child ends
 *                                 with the input, too
 *     bounds                      makes the histogram anew with other bounds, and observes 0.5
 *     release                     closes the meter
 *     control                     makes a counter whose help, label values and worker's check would steer a terminal
 *     job NAME                    counts in shop_jobs_total{job="NAME",kind="batch"}, whose series go when they are idle
 *                                 for a second
 *     path NAME                   observes 1 in shop_path_seconds{path="NAME"}
 */
#include <shmeter.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const request_labels[] = { "method", "status", NULL };
static const double bounds[] = { 0.1, 1, 10 };
static const struct shmeter_desc requests_desc = {
    .type = SHMETER_COUNTER, .name = "shop_requests_total", .help = "Requests served.", .labels = request_labels
};
static const struct shmeter_desc latency_desc = { .type = SHMETER_HISTOGRAM,
                                                  .name = "shop_latency_seconds",
                                                  .help = "Time to answer.",
                                                  .unit = "seconds",
                                                  .bounds = bounds,
                                                  .bounds_len = 3 };
static const char *const job_labels[] = { "job", "kind", NULL }, *const path_labels[] = { "path", NULL };
static const struct shmeter_desc jobs_desc = {
    .type = SHMETER_COUNTER, .name = "shop_jobs_total", .labels = job_labels, .idle_seconds = 1
};
static const struct shmeter_desc paths_desc = {
    .type = SHMETER_HISTOGRAM, .name = "shop_path_seconds", .labels = path_labels, .bounds = bounds, .bounds_len = 1
};
static const struct shmeter_desc ceiling_desc = {
    .type = SHMETER_GAUGE, .name = "shop_ceiling", .help = "The ceiling.", .mode = SHMETER_LIVE_MAX
};

static void
reply(const char *text)
{
    puts(text);
    fflush(stdout);
}

static void
control(struct shmeter *meter)
{
    static const char *const labels[] = { "a", NULL };
    static const struct shmeter_desc desc = {
        .type = SHMETER_COUNTER, .name = "shop_control_total", .help = "\033[31m \302\23331m", .labels = labels
    };

    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &desc), "\033[31m \302\23331m \177 \302\240"));
    shmeter_check(meter, "\033[31m", SHMETER_FAILING, "\033[31m \302\23331m");
}

static void
other_bounds(struct shmeter *meter)
{
    struct shmeter_desc desc = latency_desc;

    desc.bounds_len--;
    shmeter_family_forget(meter, desc.name);
    shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &desc)), 0.5);
}

/* The child holds the input open as well; it reads nothing, and waits for its parent's reader to go. */
static void
orphan(struct shmeter_counter requests)
{
    char byte;
    pid_t pid = fork();

    if (pid > 0) {
        printf("%d\n", (int)pid);
        fflush(stdout);
        return;
    }
    shmeter_counter_inc(requests);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0);
}

int
main(int argc, char **argv)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .worker = argc > 2 ? argv[2] : NULL };
    struct shmeter_counter requests;
    struct shmeter_histogram latency;
    struct shmeter_gauge ceiling;
    struct shmeter *meter;
    char line[256], name[64], message[128];
    unsigned state;

    if (argc < 3 || shmeter_open(&meter, argv[1], &options)) {
        fprintf(stderr, "feeder: %s\n", argc < 3 ? "two arguments are wanted" : shmeter_error(meter));
        return 1;
    }
    requests = shmeter_counter_of(shmeter_family(meter, &requests_desc), "GET", "a \"b\"");
    latency = shmeter_histogram_of(shmeter_family(meter, &latency_desc));
    ceiling = shmeter_gauge_of(shmeter_family(meter, &ceiling_desc));
    shmeter_counter_add(requests, 5);
    shmeter_histogram_observe(latency, 0.5);
    shmeter_histogram_observe(latency, 2.5);
    shmeter_gauge_set(ceiling, INFINITY);
    reply("ready");
    while (fgets(line, sizeof line, stdin)) {
        if (!strcmp(line, "orphan\n")) {
            orphan(requests);
            continue;
        }
        if (sscanf(line, "check %63s %u %127[^\n]", name, &state, message) == 3)
            shmeter_check(meter, name, (enum shmeter_health)state, message);
        else if (sscanf(line, "job %127[^\n]", message) == 1)
            shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &jobs_desc), message, "batch"));
        else if (sscanf(line, "path %127[^\n]", message) == 1)
            shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &paths_desc), message), 1);
        else if (!strcmp(line, "busy\n"))
            shmeter_busy(meter);
        else if (!strcmp(line, "nan\n"))
            shmeter_histogram_observe(latency, (double)NAN);
        else if (!strcmp(line, "bounds\n"))
            other_bounds(meter);
        else if (!strcmp(line, "control\n"))
            control(meter);
        else if (!strcmp(line, "release\n"))
            shmeter_close(meter);
        else
            return 1;
        reply("ok");
    }
    return 0;
}
