/*
 * Workers that are killed before each of their accesses while they make and remove a series leave counts of visible
 * series that are wrong. Whoever meets a limit by them counts anew, so that it stays one of what is there. The header's
 * own code with hooked atomics.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/place.h"

#define LIMIT 8u

static uint64_t left = UINT64_MAX; /* accesses until this process is killed */

static void
before_access(void)
{
    if (left != UINT64_MAX && !left--)
        raise(SIGKILL);
}

static const char *const labels[] = { "job", NULL };
static struct shmeter *meter;

static const struct shmeter_family *
family_of(uint32_t max_series)
{
    struct shmeter_desc desc;

    memset(&desc, 0, sizeof desc);
    desc.type = SHMETER_COUNTER;
    desc.name = "job_total";
    desc.labels = labels;
    desc.max_series = max_series;
    return shmeter_family(meter, &desc);
}

static void
remove_x(const struct shmeter_family *family)
{
    static const char *const values[] = { "x" };

    shmeter_hide_v(family, values, 1);
}

static uint32_t
visible_n(void)
{
    const struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    struct shmeter_series_record *record;
    uint32_t n = 0;
    uint64_t unit = 0, at;
    int kind;

    while ((kind = shmeter_arena_next(attachment, &unit, &at)) >= 0) {
        record = kind == SHMETER_KIND_SERIES ? shmeter_arena_series(attachment, at) : NULL;
        n += record && SHMETER_STATE_KIND(record->state) == SHMETER_VISIBLE &&
             !shmeter_reuse_is_overflow(attachment, record, (uint32_t)at);
    }
    return n;
}

/* A worker that makes a series and removes it, and is killed before its access number at. 0: it has none so late. */
static int
kill_at(const struct shmeter_family *family, uint64_t at)
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        left = at;
        shmeter_counter_inc(shmeter_counter_of(family, "x"));
        remove_x(family);
        left = UINT64_MAX;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status);
}

static uint64_t
lost(void)
{
    const uint64_t *lines = &shmeter_meter_attachment(meter)->state->losses[0].value;

    return lines[8 * SHMETER_LOSS_SERIES_OVERFLOWED] + lines[8 * SHMETER_LOSS_SERIES_REFUSED];
}

/* max_series, of the family or of the segment, is LIMIT. */
static void
try_all(const char *path, uint32_t of_family, uint32_t of_segment)
{
    struct shmeter_options options = SHMETER_OPTIONS(.max_series = of_segment, .max_slots = 64);
    const struct shmeter_family *family;
    char name[16];
    uint32_t i, n;
    uint64_t at, kills = 0;

    assert_int_equal(shmeter_open(&meter, place_path(path), &options), 0);
    family = family_of(of_family);
    shmeter_counter_of(family, "kept");
    for (at = 0; kill_at(family, at) || at < 10; at++, kills++) { /* what it has left is finished by the next */
        remove_x(family);
        assert_true(at < 10000);
    }
    print_message("%llu kills, %llu series are counted where %u are visible\n", (unsigned long long)kills,
                  (unsigned long long)shmeter_family_binding(family)->record->series_n, visible_n());
    assert_true(kills > 50);
    assert_int_not_equal(shmeter_family_binding(family)->record->series_n, visible_n());
    shmeter_quiescent(meter);
    assert_int_equal(lost(), 0);
    for (i = 0; visible_n() < LIMIT; i++) {
        snprintf(name, sizeof name, "%u", i);
        n = visible_n();
        shmeter_counter_inc(shmeter_counter_of(family, name));
        assert_int_equal(visible_n(), n + 1);
    }
    assert_int_equal(lost(), 0);
    shmeter_counter_inc(shmeter_counter_of(family, "one more"));
    assert_int_equal(lost(), 1);
    assert_int_equal(visible_n(), LIMIT);
    shmeter_close(meter);
}

static void
a_familys_limit_is_of_what_is_there_whoever_was_killed(void **state)
{
    (void)state;
    try_all("family", LIMIT, 1000);
}

static void
a_segments_limit_is_of_what_is_there_whoever_was_killed(void **state)
{
    (void)state;
    try_all("segment", 1000, LIMIT);
}

static int
run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_familys_limit_is_of_what_is_there_whoever_was_killed),
        cmocka_unit_test(a_segments_limit_is_of_what_is_there_whoever_was_killed),
    };

    return cmocka_run_group_tests_name("recount", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("recount", run);
}
