/*
 * Claims where the kernel refuses something: there are no locks, as below a seccomp filter or after a chroot, or no
 * memory for the slot. Who has no slot finds one that is there, and otherwise asks for none at each update; whose slot
 * is taken notices.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define SHMETER_SYS_HOOKS
#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define MANY 40 /* slots: more than a first gauge may ask for */
#define FEW  8  /* slots that are all among the oldest ones   */

static struct {
    unsigned calls, most; /* most: more of them end the process with 9; 0: any number                             */
    int no_locks;
    int (*contended)(uint64_t idx); /* whether others are claiming the slot; NULL: nobody is                       */
    const unsigned char *full_from; /* there is no memory from here on; NULL: there is                             */
} kernel;

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (++kernel.calls > kernel.most && kernel.most)
        _exit(9);
    if (kernel.no_locks && number == SYS_fcntl && b == SHMETER_F_OFD_SETLK)
        return -EPERM;
    if (kernel.contended && number == SYS_fcntl && b == SHMETER_F_OFD_SETLK &&
        ((const struct shmeter_flock_ *)(uintptr_t)c)->type == 1 /* F_WRLCK */ &&
        kernel.contended((uint64_t)((const struct shmeter_flock_ *)(uintptr_t)c)->start))
        return -EAGAIN;
    if (kernel.full_from && number == SYS_madvise && c == SHMETER_MADV_POPULATE_WRITE &&
        (uintptr_t)a >= (uintptr_t)kernel.full_from)
        return -ENOMEM;
    result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

static const struct shmeter_desc level_desc = { .type = SHMETER_GAUGE,
                                                .name = "refused_level",
                                                .mode = SHMETER_LIVE_SUM };
static const char *segment;
static struct shmeter *meter;
static struct shmeter_gauge level;

static void
open_pool(const char *name, uint32_t slots)
{
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .group = -1, .max_slots = slots, .max_gauges = 16
    };

    segment = place_path(name);
    assert_int_equal(shmeter_open(&meter, segment, &options), 0);
    level = shmeter_gauge_of(shmeter_family(meter, &level_desc));
}

/* A worker that sets the gauge and lives on; it has a slot. */
static pid_t
start_worker(void)
{
    int ready[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (shmeter_attach_worker(meter))
            _exit(1);
        shmeter_gauge_set(level, 1);
        if (write(ready[1], "r", 1) != 1)
            _exit(2);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void
end_worker(pid_t worker)
{
    kill(worker, SIGKILL);
    place_wait(worker);
}

/* The slot that this process has; NULL: none. */
static struct shmeter_slot_word *
own_slot(void)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    uint64_t key = SHMETER_CLAIM_KEY(SHMETER_WIPED(attachment)->claim);

    return key ? shmeter_slot_word_at(attachment, shmeter_slot_of(key)) : NULL;
}

/* How many sets it takes until this process has a slot, or knows that there is none: at most most. */
static int
sets_until_settled(int most)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(shmeter_meter_attachment(meter));
    int sets;

    for (sets = 0; sets < most && !own_slot() && !wiped->retry_ns; sets++)
        shmeter_gauge_set(level, 1);
    return sets;
}

/* In a child: 0 it has a slot, 1 it knows that there is none and makes no call for that any more, 2 neither. */
static int
settle(int most)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(shmeter_meter_attachment(meter));
    int sets;

    if (sets_until_settled(most) == most && !own_slot() && !wiped->retry_ns)
        return 2;
    if (own_slot())
        return 0;
    kernel.calls = 0;
    for (sets = 0; sets < 100; sets++)
        shmeter_gauge_set(level, 1);
    return kernel.calls ? 2 : 1;
}

static int
settle_in_a_child(int most)
{
    pid_t child = fork();

    if (!child)
        _exit(settle(most));
    return place_wait(child);
}

static void
without_locks_each_slot_of_a_dead_owner_is_found(void **state)
{
    pid_t workers[MANY];
    int dead, i;
    (void)state;

    kernel.no_locks = 1;
    open_pool("dead", MANY + 1);
    for (i = 0; i < MANY; i++)
        workers[i] = start_worker();
    for (dead = 0; dead < MANY; dead += 13) {
        end_worker(workers[dead]);
        assert_int_equal(settle_in_a_child(2 * MANY), 0);
        workers[dead] = start_worker();
    }
    assert_int_equal(settle_in_a_child(2 * MANY), 1);
    for (i = 0; i < MANY; i++)
        end_worker(workers[i]);
    shmeter_close(meter);
    kernel.no_locks = 0;
}

/* Whether the last claim in vain is later than each one that found a slot. */
static void
expect_wanted(int wanted)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    uint64_t newest = 0, idx;

    for (idx = 0; idx < FEW; idx++)
        if (shmeter_slot_word_at(attachment, idx)->claimed_ticks > newest)
            newest = shmeter_slot_word_at(attachment, idx)->claimed_ticks;
    assert_int_equal(attachment->state->slots_given.refused_ticks > newest, wanted);
}

static void
without_locks_who_finds_none_of_few_slots_asks_no_more(void **state)
{
    uint64_t *lost, before;
    pid_t workers[FEW - 1];
    int i;
    (void)state;

    kernel.no_locks = 1;
    open_pool("few", FEW);
    lost = &shmeter_meter_attachment(meter)->lanes.losses[SHMETER_LOSS_SLOTS_EXHAUSTED].value;
    before = *lost;
    for (i = 0; i < FEW - 1; i++)
        workers[i] = start_worker();
    assert_int_equal(settle_in_a_child(2 * FEW), 1);
    assert_int_equal(*lost, before + 1);
    expect_wanted(1);
    end_worker(workers[2]);
    assert_int_equal(settle_in_a_child(2 * FEW), 0);
    expect_wanted(0);
    for (i = 0; i < FEW - 1; i++)
        if (i != 2)
            end_worker(workers[i]);
    shmeter_close(meter);
    kernel.no_locks = 0;
}

static unsigned char *
block(uint64_t idx)
{
    return shmeter_slot_block_at(shmeter_meter_attachment(meter), idx);
}

static void
without_memory_for_any_slot_a_worker_asks_no_more(void **state)
{
    pid_t child;
    (void)state;

    open_pool("full", FEW);
    child = fork();
    if (!child) {
        kernel.full_from = block(0);
        _exit(settle(4));
    }
    assert_int_equal(place_wait(child), 1);
    assert_int_equal(settle_in_a_child(4), 0);
    shmeter_close(meter);
}

/* A slot that has memory, as a worker has used it, which cannot be had now: each try gives it back anew. */
static void
memory_that_cannot_be_had_again_ends_a_claim_that_has_all_time(void **state)
{
    pid_t child;
    (void)state;

    open_pool("gone", FEW);
    end_worker(start_worker());
    child = fork();
    if (!child) {
        kernel.full_from = block(0);
        kernel.calls = 0;
        kernel.most = 20 * FEW;
        _exit(shmeter_attach_worker(meter) == -ENOSPC ? 0 : 1);
    }
    assert_int_equal(place_wait(child), 0);
    shmeter_close(meter);
}

static void
without_memory_for_more_slots_a_worker_takes_that_of_a_dead_one(void **state)
{
    pid_t worker, child;
    (void)state;

    open_pool("fuller", FEW);
    worker = start_worker();
    end_worker(worker);
    child = fork();
    if (!child) {
        kernel.full_from = block(2);
        if (settle(4))
            _exit(1);
        _exit(own_slot() == shmeter_slot_word_at(shmeter_meter_attachment(meter), 1) ? 0 : 2);
    }
    assert_int_equal(place_wait(child), 0);
    shmeter_close(meter);
}

static int
is_unused(uint64_t idx)
{
    return !shmeter_slot_word_at(shmeter_meter_attachment(meter), idx)->owner;
}

/* A dead one's slot keeps its last words for as long as there are others. */
static void
who_loses_each_never_used_slot_to_others_asks_for_more_of_them_before_it_takes_a_dead_ones(void **state)
{
    pid_t worker, child;
    (void)state;

    open_pool("contended", MANY + 1);
    worker = start_worker();
    end_worker(worker);
    child = fork();
    if (!child) {
        kernel.contended = is_unused;
        shmeter_gauge_set(level, 1);
        if (own_slot())
            _exit(1);
        kernel.contended = NULL;
        if (settle(4))
            _exit(2);
        _exit(own_slot() == shmeter_slot_word_at(shmeter_meter_attachment(meter), 2) ? 0 : 3);
    }
    assert_int_equal(place_wait(child), 0);
    shmeter_close(meter);
}

/* In a child without locks, whose slot another process takes: it notices at its next use, whichever that is. */
static int
be_robbed(int op)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    struct shmeter_slot_word *word;
    struct shmeter_gauge_cell *cells;
    uint64_t seen[2];

    kernel.no_locks = 1;
    shmeter_gauge_set(level, 1);
    word = own_slot();
    if (!word || word->lock)
        return 1;
    cells = (struct shmeter_gauge_cell *)(void *)(block(1) + attachment->header.gauges_off);
    if (word != shmeter_slot_word_at(attachment, 1) || !cells[0].value)
        return 2;
    shmeter_slot_owner(word, seen);
    if (!shmeter_cas16(word, seen, SHMETER_OWNER(SHMETER_SLOT_LIVE, SHMETER_OWNER_GENERATION(seen[0]) + 1, 1), 7))
        return 3;
    cells[0].value = 0;
    if (!op)
        shmeter_gauge_set(level, 3);
    else if (op == 1)
        shmeter_gauge_add(level, 3);
    else
        shmeter_heartbeat(meter);
    return cells[0].value || own_slot() == word ? 4 : own_slot() ? 0 : 5;
}

static void
who_is_robbed_notices_at_the_next_use(void **state)
{
    char name[16];
    pid_t child;
    int op;
    (void)state;

    for (op = 0; op < 3; op++) {
        snprintf(name, sizeof name, "robbed-%d", op);
        open_pool(name, FEW);
        child = fork();
        if (!child)
            _exit(be_robbed(op));
        assert_int_equal(place_wait(child), 0);
        shmeter_close(meter);
    }
}

/* ---- two copies of the header in one process ---- */

/*
 * The worker itself, and a copy of the header that it has loaded: both come too late, and the copy gets its slot after
 * the worker.
 */
static int
come_late_with_a_copy(pid_t first)
{
    const char *why;
    const struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1 };
    struct shmeter_attachment *copy, *own = shmeter_meter_attachment(meter);
    const struct shmeter_wiped *wiped;
    struct shmeter_gauge gauge = level;
    struct shmeter_slot_block *at;
    uint64_t heartbeat;

    if (shmeter_segment_attach(segment, &options, &copy, &why))
        return 1;
    wiped = SHMETER_WIPED(copy);
    gauge.slot = &SHMETER_WIPED(copy)->slot;
    shmeter_gauge_add(gauge, 5);
    if (wiped->claim != SHMETER_CLAIM_PRIVATE)
        return 2;
    kill(first, SIGKILL);
    while (shmeter_attach_worker(meter)) /* until it has ended */
        sched_yield();
    shmeter_gauge_add(level, 3);
    shmeter_heartbeat(meter);
    at = (struct shmeter_slot_block *)(void *)shmeter_slot_block_at(own, 1);
    heartbeat = at->heartbeat_ticks;
    if (shmeter_claim(copy, INT64_MAX) != -EUSERS)
        return 3;
    shmeter_gauge_add(gauge, 5);
    if (!heartbeat || at->heartbeat_ticks != heartbeat)
        return 4;
    if (shmeter_gauge_decode(((struct shmeter_gauge_cell *)(void *)(block(1) + own->header.gauges_off))->value) != 3)
        return 5;
    shmeter_slot_give(own, 0, shmeter_slot_word_at(own, 0)->owner, shmeter_slot_word_at(own, 0)->identity);
    if (shmeter_claim(copy, INT64_MAX))
        return 6;
    return shmeter_gauge_decode(((struct shmeter_gauge_cell *)(void *)(block(0) + own->header.gauges_off))->value) == 10
               ? 0
               : 7;
}

static void
what_a_copy_of_the_header_has_counted_privately_replaces_nothing_of_its_process(void **state)
{
    pid_t first, child;
    (void)state;

    open_pool("copies", 2);
    first = start_worker();
    child = fork();
    if (!child)
        _exit(come_late_with_a_copy(first));
    place_wait(first);
    assert_int_equal(place_wait(child), 0);
    shmeter_close(meter);
}

static int
run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_locks_each_slot_of_a_dead_owner_is_found),
        cmocka_unit_test(without_locks_who_finds_none_of_few_slots_asks_no_more),
        cmocka_unit_test(without_memory_for_any_slot_a_worker_asks_no_more),
        cmocka_unit_test(memory_that_cannot_be_had_again_ends_a_claim_that_has_all_time),
        cmocka_unit_test(without_memory_for_more_slots_a_worker_takes_that_of_a_dead_one),
        cmocka_unit_test(who_loses_each_never_used_slot_to_others_asks_for_more_of_them_before_it_takes_a_dead_ones),
        cmocka_unit_test(who_is_robbed_notices_at_the_next_use),
        cmocka_unit_test(what_a_copy_of_the_header_has_counted_privately_replaces_nothing_of_its_process),
    };

    return cmocka_run_group_tests_name("claim_refused", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("claim-refused", run);
}
