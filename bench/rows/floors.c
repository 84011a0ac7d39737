/* The floors: the plainest way to do the same, which other rows are compared with. They use nothing of shmeter. */
#include <string.h>
#include <time.h>

#include "bench/rows/floors.h"
#include "bench/rows/tables.h"

struct floor_word {
    uint64_t value;
    uint64_t pad[15]; /* two cache lines, because processors fetch lines in pairs */
};

struct floor_histogram {
    uint64_t buckets[FLOORS_BOUNDS + 1];
    uint64_t sum; /* bits of a double */
    uint64_t pad[14];
};

/* Shared by the processes of a pair. */
static struct floor_memory {
    struct floor_word own[2];
    struct floor_word shared;
    struct floor_histogram histogram;
    struct floor_word store;
} * memory;

static uint64_t *store_target; /* a pointer that is loaded each time, as in a program */
double floors_values[FLOORS_VALUES];
const double floors_bounds[FLOORS_BOUNDS] = { .0005, .001, .0025, .005, .01, .025, .05, .1,
                                              .25,   .5,   1,     2.5,  5,   10,   25,  50 };
/* The same bounds for a binary search: 31 places, so that each step stays in the array. */
static double search_bounds[2 * FLOORS_BOUNDS];

/*
 * Hides a pointer's origin from the compiler, so that it neither drops a store through it nor moves one out of a loop.
 */
#define HIDE(pointer) __asm__ __volatile__("" : "+r"(pointer) : : "memory")

void
floors_set_up(void)
{
    uint64_t random = 88172645463325252u;
    if (memory)
        return;
    memory = measure_shared(sizeof *memory);
    store_target = &memory->store.value;
    for (unsigned i = 0; i < 2 * FLOORS_BOUNDS; i++)
        search_bounds[i] = i < FLOORS_BOUNDS ? floors_bounds[i] : __builtin_inf();
    for (unsigned i = 0; i < FLOORS_VALUES; i++) { /* xorshift: all buckets equally often, in random order */
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned bucket = (unsigned)(random >> 33) % (FLOORS_BOUNDS + 1);
        double low = bucket ? floors_bounds[bucket - 1] : 0;
        double high = bucket < FLOORS_BOUNDS ? floors_bounds[bucket] : 100;
        floors_values[i] = low + (high - low) * ((double)(random & 0xffff) + 1) / 65536;
    }
}

static void
loop_add(uint64_t n)
{
    uint64_t *word = &memory->own[measure_rank()].value;
    for (uint64_t i = 0; i < n; i++) {
        *word += 1;
        HIDE(word);
    }
}

static void
xadd_loop(uint64_t *word, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t before = __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
        __asm__ __volatile__("" : : "r"(before)); /* used, or the compiler would choose another instruction */
    }
}

static void
loop_xadd_own(uint64_t n)
{
    xadd_loop(&memory->own[measure_rank()].value, n);
}

static void
loop_xadd_shared(uint64_t n)
{
    xadd_loop(&memory->shared.value, n);
}

/* Index of the first bound that is not below value, by five steps without a branch. */
static inline size_t
search(double value)
{
    size_t bucket = 0;
    for (size_t step = FLOORS_BOUNDS; step > 0; step /= 2)
        bucket += (size_t)(value > search_bounds[bucket + step - 1]) * step;
    return bucket;
}

static inline uint64_t
bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static inline double
number_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline void
add_to_sum(uint64_t *sum, double value)
{
    uint64_t seen = __atomic_load_n(sum, __ATOMIC_RELAXED), expected;
    do {
        expected = seen;
        __atomic_compare_exchange_n(sum, &seen, bits_of(number_of(expected) + value), 0, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
    } while (seen != expected);
}

static void
loop_histogram(uint64_t n)
{
    struct floor_histogram *histogram = &memory->histogram;
    for (uint64_t i = 0; i < n; i++) {
        double value = floors_values[i % FLOORS_VALUES];
        __atomic_fetch_add(&histogram->buckets[search(value)], 1, __ATOMIC_RELAXED);
        add_to_sum(&histogram->sum, value);
        HIDE(histogram);
    }
}

static void
loop_f64(uint64_t n)
{
    uint64_t *word = &memory->shared.value;
    for (uint64_t i = 0; i < n; i++) {
        add_to_sum(word, 0.5);
        HIDE(word);
    }
}

static void
loop_store(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *target = __atomic_load_n(&store_target, __ATOMIC_RELAXED);
        __atomic_store_n(target, bits_of(floors_values[i % FLOORS_FEW]), __ATOMIC_RELAXED);
        __asm__ __volatile__("" : : : "memory");
    }
}

static void
loop_clock(uint64_t n)
{
    struct timespec now;
    for (uint64_t i = 0; i < n; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        clock_gettime(CLOCK_MONOTONIC, &now);
        __asm__ __volatile__("" : : "r"(&now) : "memory");
    }
}

struct floor {
    measure_loop_fn *loop;
    int pair;
};

static void
measure_floor(struct bench_run *run, const struct bench_row *row)
{
    const struct floor *floor = row->argument;
    floors_set_up();
    double ns = floor->pair ? measure_pair(run, floor->loop) : measure_loop(run, floor->loop);
    if (ns > 0)
        run_put(run, row->name, ns);
}

#define FLOOR(name_, what_, loop_, pair_, floor_)                                               \
    {                                                                                           \
        .section = "floors", .name = (name_), .what = (what_), .unit = "ns", .floor = (floor_), \
        .measure = measure_floor, .argument = &(const struct floor)                             \
        {                                                                                       \
            loop_, pair_                                                                        \
        }                                                                                       \
    }

const struct bench_row floors_rows[] = {
    FLOOR("add", "plain add, a private word", loop_add, 0, NULL),
    FLOOR("add-two", "plain add, two processes, a word each; floor: one", loop_add, 1, "add"),
    FLOOR("xadd", "lock xadd, one process", loop_xadd_own, 0, NULL),
    FLOOR("xadd-two-own", "lock xadd, two processes, a word each; floor: one", loop_xadd_own, 1, "xadd"),
    FLOOR("xadd-two-shared", "lock xadd, two processes on one word; floor: one", loop_xadd_shared, 1, "xadd"),
    FLOOR("cas-f64", "CAS loop on a double, one process", loop_f64, 0, NULL),
    FLOOR("cas-f64-two", "CAS loop on a double, two processes on one word; floor: one", loop_f64, 1, "cas-f64"),
    FLOOR("atomic-histogram", "16 bounds searched without branches, fetch_add, CAS sum", loop_histogram, 0, NULL),
    FLOOR("atomic-histogram-two", "the same, two processes on one histogram; floor: one", loop_histogram, 1,
          "atomic-histogram"),
    FLOOR("store", "relaxed store through a pointer", loop_store, 0, NULL),
    FLOOR("clock-pair", "two clock_gettime(CLOCK_MONOTONIC)", loop_clock, 0, NULL),
};
const size_t floors_rows_n = ROWS_N(floors_rows);
