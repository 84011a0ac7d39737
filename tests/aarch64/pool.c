/*
 * A pool of processes that update one series of each kind as fast as they can, and keep account of it in other memory.
 *
 * Usage: pool SEGMENT KIND WORKERS ROUNDS [INTERRUPTIONS]
 *
 * KIND is counter, fraction, classic, exponential, lanes (these four), or all (also gauges of every mode). Each worker
 * makes so many rounds at least, and goes on until the workers have been interrupted so often: by one process on each
 * CPU that has a higher priority. These wake each other up in turn; each updates too, and now and then sends a worker
 * to another CPU.
 *
 * When they have finished, and are still alive, it prints what a reader must find, one sample on a line: NAME WORD
 * VALUE (word 0: the value, or a histogram's sum; 1 + i its bucket i; "= VALUE" where several pools do not add up).
 * Among these "lanes of NAME" and how often the series was updated in each CPU's lane, "shared" and how often in the
 * shared ones. After an empty line it waits for the end of its input, and ends with its workers.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shmeter.h"
#include "tests/aarch64/pool.h"

#define WORKERS_MAX 64u
#define CPUS_MAX    16u
#define MODES       11u

enum kind { COUNTER = 1, FRACTION = 2, CLASSIC = 4, EXPONENTIAL = 8, GAUGES = 16, LANES = 15, ALL = 31 };

struct account { /* of one process; its own alone until it has finished                                  */
    uint64_t rounds, classic[5], exponential[POOL_BUCKETS];
    uint64_t preempted;
    uint32_t slot, finished;
};

static struct {
    enum kind kind;
    uint32_t workers_n, cpus_n; /* cpus_n: on which somebody interrupts                                        */
    uint64_t rounds, interruptions;
    int wakers[CPUS_MAX][2]; /* pipes                                                                        */
    pid_t pids[WORKERS_MAX + CPUS_MAX];
    struct shmeter *meter;
    struct shmeter_counter counter;
    struct shmeter_counter_f64 fraction;
    struct shmeter_histogram classic, exponential;
    struct shmeter_gauge gauges[MODES];
    struct shared {
        uint64_t interrupted;
        struct account accounts[WORKERS_MAX + CPUS_MAX];
    } * shared;
} pool;

static const char *const mode_names[MODES] = { "pool", "live_sum", "live_min", "live_max", "live_latest", "live_all",
                                               "sum",  "min",      "max",      "latest",   "all" };

__attribute__((noreturn)) static void
give_up(const char *what)
{
    fprintf(stderr, "pool: %s: %s\n", what, pool.meter ? shmeter_error(pool.meter) : "");
    exit(1);
}

/* ---- series ---- */

static const struct shmeter_family *
family(const char *name, struct shmeter_desc desc)
{
    desc.name = name;
    desc.help = "Of a pool.";
    return shmeter_family(pool.meter, &desc);
}

static void
open_series(const char *segment)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .worker = "pool", .group = -1 };
    char name[40];
    uint32_t i;

    if (shmeter_open(&pool.meter, segment, &options))
        give_up("no segment");
    pool.counter = shmeter_counter_of(family(POOL_COUNTER, (struct shmeter_desc){ .type = SHMETER_COUNTER }));
    pool.fraction = shmeter_counter_f64_of(family(POOL_FRACTION, (struct shmeter_desc){ .type = SHMETER_COUNTER_F64 }));
    pool.classic = shmeter_histogram_of(family(
        POOL_CLASSIC, (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .bounds = pool_bounds, .bounds_len = 4 }));
    pool.exponential = shmeter_histogram_of(
        family(POOL_EXPONENTIAL,
               (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .schema = 0, .min_value = 1, .max_value = 256 }));
    for (i = 0; i < MODES && pool.kind & GAUGES; i++) {
        snprintf(name, sizeof name, "pool_gauge_%s", mode_names[i]);
        pool.gauges[i] = shmeter_gauge_of(
            family(name, (struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = (enum shmeter_mode)i }));
    }
    if (*shmeter_error(pool.meter))
        give_up("not all could be had");
}

/* ---- workers ---- */

static void
update_gauges(uint32_t number, uint64_t round)
{
    uint32_t i;

    for (i = 0; i < MODES; i++)
        if (i == SHMETER_SUM || i == SHMETER_POOL || i == SHMETER_LIVE_SUM)
            shmeter_gauge_add(pool.gauges[i], 1);
        else
            shmeter_gauge_set(pool.gauges[i], (double)(100 * number) + (double)(round % 7));
}

static void
update(struct account *own, uint32_t number)
{
    uint64_t round = own->rounds++;

    if (pool.kind & COUNTER)
        shmeter_counter_add(pool.counter, POOL_ADDEND);
    if (pool.kind & FRACTION)
        shmeter_counter_f64_add(pool.fraction, POOL_FRACTION_ADDEND);
    if (pool.kind & CLASSIC) {
        own->classic[round % 5]++;
        shmeter_histogram_observe(pool.classic, pool_classic_values[round % 5]);
    }
    if (pool.kind & EXPONENTIAL) {
        own->exponential[round % POOL_BUCKETS]++;
        shmeter_histogram_observe(pool.exponential, pool_exponential_values[round % POOL_BUCKETS]);
    }
    if (pool.kind & GAUGES)
        update_gauges(number, round);
}

static void
finish(struct account *own)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    own->slot = (uint32_t)shmeter_load_acquire(&SHMETER_WIPED(shmeter_meter_attachment(pool.meter))->claim) - 1;
    own->preempted = (uint64_t)usage.ru_nivcsw;
    __atomic_store_n(&own->finished, 1, __ATOMIC_RELEASE);
    for (;;)
        pause(); /* live gauges are there for as long as their worker */
}

static uint64_t
interrupted(void)
{
    return __atomic_load_n(&pool.shared->interrupted, __ATOMIC_ACQUIRE);
}

static void
work(uint32_t number)
{
    struct account *own = &pool.shared->accounts[number];

    while (own->rounds < pool.rounds || interrupted() < pool.interruptions)
        update(own, number);
    finish(own);
}

static void
go_to(pid_t pid, uint32_t cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(pid, sizeof set, &set))
        give_up("sched_setaffinity");
}

static int
work_is_done(void)
{
    uint32_t i = 0;

    while (i < pool.workers_n && __atomic_load_n(&pool.shared->accounts[i].finished, __ATOMIC_ACQUIRE))
        i++;
    return i == pool.workers_n;
}

static void
wake(uint32_t cpu)
{
    if (write(pool.wakers[cpu][1], "", 1) != 1)
        give_up("write");
}

/* Comes between two instructions of whoever works on its CPU, when the one of the CPU before wakes it up. */
static void
interrupt(uint32_t number, uint32_t cpu)
{
    const struct sched_param priority = { 1 };
    struct account *own = &pool.shared->accounts[number];
    uint32_t next = (cpu + 1) % pool.cpus_n;
    uint64_t i;
    char token;

    go_to(0, cpu);
    if (sched_setscheduler(0, SCHED_FIFO, &priority))
        give_up("SCHED_FIFO");
    for (i = 0; !work_is_done(); i++) {
        if (read(pool.wakers[cpu][0], &token, 1) != 1)
            give_up("read");
        update(own, number);
        if (i % 8 == 0)
            go_to(pool.pids[i / 8 % pool.workers_n], (uint32_t)(i / 8 / pool.workers_n + cpu) % pool.cpus_n);
        __atomic_add_fetch(&pool.shared->interrupted, 1, __ATOMIC_ACQ_REL);
        wake(next);
    }
    wake(next); /* so that it ends too */
    finish(own);
}

static void
start(uint32_t number)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        give_up("fork");
    pool.pids[number] = pid;
    if (pid)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    if (number < pool.workers_n)
        work(number);
    else
        interrupt(number, number - pool.workers_n);
}

static uint32_t
processes_n(void)
{
    return pool.workers_n + pool.cpus_n;
}

/* Until all have finished; a process that has died will never. */
static void
wait_for_all(void)
{
    const struct timespec moment = { 0, 1000000 };
    uint32_t i;

    for (i = 0; i < processes_n(); i++)
        while (!__atomic_load_n(&pool.shared->accounts[i].finished, __ATOMIC_ACQUIRE)) {
            if (waitpid(-1, NULL, WNOHANG) > 0)
                give_up("a worker has died");
            nanosleep(&moment, NULL);
        }
}

/* ---- what must be found ---- */

static void
print_histogram(const char *name, uint32_t buckets_n, const double *values, size_t field)
{
    uint64_t counts[POOL_BUCKETS] = { 0 };
    double sum = 0;
    uint32_t i, k;

    for (k = 0; k < buckets_n; k++) {
        for (i = 0; i < processes_n(); i++)
            counts[k] += ((const uint64_t *)(const void *)((const char *)&pool.shared->accounts[i] + field))[k];
        sum += values[k] * (double)counts[k];
        printf("%s{} %u %" PRIu64 "\n", name, 1 + k, counts[k]);
    }
    printf("%s{} 0 %.17g\n", name, sum);
}

/* Who has set what last, where that does not depend on time. */
static void
print_gauges(void)
{
    static const uint32_t sums[] = { SHMETER_POOL, SHMETER_LIVE_SUM, SHMETER_SUM };
    static const uint32_t lowest[] = { SHMETER_LIVE_MIN, SHMETER_MIN }, highest[] = { SHMETER_LIVE_MAX, SHMETER_MAX };
    static const uint32_t each[] = { SHMETER_LIVE_ALL, SHMETER_ALL };
    uint32_t last = (uint32_t)((pool.rounds - 1) % 7), i, k;

    for (i = 0; i < 3; i++)
        printf("pool_gauge_%s{} 0 %" PRIu64 "\n", mode_names[sums[i]], pool.workers_n * pool.rounds);
    for (i = 0; i < 2; i++) {
        printf("pool_gauge_%s{} 0 = %u\n", mode_names[lowest[i]], last);
        printf("pool_gauge_%s{} 0 = %u\n", mode_names[highest[i]], 100 * (pool.workers_n - 1) + last);
        for (k = 0; k < pool.workers_n; k++)
            printf("pool_gauge_%s{pool,%u} 0 %u\n", mode_names[each[i]], pool.shared->accounts[k].slot, 100 * k + last);
    }
}

static uint64_t
word_at(const unsigned char *lane, uint64_t off)
{
    return shmeter_load_relaxed((const uint64_t *)(const void *)(lane + off));
}

/* How many updates have made a counter's cell what it is. */
static uint64_t
updates_of(enum kind kind, uint64_t word)
{
    if (kind == FRACTION)
        return (uint64_t)(shmeter_f64_of(word) / POOL_FRACTION_ADDEND);
    return kind == COUNTER ? word / POOL_ADDEND : word;
}

/* How often a series was updated in each CPU's lane, and in shared ones. at: its offset in a CPU's lane. */
static void
print_lanes(enum kind kind, const char *name, uint64_t at, uint32_t buckets_n)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(pool.meter);
    const struct shmeter_lanes *lanes = &attachment->lanes;
    uint64_t shared = 0, first = buckets_n ? sizeof(struct shmeter_histogram_cell) : 0;
    uint32_t i, k;

    printf("lanes of %s", name);
    for (i = 0; i < attachment->header.cpu_lanes_n; i++) /* a histogram's cell begins with seq */
        printf(" %" PRIu64, updates_of(kind, word_at(lanes->cpu + ((uint64_t)i << lanes->shift), at)));
    for (i = 0; i < attachment->header.shared_lanes_n; i++)
        for (k = 0; k == 0 || k < buckets_n; k++)
            shared += updates_of(
                kind, word_at(lanes->shared + ((uint64_t)i << (lanes->shift + 1)), 2 * (at + first + 8 * (uint64_t)k)));
    printf(" shared %" PRIu64 "\n", shared);
}

static void
print_account(void)
{
    uint64_t rounds = 0, preempted = 0;
    uint32_t i;

    for (i = 0; i < processes_n(); i++) {
        rounds += pool.shared->accounts[i].rounds;
        preempted += pool.shared->accounts[i].preempted;
    }
    if (pool.kind & COUNTER) {
        printf(POOL_COUNTER "{} 0 %" PRIu64 "\n", POOL_ADDEND * rounds);
        print_lanes(COUNTER, POOL_COUNTER,
                    (uint64_t)(pool.counter.cell - shmeter_meter_attachment(pool.meter)->lanes.cpu), 0);
    }
    if (pool.kind & FRACTION) {
        printf(POOL_FRACTION "{} 0 %.17g\n", POOL_FRACTION_ADDEND * (double)rounds);
        print_lanes(FRACTION, POOL_FRACTION, pool.fraction.cell, 0);
    }
    if (pool.kind & CLASSIC) {
        print_histogram(POOL_CLASSIC, 5, pool_classic_values, offsetof(struct account, classic));
        print_lanes(CLASSIC, POOL_CLASSIC, pool.classic.cell, 5);
    }
    if (pool.kind & EXPONENTIAL) {
        print_histogram(POOL_EXPONENTIAL, POOL_BUCKETS, pool_exponential_values, offsetof(struct account, exponential));
        print_lanes(EXPONENTIAL, POOL_EXPONENTIAL, pool.exponential.cell, POOL_BUCKETS);
    }
    if (pool.kind & GAUGES)
        print_gauges();
    printf("%" PRIu64 " rounds of %u processes, interrupted %" PRIu64 " times, preempted %" PRIu64 " times\n", rounds,
           processes_n(), interrupted(), preempted);
}

static enum kind
kind_of(const char *name)
{
    static const char *const names[] = { "counter", "fraction", "classic", "exponential" };
    uint32_t i;

    for (i = 0; i < 4; i++)
        if (!strcmp(name, names[i]))
            return (enum kind)(1 << i);
    return strcmp(name, "lanes") ? ALL : LANES;
}

static void
read_to_end(int fd)
{
    char some[64];

    while (read(fd, some, sizeof some) > 0)
        ;
}

int
main(int argc, char **argv)
{
    uint32_t i;

    if (argc < 5) {
        fprintf(stderr, "usage: pool SEGMENT KIND WORKERS ROUNDS [INTERRUPTIONS]\n");
        return 2;
    }
    pool.kind = kind_of(argv[2]);
    pool.workers_n = (uint32_t)atoi(argv[3]);
    pool.rounds = strtoull(argv[4], NULL, 10);
    pool.interruptions = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
    pool.cpus_n = pool.interruptions ? (uint32_t)sysconf(_SC_NPROCESSORS_ONLN) : 0;
    if (pool.workers_n > WORKERS_MAX || pool.cpus_n > CPUS_MAX)
        give_up("too many processes");
    pool.shared = mmap(NULL, sizeof *pool.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool.shared == MAP_FAILED)
        give_up("no memory");
    open_series(argv[1]);
    for (i = 0; i < pool.cpus_n; i++)
        if (pipe(pool.wakers[i]))
            give_up("pipe");
    for (i = 0; i < processes_n(); i++)
        start(i);
    if (pool.cpus_n)
        wake(0);
    wait_for_all();
    print_account();
    puts("");
    fflush(stdout);
    read_to_end(0);
    for (i = 0; i < processes_n(); i++)
        kill(pool.pids[i], SIGKILL);
    for (i = 0; i < processes_n(); i++)
        waitpid(pool.pids[i], NULL, 0);
    return 0;
}
