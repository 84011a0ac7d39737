/*
 * Label sets that come and go for long through room for a few thousand, by workers that are killed,
 * that keep handles of each other's series and use them after the removal, and that fork children
 * who do nothing else; and a reader that never pauses. Each update of job n adds n + 1: a count in a
 * foreign series is not divisible. A journal outside of the segment says what each series must have.
 *
 * Usage: reuse_churn [RENEWALS]
 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define WORKERS  3u
#define ALIVE    32u /* jobs of each worker                                                             */
#define CACHED   8u  /* handles of others' jobs                                                          */
#define SAY_EACH 16u /* renewals, after which a worker drops its handles and says so                     */
#define FOREVER  4u  /* counters that nobody removes                                                    */

enum life { NONE, MAKING, THERE, GOING };

struct job {
    uint64_t begun, done; /* updates */
};

static struct shared {
    uint64_t next, renewed, refused, stale, stop;
    uint64_t forever_begun[FOREVER], forever_done[FOREVER];
    struct {
        uint64_t number, life; /* enum life */
    } alive[WORKERS][ALIVE];
    struct job jobs[];
} * shared;

static uint64_t wanted = 30000;
static const char *path;
static struct shmeter *meter;
static const struct shmeter_family *jobs, *forever;
static struct shmeter_counter overflow;

static uint64_t
add(uint64_t *word, uint64_t n)
{
    return __atomic_fetch_add(word, n, __ATOMIC_SEQ_CST);
}

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void
store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static int
attach(void)
{
    static const char *const labels[] = { "job", NULL };
    static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "job_total", .labels = labels },
                                     kept = { .type = SHMETER_COUNTER, .name = "kept_total", .labels = labels };
    const struct shmeter_options options = SHMETER_OPTIONS(.lane_bytes = 32768, .max_series = 1000, .max_slots = 64,
                                                           .ring_bytes = 4096);
    int result = shmeter_open(&meter, path, &options);

    jobs = shmeter_family(meter, &desc);
    forever = shmeter_family(meter, &kept);
    overflow = shmeter_counter_of(jobs, "__overflow__");
    return result;
}

static const char *
name_of(uint64_t number)
{
    static char name[24];

    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    return name;
}

static void
update(struct shmeter_counter handle, uint64_t number)
{
    add(&shared->jobs[number].begun, 1);
    shmeter_counter_add(handle, number + 1);
    add(&shared->jobs[number].done, 1);
}

static void
hide(uint64_t number)
{
    const char *const values[] = { name_of(number) };

    shmeter_hide_v(jobs, values, 1);
}

/* ---- workers ---- */

static struct {
    struct shmeter_counter handle;
    uint64_t number; /* 0: none */
} cached[CACHED];

/* One that does nothing else than to count through the handles that it was born with. */
static void
count_in_a_child(uint64_t *random)
{
    uint32_t i;

    if (scratch_fork())
        return;
    for (i = 0; i < 2000; i++) {
        uint32_t k = (uint32_t)(scratch_random(random) % CACHED);
        if (cached[k].number)
            update(cached[k].handle, cached[k].number);
        if (i % 100 == 99)
            usleep(100);
    }
    _exit(0);
}

/* The handle of a job that is there, which is not made by it: nobody would remove that. 0: it is not there. */
static int
find(uint64_t number, struct shmeter_counter *handle)
{
    const struct shmeter_binding *binding = shmeter_family_binding(jobs);
    const struct shmeter_lanes *lanes = &binding->attachment->lanes;
    const char *values[1];
    struct shmeter_values joined;
    uint64_t cell;

    values[0] = name_of(number);
    if (!shmeter_values_join(&joined, values, 1) || !shmeter_series_look(binding, &jobs->definition, &joined, &cell))
        return 0;
    *handle = overflow; /* as shmeter_counter_of_v makes it */
    handle->cell = lanes->cpu + cell;
    handle->lanes = (handle->lanes & 0xffffff) | (uint64_t)(lanes->shared + 2 * cell - handle->cell) / 8 << 24;
    return 1;
}

/* Handles of jobs that are there, or were a moment ago. */
static void
look_around(uint64_t *random)
{
    uint64_t of = scratch_random(random) % WORKERS, which = scratch_random(random) % ALIVE, number;
    uint32_t k = (uint32_t)(scratch_random(random) % CACHED);

    number = load(&shared->alive[of][which].number);
    cached[k].number = number && find(number, &cached[k].handle) ? number : 0;
}

/*
 * Removes one of the worker's jobs and makes another one in its place; again and again where there is no room for it
 * yet.
 */
static void
renew(uint32_t worker, uint32_t which)
{
    uint64_t number = load(&shared->alive[worker][which].number);
    struct shmeter_counter handle;

    store(&shared->alive[worker][which].life, GOING);
    if (number)
        hide(number);
    number = add(&shared->next, 1) + 1;
    store(&shared->alive[worker][which].number, number);
    store(&shared->alive[worker][which].life, MAKING);
    while (handle = shmeter_counter_of(jobs, name_of(number)), handle.cell == overflow.cell) {
        add(&shared->refused, 1);
        memset(cached, 0, sizeof cached);
        shmeter_quiescent(meter);
        usleep(200);
        if (load(&shared->stop))
            return;
    }
    update(handle, number);
    store(&shared->alive[worker][which].life, THERE);
    update(handle, number);
    add(&shared->renewed, 1);
}

static void
work(uint32_t worker, uint64_t seed)
{
    uint64_t random = seed, turn;
    struct shmeter_counter kept[FOREVER];
    uint32_t i;

    if (attach())
        _exit(2);
    for (i = 0; i < FOREVER; i++)
        kept[i] = shmeter_counter_of(forever, name_of(i));
    for (i = 0; i < ALIVE; i++) /* what one before it has left */
        if (load(&shared->alive[worker][i].number)) {
            store(&shared->alive[worker][i].life, GOING);
            hide(load(&shared->alive[worker][i].number));
        }
    for (turn = 0; load(&shared->renewed) < wanted && !load(&shared->stop); turn++) {
        renew(worker, (uint32_t)(turn % ALIVE));
        look_around(&random);
        for (i = 0; i < CACHED; i++)
            if (cached[i].number) {
                update(cached[i].handle, cached[i].number);
                add(&shared->stale, 1);
            }
        i = (uint32_t)(turn % FOREVER);
        add(&shared->forever_begun[i], 1);
        shmeter_counter_inc(kept[i]);
        add(&shared->forever_done[i], 1);
        if (turn % 512 == 511)
            count_in_a_child(&random);
        if (turn % SAY_EACH == SAY_EACH - 1) {
            memset(cached, 0, sizeof cached);
            shmeter_quiescent(meter);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    while (waitpid(-1, NULL, 0) > 0)
        ;
    _exit(0);
}

/* ---- who watches ---- */

static struct shown {
    uint64_t seen, foreign;
} shown;

static void
look_at_all(struct scrape *scrape)
{
    uint32_t worker, i;

    scrape_take(scrape);
    for (worker = 0; worker < WORKERS; worker++)
        for (i = 0; i < ALIVE; i++) {
            uint64_t number = load(&shared->alive[worker][i].number);
            double value = number ? scrape_value(scrape, "job_total{job=\"%llu\"}", (unsigned long long)number) : NAN;
            if (isnan(value))
                continue;
            shown.seen++;
            shown.foreign += fmod(value, (double)(number + 1)) != 0;
        }
}

/* At the end: what is there has what was counted, and nobody else is. */
static void
expect_totals(struct scrape *scrape)
{
    uint32_t worker, i, there = 0, unsure = 0;
    double value;

    scrape_take(scrape);
    for (worker = 0; worker < WORKERS; worker++)
        for (i = 0; i < ALIVE; i++) {
            uint64_t number = shared->alive[worker][i].number, life = shared->alive[worker][i].life;
            const struct job *job = &shared->jobs[number];
            if (!number)
                continue;
            value = scrape_value(scrape, "job_total{job=\"%llu\"}", (unsigned long long)number);
            if (life != THERE) {
                unsure += isnan(value) ? 0u : 1u;
                continue;
            }
            there++;
            if (!(value >= (double)(job->done * (number + 1)) && value <= (double)(job->begun * (number + 1)) &&
                  fmod(value, (double)(number + 1)) == 0))
                fail_msg("job %llu has %g, of %llu updates begun and %llu done", (unsigned long long)number, value,
                         (unsigned long long)job->begun, (unsigned long long)job->done);
        }
    unsure += isnan(scrape_value(scrape, "job_total{job=\"__overflow__\"}")) ? 0u : 1u;
    assert_int_equal(scrape_count(scrape, "job_total{"), there + unsure);
    for (i = 0; i < FOREVER; i++) {
        value = scrape_value(scrape, "kept_total{job=\"%u\"}", i);
        assert_true(value >= (double)shared->forever_done[i] && value <= (double)shared->forever_begun[i]);
    }
}

static void
label_sets_come_and_go_in_room_for_few(void **state)
{
    pid_t pids[WORKERS] = { 0 };
    uint64_t random = 1, killed_at = 0, kills = 0, i;
    struct scrape *scrape;
    (void)state;

    path = scratch_path("churn");
    assert_int_equal(attach(), 0);
    shmeter_close(meter);
    scrape = scrape_open(path);
    for (i = 0; i < WORKERS; i++)
        if (!(pids[i] = scratch_fork()))
            work((uint32_t)i, i + 1);
    while (load(&shared->renewed) < wanted) {
        look_at_all(scrape);
        shmeter_quiescent(meter);
        if (load(&shared->renewed) < killed_at + wanted / 50)
            continue;
        killed_at = load(&shared->renewed);
        i = scratch_random(&random) % WORKERS;
        kill(pids[i], SIGKILL);
        if (scratch_wait(pids[i]) != 128 + SIGKILL) /* it was done */
            assert_true(load(&shared->renewed) >= wanted);
        kills++;
        if (!(pids[i] = scratch_fork()))
            work((uint32_t)i, 100 + kills);
    }
    store(&shared->stop, 1);
    for (i = 0; i < WORKERS; i++)
        assert_int_equal(scratch_wait(pids[i]), 0);
    look_at_all(scrape);
    print_message("# %llu renewals, %llu kills, %llu updates through cached handles, %llu asked again for room, %llu "
                  "values read\n",
                  (unsigned long long)shared->renewed, (unsigned long long)kills, (unsigned long long)shared->stale,
                  (unsigned long long)shared->refused, (unsigned long long)shown.seen);
    assert_int_equal(shown.foreign, 0);
    expect_totals(scrape);
    /* There is room for 4,064 counters: most were others' before. */
    assert_true(scrape_status(scrape)->cells_used <= 32768 && wanted > 3 * 4064);
    scrape_close(scrape);
    scratch_remove("churn");
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(label_sets_come_and_go_in_room_for_few) };

    if (argc > 1)
        wanted = strtoull(argv[1], NULL, 10);
    shared = scratch_shared(sizeof *shared + (wanted + wanted / 10 + 10000) * sizeof shared->jobs[0]);
    return cmocka_run_group_tests_name("reuse churn", tests, NULL, NULL);
}
