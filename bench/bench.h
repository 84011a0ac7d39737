/*
 * The parts of the bench harness: what is measured stands in rows, each row says how; the rest runs the rows in several
 * processes, takes medians and judges them. Nothing here knows shmeter but the files with rows.
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
    BENCH_TWO = 1,         /* two processes at once: judged only where contention can be seen in this run     */
    BENCH_SHARED_LANE = 2, /* measured in a process that has no restartable sequences                         */
    BENCH_HEAVY = 4,       /* takes long: measured in fewer processes                                         */
    BENCH_LARGE = 8,       /* left out by --quick                                                             */
    BENCH_HIDDEN = 16,     /* stands in other rows as their floor, and in JSON; no line of its own            */
    BENCH_PEER = 32        /* compared with another library: judged only where that was measured              */
};

/* One line of the table. */
struct bench_row {
    const char *section;
    const char *name;  /* for --filter and JSON; unique                                                        */
    const char *what;  /* in words                                                                             */
    const char *unit;  /* of the value: ns, ns/series, us, ms, B/series, MiB, %                                */
    const char *floor; /* name of the row that this one is compared with, or NULL                              */
    double max_ratio;  /* target for value / floor; 0 none                                                    */
    double max_value;  /* target for the value itself; 0 none                                                 */
    uint32_t flags;    /* enum bench_flag                                                                     */
    /* Puts the value of this row, and perhaps of others that come out of the same work, with run_put(). */
    void (*measure)(struct bench_run *run, const struct bench_row *row);
    const void *argument; /* measure's own                                                                    */
};

/* The rows of one file. */
struct bench_table {
    const struct bench_row *rows;
    const size_t *n;
};

/* rows/tables.c: all of them, in the order of the report. */
extern const struct bench_table bench_tables[];
extern const size_t bench_tables_n;

/* rows.c: the rows of these tables, which are named before anything else of it is called. */
void rows_use(const struct bench_table *tables, size_t tables_n);
size_t rows_n(void);
const struct bench_row *row_at(size_t idx);
/* Index of the row of this name; rows_n() when there is none. */
size_t row_find(const char *name);
/*
 * Marks in wanted[rows_n()] the rows whose section or name contains filter (NULL: all), and what they are compared
 * with.
 */
void rows_choose(unsigned char *wanted, const char *filter, int quick);

/* run.c: one measuring process. */
struct bench_run {
    int quick;
    unsigned rounds;
    uint64_t round_ns;     /* shortest round of a loop, CPU time                                                  */
    const char *directory; /* for segments; removed with all that is in it when the run ends                 */
    unsigned cpus[2];      /* where the first and the second process run                                      */
    unsigned cpus_n;       /* 0: could not be found out, nothing is pinned                                      */
    unsigned char wanted[BENCH_MAX_ROWS];
    unsigned char have[BENCH_MAX_ROWS];
    int out; /* where values go                                                              */
    unsigned rounds_made, rounds_disturbed; /* by other work on the machine                                   */
};
/* Hands the value of a row to the report. A row that nobody asked for is dropped. */
void run_put(struct bench_run *run, const char *name, double value);
/* Hands a sentence to the report. */
void run_note(struct bench_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Measures all wanted rows whose BENCH_SHARED_LANE is as given; heavy: rows with BENCH_HEAVY too. */
void run_rows(struct bench_run *run, int shared_lane, int heavy);
/* Path for a segment of this process. Static memory, overwritten by the next call. */
const char *run_segment(const struct bench_run *run, const char *name);
void run_segment_remove(const struct bench_run *run, const char *name);

/* fail.c: ends the process with a sentence on standard error and exit status 2. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* measure.c: time. */
typedef void measure_loop_fn(uint64_t n); /* does its subject n times                                          */
uint64_t measure_cpu_ns(void);            /* of this thread                                                   */
uint64_t measure_wall_ns(void);
double measure_median(double *values, size_t n); /* sorts them                                                */
/* ns of CPU time for each iteration, the median over the rounds. */
double measure_loop(struct bench_run *run, measure_loop_fn *loop);
/* The same for one iteration at a time, each after so much other work that the caches have nothing of it left. */
double measure_cold(struct bench_run *run, measure_loop_fn *loop);
/*
 * The same with two processes at once on one CPU each, as each of them sees it (the mean of both). 0: there is one CPU
 * only.
 */
double measure_pair(struct bench_run *run, measure_loop_fn *loop);
/* Number of this process in a pair: 0, or 1 for the second one. */
unsigned measure_rank(void);
/* Zeroed memory that forked children share. */
void *measure_shared(size_t bytes);
/* Runs body in a forked child; ns[0..ns_n) are the child's to fill, zeros before. Returns 0, or what body returned. */
int measure_fork(int (*body)(double *ns, const void *argument), const void *argument, double *ns, size_t ns_n);

/* cpus.c: which CPUs. */
void cpus_choose(struct bench_run *run); /* fills cpus: not two threads of one core when that can be avoided     */
void cpus_pin(const struct bench_run *run, unsigned rank);
void cpus_die_with_parent(int parent); /* for a forked child: SIGKILL when the parent ends                      */

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
    const char *filter; /* NULL: all rows                                                                     */
    int quick;
    unsigned processes, heavy_processes;
    const char *directory;
};
/*
 * Starts the measuring processes one after the other and takes medians. Returns 0, or -1 after a sentence on standard
 * error.
 */
int collect_all(struct bench_report *report, const struct collect_options *options);
/* For a signal handler: ends the run. collect_all() returns -1 soon after. */
void collect_stop(void);
/* main() of a measuring process. */
int collect_sample(const struct collect_options *options, int out, int shared_lane, int heavy);
void report_note(struct bench_report *report, const char *text); /* each text once */

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
/* Says in the report's notes whether contention was to be seen, when it matters. */
void judge_notes(struct bench_report *report);

/* machine.c */
struct machine {
    char cpu[128], kernel[96], libc[64], compiler[96], flags[256], clock[64];
    double load; /* processes that wanted a CPU in the last minute                                            */
    int cpus_n, virtual_machine, rseq;
};
void machine_describe(struct machine *machine);
int machine_has_rseq(void); /* whether this process has restartable sequences                                  */

/* report.c and report_json.c */
void report_table(const struct bench_report *report, const struct machine *machine);
int report_json(const struct bench_report *report, const struct machine *machine);

#endif
