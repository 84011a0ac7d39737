/*
 * Runs the measuring processes, which are this program again, and takes medians over them. There are several because
 * the places that the kernel gives to a process's pages can make that process slow until it ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

static volatile sig_atomic_t stopped;
static volatile pid_t running; /* the process that is measuring, 0 none */

void
collect_stop(void)
{
    stopped = 1;
    if (running > 0)
        kill(running, SIGKILL);
}

/* The values of the processes so far. */
struct gathered {
    double values[BENCH_MAX_ROWS][BENCH_MAX_PROCESSES];
    unsigned n[BENCH_MAX_ROWS];
};

void
report_note(struct bench_report *report, const char *text)
{
    for (unsigned i = 0; i < report->notes_n; i++)
        if (strcmp(report->notes[i], text) == 0)
            return;
    if (report->notes_n < BENCH_MAX_NOTES)
        snprintf(report->notes[report->notes_n++], sizeof report->notes[0], "%.*s", (int)sizeof report->notes[0] - 1,
                 text);
}

int
collect_sample(const struct collect_options *options, int out, int shared_lane, int heavy)
{
    static struct bench_run run;
    run = (struct bench_run){
        .quick = options->quick,
        .rounds = options->quick ? 3 : 7,
        .round_ns = options->quick ? 200000 : 2000000,
        .directory = options->directory,
        .out = out,
    };
    rows_choose(run.wanted, options->filter, options->quick);
    cpus_choose(&run);
    cpus_pin(&run, 0);
    if (run.cpus_n < 2)
        run_note(&run, "This machine has one CPU for us: two processes at once were not measured.");
    if (shared_lane && machine_has_rseq())
        bench_fail("restartable sequences are in use although GLIBC_TUNABLES turns them off");
    run_rows(&run, shared_lane, heavy);
    if (run.rounds_disturbed * 5 > run.rounds_made)
        run_note(&run, "The machine was busy: other work interrupted more than a fifth of a process's rounds; figures "
                       "are too high.");
    return 0;
}

static void __attribute__((noreturn))
start_sample(const struct collect_options *options, int out, int shared_lane, int heavy, pid_t parent)
{
    char descriptor[16];
    const char *arguments[16];
    int n = 0;
    cpus_die_with_parent(parent);
    snprintf(descriptor, sizeof descriptor, "%d", out);
    arguments[n++] = "shmeter-bench";
    arguments[n++] = "--sample";
    arguments[n++] = descriptor;
    arguments[n++] = "--directory";
    arguments[n++] = options->directory;
    if (options->filter) {
        arguments[n++] = "--filter";
        arguments[n++] = options->filter;
    }
    if (options->quick)
        arguments[n++] = "--quick";
    if (heavy)
        arguments[n++] = "--sample-heavy";
    if (shared_lane) {
        arguments[n++] = "--sample-shared-lane";
        setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
    }
    arguments[n] = NULL;
    execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
    bench_fail("cannot start /proc/self/exe: %s", strerror(errno));
}

static void
read_line(struct bench_report *report, struct gathered *gathered, char *line)
{
    char name[128];
    double value;
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "note ", 5) == 0) {
        report_note(report, line + 5);
    } else if (sscanf(line, "value %127s %lf", name, &value) == 2) {
        size_t row = row_find(name);
        if (row < rows_n() && gathered->n[row] < BENCH_MAX_PROCESSES)
            gathered->values[row][gathered->n[row]++] = value;
    }
}

static int
one_sample(struct bench_report *report, struct gathered *gathered, const struct collect_options *options,
           int shared_lane, int heavy)
{
    int ends[2], status = 0;
    char line[512];
    pid_t parent = getpid();
    if (pipe(ends) != 0) {
        fprintf(stderr, "shmeter-bench: pipe: %s\n", strerror(errno));
        return -1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        start_sample(options, ends[1], shared_lane, heavy, parent);
    }
    running = child;
    if (stopped && child > 0) /* the signal came before running was set */
        kill(child, SIGKILL);
    close(ends[1]);
    FILE *lines = fdopen(ends[0], "r");
    while (lines && fgets(line, sizeof line, lines))
        read_line(report, gathered, line);
    if (lines)
        fclose(lines);
    if (child < 0) {
        fprintf(stderr, "shmeter-bench: cannot start a measuring process: %s\n", strerror(errno));
        return -1;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    running = 0;
    if (stopped)
        return -1;
    if (WIFSIGNALED(status))
        fprintf(stderr, "shmeter-bench: a measuring process was killed by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int
wants_shared_lane(const struct bench_report *report)
{
    for (size_t i = 0; i < rows_n(); i++)
        if (report->wanted[i] && (row_at(i)->flags & BENCH_SHARED_LANE))
            return 1;
    return 0;
}

static void
take_medians(struct bench_report *report, struct gathered *gathered)
{
    for (size_t i = 0; i < rows_n(); i++) {
        unsigned n = gathered->n[i];
        if (n == 0)
            continue;
        struct bench_value *value = &report->values[i];
        value->present = 1;
        value->median = measure_median(gathered->values[i], n); /* sorts the values */
        value->low = gathered->values[i][0];
        value->high = gathered->values[i][n - 1];
    }
}

int
collect_all(struct bench_report *report, const struct collect_options *options)
{
    static struct gathered gathered;
    memset(report, 0, sizeof *report);
    report->quick = options->quick;
    report->processes = options->processes;
    rows_choose(report->wanted, options->filter, options->quick);
    int shared_lane = wants_shared_lane(report);
    for (unsigned i = 0; i < options->processes; i++) {
        int heavy = i < options->heavy_processes;
        if (one_sample(report, &gathered, options, 0, heavy))
            return -1;
        if (shared_lane && one_sample(report, &gathered, options, 1, heavy))
            return -1;
    }
    take_medians(report, &gathered);
    return 0;
}
