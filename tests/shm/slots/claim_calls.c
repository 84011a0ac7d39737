/*
 * The system calls of claims: each is seen by this program. No descriptor of the segment's file, not even for a moment,
 * has the number of a standard stream, and none is left; a first gauge makes a bounded number of calls, a pool that
 * starts anew so many for each worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHMETER_SYS_HOOKS
#define SHMETER_CLAIM_RETRY_NS retry_ns
#include <stdint.h>
static uint64_t retry_ns = UINT64_C(3600000000000); /* after a search in vain; the test's own time */
#include "tests/shm/slots/claim_pool.h"
#include "tests/tools/values.h"

#define POOL 100 /* workers */

static struct {
    unsigned calls, closed; /* closed: bits of standard streams whose numbers nobody may be able to write to         */
    int without[2];         /* calls that fail as in older kernels                                                  */
    int wrong;              /* what has been seen: 0 nothing                                                        */
} seen;

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    int fd;

    seen.calls++;
    for (fd = 0; fd < 3; fd++)
        if (seen.closed >> fd & 1 && (syscall(SYS_write, fd, "printed by somebody", 19) >= 0 || errno != EBADF))
            seen.wrong = 1;
    if (seen.without[0] && number == SYS_madvise && c == SHMETER_MADV_POPULATE_WRITE)
        return -EINVAL;
    if (seen.without[1] && number == SYS_openat && (c & SHMETER_O_TMPFILE) == SHMETER_O_TMPFILE)
        return -EOPNOTSUPP;
    result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        return -errno;
    if (number == SYS_openat && (c & SHMETER_O_RDWR) && result < 3)
        seen.wrong = 2;
    return result;
}

/* How many descriptors lead to the segment's file. */
static int
descriptors(void)
{
    struct stat file, other;
    int fd, n = 0;

    if (stat(segment, &file))
        return -1;
    for (fd = 0; fd < 256; fd++)
        n += !fstat(fd, &other) && other.st_ino == file.st_ino && other.st_dev == file.st_dev;
    return n;
}

/* A worker's life, with streams closed. */
static int
live_with_closed_streams(unsigned closed)
{
    static const char *const labels[] = { "n", NULL };
    static const struct shmeter_desc counts = { .type = SHMETER_COUNTER, .name = "calls_total", .labels = labels };
    struct shmeter_options options = options_of(4);
    struct shmeter *meter;
    struct shmeter_gauge gauge;
    char text[8];
    pid_t child;
    int i;

    for (i = 0; i < 3; i++)
        if (closed >> i & 1)
            close(i);
    seen.closed = closed;
    for (i = 0; i < 2; i++) {
        if (shmeter_open(&meter, segment, &options))
            return 10;
        gauge = shmeter_gauge_of(shmeter_family(meter, &gauge_desc));
        shmeter_gauge_set(gauge, 1);
        if (descriptors())
            return 11;
        if (!i)
            shmeter_close(meter);
    }
    for (i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "%d", i);
        shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counts), text));
    }
    child = fork();
    if (!child) {
        shmeter_gauge_set(gauge, 1);
        _exit(seen.wrong ? 12 : descriptors() ? 13 : 0);
    }
    i = place_wait(child);
    return seen.wrong ? 14 : descriptors() ? 15 : i;
}

static void
what_is_printed_to_a_closed_stream_never_reaches_the_segment(void **state)
{
    char name[32];
    unsigned closed, old;
    int status;
    struct exposition *store;
    (void)state;

    for (old = 0; old < 4; old++)
        for (closed = 1; closed < 8; closed++) {
            pid_t child;
            snprintf(name, sizeof name, "closed-%u-%u", closed, old);
            segment = place_path(name);
            child = fork();
            if (!child) {
                seen.without[0] = (int)old & 1;
                seen.without[1] = (int)old >> 1;
                _exit(live_with_closed_streams(closed));
            }
            status = place_wait(child);
            if (status)
                fail_msg("with streams %u closed, older kernel %u: %d", closed, old, status);
            store = values_new(segment);
            assert_non_null(values_take(store));
            assert_true(values_number(store, "calls_total", "299") == 1);
            exposition_free(store);
            unlink(segment);
        }
}

/* ---- what a claim costs ---- */

/* The documented bound: questions, lanes, and the rest. */
static unsigned
bound(void)
{
    const struct shmeter_header *header = &shmeter_meter_attachment(meter)->header;

    return SHMETER_CLAIM_TRIES + SHMETER_CLAIM_LIFE_TRIES + header->cpu_lanes_n + header->shared_lanes_n + 40;
}

static int
find_the_dead_one(void)
{
    seen.calls = 0;
    shmeter_gauge_set(gauge, 1);
    if (seen.calls > bound())
        return 1;
    return SHMETER_WIPED(shmeter_meter_attachment(meter))->slot ? 0 : 2;
}

static int
find_none(void)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(shmeter_meter_attachment(meter));
    uint64_t *lost = &shmeter_meter_attachment(meter)->lanes.losses[SHMETER_LOSS_SLOTS_EXHAUSTED].value, before = *lost;
    int sets = 0;

    do {
        seen.calls = 0;
        shmeter_gauge_set(gauge, 1);
        if (seen.calls > bound())
            return 1;
    } while (!wiped->retry_ns && ++sets < POOL);
    if (!wiped->retry_ns || wiped->slot || *lost != before + 1)
        return 2;
    seen.calls = 0;
    for (sets = 0; sets < 100; sets++)
        shmeter_gauge_set(gauge, 1);
    return seen.calls ? 3 : 0; /* as long as nothing has changed */
}

static void
a_first_gauge_makes_a_bounded_number_of_calls(void **state)
{
    pid_t workers[POOL + 1], child;
    int i;
    (void)state;

    open_pool("few", POOL + 2);
    for (i = 0; i < POOL; i++)
        workers[i] = start_worker(1);
    start_worker(0);
    child = fork();
    if (!child)
        _exit(find_the_dead_one());
    assert_int_equal(place_wait(child), 0);
    workers[POOL] = start_worker(1);
    child = fork();
    if (!child)
        _exit(find_none());
    assert_int_equal(place_wait(child), 0);
    end_workers(workers, POOL + 1);
    shmeter_close(meter);
}

/* All at once. Returns the calls of all of them; each has a slot. */
static unsigned
start_pool(pid_t *workers, unsigned *calls)
{
    int go[2], ready[2], i;
    unsigned sum = 0;
    char byte;

    assert_int_equal(pipe(go) || pipe(ready), 0);
    for (i = 0; i < POOL; i++) {
        calls[i] = 0;
        workers[i] = fork();
        if (!workers[i]) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(go[1]);
            if (read(go[0], &byte, 1))
                _exit(1);
            seen.calls = 0;
            calls[i] = shmeter_attach_worker(meter) ? 1000000 : seen.calls;
            close(ready[1]);
            for (;;)
                pause();
        }
    }
    close(ready[1]);
    close(go[0]);
    close(go[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0);
    close(ready[0]);
    for (i = 0; i < POOL; i++)
        sum += calls[i];
    return sum;
}

static void
a_pool_that_starts_anew_makes_as_many_calls_as_it_has_workers(void **state)
{
    unsigned *calls = mmap(NULL, POOL * sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), sum;
    pid_t workers[POOL];
    int round;
    (void)state;

    open_pool("anew", POOL + 1);
    for (round = 0; round < 3; round++) {
        sum = start_pool(workers, calls);
        print_message("# %u calls for each of %d workers%s\n", sum / POOL, POOL,
                      round ? ", all slots of dead ones" : "");
        assert_true(sum < POOL * bound());
        end_workers(workers, POOL);
    }
    munmap(calls, POOL * sizeof *calls);
    shmeter_close(meter);
}

static void
a_meter_that_is_detached_or_closed_says_why_it_has_no_slot(void **state)
{
    struct shmeter *detached, *closed;
    (void)state;

    assert_int_not_equal(shmeter_open(&detached, "/nowhere/at/all", NULL), 0);
    assert_int_equal(shmeter_attach_worker(detached), -ENOTCONN);
    assert_non_null(strstr(shmeter_error(detached), "could not be had"));
    assert_int_equal(shmeter_open(&closed, place_path("closing"), NULL), 0);
    shmeter_close(closed);
    assert_int_equal(shmeter_attach_worker(closed), -ESHUTDOWN);
    assert_non_null(strstr(shmeter_error(closed), "closed"));
    assert_int_equal(shmeter_open(&closed, place_path("closing"), NULL), 0);
    assert_int_equal(shmeter_attach_worker(closed), 0);
    shmeter_close(closed);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_to_a_closed_stream_never_reaches_the_segment),
        cmocka_unit_test(a_first_gauge_makes_a_bounded_number_of_calls),
        cmocka_unit_test(a_pool_that_starts_anew_makes_as_many_calls_as_it_has_workers),
        cmocka_unit_test(a_meter_that_is_detached_or_closed_says_why_it_has_no_slot),
    };
    return cmocka_run_group_tests_name("claim_calls", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("claim-calls", body);
}
