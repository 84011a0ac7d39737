/*
 * Whose handles hold back the room of removed series: across processes and forks it goes to whoever has not a handle of
 * what was there before, and nobody's while somebody may still write into it.
 */
#include "tests/shm/reuse.h"

/*
 * Makes, removes and makes again until room would be used again many times over: the values of what
 * is alive.
 */
static void
churn(const struct shmeter_family *family, uint32_t from, uint32_t n)
{
    uint32_t i;

    for (i = from; i < from + n; i++) {
        shmeter_counter_add(shmeter_counter_of(family, job(i)), 1000000);
        hide(family, i);
        shmeter_quiescent(meter);
    }
}

static uint32_t *turn;

/* A forked child that has a handle and never says a word. */
static void
child(struct shmeter_counter handle)
{
    __atomic_store_n(&turn[0], 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&turn[1], __ATOMIC_ACQUIRE))
        shmeter_counter_inc(handle);
    _exit(0);
}

static void
a_child_holds_back_what_its_parent_has_given_up(void **state)
{
    const struct shmeter_family *family;
    struct shmeter_counter handle, other;
    struct scrape *scrape;
    uint32_t i;
    pid_t pid;
    (void)state;

    turn = scratch_shared(4096);
    begin("child", 64, 0);
    family = shmeter_family(meter, &counters);
    scrape = scrape_open(path);
    handle = shmeter_counter_of(family, "parent's");
    pid = scratch_fork();
    if (!pid)
        child(handle);
    assert_int_equal(scratch_until(&turn[0], 1), 0);
    {
        const char *const values[] = { "parent's" };
        shmeter_hide_v(family, values, 1);
    }
    churn(family, 0, 500);
    for (i = 0; i < 500; i++) {
        other = shmeter_counter_of(family, job(1000 + i));
        assert_ptr_not_equal(other.cell, handle.cell);
    }
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "job_total{"), 500);
    for (i = 0; i < 500; i++)
        assert_true(scrape_value(scrape, "job_total{job=\"j%u\"}", 1000 + i) == 0);
    __atomic_store_n(&turn[1], 1, __ATOMIC_RELEASE);
    assert_int_equal(scratch_wait(pid), 0);
    /* It is gone, and with it what it held back. */
    for (i = 0; i < 500; i++)
        hide(family, 1000 + i);
    for (i = 0; i < 5; i++) {
        usleep(2000);
        shmeter_quiescent(meter);
    }
    for (i = 0; i < 900; i++) {
        shmeter_counter_inc(shmeter_counter_of(family, job(5000 + i)));
        if (i % 100 == 99)
            shmeter_quiescent(meter);
    }
    scrape_take(scrape);
    assert_int_equal(scrape_count(scrape, "job_total{"), 900);
    for (i = 0; i < 900; i++)
        assert_true(scrape_value(scrape, "job_total{job=\"j%u\"}", 5000 + i) == 1);
    assert_int_equal(lost(scrape), 0);
    end(scrape);
}

/*
 * A process that never says a word holds back only what is removed after it came: no room is used
 * again then.
 */
static void
who_says_nothing_holds_back(void **state)
{
    const struct shmeter_family *family;
    struct scrape *scrape;
    uint64_t records;
    (void)state;

    begin("silent", 64, 0);
    family = shmeter_family(meter, &counters);
    scrape = scrape_open(path);
    scrape_take(scrape);
    records = scrape_status(scrape)->records_used;
    {
        uint32_t i;
        for (i = 0; i < 100; i++) {
            shmeter_counter_inc(shmeter_counter_of(family, job(i)));
            hide(family, i);
        }
    }
    scrape_take(scrape);
    assert_int_equal(scrape_status(scrape)->records_used, records + 100u * 2 * 64);
    shmeter_quiescent(meter);
    churn(family, 100, 100);
    scrape_take(scrape);
    assert_int_equal(scrape_status(scrape)->records_used, records + 100u * 2 * 64);
    end(scrape);
}

static uint64_t
records_used(struct scrape *scrape)
{
    scrape_take(scrape);
    return scrape_status(scrape)->records_used;
}

/* Parked with a handle of "kept", and counts in it when it is told to. Then it looks up what it is told, and says nothing. */
static void
parked(const struct shmeter_family *family, struct shmeter_counter kept)
{
    if (!shmeter_park(meter))
        _exit(1);
    __atomic_store_n(&turn[0], 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&turn[1], __ATOMIC_ACQUIRE))
        shmeter_counter_inc(kept);
    shmeter_counter_inc(shmeter_counter_of(family, "late"));
    __atomic_store_n(&turn[0], 2, __ATOMIC_RELEASE);
    while (__atomic_load_n(&turn[1], __ATOMIC_ACQUIRE) != 2)
        shmeter_counter_inc(kept);
    _exit(0);
}

/*
 * A process that is parked for ever holds back the series that it has, and of those that are made later none: until it
 * looks something up.
 */
static void
who_is_parked_holds_back_what_was_there(void **state)
{
    static const char *const kept = "kept";
    const struct shmeter_family *family;
    struct shmeter_counter handle;
    struct scrape *scrape;
    uint64_t records;
    uint32_t i;
    pid_t pid;
    (void)state;

    turn = scratch_shared(4096);
    begin("parked", 64, 0);
    family = shmeter_family(meter, &counters);
    scrape = scrape_open(path);
    handle = shmeter_counter_of(family, kept);
    pid = scratch_fork();
    if (!pid)
        parked(family, handle);
    assert_int_equal(scratch_until(&turn[0], 1), 0);
    shmeter_quiescent(meter);
    shmeter_hide_v(family, &kept, 1);
    churn(family, 0, 1200);
    records = records_used(scrape);
    churn(family, 1200, 2000);
    assert_int_equal(records_used(scrape), records);
    for (i = 0; i < 500; i++)
        assert_ptr_not_equal(shmeter_counter_of(family, job(5000 + i)).cell, handle.cell);
    scrape_take(scrape);
    for (i = 0; i < 500; i++)
        assert_true(scrape_value(scrape, "job_total{job=\"j%u\"}", 5000 + i) == 0);
    shmeter_hide_all(family);
    /* Now it can find anything, and holds back what is removed from here on. */
    __atomic_store_n(&turn[1], 1, __ATOMIC_RELEASE);
    assert_int_equal(scratch_until(&turn[0], 2), 0);
    records = records_used(scrape);
    churn(family, 6000, 1200);
    assert_true(records_used(scrape) > records + 600 * 2 * 64);
    scrape_take(scrape);
    assert_int_equal(lost(scrape), 0);
    __atomic_store_n(&turn[1], 2, __ATOMIC_RELEASE);
    assert_int_equal(scratch_wait(pid), 0);
    end(scrape);
}

/* Parked again and again, a process has the locks of one, and what it says it has nothing of is room again. */
static void
who_was_parked_can_say_that_it_is_done(void **state)
{
    const struct shmeter_family *family;
    struct scrape *scrape;
    uint64_t records = 0;
    uint32_t i;
    (void)state;

    begin("unparked", 64, 0);
    family = shmeter_family(meter, &counters);
    scrape = scrape_open(path);
    for (i = 0; i < 2000; i++) {
        assert_int_equal(shmeter_park(meter), 1);
        assert_int_equal(shmeter_park(meter), 1);
        churn(family, i, 1);
        if (i == 1000)
            records = records_used(scrape);
    }
    assert_int_equal(records_used(scrape), records);
    end(scrape);
}

/* Opens the segment by another name of it, with room for one descriptor: it cannot open the file once more for its lock. */
static void
poor(void)
{
    struct rlimit limit = { 0, 0 };
    struct shmeter *own = NULL;
    char other[512];
    int free = dup(0);

    close(free);
    limit.rlim_cur = limit.rlim_max = (rlim_t)free + 1;
    snprintf(other, sizeof other, "%.*s/./%s", (int)(strrchr(path, '/') - path), path, strrchr(path, '/') + 1);
    if (setrlimit(RLIMIT_NOFILE, &limit) || shmeter_open(&own, other, NULL))
        _exit(1);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(own, &counters), "poor's"));
    __atomic_store_n(&turn[0], 1, __ATOMIC_RELEASE);
    scratch_until(&turn[1], 1);
    _exit(0);
}

/* A process that can have no lock of its own to exchange has the one that goes with it, and room is used again after its end. */
static void
who_cannot_lock_holds_back_for_as_long_as_it_lives(void **state)
{
    const struct shmeter_family *family;
    struct scrape *scrape;
    uint64_t records;
    pid_t pid;
    (void)state;

    turn = scratch_shared(4096);
    begin("poor", 64, 0);
    family = shmeter_family(meter, &counters);
    scrape = scrape_open(path);
    pid = scratch_fork();
    if (!pid)
        poor();
    assert_int_equal(scratch_until(&turn[0], 1), 0);
    churn(family, 0, 100);
    records = records_used(scrape);
    churn(family, 100, 500);
    assert_true(records_used(scrape) >= records + UINT64_C(500) * 2 * 64);
    __atomic_store_n(&turn[1], 1, __ATOMIC_RELEASE);
    assert_int_equal(scratch_wait(pid), 0);
    churn(family, 600, 600);
    records = records_used(scrape);
    churn(family, 1200, 1200);
    assert_int_equal(records_used(scrape), records);
    assert_true(scrape_value(scrape, "job_total{job=\"poor's\"}") == 1);
    end(scrape);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_holds_back_what_its_parent_has_given_up),
        cmocka_unit_test(who_says_nothing_holds_back),
        cmocka_unit_test(who_is_parked_holds_back_what_was_there),
        cmocka_unit_test(who_was_parked_can_say_that_it_is_done),
        cmocka_unit_test(who_cannot_lock_holds_back_for_as_long_as_it_lives),
    };

    return cmocka_run_group_tests_name("reuse_held", tests, NULL, NULL);
}
