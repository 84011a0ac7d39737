/* Measures how long a loop takes: the median CPU time over rounds, in one process or in two at the same time. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"

#define PAIR_MORE      64u /* iterations between two looks at the other process */
#define ROUNDS_MAX     64u
#define COLD_BYTES     ((size_t)64 << 20) /* more than the last-level cache */
#define DISTURBED_WALL 1.1                /* a round whose wall time is so many times its CPU time was disturbed */
#define DISTURBED_NS   5000.0             /* besides the time to read both clocks */

/*
 * Shared by the two processes of a pair. Counts only grow: a barrier is passed when both processes have arrived for the
 * k-th time.
 */
struct pair {
    uint64_t arrived;
    uint64_t pad_a[15];
    uint64_t finished;
    uint64_t pad_b[15];
    uint64_t n; /* iterations of the next round; 0: no more rounds */
    double ns[2];
    int disturbed[2];
};

static unsigned rank;

unsigned
measure_rank(void)
{
    return rank;
}

uint64_t
measure_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t
measure_wall_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double
measure_median(double *values, size_t n)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void *
measure_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        bench_fail("no shared memory of %zu bytes: %s", bytes, strerror(errno));
    return memory;
}

/* CPU time of n iterations. *disturbed 1: other work has used the CPU, and the caches, in that time. */
static double
time_loop(measure_loop_fn *loop, uint64_t n, int *disturbed)
{
    uint64_t wall = measure_wall_ns(), start = measure_cpu_ns();
    loop(n);
    double cpu = (double)(measure_cpu_ns() - start);
    *disturbed = (double)(measure_wall_ns() - wall) > cpu * DISTURBED_WALL + DISTURBED_NS;
    return cpu;
}

/* Waits until *count has reached value. other: the process that is to count; if it has ended, this one ends too. */
static void
wait_for(const uint64_t *count, uint64_t value, pid_t other)
{
    for (unsigned spins = 1; __atomic_load_n(count, __ATOMIC_ACQUIRE) < value; spins++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        if (spins % 1000000 == 0 && other > 0 && waitpid(other, NULL, WNOHANG) != 0)
            bench_fail("the second process of a pair has ended in the middle");
    }
}

static void
meet(struct pair *pair, uint64_t *meetings, pid_t other)
{
    __atomic_add_fetch(&pair->arrived, 1, __ATOMIC_SEQ_CST);
    wait_for(&pair->arrived, 2 * ++*meetings, other);
}

/*
 * One round: begins at a barrier. A process that has done its iterations goes on until the other one has too, so that
 * neither runs alone.
 */
static void
pair_round(struct pair *pair, measure_loop_fn *loop, uint64_t *meetings, uint64_t *rounds, pid_t other)
{
    meet(pair, meetings, other);
    pair->ns[rank] = time_loop(loop, pair->n, &pair->disturbed[rank]);
    __atomic_add_fetch(&pair->finished, 1, __ATOMIC_SEQ_CST);
    ++*rounds;
    for (unsigned more = 1; __atomic_load_n(&pair->finished, __ATOMIC_ACQUIRE) < 2 * *rounds; more++) {
        loop(PAIR_MORE);
        if (more % 100000 == 0 && other > 0 && waitpid(other, NULL, WNOHANG) != 0)
            bench_fail("the second process of a pair has ended in the middle");
    }
    meet(pair, meetings, other);
}

static void __attribute__((noreturn))
follow(const struct bench_run *run, struct pair *pair, measure_loop_fn *loop, pid_t parent)
{
    uint64_t meetings = 0, rounds = 0;
    cpus_die_with_parent(parent);
    rank = 1;
    cpus_pin(run, rank);
    for (;;) {
        meet(pair, &meetings, 0);
        if (pair->n == 0)
            _exit(0);
        pair_round(pair, loop, &meetings, &rounds, 0);
    }
}

/* What rounds need. pair NULL: one process. */
struct lead {
    measure_loop_fn *loop;
    unsigned char *cold; /* NULL, or memory that is read before each round, to replace the contents of the caches */
    struct pair *pair;
    pid_t other;
    uint64_t meetings, rounds;
    int disturbed; /* 1: the last round was disturbed */
};

/* Replaces the contents of all caches. */
static void
evict(unsigned char *memory)
{
    for (size_t i = 0; i < COLD_BYTES; i += 64)
        memory[i]++;
}

static double
lead_round(struct lead *lead, uint64_t n)
{
    if (lead->cold)
        evict(lead->cold);
    if (!lead->pair)
        return time_loop(lead->loop, n, &lead->disturbed);
    lead->pair->n = n;
    meet(lead->pair, &lead->meetings, lead->other);
    pair_round(lead->pair, lead->loop, &lead->meetings, &lead->rounds, lead->other);
    lead->disturbed = lead->pair->disturbed[0] || lead->pair->disturbed[1];
    return (lead->pair->ns[0] + lead->pair->ns[1]) / 2;
}

/*
 * Doubles n until a round is long enough twice in a row, because a single round may be long for another reason. This
 * also warms up.
 */
static uint64_t
find_n(const struct bench_run *run, struct lead *lead)
{
    uint64_t n = 1;
    while (lead_round(lead, n) < (double)run->round_ns || lead_round(lead, n) < (double)run->round_ns / 2)
        n *= 2;
    return n;
}

/*
 * The median of undisturbed rounds. Up to three times the number of rounds are made to get enough of them; if there are
 * too few, the median of all rounds.
 */
static double
lead_all(struct bench_run *run, struct lead *lead)
{
    double quiet[ROUNDS_MAX], all[3 * ROUNDS_MAX];
    uint64_t n = lead->cold ? 1 : find_n(run, lead);
    unsigned wanted = run->rounds < ROUNDS_MAX ? run->rounds : ROUNDS_MAX, quiet_n = 0, all_n = 0;
    while (quiet_n < wanted && all_n < 3 * wanted) {
        double ns = lead_round(lead, n) / (double)n;
        all[all_n++] = ns;
        if (!lead->disturbed)
            quiet[quiet_n++] = ns;
    }
    run->rounds_made += all_n;
    run->rounds_disturbed += all_n - quiet_n;
    return 2 * quiet_n >= wanted ? measure_median(quiet, quiet_n) : measure_median(all, all_n);
}

double
measure_loop(struct bench_run *run, measure_loop_fn *loop)
{
    struct lead lead = { .loop = loop };
    return lead_all(run, &lead);
}

double
measure_cold(struct bench_run *run, measure_loop_fn *loop)
{
    struct lead lead = { .loop = loop, .cold = measure_shared(COLD_BYTES) };
    double ns = lead_all(run, &lead);
    munmap(lead.cold, COLD_BYTES);
    return ns;
}

double
measure_pair(struct bench_run *run, measure_loop_fn *loop)
{
    if (run->cpus_n < 2)
        return 0;
    struct lead lead = { .loop = loop, .pair = measure_shared(sizeof(struct pair)) };
    pid_t parent = getpid();
    lead.other = fork();
    if (lead.other < 0)
        bench_fail("fork: %s", strerror(errno));
    if (lead.other == 0)
        follow(run, lead.pair, loop, parent);
    double ns = lead_all(run, &lead);
    lead.pair->n = 0;
    meet(lead.pair, &lead.meetings, lead.other);
    waitpid(lead.other, NULL, 0);
    munmap(lead.pair, sizeof *lead.pair);
    return ns;
}

int
measure_fork(int (*body)(double *ns, const void *argument), const void *argument, double *ns, size_t ns_n)
{
    double *shared = measure_shared(ns_n * sizeof *shared);
    pid_t parent = getpid(), child = fork();
    int status;
    if (child < 0)
        bench_fail("fork: %s", strerror(errno));
    if (child == 0) {
        cpus_die_with_parent(parent);
        _exit(body(shared, argument));
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
        bench_fail("a measuring child was killed by signal %d", WTERMSIG(status));
    memcpy(ns, shared, ns_n * sizeof *shared);
    munmap(shared, ns_n * sizeof *shared);
    return WEXITSTATUS(status);
}
