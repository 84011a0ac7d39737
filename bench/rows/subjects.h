/*
 * The segment that the update rows work on, opened once in each measuring process, and its handles. Included by files
 * that use only the public header, as programs do.
 */
#ifndef SHMETER_BENCH_ROWS_SUBJECTS_H
#define SHMETER_BENCH_ROWS_SUBJECTS_H

#include "bench/bench.h"
#include "bench/rows/floors.h"
#include "shmeter.h"

#define SUBJECTS_METHODS 10u
#define SUBJECTS_PATHS   10u

struct subjects {
    struct shmeter *meter;
    uint64_t opened_ns; /* by measure_wall_ns() */
    struct shmeter_counter counter;
    struct shmeter_counter four[4]; /* of labelled */
    struct shmeter_counter_f64 fractions;
    struct shmeter_histogram histogram;   /* with floors_bounds */
    struct shmeter_histogram exponential; /* schema 3 over the same range */
    struct shmeter_gauge gauges[SHMETER_MODES];
    const struct shmeter_family *labelled; /* SUBJECTS_METHODS x SUBJECTS_PATHS series of two labels */
};
extern struct subjects subjects;

/* Opens the segment, once, and makes its families and series. */
void subjects_set_up(const struct bench_run *run);
/* Label values of series number i. */
const char *subjects_method(unsigned i);
const char *subjects_path(unsigned i);

/* A row whose operation is a loop: alone, or in two processes. */
struct subject_loop {
    measure_loop_fn *loop;
    int pair;
};
void subject_measure(struct bench_run *run, const struct bench_row *row);

/* A row with a loop. Further arguments: .floor, .max_ratio and so on. */
#define SUBJECT_ROW(section_, name_, what_, loop_, pair_, ...)                                             \
    {                                                                                                      \
        .section = (section_), .name = (name_), .what = (what_), .unit = "ns", .measure = subject_measure, \
        .argument = &(const struct subject_loop){ (loop_), (pair_) }, __VA_ARGS__                          \
    }
/*
 * To be put between two operations of a loop: memory is loaded again, but handles in local variables stay in registers.
 */
#define SUBJECT_BARRIER() __asm__ __volatile__("" : : : "memory")

#endif
