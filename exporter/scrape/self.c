/*
 * Names and meanings of process_* are those of all Prometheus clients. A series whose value /proc does not have is left
 * out.
 */
#include "exporter/scrape/self.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exporter/settings/version.h"

static int
put(struct model *model, enum model_type type, const char *name, const char *help, double value)
{
    const struct model_metric metric = { .type = type, .name = name, .help = help };

    /* If the application has the name with another type, the model counts a conflict, and this series is left out. */
    return model_put_f64(model, &metric, NULL, value) == -ENOMEM ? -ENOMEM : 0;
}

static int
put_build(struct model *model)
{
    static const char *const labels[] = { "version", "microhttpd", "platform", NULL };
    static const struct model_metric metric = {
        .type = MODEL_INFO,
        .name = "shmeter_exporter_build_info",
        .help = "Version of the exporter, of the HTTP library that it runs with, and its platform; always 1.",
        .labels = labels,
    };
    const char *const values[] = { version_of_exporter(), version_of_microhttpd(), version_of_platform() };

    return model_put_u64(model, &metric, values, 1) == -ENOMEM ? -ENOMEM : 0;
}

static double
timeval_seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Number of entries of /proc/self/fd, without the descriptor of the directory itself; -1: unknown. */
static double
open_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    double n = -1;

    if (!directory)
        return -1;
    while ((entry = readdir(directory)))
        n += entry->d_name[0] != '.';
    closedir(directory);
    return n;
}

/* Reads the first two numbers of /proc/self/statm, in bytes. Returns 0 or -1. */
static int
memory_bytes(double *size, double *resident)
{
    unsigned long pages, resident_pages;
    double page = (double)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    int got;

    if (!file)
        return -1;
    got = fscanf(file, "%lu %lu", &pages, &resident_pages); /* NOLINT(cert-err34-c): the kernel's numbers */
    fclose(file);
    if (got != 2)
        return -1;
    *size = (double)pages * page;
    *resident = (double)resident_pages * page;
    return 0;
}

/*
 * Whether the application has a metric of this name in this scrape. Then the exporter leaves out its own process_*
 * series.
 */
static int
is_taken(const struct model *model, const char *name)
{
    const struct model_family *family = model_find(model, name);

    return family && family->present_n;
}

static int
put_process(const struct self *self, struct model *model)
{
    struct rusage usage;
    struct rlimit limit;
    double size = 0, resident = 0, fds = open_fds();
    int result = 0;

    if (is_taken(model, "process_cpu_seconds_total") || is_taken(model, "process_resident_memory_bytes") ||
        is_taken(model, "process_start_time_seconds"))
        return 0;
    result |= put(model, MODEL_GAUGE, "process_start_time_seconds",
                  "Start time of the exporter, in seconds since 1970.", self->start_seconds);
    if (!getrusage(RUSAGE_SELF, &usage))
        result |= put(model, MODEL_COUNTER, "process_cpu_seconds_total",
                      "CPU time that the exporter used, user and system.",
                      timeval_seconds(usage.ru_utime) + timeval_seconds(usage.ru_stime));
    if (!memory_bytes(&size, &resident)) {
        result |= put(model, MODEL_GAUGE, "process_resident_memory_bytes",
                      "Memory of the exporter that is resident, pages of segments that it read included.", resident);
        result |= put(model, MODEL_GAUGE, "process_virtual_memory_bytes", "Address space of the exporter.", size);
    }
    if (fds >= 0)
        result |= put(model, MODEL_GAUGE, "process_open_fds", "Descriptors that the exporter has open.", fds);
    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur != RLIM_INFINITY)
        result |= put(model, MODEL_GAUGE, "process_max_fds", "Descriptors that the exporter may have open.",
                      (double)limit.rlim_cur);
    return result ? -ENOMEM : 0;
}

void
self_count(struct self *self, const char *format, int gzip)
{
    uint32_t i;

    for (i = 0; i < SELF_FORMATS && self->formats[i].name && strcmp(self->formats[i].name, format); i++)
        ;
    if (i == SELF_FORMATS)
        return;
    self->formats[i].name = format;
    self->formats[i].answers[gzip != 0]++;
}

static int
put_formats(const struct self *self, struct model *model)
{
    static const char *const labels[] = { "format", "coding", NULL };
    static const struct model_metric metric = {
        .type = MODEL_COUNTER,
        .name = "shmeter_exporter_scrapes_total",
        .help = "Scrapes answered before this one, by format and coding.",
        .labels = labels,
    };
    static const char *const codings[] = { "identity", "gzip" };
    uint32_t i, coding;
    int result = 0;

    for (i = 0; self->formats[i].name; i++)
        for (coding = 0; coding < 2; coding++) {
            const char *const values[] = { self->formats[i].name, codings[coding] };
            if (self->formats[i].answers[coding])
                result |= model_put_u64(model, &metric, values, self->formats[i].answers[coding]) == -ENOMEM;
        }
    return result ? -ENOMEM : 0;
}

int
self_put(const struct self *self, struct model *model)
{
    int result = put_build(model);

    result |= put(model, MODEL_GAUGE, "shmeter_exporter_start_time_seconds",
                  "Start time of the exporter, in seconds since 1970.", self->start_seconds);
    result |= put(model, MODEL_GAUGE, "shmeter_config_last_reload_successful",
                  "1 when the settings were read without a mistake the last time that somebody asked for it, else 0.",
                  self->reload_good);
    result |= put(model, MODEL_GAUGE, "shmeter_config_last_reload_success_timestamp_seconds",
                  "When settings were last read without a mistake, in seconds since 1970.", self->reload_good_seconds);
    result |= put(model, MODEL_GAUGE, "shmeter_scrape_duration_seconds",
                  "Time that this scrape took to read the segments.", self->read_seconds);
    result |= put(model, MODEL_GAUGE, "shmeter_scrape_render_seconds",
                  "Time that the scrape before this one took to make its answers; 0 in the first.",
                  self->render_seconds);
    result |= put_formats(self, model);
    result |= put_process(self, model);
    return result ? -ENOMEM : 0;
}
