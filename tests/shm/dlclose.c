/*
 * A shared library that has its own copy of the header is loaded, updates under preemption, is unloaded, and the
 * process lives on. A restartable sequence whose descriptor was left behind would be a SIGSEGV at the next preemption.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define ROUNDS      20
#define LAST        6 /* times that a round loads and unloads the library */
#define UPDATES     50000u
#define THREADS     2
#define BUSY        2
#define MIGRATIONS  8
#define MIGRATE_ALL 4096u /* updates from one migration to the next */

struct library {
    void *handle;
    int (*open)(const char *segment);
    void (*update)(void);
    void (*gauge_add)(double v);
    void (*close)(void);
};

static const char *library_path;
static cpu_set_t allowed;

static void *
symbol(void *handle, const char *name)
{
    return handle ? dlsym(handle, name) : NULL;
}

/* Returns 0 when the library is loaded and attached to the segment. */
static int
library_load(struct library *library, const char *segment, int flags)
{
    void *at;
    library->handle = dlopen(library_path, RTLD_NOW | RTLD_LOCAL | flags);
    at = symbol(library->handle, "library_open");
    memcpy(&library->open, &at, sizeof at);
    at = symbol(library->handle, "library_update");
    memcpy(&library->update, &at, sizeof at);
    at = symbol(library->handle, "library_gauge_add");
    memcpy(&library->gauge_add, &at, sizeof at);
    at = symbol(library->handle, "library_close");
    memcpy(&library->close, &at, sizeof at);
    if (!library->open || !library->update || !library->gauge_add || !library->close) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    return library->open(segment);
}

/* Whether nothing of the library is mapped any more. */
static int
library_is_gone(void)
{
    void *handle = dlopen(library_path, RTLD_NOW | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    return !handle;
}

/* Moves this thread to the n-th of the CPUs that it may use: certainly off the CPU for a moment. */
static void
migrate(unsigned n)
{
    unsigned cpus = (unsigned)CPU_COUNT(&allowed), cpu, at = 0;
    cpu_set_t one;
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && at++ == n % cpus) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
        }
    sched_yield();
}

static void *
update_and_migrate(void *argument)
{
    const struct library *library = argument;
    unsigned n;
    for (n = 0; n < UPDATES; n++) {
        library->update();
        if (n % MIGRATE_ALL == 0)
            migrate(n / MIGRATE_ALL);
    }
    return NULL;
}

/* Loads, updates in threads, and unloads. Returns 0 when all went well. */
static int
one_round(const char *segment)
{
    pthread_t threads[THREADS];
    struct library library;
    unsigned i;
    if (library_load(&library, segment, 0))
        return 1;
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, update_and_migrate, &library))
            return 2;
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dlclose(library.handle);
    /* The kernel forgets a descriptor by itself at a preemption: so update and unload without one between, often. */
    for (i = 0; i < LAST; i++) {
        unsigned n;
        if (library_load(&library, segment, 0))
            return 3;
        sched_yield(); /* a fresh time slice */
        library.update();
        dlclose(library.handle);
        if (!library_is_gone())
            return 4;
        for (n = 0; n < MIGRATIONS; n++)
            migrate(n);
    }
    return 0;
}

static void
start_busy(pid_t *busy)
{
    int i;
    for (i = 0; i < BUSY; i++) {
        busy[i] = fork();
        if (busy[i])
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        migrate((unsigned)i);
        for (;;)
            __asm__ __volatile__("");
    }
}

static void
stop_busy(const pid_t *busy)
{
    int i;
    for (i = 0; i < BUSY; i++)
        if (busy[i] > 0) {
            kill(busy[i], SIGKILL);
            place_wait(busy[i]);
        }
}

static void
the_process_lives_on_when_the_library_is_unloaded(void **state)
{
    const double updates = (double)ROUNDS * (THREADS * (double)UPDATES + LAST);
    const char *segment = place_path("unloaded");
    struct exposition *store = values_new(segment);
    pid_t busy[BUSY], child;
    int status, i;
    (void)state;
    start_busy(busy);
    child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (i = 0, status = 0; i < ROUNDS && !status; i++)
            status = one_round(segment);
        _exit(status);
    }
    status = place_wait(child);
    stop_busy(busy);
    assert_int_equal(status, 0);
    assert_non_null(values_take(store));
    assert_true(values_number(store, "library_total", NULL) == updates);
    assert_true(values_number(store, "library_seconds_total", NULL) == updates / 2);
    assert_true(values_sum(store, "library_seconds", NULL) == updates / 4);
    assert_true((double)values_count(store, "library_seconds", NULL) == updates);
    exposition_free(store);
}

/* Both update one gauge, and there is one slot. */
static void
share_one_slot(const char *segment, int flags)
{
    static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "both", .mode = SHMETER_LIVE_SUM };
    const struct segment_status *status;
    struct exposition *store = values_new(segment);
    struct library library;
    struct shmeter *meter;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    assert_int_equal(library_load(&library, segment, flags), 0);
    shmeter_gauge_add(shmeter_gauge_of(shmeter_family(meter, &gauges)), 3);
    library.gauge_add(4);
    status = values_take(store);
    assert_non_null(status);
    assert_int_equal(status->slots_live, 1);
    assert_int_equal(status->slots[0].pid, getpid());
    assert_true(values_number(store, "both", NULL) == 7);
    shmeter_close(meter); /* this copy claimed the slot, but the other one still uses it */
    library.gauge_add(1);
    status = values_take(store);
    assert_int_equal(status->slots_live, 1);
    assert_true(values_number(store, "both", NULL) == 8);
    library.close();
    status = values_take(store);
    assert_int_equal(status->slots_live, 0);
    dlclose(library.handle);
    assert_true(library_is_gone());
    exposition_free(store);
}

static void
two_copies_of_the_header_in_one_process_share_one_slot(void **state)
{
    (void)state;
    share_one_slot(place_path("copies"), 0);
}

/* RTLD_DEEPBIND: the library's copy does not find the program's, so only the slot tells that they are one process. */
static void
copies_that_do_not_see_each_other_share_one_slot_too(void **state)
{
    (void)state;
    share_one_slot(place_path("apart"), RTLD_DEEPBIND);
}

/* What the library has not closed is closed, and what the program has open stays open. */
static void
unload_unclosed(const char *segment, int flags)
{
    static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "both", .mode = SHMETER_LIVE_SUM };
    struct exposition *store = values_new(segment);
    struct library library;
    struct shmeter *meter;
    assert_int_equal(library_load(&library, segment, flags), 0);
    library.gauge_add(4);
    dlclose(library.handle);
    assert_true(library_is_gone());
    assert_int_equal(values_take(store)->slots_live, 0);
    assert_int_equal(library_load(&library, segment, flags), 0);
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    shmeter_gauge_add(shmeter_gauge_of(shmeter_family(meter, &gauges)), 3);
    dlclose(library.handle);
    assert_true(library_is_gone());
    assert_int_equal(values_take(store)->slots_live, 1);
    assert_true(values_number(store, "both", NULL) == 3);
    shmeter_close(meter);
    assert_int_equal(values_take(store)->slots_live, 0);
    exposition_free(store);
}

static void
a_library_that_is_unloaded_without_a_close_is_closed(void **state)
{
    (void)state;
    unload_unclosed(place_path("unclosed"), 0);
    unload_unclosed(place_path("unclosed-apart"), RTLD_DEEPBIND);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_lives_on_when_the_library_is_unloaded),
        cmocka_unit_test(two_copies_of_the_header_in_one_process_share_one_slot),
        cmocka_unit_test(copies_that_do_not_see_each_other_share_one_slot_too),
        cmocka_unit_test(a_library_that_is_unloaded_without_a_close_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: dlclose LIBRARY\n");
        return 2;
    }
    library_path = argv[1];
    sched_getaffinity(0, sizeof allowed, &allowed);
    return place_run("dlclose", body);
}
