/*
 * The program that no_syscalls.py watches: UPDATES updates of every kind between two writes that name the kind, in a
 * worker that may be sealed by a seccomp filter first. The parent then compares the scraped totals with the work.
 *
 *     quiet_updates opener|worker open|sealed PLACE
 *
 * opener: the process that opened the segment updates. worker: a forked child, after shmeter_attach_worker.
 * sealed: only write and exit_group are allowed from the opening on, anything else is death by SIGSYS.
 * "quiet_updates trespass" makes one more system call behind that filter: it must die.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define UPDATES 1000000u

struct handles {
    struct shmeter *meter;
    const struct shmeter_family *family;
    struct shmeter_counter counter;
    struct shmeter_counter_f64 f64;
    struct shmeter_histogram explicit_histogram, exponential_histogram;
    struct shmeter_gauge gauges[SHMETER_MODES];
};

static const char *const labels[] = { "who", NULL };
static const char *const modes[SHMETER_MODES] = { "pool", "live_sum", "live_min", "live_max", "live_latest", "live_all",
                                                  "sum",  "min",      "max",      "latest",   "all" };
static const char *segment;
static int (*work)(const struct handles *);

static void
mark(const char *edge, const char *kind)
{
    char line[64];
    int n = snprintf(line, sizeof line, "%s %s\n", edge, kind);
    syscall(SYS_write, 1, line, (size_t)n);
}

static int
register_all(struct handles *h)
{
    static char names[SHMETER_MODES][32];
    struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "quiet_total", .help = "x", .labels = labels };
    struct shmeter_desc f64 = { .type = SHMETER_COUNTER_F64, .name = "quiet_seconds_total" };
    struct shmeter_desc classic = { .type = SHMETER_HISTOGRAM, .name = "quiet_seconds" };
    struct shmeter_desc native = {
        .type = SHMETER_HISTOGRAM, .name = "quiet_bytes", .schema = 2, .min_value = 1, .max_value = 1e6
    };
    uint32_t i;
    if (shmeter_open(&h->meter, segment, NULL)) {
        fprintf(stderr, "%s\n", shmeter_error(h->meter));
        return -1;
    }
    h->family = shmeter_family(h->meter, &desc);
    h->counter = shmeter_counter_of(h->family, "a");
    h->f64 = shmeter_counter_f64_of(shmeter_family(h->meter, &f64));
    h->explicit_histogram = shmeter_histogram_of(shmeter_family(h->meter, &classic));
    h->exponential_histogram = shmeter_histogram_of(shmeter_family(h->meter, &native));
    for (i = 0; i < SHMETER_MODES; i++) {
        struct shmeter_desc gauge = { .type = SHMETER_GAUGE, .mode = (enum shmeter_mode)i };
        snprintf(names[i], sizeof names[i], "quiet_%s", modes[i]);
        gauge.name = names[i];
        h->gauges[i] = shmeter_gauge_of(shmeter_family(h->meter, &gauge));
    }
    return shmeter_error(h->meter)[0] ? -1 : 0;
}

static void
update_gauges(const struct handles *h)
{
    char kind[48];
    uint32_t i, n;
    for (i = 0; i < SHMETER_MODES; i++) {
        snprintf(kind, sizeof kind, "gauge_set_%s", modes[i]);
        mark("begin", kind);
        for (n = 0; n < UPDATES; n++)
            shmeter_gauge_set(h->gauges[i], 7);
        mark("end", kind);
        snprintf(kind, sizeof kind, "gauge_add_%s", modes[i]);
        mark("begin", kind);
        for (n = 0; n < UPDATES; n++)
            shmeter_gauge_add(h->gauges[i], 1);
        mark("end", kind);
    }
}

static int
update_all(const struct handles *h)
{
    uint64_t start = shmeter_ticks(h->meter);
    uint32_t n;
    mark("begin", "counter");
    for (n = 0; n < UPDATES; n++)
        shmeter_counter_inc(h->counter);
    mark("end", "counter");
    mark("begin", "counter_f64");
    for (n = 0; n < UPDATES; n++)
        shmeter_counter_f64_add(h->f64, 0.5);
    mark("end", "counter_f64");
    mark("begin", "histogram");
    for (n = 0; n < UPDATES; n++)
        shmeter_histogram_observe(h->explicit_histogram, 0.25 * (n & 63));
    mark("end", "histogram");
    mark("begin", "histogram_exponential");
    for (n = 0; n < UPDATES; n++)
        shmeter_histogram_observe(h->exponential_histogram, (double)n);
    mark("end", "histogram_exponential");
    mark("begin", "observe_since");
    for (n = 0; n < UPDATES; n++)
        shmeter_histogram_observe_since(h->explicit_histogram, start);
    mark("end", "observe_since");
    update_gauges(h);
    mark("begin", "lookup");
    for (n = 0; n < UPDATES; n++)
        shmeter_counter_inc(shmeter_counter_of(h->family, "a"));
    mark("end", "lookup");
    mark("begin", "heartbeat_busy_idle");
    for (n = 0; n < UPDATES; n++) {
        shmeter_heartbeat(h->meter);
        shmeter_busy(h->meter);
        shmeter_idle(h->meter);
    }
    mark("end", "heartbeat_busy_idle");
    return 0;
}

static int
trespass(const struct handles *h)
{
    (void)h;
    mark("begin", "trespass");
    syscall(SYS_getppid);
    mark("end", "trespass");
    return 0;
}

/* Only write and exit_group, from here on, for this process. */
static int
seal(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void
run_process(int forked, int sealed)
{
    struct handles h;
    if (register_all(&h))
        _exit(2);
    if (forked) {
        pid_t child = fork();
        if (child)
            _exit(child < 0 ? 3 : place_wait(child));
        if (shmeter_attach_worker(h.meter))
            _exit(4);
    }
    if (sealed && seal())
        _exit(5);
    syscall(SYS_exit_group, work(&h));
}

static int
expect(struct exposition *store, const char *name, const char *value, double wanted)
{
    double seen = values_number(store, name, value);
    if (seen == wanted)
        return 0;
    fprintf(stderr, "%s is %.17g, not %.17g\n", name, seen, wanted);
    return 1;
}

static int
check_totals(void)
{
    struct exposition *store = values_new(segment);
    int wrong = !store || !values_take(store);
    if (wrong)
        return 6;
    wrong += expect(store, "quiet_total", "a", 2.0 * UPDATES);
    wrong += expect(store, "quiet_seconds_total", NULL, 0.5 * UPDATES);
    wrong += values_count(store, "quiet_seconds", NULL) != 2u * UPDATES;
    wrong += values_count(store, "quiet_bytes", NULL) != UPDATES;
    wrong += expect(store, "quiet_pool", NULL, 7); /* the share of a worker that is gone */
    wrong += expect(store, "quiet_sum", NULL, 7.0 + UPDATES);
    wrong += expect(store, "quiet_max", NULL, 7.0 + UPDATES);
    wrong += expect(store, "quiet_latest", NULL, 7);
    wrong += !isnan(values_number(store, "quiet_live_sum", NULL));
    exposition_free(store);
    return wrong ? 7 : 0;
}

static int forked, sealed;

static int
body(void)
{
    pid_t child;
    int status;
    segment = place_path("quiet");
    child = fork();
    if (!child)
        run_process(forked, sealed);
    status = place_wait(child);
    if (!status && work == update_all)
        status = check_totals();
    return status;
}

int
main(int argc, char **argv)
{
    work = argc > 1 && strcmp(argv[1], "trespass") == 0 ? trespass : update_all;
    forked = argc > 1 && strcmp(argv[1], "worker") == 0;
    sealed = work == trespass || (argc > 2 && strcmp(argv[2], "sealed") == 0);
    return place_run("quiet", body);
}
