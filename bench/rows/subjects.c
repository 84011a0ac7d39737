/*
 * Makes the segment, families and series that the update rows work on.
 */
#include <string.h>
#include <unistd.h>

#include "bench/rows/subjects.h"

struct subjects subjects;

static const char *const no_labels[] = { NULL };
static const char *const two_labels[] = { "method", "path", NULL };

static const struct shmeter_desc counter_desc = {
    .type = SHMETER_COUNTER, .name = "bench_events_total", .help = "Events.", .labels = no_labels
};
static const struct shmeter_desc fractions_desc = {
    .type = SHMETER_COUNTER_F64, .name = "bench_work_seconds_total", .help = "Seconds of work.", .labels = no_labels
};
static const struct shmeter_desc histogram_desc = { .type = SHMETER_HISTOGRAM,
                                                    .name = "bench_duration_seconds",
                                                    .help = "Durations.",
                                                    .labels = no_labels,
                                                    .bounds = floors_bounds,
                                                    .bounds_len = FLOORS_BOUNDS };
static const struct shmeter_desc exponential_desc = { .type = SHMETER_HISTOGRAM,
                                                      .name = "bench_size_bytes",
                                                      .help = "Sizes.",
                                                      .labels = no_labels,
                                                      .schema = 3,
                                                      .min_value = .0005,
                                                      .max_value = 100 };
static const struct shmeter_desc labelled_desc = {
    .type = SHMETER_COUNTER, .name = "bench_requests_total", .help = "Requests.", .labels = two_labels
};

static const char *const methods[SUBJECTS_METHODS] = { "GET",  "POST",  "PUT",     "DELETE",   "PATCH",
                                                       "HEAD", "TRACE", "OPTIONS", "PROPFIND", "CONNECT" };
static const char *const paths[SUBJECTS_PATHS] = {
    "/",         "/api/v1/items", "/api/v1/users", "/login",  "/logout",
    "/api/cart", "/checkout",     "/search",       "/health", "/static"
};

const char *
subjects_method(unsigned i)
{
    return methods[i % SUBJECTS_METHODS];
}

const char *
subjects_path(unsigned i)
{
    return paths[i / SUBJECTS_METHODS % SUBJECTS_PATHS];
}

static void
make_gauges(void)
{
    static struct shmeter_desc descs[SHMETER_MODES];
    static char names[SHMETER_MODES][32] = { "bench_gauge_a", "bench_gauge_b", "bench_gauge_c", "bench_gauge_d",
                                             "bench_gauge_e", "bench_gauge_f", "bench_gauge_g", "bench_gauge_h",
                                             "bench_gauge_i", "bench_gauge_j", "bench_gauge_k" };
    for (unsigned mode = 0; mode < SHMETER_MODES; mode++) {
        descs[mode].type = SHMETER_GAUGE;
        descs[mode].mode = (enum shmeter_mode)mode;
        descs[mode].name = names[mode];
        descs[mode].help = "A gauge.";
        descs[mode].labels = no_labels;
        subjects.gauges[mode] = shmeter_gauge_of(shmeter_family(subjects.meter, &descs[mode]));
    }
}

void
subjects_set_up(const struct bench_run *run)
{
    if (subjects.meter)
        return;
    floors_set_up();
    int error = shmeter_open(&subjects.meter, run_segment(run, "updates"), NULL);
    if (error)
        bench_fail("cannot open a segment: %s", shmeter_error(subjects.meter));
    subjects.opened_ns = measure_wall_ns();
    subjects.counter = shmeter_counter_of(shmeter_family(subjects.meter, &counter_desc));
    subjects.fractions = shmeter_counter_f64_of(shmeter_family(subjects.meter, &fractions_desc));
    subjects.histogram = shmeter_histogram_of(shmeter_family(subjects.meter, &histogram_desc));
    subjects.exponential = shmeter_histogram_of(shmeter_family(subjects.meter, &exponential_desc));
    subjects.labelled = shmeter_family(subjects.meter, &labelled_desc);
    for (unsigned i = 0; i < SUBJECTS_METHODS * SUBJECTS_PATHS; i++)
        shmeter_counter_inc(shmeter_counter_of(subjects.labelled, subjects_method(i), subjects_path(i)));
    for (unsigned i = 0; i < 4; i++)
        subjects.four[i] = shmeter_counter_of(subjects.labelled, subjects_method(i), subjects_path(i));
    make_gauges();
    if (*shmeter_error(subjects.meter))
        bench_fail("cannot make the series: %s", shmeter_error(subjects.meter));
}

void
subject_measure(struct bench_run *run, const struct bench_row *row)
{
    const struct subject_loop *subject = row->argument;
    subjects_set_up(run);
    double ns = subject->pair ? measure_pair(run, subject->loop) : measure_loop(run, subject->loop);
    if (ns > 0)
        run_put(run, row->name, ns);
}
