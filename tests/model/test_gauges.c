/*
 * Gauges. POOL: one process sets and workers add, of which some die; the value that the exporter's own code reads at
 * the end is the result of some order of the operations, less the shares of the dead. Retained modes: the process that
 * takes a dead worker's slot folds its value, and may die too; no reading meanwhile is wrong. LATEST: value and stamp
 * belong together.
 */
#include "tests/model/world.h"

#include "read/snapshot/cells.c"
#include "read/snapshot/gauges.c"

#define OPERATIONS  6u
#define ACTORS_MOST 4u

/* ---- the exporter's reading of gauge 0 ---- */

static struct shmeter_reader exporter;
static struct snapshot_series one_series = { .visible = 1 };
static struct snapshot_slot slots[WORLD_SLOTS];
static struct snapshot_gauge gauge_read;
static struct snapshot_family one_family;
static struct snapshot_extent whole = { 0, UINT64_MAX };
static struct snapshot snapshot = { .reader = &exporter,
                                    .series = &one_series,
                                    .series_n = 1,
                                    .families = &one_family,
                                    .slots = slots,
                                    .slots_n = WORLD_SLOTS,
                                    .gauges = &gauge_read,
                                    .gauges_n = 1,
                                    .fixed = { .all = &whole, .n = 1 },
                                    .grown = { .all = &whole, .n = 1 } };

static void
make_exporter(uint32_t mode)
{
    uint32_t i;

    world_header(&exporter.header);
    exporter.base = (const unsigned char *)&segment;
    memset(slots, 0, sizeof slots);
    for (i = 0; i < WORLD_SLOTS; i++) {
        slots[i].backed = sizeof segment.blocks[0];
        slots[i].state = SHMETER_SLOT_LIVE;
    }
    memset(&gauge_read, 0, sizeof gauge_read);
    gauge_read.mode = one_family.mode = mode;
    snapshot.torn = (struct snapshot_torn){ 0, UINT64_MAX };
}

/* ---- POOL ---- */

struct operation {
    uint32_t actor, set; /* else add */
    double v;
};

static struct {
    uint64_t finished;           /* a bit for each operation ...                                                    */
    uint64_t before[OPERATIONS]; /* ... and those that were finished when one began                                 */
    uint64_t reading;
} ghost;

static const struct operation *operations;
static uint32_t operations_n, workers_n, reads;

static uint64_t
own_operations(uint32_t actor)
{
    uint64_t mask = 0;
    uint32_t i;

    for (i = 0; i < operations_n; i++)
        mask |= (uint64_t)(operations[i].actor == actor) << i;
    return mask;
}

/* Where loads may be served early, nothing tells an operation that another CPU's came before it. */
static void
worker(void *argument)
{
    uint32_t who = model_self(), i;
    struct shmeter_gauge_cell *own = &segment.blocks[world_self()].gauges[0];
    (void)argument;

    for (i = 0; i < operations_n; i++) {
        if (operations[i].actor != who)
            continue;
        ghost.before[i] = ghost.finished & (model_memory() == MEMORY_WEAK ? own_operations(who) : UINT64_MAX);
        if (operations[i].set)
            shmeter_gauge_set_pool(&segment.common[0], operations[i].v);
        else
            shmeter_gauge_add_pool(own, &segment.common[0], operations[i].v);
        ghost.finished |= UINT64_C(1) << i;
        model_forget(i + 1);
    }
}

/* Every value is a sum of one that was set and shares that were added, of one moment each. */
static void
reader(void *argument)
{
    uint32_t i, base, subset, fits = 0;
    (void)argument;

    snapshot_take_gauges(&snapshot);
    for (base = 0; base <= operations_n; base++)
        for (subset = 0; subset < 1u << operations_n; subset++) {
            double value = base < operations_n ? operations[base].v : 0;
            if (base < operations_n && !operations[base].set)
                continue;
            for (i = 0; i < operations_n; i++)
                if (subset >> i & 1 && !operations[i].set)
                    value += operations[i].v;
            fits |= value == gauge_read.value;
        }
    if (!fits || snapshot.torn.n)
        model_fail("a torn reading: %g", gauge_read.value);
}

/*
 * Tries all orders of the operations in mask that respect who was finished before whom; shares count of who is alive.
 */
static int
explains(uint32_t mask, uint32_t done, double value, double set_to, const double *shares)
{
    uint32_t i, w;

    if (done == mask) {
        for (w = 0; w < workers_n; w++)
            set_to += model_is_dead(w) ? 0 : shares[w];
        return set_to == value;
    }
    for (i = 0; i < operations_n; i++) {
        double next[ACTORS_MOST], to = set_to;
        if (!(mask >> i & 1) || done >> i & 1 || (ghost.before[i] & mask & ~(uint64_t)done))
            continue;
        memcpy(next, shares, sizeof next);
        if (operations[i].set) {
            to = operations[i].v;
            memset(next, 0, sizeof next);
        } else {
            next[world.process_of[operations[i].actor]] += operations[i].v;
        }
        if (explains(mask, done | 1u << i, value, to, next))
            return 1;
    }
    return 0;
}

static void
at_end_of_pool(void)
{
    double none[ACTORS_MOST] = { 0 };
    uint32_t mask = (uint32_t)ghost.finished, i;

    for (i = 0; i < workers_n; i++)
        slots[i].live = !model_is_dead(i);
    snapshot_take_gauges(&snapshot);
    if (explains(mask, 0, gauge_read.value, 0, none))
        return;
    for (i = 0; i < operations_n; i++) /* the one that somebody died in */
        if (model_is_dead(operations[i].actor) && !(mask >> i & 1) &&
            explains(mask | 1u << i, 0, gauge_read.value, 0, none))
            return;
    model_fail("%g is the result of no order", gauge_read.value);
}

static uint32_t threads; /* the last two workers are threads of one process */

static void
setup_pool(void)
{
    static const char *const names[] = { "worker 0", "worker 1", "worker 2" };
    uint32_t i;

    world_make(1);
    memset(&ghost, 0, sizeof ghost);
    make_exporter(SHMETER_POOL);
    model_keep(&ghost, sizeof ghost);
    model_keep(&gauge_read, sizeof gauge_read);
    model_share(segment.common, sizeof segment.common[0]);
    for (i = 0; i < workers_n && i < sizeof names / sizeof *names; i++) {
        slots[i].live = 1;
        model_share(segment.blocks[i].gauges, sizeof segment.blocks[i].gauges[0]);
        if (threads && i == workers_n - 1) {
            world.process_of[i] = i - 1;
            model_thread(names[i], i, worker, NULL);
        } else {
            world_actor(names[i], i, i, worker, NULL);
        }
    }
    if (reads)
        model_reader("reader", workers_n, reader, NULL);
}

static char name[128];
static struct model_case pool = { .name = name, .setup = setup_pool, .at_end = at_end_of_pool };

static void
pool_of(const struct operation *list, uint32_t n, uint32_t workers, uint32_t of_one, uint32_t read, uint32_t deaths)
{
    operations = list;
    operations_n = n;
    workers_n = workers;
    threads = of_one;
    reads = read;
    pool.deaths = deaths;
    snprintf(name, sizeof name, "POOL gauge, %u operations of %u workers%s%s", n, workers,
             of_one ? ", two of them threads of one process" : "", read ? ", a reading" : "");
}

static const struct operation set_against_adds[] = {
    { 0, 1, 100 }, { 0, 1, 200 }, { 1, 0, 1 }, { 1, 0, 2 }, { 2, 0, 10 }
};
static const struct operation two_setters[] = { { 0, 1, 100 }, { 1, 0, 1 }, { 1, 1, 200 }, { 1, 0, 2 } };
static const struct operation setter_is_thread[] = { { 1, 1, 100 }, { 1, 0, 10 }, { 2, 0, 1 } };
static const struct operation of_threads[] = { { 0, 1, 100 }, { 1, 0, 1 }, { 1, 0, 2 }, { 2, 0, 10 }, { 2, 0, 20 } };

static void
a_pools_gauge_is_what_some_order_gives(void **state)
{
    (void)state;
    pool_of(set_against_adds, 5, 3, 0, 0, 1);
    expect_right(&pool, MEMORY_SC);
    expect_right(&pool, MEMORY_TSO);
    pool_of(set_against_adds, report_long() ? 5 : 4, 3, 0, 1, 0);
    expect_right(&pool, MEMORY_SC);
    pool_of(two_setters, 4, 2, 0, 1, 1);
    expect_right(&pool, MEMORY_SC);
    expect_right(&pool, MEMORY_WEAK);
    pool_of(of_threads, 5, 3, 1, 0, 1);
    expect_right(&pool, MEMORY_SC);
    expect_right(&pool, MEMORY_WEAK);
    pool_of(setter_is_thread, 3, 3, 1, 0, 1);
    expect_right(&pool, MEMORY_SC);
    expect_right(&pool, MEMORY_WEAK);
}

/* ---- what the dead leave behind ---- */

static uint32_t retained_mode;

/* Takes the dead worker's cell over, and sets it. */
static void
heir(void *argument)
{
    struct shmeter_gauge_cell *cell = &segment.blocks[0].gauges[0];
    uint64_t seen[2];
    (void)argument;

    if (model_self() == 1) { /* after the first one's death only */
        model_step("proof of death");
        if (!model_is_dead(0))
            return;
    }
    seen[0] = shmeter_load_relaxed(&cell->value);
    seen[1] = shmeter_load_relaxed(&cell->aux);
    while (!shmeter_gauge_inherit(cell, retained_mode, seen))
        ;
    ghost.finished |= 1; /* nothing of the dead is in value any more */
    shmeter_store_relaxed(&cell->value, shmeter_gauge_encode(retained_mode == SHMETER_MAX ? 3 : 10));
}

static double
retained(void)
{
    snapshot_take_gauges(&snapshot);
    return gauge_read.value;
}

/* 5 and folded 2: together 7, and 17 or 27 when one or two heirs have set theirs; the maximum is 5 all the time. */
static int
is_right(double value)
{
    return retained_mode == SHMETER_MAX ? value == 5 : value == 7 || value == 17 || value == 27;
}

static void
read_retained_value(void *argument)
{
    (void)argument;
    if (!is_right(retained()) || snapshot.torn.n)
        model_fail("a reading of %g", gauge_read.value);
}

static void
at_end_of_heirs(void)
{
    if (!is_right(retained()))
        model_fail("%g is left", gauge_read.value);
}

static void
setup_heirs(void)
{
    world_make(1);
    memset(&ghost, 0, sizeof ghost);
    make_exporter(retained_mode);
    slots[0].live = 1;
    segment.blocks[0].gauges[0].value = shmeter_gauge_encode(5);
    segment.blocks[0].gauges[0].aux = shmeter_gauge_encode(2);
    model_keep(&ghost, sizeof ghost);
    model_keep(&gauge_read, sizeof gauge_read);
    model_share(segment.blocks[0].gauges, sizeof segment.blocks[0].gauges[0]);
    world_actor("heir 0", 0, 0, heir, NULL);
    world_actor("heir 1", 1, 1, heir, NULL);
    model_reader("reader", 2, read_retained_value, NULL);
}

static struct model_case heirs = {
    .name = name, .setup = setup_heirs, .at_end = at_end_of_heirs, .deaths = 2, .die_anywhere = 1
};

static void
heirs_of(uint32_t mode)
{
    retained_mode = mode;
    snprintf(name, sizeof name, "%s gauge of a dead worker, 2 heirs, a reading", mode == SHMETER_MAX ? "MAX" : "SUM");
}

static void
what_the_dead_leave_is_folded_once(void **state)
{
    (void)state;
    heirs_of(SHMETER_SUM);
    expect_right(&heirs, MEMORY_SC);
    expect_right(&heirs, MEMORY_TSO);
    expect_right(&heirs, MEMORY_WEAK);
    heirs_of(SHMETER_MAX);
    expect_right(&heirs, MEMORY_SC);
    expect_right(&heirs, MEMORY_WEAK);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    pool_of(of_threads, 5, 3, 1, 0, 0);
    model_bugs.split_cas16 = 1;
    expect_wrong(&pool, MEMORY_SC, "a pool's cells whose halves move one after the other");
    heirs_of(SHMETER_SUM);
    expect_wrong(&heirs, MEMORY_SC, "a fold in two stores");
    model_bugs.split_cas16 = 0;
    model_bugs.no_fence = 1;
    expect_wrong(&heirs, MEMORY_WEAK, "no fence in the reader");
    model_bugs.no_fence = 0;
    model_bugs.weak_acquire = 1;
    pool_of(setter_is_thread, 3, 3, 1, 0, 0);
    expect_wrong(&pool, MEMORY_WEAK, "a share's epoch that is loaded after the pool's");
    heirs_of(SHMETER_SUM);
    expect_wrong(&heirs, MEMORY_WEAK, "no acquire in the reader");
    model_bugs.weak_acquire = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pools_gauge_is_what_some_order_gives),
        cmocka_unit_test(what_the_dead_leave_is_folded_once),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model gauges", tests, NULL, NULL);
}
