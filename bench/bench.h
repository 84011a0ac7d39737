/*
 * The parts of the bench harness. A row says what is measured and has the function that measures it; the other files
 * run the rows in several processes, take medians and judge them. Only the files with rows know shmeter.
 */
#ifndef SHMETER_BENCH_BENCH_H
#define SHMETER_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_MAX_ROWS      320u
#define BENCH_MAX_PROCESSES 32u
#define BENCH_MAX_NOTES     32u

struct bench_run;

enum bench_flag {
    BENCH_TWO = 1,         /* two processes at once: judged only if this run has shown contention */
    BENCH_SHARED_LANE = 2, /* measured in a process that has no restartable sequences */
    BENCH_HEAVY = 4,       /* slow: measured in fewer processes */
    BENCH_LARGE = 8,       /* left out by --quick */
    BENCH_HIDDEN = 16,     /* shown as the floor of other rows, and in JSON; without a line of its own */
    BENCH_PEER = 32        /* compared with another library: judged only if that was measured */
};

/* One line of the table. */
struct bench_row {
    const char *section;
    const char *name;  /* for --filter and JSON; unique */
    const char *what;  /* description */
    const char *unit;  /* of the value: ns, ns/series, us, ms, B/series, MiB, % */
    const char *floor; /* name of the row that this row is compared with, or NULL */
    double max_ratio;  /* target for value / floor; 0 none */
    double max_value;  /* target for the value itself; 0 none */
    uint32_t flags;    /* enum bench_flag */
    /* Measures, and reports by run_put() the value of this row, and of other rows that the same work gives. */
    void (*measure)(struct bench_run *run, const struct bench_row *row);
    const void *argument; /* for measure */
};

/* The rows of one file. */
struct bench_table {
    const struct bench_row *rows;
    const size_t *n;
};

/* rows/tables.c: all tables, in the order of the report. */
extern const struct bench_table bench_tables[];
extern const size_t bench_tables_n;

/* rows.c: sets the tables. To be called before the other functions of rows.c. */
void rows_use(const struct bench_table *tables, size_t tables_n);
size_t rows_n(void);
const struct bench_row *row_at(size_t idx);
/* Index of the row with this name; rows_n(): there is none. */
size_t row_find(const char *name);
/*
 * Marks in wanted[rows_n()] the rows whose section or name contains filter (NULL: all), and the rows that they are
 * compared with.
 */
void rows_choose(unsigned char *wanted, const char *filter, int quick);

/* run.c: one measuring process. */
struct bench_run {
    int quick;
    unsigned rounds;
    uint64_t round_ns;     /* least CPU time of a round of a loop */
    const char *directory; /* for segments; removed with its files when the run ends */
    unsigned cpus[2];      /* of the first and the second process */
    unsigned cpus_n;       /* 0: unknown, processes are not pinned */
    unsigned char wanted[BENCH_MAX_ROWS];
    unsigned char have[BENCH_MAX_ROWS];
    int out;                                /* descriptor for values */
    unsigned rounds_made, rounds_disturbed; /* how many rounds other work on the machine has disturbed */
};
/* Reports the value of a row. The value of a row that is not wanted is dropped. */
void run_put(struct bench_run *run, const char *name, double value);
/* Adds a sentence to the report. */
void run_note(struct bench_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Measures the wanted rows with (shared_lane 1) or without BENCH_SHARED_LANE. heavy 1: rows with BENCH_HEAVY too. */
void run_rows(struct bench_run *run, int shared_lane, int heavy);
/* Path for a segment of this process, in static memory that the next call overwrites. */
const char *run_segment(const struct bench_run *run, const char *name);
void run_segment_remove(const struct bench_run *run, const char *name);

/* fail.c: ends the process with a sentence on standard error and exit status 2. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* measure.c: time. */
typedef void measure_loop_fn(uint64_t n); /* does the measured operation n times */
uint64_t measure_cpu_ns(void);            /* CPU time of this thread */
uint64_t measure_wall_ns(void);
double measure_median(double *values, size_t n); /* sorts them */
/* ns of CPU time for each iteration, the median over the rounds. */
double measure_loop(struct bench_run *run, measure_loop_fn *loop);
/* The same for single iterations, each after other work that has replaced the contents of the caches. */
double measure_cold(struct bench_run *run, measure_loop_fn *loop);
/* The same for two processes at once, each on a CPU of its own: the mean of both. 0: there is one CPU only. */
double measure_pair(struct bench_run *run, measure_loop_fn *loop);
/* The number of this process in a pair: 0 or 1. */
unsigned measure_rank(void);
/* Zeroed memory that is shared with forked children. */
void *measure_shared(size_t bytes);
/* Runs body in a forked child, which fills ns[0..ns_n), at first zeroes. Returns 0, or the result of body. */
int measure_fork(int (*body)(double *ns, const void *argument), const void *argument, double *ns, size_t ns_n);

/* cpus.c: which CPUs. */
/* Fills run->cpus; not with two threads of one core if the machine has more cores. */
void cpus_choose(struct bench_run *run);
void cpus_pin(const struct bench_run *run, unsigned rank);
/* For a forked child: SIGKILL when the parent ends. */
void cpus_die_with_parent(int parent);

/* The medians of one row over all processes. */
struct bench_value {
    int present;
    double median, low, high;
};

/* collect.c: the processes of a run. */
struct bench_report {
    int quick;
    unsigned processes;
    unsigned char wanted[BENCH_MAX_ROWS];
    struct bench_value values[BENCH_MAX_ROWS];
    char notes[BENCH_MAX_NOTES][256];
    unsigned notes_n;
};
struct collect_options {
    const char *filter; /* NULL: all rows */
    int quick;
    unsigned processes, heavy_processes;
    const char *directory;
};
/*
 * Starts the measuring processes one after the other and takes medians. Returns 0, or -1 after a sentence on standard
 * error.
 */
int collect_all(struct bench_report *report, const struct collect_options *options);
/* Ends the run; for a signal handler. collect_all() then returns -1. */
void collect_stop(void);
/* main() of a measuring process. */
int collect_sample(const struct collect_options *options, int out, int shared_lane, int heavy);
void report_note(struct bench_report *report, const char *text); /* each text is shown once */

/* judge.c */
enum judge_verdict { JUDGE_NONE, JUDGE_OK, JUDGE_MISS, JUDGE_SKIPPED, JUDGE_ABSENT };
extern const char *const judge_words[];
struct judge_line {
    enum judge_verdict verdict;
    double floor, ratio; /* 0 none */
};
struct judge_line judge_row(const struct bench_report *report, size_t row);
unsigned judge_missed(const struct bench_report *report);
int judge_status(const struct bench_report *report, int strict); /* the program's exit status */
/* Adds a note about contention, if a target depends on it. */
void judge_notes(struct bench_report *report);

/* machine.c */
struct machine {
    char cpu[128], kernel[96], libc[64], compiler[96], flags[256], clock[64];
    double load; /* load average of the last minute */
    int cpus_n, virtual_machine, rseq;
};
void machine_describe(struct machine *machine);
int machine_has_rseq(void); /* whether this process has restartable sequences */

/* report.c and report_json.c */
void report_table(const struct bench_report *report, const struct machine *machine);
int report_json(const struct bench_report *report, const struct machine *machine);

#endif
