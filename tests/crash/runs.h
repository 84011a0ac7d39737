/*
 * What the operations do, and what is arranged for them. Included by ops.c.
 */
#ifndef SHMETER_TESTS_CRASH_RUNS_H
#define SHMETER_TESTS_CRASH_RUNS_H

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "tests/crash/updates.h"

/* ---- slots ---- */

static void
run_claim(void)
{
    shmeter_attach_worker(world.meter);
}

static void
last_words(void)
{
    uint32_t i;

    begin_worker();
    shmeter_heartbeat(world.meter);
    shmeter_check(world.meter, "door", SHMETER_DEGRADED, "ajar");
    for (i = 0; i < MODES; i++)
        if (i != SHMETER_POOL)
            shmeter_gauge_set(world.gauges[i], 100 + i);
    shmeter_gauge_add(world.gauges[SHMETER_POOL], 1);
}

/* Every slot but the parent's has had two owners, one after the other, all of them dead, and of another program. */
static void
arrange_dead(void)
{
    struct shmeter_slot_word *word;
    uint32_t i;

    for (i = 0; i < 6; i++)
        world_in_a_child(last_words);
    for (i = 1; i < 4; i++) {
        word = shmeter_slot_word_at(shmeter_meter_attachment(world.meter), i);
        word->image ^= UINT64_C(1) << 40;
        /* Pids come round: with one that somebody has by then, takeovers would go another way. */
        word->owner = SHMETER_OWNER(SHMETER_OWNER_STATE(word->owner), SHMETER_OWNER_GENERATION(word->owner),
                                    INT32_MAX - i);
    }
}

static void
begin_gauges(void)
{
    last_words();
}

static void
run_close(void)
{
    shmeter_close(world.meter);
}

static void
run_heartbeat(void)
{
    shmeter_heartbeat(world.meter);
}

static void
run_busy(void)
{
    shmeter_busy(world.meter);
    shmeter_idle(world.meter);
}

static void
run_check(void)
{
    shmeter_check(world.meter, "door", SHMETER_FAILING, "open");
}

/* ---- attachment ---- */

static void
run_open(void)
{
    world_open();
}

/* In a root directory that holds nothing but the segment: no /proc. */
static void
begin_without_proc(void)
{
    char directory[sizeof world.path];

    world_forget();
    snprintf(directory, sizeof directory, "%s", world.path);
    *strrchr(directory, '/') = 0;
    memmove(world.path, strrchr(world.path, '/'), strlen(strrchr(world.path, '/')) + 1);
    if (chroot(directory) && (unshare(CLONE_NEWUSER) || chroot(directory)))
        world_fail("chroot");
}

static void
make_again(void)
{
    world_forget();
    world_make(world.path, &world.shape);
}

/* Another segment has the name now; handles of the parent lead to the old one. */
static void
arrange_another(void)
{
    if (unlink(world.path))
        world_fail("unlink");
    world_in_a_child(make_again);
}

/* ---- registration ---- */

static void
run_family(void)
{
    world_family("crash_new_total", (struct shmeter_desc){ .type = SHMETER_COUNTER });
}

static void
run_family_histogram(void)
{
    static const double bounds[] = { 0.5, 1, 2.5, 5, 10, 25, 50 };

    world_family("crash_new", (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .bounds = bounds, .bounds_len = 7 });
}

static void
run_series(void)
{
    shmeter_counter_of(world.counters, "new");
}

static void
run_series_fraction(void)
{
    shmeter_counter_f64_of(world.fractions, "new");
}

static void
run_series_histogram(void)
{
    shmeter_histogram_of(world.classics, "new");
}

static void
run_series_lookup(void)
{
    shmeter_counter_of(world.counters, "a");
}

static void
run_series_repaired(void)
{
    shmeter_counter_of(world.counters, "n\xffw");
}

static void
run_overflow(void)
{
    shmeter_counter_of(world.limited, "b");
}

static void
run_new_gauge(void)
{
    shmeter_gauge_set(shmeter_gauge_of(world_family(
                          "crash_new", (struct shmeter_desc){ .type = SHMETER_GAUGE, .mode = SHMETER_LIVE_SUM })),
                      3);
}

static void
run_info(void)
{
    shmeter_info_of(world_family("crash_build_info", (struct shmeter_desc){ .type = SHMETER_INFO }), "1.0");
}

/* ---- registration and update, as programs do it first ---- */

static void
run_first_add(void)
{
    shmeter_counter_add(shmeter_counter_of(world.counters, "new"), 5);
}

static void
run_first_observe(void)
{
    static const double bounds[] = { 1, 2, 4 };

    shmeter_histogram_observe(
        shmeter_histogram_of(
            world_family("crash_new",
                         (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .bounds = bounds, .bounds_len = 3 }),
            "a"),
        1.25);
}

static void
run_all(void)
{
    world_open();
    world.counters = world_family("crash_counter_total", (struct shmeter_desc){ .type = SHMETER_COUNTER });
    run_first_add();
}

/* Uses the first chunk of records and of cells up, but for less than the next series needs. */
static void
arrange_full_chunk(void)
{
    char value[240] = "";
    uint32_t i;

    world.wide = world_family(
        "crash_wide",
        (struct shmeter_desc){ .type = SHMETER_HISTOGRAM, .schema = 8, .min_value = 1, .max_value = 2.25 });
    memset(value, 'x', sizeof value - 1);
    for (i = 0; i < 300 && world_state()->records_fill.value + 2048 + 512 < 32768; i++) {
        value[i % 200] = (char)('a' + i / 200);
        shmeter_counter_of(world.counters, value);
    }
    for (i = 0; world_state()->cells_fill.value + world.wide->definition.cell_bytes <= 32768; i++) {
        snprintf(value, sizeof value, "%u", i);
        shmeter_histogram_of(world.wide, value);
    }
    while (world_state()->records_fill.value + 128 <= 32768) {
        snprintf(value, sizeof value, "g%u", i++);
        shmeter_info_of(world_family("crash_filler_info", (struct shmeter_desc){ .type = SHMETER_INFO }), value);
    }
    if (world_state()->cells_backed.value != 32768 || world_state()->records_backed.value != 32768)
        world_fail("chunks are not as they should be");
}

static void
run_backing(void)
{
    static const char value[] =
        "a value so long that its record needs the chunk of records that comes next, for it has "
        "more than two units of sixty-four bytes";

    shmeter_histogram_of(world.wide, value);
}

/* ---- hiding ---- */

static void
run_hide(void)
{
    static const char *const values[] = { "a" };

    shmeter_hide_v(world.counters, values, 1);
}

static void
run_hide_gauge(void)
{
    shmeter_hide_v(world.modes[SHMETER_SUM], NULL, 0);
}

static void
arrange_many(void)
{
    shmeter_counter_inc(shmeter_counter_of(world.counters, "b"));
    shmeter_counter_inc(shmeter_counter_of(world.counters, "c"));
}

/* So many that a reader does not look at all of them each time, behind those that the operations hide. */
static void
arrange_crowd(void)
{
    char value[16];
    uint32_t i;

    for (i = 0; i < 460; i++) {
        snprintf(value, sizeof value, "s%u", i);
        shmeter_counter_of(world.counters, value);
    }
}

static void
run_hide_all(void)
{
    shmeter_hide_all(world.counters);
}

static void
arrange_hidden(void)
{
    run_hide();
    arrange_dead();
    run_hide_gauge();
}

static void
arrange_hidden_in_crowd(void)
{
    arrange_crowd();
    run_hide_gauge();
}

static void
run_show_gauge(void)
{
    shmeter_gauge_set(shmeter_gauge_of(world.modes[SHMETER_SUM]), 3);
}

#endif
