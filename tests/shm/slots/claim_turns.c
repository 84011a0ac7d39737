/*
 * One thread of a process claims, gives back or uses its slot, and before each of its accesses to shared or wiped words
 * another one does something of that kind from begin to end. Whatever the turn, the process has one slot or none, the
 * address that gauges use is that slot's, nothing that was added is lost or doubled, and what is set when all is over
 * is exposed.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/shm/hooked.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

#define NEVER_REACHED 78 /* exit status when the first one has fewer accesses                                */
#define NO_LOCK       79 /* all is well, but the first one had the lock of the slot that the second one got          */
#define LAST          42.0

static struct {
    struct shmeter *meter;
    struct shmeter_attachment *attachment;
    struct shmeter_gauge live, pool;
    void (*second)(void);
    uint32_t turn, at; /* the second one runs before this access of the first one                            */
    int adds;          /* made so far                                                                       */
    const char *segment;
} scene;

static void
before_access(void)
{
    void (*second)(void) = scene.second;

    if (!second || ++scene.at != scene.turn)
        return;
    scene.second = NULL;
    second();
}

/* ---- what threads do ---- */

static void
add(void)
{
    scene.adds++;
    shmeter_gauge_add(scene.live, 1);
    shmeter_gauge_add(scene.pool, 1);
}

static void
attach(void)
{
    shmeter_attach_worker(scene.meter);
}

static void
beat(void)
{
    shmeter_heartbeat(scene.meter);
}

static void
close_meter(void)
{
    shmeter_close(scene.meter);
}

static void
open_meter(void)
{
    struct shmeter *again;

    if (shmeter_open(&again, scene.segment, NULL) || again != scene.meter)
        _exit(10);
}

/* What is set when the meter is open again is there, whatever a close in another thread still does. */
static void
open_and_set(void)
{
    open_meter();
    shmeter_gauge_set(scene.live, LAST);
}

static void
close_and_open(void)
{
    close_meter();
    open_meter();
}

static void
forget(void)
{
    shmeter_claim_forget(scene.attachment);
}

/* ---- where they begin ---- */

#define OTHERS_SLOT 1u /* the only one beside the parent's */

/* The slot's owner is the parent, who lives. */
static void
take_the_slot(void)
{
    struct shmeter_slot_word *slot = shmeter_slot_word_at(scene.attachment, OTHERS_SLOT);

    slot->owner = SHMETER_OWNER(SHMETER_SLOT_LIVE, SHMETER_OWNER_GENERATION(slot->owner) + 1, getppid());
    slot->identity = shmeter_slot_word_at(scene.attachment, 0)->identity;
    slot->lock = 0;
}

static void
give_the_slot(void)
{
    const struct shmeter_slot_word *slot = shmeter_slot_word_at(scene.attachment, OTHERS_SLOT);

    shmeter_slot_give(scene.attachment, OTHERS_SLOT, slot->owner, slot->identity);
}

static void
nothing(void)
{
}

/* Two adds while there is no slot, and then one is given back. */
static void
count_privately(void)
{
    take_the_slot();
    add();
    add();
    if (SHMETER_WIPED(scene.attachment)->slot)
        _exit(11);
    give_the_slot();
}

static void
have_a_slot(void)
{
    if (shmeter_attach_worker(scene.meter))
        _exit(12);
}

/* Another process has it by now. */
static void
be_robbed(void)
{
    have_a_slot();
    SHMETER_WIPED(scene.attachment)->claim &= ~SHMETER_CLAIM_MAPPED; /* only who has no lock can be */
    take_the_slot();
}

struct turns {
    const char *name;
    void (*begin)(void), (*first)(void), (*second)(void);
    int closes; /* 1: what was added before may be gone; 2: what was set last is there; 3: the meter is closed then */
    int robbed; /* no slot is left */
};

static const struct turns all[] = {
    { "first add, first add", nothing, add, add, 0, 0 },
    { "first add, attach", nothing, add, attach, 0, 0 },
    { "attach, first add", nothing, attach, add, 0, 0 },
    { "attach, attach", nothing, attach, attach, 0, 0 },
    { "first add, close and open", nothing, add, close_and_open, 1, 0 },
    { "attach, close and open", nothing, attach, close_and_open, 1, 0 },
    { "close and open, first add", have_a_slot, close_and_open, add, 1, 0 },
    { "close and open, attach", have_a_slot, close_and_open, attach, 1, 0 },
    { "close and open, close and open", have_a_slot, close_and_open, close_and_open, 1, 0 },
    { "close, open and set", have_a_slot, close_meter, open_and_set, 2, 0 },
    { "first add, close", nothing, add, close_meter, 3, 0 },
    { "attach, close", nothing, attach, close_meter, 3, 0 },
    { "add that carries, close", count_privately, add, close_meter, 3, 0 },
    { "add that carries, add", count_privately, add, add, 0, 0 },
    { "heartbeat that carries, add", count_privately, beat, add, 0, 0 },
    { "heartbeat that carries, attach", count_privately, beat, attach, 0, 0 },
    { "heartbeat that carries, close and open", count_privately, beat, close_and_open, 1, 0 },
    { "robbed: add, add", be_robbed, add, add, 1, 1 },
    { "robbed: forget, forget", be_robbed, forget, forget, 1, 1 },
    { "robbed: attach, add", be_robbed, attach, add, 1, 1 },
};

static int
check_slot(const struct turns *turns)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(scene.attachment);
    uint64_t claim = SHMETER_CLAIM_KEY(wiped->claim), owner;
    const struct shmeter_slot_word *slot = shmeter_slot_word_at(scene.attachment, OTHERS_SLOT);

    if (turns->robbed)
        return !claim && !wiped->slot && SHMETER_OWNER_PID(slot->owner) == (uint32_t)getppid() ? 0 : 20;
    if (!claim)
        return 21;
    owner = slot->owner;
    if (shmeter_slot_of(claim) != OTHERS_SLOT || !shmeter_slot_is_held(owner, claim))
        return 22;
    if (wiped->slot != (wiped->claim & SHMETER_CLAIM_MAPPED
                            ? SHMETER_ADDRESS(shmeter_slot_block_at(scene.attachment, OTHERS_SLOT))
                            : 0))
        return 23;
    return slot->users == SHMETER_USERS(1, SHMETER_OWNER_GENERATION(owner)) ? 0 : 24;
}

/* Nothing of it is left, and others can have the slot with its lock. */
static int
check_closed(void)
{
    const struct shmeter_wiped *wiped = SHMETER_WIPED(scene.attachment);
    uint64_t owner;
    uint32_t i;

    owner = shmeter_slot_word_at(scene.attachment, OTHERS_SLOT)->owner;
    if (SHMETER_CLAIM_KEY(wiped->claim) || wiped->slot ||
        (SHMETER_OWNER_STATE(owner) != SHMETER_SLOT_RELEASED && SHMETER_OWNER_PID(owner) == (uint32_t)getpid()))
        return 40;
    for (i = 0; i < SHMETER_HELD; i++)
        if (wiped->held[i].claim)
            return 41;
    return scene.meter->opened_n ? 42 : 0;
}

static int
check_set(void)
{
    struct exposition *store = values_new(scene.segment);

    return values_take(store) && values_number(store, "turns_live", NULL) == LAST ? 0 : 43;
}

static int
check_values(const struct turns *turns)
{
    struct exposition *store = values_new(scene.segment);
    double pool, live;

    if (!values_take(store))
        return 30;
    pool = values_number(store, "turns_pool", NULL);
    live = values_number(store, "turns_live", NULL);
    if (!turns->closes && scene.adds && (pool != scene.adds || live != scene.adds))
        return 31;
    shmeter_gauge_set(scene.live, LAST);
    if (!values_take(store))
        return 32;
    live = values_number(store, "turns_live", NULL);
    return turns->robbed ? (isnan(live) || live != LAST ? 0 : 33) : live == LAST ? 0 : 34;
}

/* One process: exits with NEVER_REACHED, 0, or what is wrong. */
static int
play(const struct turns *turns, uint32_t turn)
{
    int wrong;

    turns->begin();
    scene.at = 0;
    scene.turn = turn;
    scene.second = turns->second;
    turns->first();
    if (scene.second)
        return NEVER_REACHED;
    if (turns->closes == 3)
        return check_closed();
    if (!scene.meter->opened_n)
        return 9;
    if (!turns->robbed)
        beat(); /* who was closed in between claims at its next use */
    if (turns->closes == 2 && scene.meter->opened_n == 1 && check_set())
        return 43;
    wrong = check_slot(turns);
    if (!wrong)
        wrong = check_values(turns);
    return wrong ? wrong
           : shmeter_slot_is_mapped(shmeter_slot_word_at(scene.attachment, OTHERS_SLOT),
                                    shmeter_slot_word_at(scene.attachment, OTHERS_SLOT)->owner)
               ? 0
               : NO_LOCK;
}

static void
open_scene(void)
{
    static const struct shmeter_desc live = { .type = SHMETER_GAUGE, .name = "turns_live", .mode = SHMETER_LIVE_SUM },
                                     pool = { .type = SHMETER_GAUGE, .name = "turns_pool" };
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .group = -1, .max_slots = 2, .max_gauges = 2, .lane_bytes = 1 << 15
    };

    scene.segment = place_path("turns");
    assert_int_equal(shmeter_open(&scene.meter, scene.segment, &options), 0);
    scene.attachment = shmeter_meter_attachment(scene.meter);
    scene.live = shmeter_gauge_of(shmeter_family(scene.meter, &live));
    scene.pool = shmeter_gauge_of(shmeter_family(scene.meter, &pool));
}

static void
whatever_the_turn_a_process_has_one_slot_and_loses_nothing(void **state)
{
    uint32_t i, turn, without;
    pid_t child;
    int status;
    (void)state;

    open_scene();
    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (turn = 1, without = 0;; turn++) {
            child = fork();
            if (!child)
                _exit(play(&all[i], turn));
            status = place_wait(child);
            if (all[i].robbed)
                give_the_slot();
            if (status == NEVER_REACHED)
                break;
            without += status == NO_LOCK;
            if (status && status != NO_LOCK)
                fail_msg("%s, before access %u: %d", all[i].name, turn, status);
        }
        print_message("# %s: %u turns, %u without a lock\n", all[i].name, turn - 1, without);
        assert_true(turn > 4 && (without < turn / 2 || all[i].robbed));
    }
    shmeter_close(scene.meter);
}

/* ---- a copy of the header joins while the last one leaves ---- */

static struct {
    uint64_t owners, successors; /* claims */
} leaving;

/* The slot is given back, and another process claims it. */
static void
leave_to_a_successor(void)
{
    struct shmeter_claimant successor = {
        .self = { SHMETER_IDENTITY(9, 9), 0 }, .image = UINT64_C(5) << 24, .pid = 1, .fd = -1
    };
    uint64_t seen[2];

    shmeter_slot_leave(scene.attachment, leaving.owners);
    shmeter_slot_owner(shmeter_slot_word_at(scene.attachment, shmeter_slot_of(leaving.owners)), seen);
    if (SHMETER_OWNER_STATE(seen[0]) == SHMETER_SLOT_RELEASED &&
        shmeter_slot_take(scene.attachment, &successor, shmeter_slot_of(leaving.owners), seen, 0,
                          &leaving.successors) != 1)
        _exit(50);
}

/* In a child: exits with NEVER_REACHED, 0, or what is wrong. */
static int
join_meanwhile(uint32_t turn)
{
    const struct shmeter_slot_word *word;
    struct shmeter_claimant copy = { .fd = -1, .joins = 1 };
    uint64_t seen[2];
    int64_t idx;
    int joined;

    attach();
    leaving.owners = SHMETER_CLAIM_KEY(SHMETER_WIPED(scene.attachment)->claim);
    word = shmeter_slot_word_at(scene.attachment, shmeter_slot_of(leaving.owners));
    shmeter_claim_identify(scene.attachment, &copy);
    scene.at = 0;
    scene.turn = turn;
    scene.second = leave_to_a_successor;
    idx = shmeter_slot_own(scene.attachment, &copy, seen, &joined);
    if (scene.second)
        return NEVER_REACHED;
    if (joined)
        shmeter_slot_leave(scene.attachment, SHMETER_CLAIM((uint64_t)idx, SHMETER_OWNER_GENERATION(seen[0])));
    if (leaving.successors)
        shmeter_slot_leave(scene.attachment, leaving.successors);
    return SHMETER_OWNER_STATE(word->owner) == SHMETER_SLOT_RELEASED ? 0 : 51;
}

static void
whatever_the_turn_a_slot_is_given_back_by_the_last_of_its_owners_copies(void **state)
{
    uint32_t turn;
    int status = 0;
    pid_t child;
    (void)state;

    open_scene();
    for (turn = 1; status != NEVER_REACHED; turn++) {
        child = fork();
        if (!child)
            _exit(join_meanwhile(turn));
        status = place_wait(child);
        if (status && status != NEVER_REACHED)
            fail_msg("before access %u: %d", turn, status);
    }
    assert_true(turn > 6);
    shmeter_close(scene.meter);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_turn_a_process_has_one_slot_and_loses_nothing),
        cmocka_unit_test(whatever_the_turn_a_slot_is_given_back_by_the_last_of_its_owners_copies),
    };
    return cmocka_run_group_tests_name("claim_turns", tests, NULL, NULL);
}

int
main(void)
{
    return place_run("claim-turns", body);
}
