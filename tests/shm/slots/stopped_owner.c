/*
 * A worker is stopped while it claims its slot and while it updates gauges, behind each of its accesses to the words
 * that matter (tests/shm/slots/watch.h). Meanwhile others claim until no slot is left, die, and are succeeded, three
 * times over. The stopped one is not robbed and delays nobody; let go on, it ends as if nothing had been, and all
 * totals are exact.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/shm/slots/watch.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define SLOTS       4u
#define FIRST       1u /* slot that the stopped worker gets when nobody is faster: 0 is the test's own        */
#define WAVES       3u
#define OTHERS      (WAVES * SLOTS + SLOTS)
#define ROUNDS      2u /* of updates of the stopped worker                                                  */
#define SHARE       4.0
#define OTHER_SHARE 16.0
#define LOWEST      (-3.0)
#define OTHER_MIN   (-1.0)

enum gauge { SUM, POOL, LIVE_SUM, MIN, GAUGES };
enum said { NOTHING, CLAIMED, REFUSED };
enum watched { SLOT_OWNERS, SLOT_WORDS, CELLS, WATCHED };
/* Exit status of a scenario's process: what the worker had when it was stopped, or why there is no answer. */
enum ended { HAD_NO_SLOT, WAS_CLAIMING, WAS_LIVE, WRONG, NEVER_STOPPED };

static const char *const names[GAUGES] = { "stop_sum", "stop_pool", "stop_live_sum", "stop_min" };
static const enum shmeter_mode modes[GAUGES] = { SHMETER_SUM, SHMETER_POOL, SHMETER_LIVE_SUM, SHMETER_MIN };

static struct {
    struct shmeter *meter;
    const struct shmeter_attachment *attachment;
    struct scrape *scrape;
    struct shmeter_gauge gauges[GAUGES];
    struct shmeter_counter counter;
    uint32_t *said; /* by each of the others, and last by the stopped worker: shared                           */
    pid_t stopped, others[OTHERS];
    uint32_t others_n, live_n;
    double sum, count; /* what must have been counted                                                       */
    uint64_t exhausted;
    char stop[64];
} scene;

static void
must(int good, const char *what)
{
    if (good)
        return;
    printf("# stopped behind access %s: %s\n", scene.stop, what);
    fflush(stdout);
    exit(WRONG);
}

static void
must_show(const char *name, double wanted)
{
    double got = scrape_value(scene.scrape, "%s", name);
    char text[128];

    snprintf(text, sizeof text, "%s is %g instead of %g", name, got, wanted);
    must(got == wanted || (isnan(got) && isnan(wanted)), text);
}

static struct shmeter_slot_word *
slot_word(uint32_t idx)
{
    return shmeter_slot_word_at(scene.attachment, idx);
}

static void
open_segment(void)
{
    static struct shmeter_desc descs[GAUGES], total;
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .worker = "first", .group = -1, .max_slots = SLOTS, .max_gauges = 16
    };
    const char *path = scratch_path("stopped");
    uint32_t i;

    must(!shmeter_open(&scene.meter, path, &options), "no segment");
    for (i = 0; i < GAUGES; i++) {
        descs[i] = (struct shmeter_desc){ .type = SHMETER_GAUGE, .name = names[i], .mode = modes[i] };
        scene.gauges[i] = shmeter_gauge_of(shmeter_family(scene.meter, &descs[i]));
    }
    total = (struct shmeter_desc){ .type = SHMETER_COUNTER, .name = "stop_total" };
    scene.counter = shmeter_counter_of(shmeter_family(scene.meter, &total));
    scene.attachment = shmeter_meter_attachment(scene.meter);
    scene.scrape = scrape_open(path);
    scene.said = scratch_shared((OTHERS + 1) * sizeof *scene.said);
}

static void
update(double share, double lowest)
{
    shmeter_gauge_add(scene.gauges[SUM], 1);
    shmeter_gauge_add(scene.gauges[POOL], share);
    shmeter_gauge_add(scene.gauges[LIVE_SUM], share);
    shmeter_gauge_set(scene.gauges[MIN], lowest);
    shmeter_counter_inc(scene.counter);
}

static void
say(uint32_t who, enum said what)
{
    __atomic_store_n(&scene.said[who], what, __ATOMIC_RELEASE);
}

/* One more process claims a slot. Returns whether it got one. */
static int
another_claims(void)
{
    uint32_t who = scene.others_n++;

    must(who < OTHERS, "there is always one more slot");
    scene.others[who] = scratch_fork();
    if (!scene.others[who]) {
        if (shmeter_attach_worker(scene.meter)) {
            say(who, REFUSED);
            _exit(0);
        }
        update(OTHER_SHARE, OTHER_MIN);
        say(who, CLAIMED);
        for (;;)
            pause();
    }
    must(!scratch_until(&scene.said[who], CLAIMED), "another worker waits for the stopped one");
    if (scene.said[who] == REFUSED) {
        must(scratch_wait(scene.others[who]) == 0, "a worker without a slot has not ended well");
        scene.others[who] = 0;
        scene.exhausted++;
        return 0;
    }
    scene.live_n++;
    scene.sum++;
    scene.count++;
    return 1;
}

/* Kills of the others that live, the eldest first, until so many do. */
static void
kill_others(uint32_t left)
{
    uint32_t i;

    for (i = 0; i < scene.others_n && scene.live_n > left; i++)
        if (scene.others[i]) {
            kill(scene.others[i], SIGKILL);
            scratch_wait(scene.others[i]);
            scene.others[i] = 0;
            scene.live_n--;
        }
}

static void
exhaust(void)
{
    while (another_claims())
        ;
}

static uint64_t *
own_cell(enum gauge gauge)
{
    return (uint64_t *)(void *)(shmeter_slot_block_at(scene.attachment, FIRST) +
                                SHMETER_GAUGE_OFFSET(scene.gauges[gauge].cell));
}

static uint64_t *
common_cell(enum gauge gauge)
{
    const struct shmeter_header *header = &scene.attachment->header;

    return (uint64_t *)(void *)(scene.attachment->base + header->common_off +
                                SHMETER_GAUGE_OFFSET(scene.gauges[gauge].cell) - header->gauges_off);
}

static void
choose_words(enum watched watched, uint64_t *words[WATCH_WORDS])
{
    struct shmeter_slot_word *first = slot_word(FIRST);
    uint32_t i;

    switch (watched) {
    case SLOT_OWNERS:
        for (i = 0; i < WATCH_WORDS; i++)
            words[i] = &slot_word(i)->owner;
        return;
    case SLOT_WORDS:
        words[0] = &first->image;
        words[1] = &first->backed;
        words[2] = &first->claimed_ticks;
        words[3] = &first->users;
        return;
    default:
        words[0] = own_cell(SUM);
        words[1] = own_cell(POOL);
        words[2] = common_cell(POOL);
        words[3] = own_cell(MIN);
    }
}

/* The worker that is going to be stopped: in its second round too, when the first one was not interrupted. */
static void
start_stopped(void)
{
    uint32_t round;

    scene.stopped = scratch_fork();
    if (scene.stopped)
        return;
    watch_me();
    if (shmeter_attach_worker(scene.meter)) {
        say(OTHERS, REFUSED);
        _exit(0);
    }
    for (round = 0; round < ROUNDS; round++)
        update(SHARE, LOWEST);
    watch_end();
    say(OTHERS, CLAIMED);
    for (;;)
        pause();
}

/* The stopped worker's slot and its owner words; SLOTS when it has none. */
static uint32_t
held_slot(uint64_t owner[2])
{
    uint32_t i;

    for (i = 0; i < SLOTS; i++) {
        shmeter_slot_owner(slot_word(i), owner);
        if (SHMETER_OWNER_PID(owner[0]) == (uint32_t)scene.stopped)
            return i;
    }
    return SLOTS;
}

/* While it is stopped: it keeps what it has, and nobody waits for it. */
static enum ended
live_around_it(void)
{
    uint64_t owner[2], now[2];
    uint32_t wave, held = held_slot(owner);

    for (wave = 0; wave < WAVES; wave++) {
        exhaust();
        must(scene.live_n == SLOTS - 1 - (held < SLOTS), "slots are left, or too many are");
        must(held_slot(now) == held, "its slot is somebody else's");
        must(held == SLOTS || (now[0] == owner[0] && now[1] == owner[1]), "its slot has been touched");
        kill_others(wave + 1 < WAVES ? 0 : 1);
    }
    if (held == SLOTS)
        return HAD_NO_SLOT;
    return SHMETER_OWNER_STATE(owner[0]) == SHMETER_SLOT_LIVE ? WAS_LIVE : WAS_CLAIMING;
}

static void
go_on(void)
{
    const struct segment_status *status;

    watch_continue(scene.stopped);
    must(!scratch_until(&scene.said[OTHERS], CLAIMED), "it does not go on");
    must(scene.said[OTHERS] == CLAIMED, "it has got no slot, though the dead have some");
    scene.sum += ROUNDS;
    scene.count += ROUNDS;
    scrape_take(scene.scrape);
    must_show("stop_sum", scene.sum);
    must_show("stop_total", scene.count);
    must_show("stop_pool", ROUNDS * SHARE + scene.live_n * OTHER_SHARE);
    must_show("stop_live_sum", ROUNDS * SHARE + scene.live_n * OTHER_SHARE);
    must_show("stop_min", LOWEST);
    status = scrape_status(scene.scrape);
    must(status->losses[SHMETER_LOSS_SLOTS_EXHAUSTED] == scene.exhausted, "claims in vain are not counted right");
    must(status->losses[SHMETER_LOSS_SLOTS_ROBBED] == 0, "a slot was robbed");
    must(status->slots_live == 2 + scene.live_n, "not all that live have a slot");
}

/* n-th access; dead: all slots but the test's own have had owners, whose gauges are to be folded. */
static void
play(enum watched watched, uint32_t n, int dead)
{
    uint64_t *words[WATCH_WORDS];
    enum ended had;

    snprintf(scene.stop, sizeof scene.stop, "%u to words %u%s", n, (unsigned)watched,
             dead ? ", slots of the dead" : "");
    open_segment();
    if (dead) {
        exhaust();
        kill_others(0);
    }
    choose_words(watched, words);
    watch_for(words, n);
    start_stopped();
    if (watch_run(scene.stopped))
        exit(NEVER_STOPPED);
    had = live_around_it();
    go_on();
    exit((int)had);
}

static void
stop_at_each_access(enum watched watched, const uint32_t least[WAS_LIVE + 1])
{
    uint32_t n, dead, stops[WAS_LIVE + 1] = { 0 }, i;
    const char *why_not = watch_why_not();
    int ended;

    if (why_not) {
        print_message("# %s\n", why_not);
        skip();
    }
    for (dead = 0; dead < 2; dead++)
        for (n = 1;; n++) {
            pid_t pid = scratch_fork();
            if (!pid)
                play(watched, n, (int)dead);
            ended = scratch_wait(pid);
            scratch_remove("stopped");
            if (ended == NEVER_STOPPED)
                break;
            if (ended > WAS_LIVE)
                fail_msg("stopped behind access %u, the worker or others fail: %d", n, ended);
            stops[ended]++;
        }
    print_message("# stopped %u times without a slot, %u times while it claimed one, %u times with one\n",
                  stops[HAD_NO_SLOT], stops[WAS_CLAIMING], stops[WAS_LIVE]);
    for (i = 0; i <= WAS_LIVE; i++)
        assert_true(stops[i] >= least[i]);
}

static void
a_worker_stopped_while_it_looks_for_a_slot_delays_nobody(void **state)
{
    (void)state;
    stop_at_each_access(SLOT_OWNERS, watch_sees_loads() ? (uint32_t[]){ 8, 2, 1 } : (uint32_t[]){ 0, 2, 1 });
}

static void
a_worker_stopped_while_it_takes_a_slot_keeps_it(void **state)
{
    (void)state;
    stop_at_each_access(SLOT_WORDS, (uint32_t[]){ 0, 4, 0 });
}

static void
a_worker_stopped_within_a_gauge_update_keeps_its_slot_and_its_values(void **state)
{
    (void)state;
    stop_at_each_access(CELLS, watch_sees_loads() ? (uint32_t[]){ 0, 4, 12 } : (uint32_t[]){ 0, 2, 8 });
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_stopped_while_it_looks_for_a_slot_delays_nobody),
        cmocka_unit_test(a_worker_stopped_while_it_takes_a_slot_keeps_it),
        cmocka_unit_test(a_worker_stopped_within_a_gauge_update_keeps_its_slot_and_its_values),
    };

    if (argc > 1 && !strcmp(argv[1], "--without-debug-registers"))
        watch_without_debug_registers();
    printf("# stopped behind %s\n", watch_sees_loads() ? "each access" : "each access that changes a word");
    scratch_path("stopped"); /* the directory is this process's */
    return cmocka_run_group_tests_name("stopped_owner", tests, NULL, NULL);
}
