/*
 * Slots: processes claim them, die, and are succeeded, which takes a proof of death. A slot has one owner; what the
 * dead have retained is neither lost nor doubled; what a worker has set stays set, also when several of its threads
 * claim at once.
 */
#include "tests/model/world.h"

#define INITIAL 8 /* what a dead owner has left in slot 0: a value and what it was folded on before */

static struct {
    uint64_t owner[WORLD_SLOTS]; /* process + 1 that was told it has the slot                                        */
    uint64_t set[4];             /* actors that have set their gauge                                                 */
    uint64_t had_slot[4];
} ghost;

static uint64_t opened_n[PROCESSES]; /* how often a process has its meter open, where it closes it */

static uint32_t robbed; /* the process has a slot that is another's by now */

static uint32_t actors_n, slots_n, mode, one_process, dead_owners, gives_back, adds;

static double
value_of(const struct shmeter_gauge_cell *cell)
{
    return (cell->value ? shmeter_gauge_decode(cell->value) : 0) +
           (mode == SHMETER_SUM && cell->aux ? shmeter_gauge_decode(cell->aux) : 0);
}

/* The claim that a process was told of is its own, and nobody else's who is alive. */
static void
own(uint32_t process)
{
    uint64_t claim = SHMETER_CLAIM_KEY(processes[process].wiped.claim), idx = shmeter_slot_of(claim), owner;

    if (!claim)
        return;
    owner = segment.slots[idx].owner;
    if (SHMETER_OWNER_STATE(owner) != SHMETER_SLOT_LIVE || SHMETER_OWNER_PID(owner) != 100 + process)
        model_fail("process %u has claimed slot %u, which is %#llx", process, (uint32_t)idx, (unsigned long long)owner);
    if (ghost.owner[idx] && ghost.owner[idx] != process + 1 && !world_is_dead((uint32_t)ghost.owner[idx] - 1))
        model_fail("slot %u has two owners", (uint32_t)idx);
    ghost.owner[idx] = process + 1;
}

static void
worker(void *argument)
{
    uint32_t who = model_self(), process = world_self();
    struct shmeter_gauge gauge = world_gauge(process, mode, 0);
    (void)argument;

    shmeter_claim(world_attachment(process), INT64_MAX);
    own(process);
    if (adds)
        shmeter_gauge_add(gauge, 10 * (who + 1));
    else
        shmeter_gauge_set(gauge, 10 * (who + 1));
    ghost.had_slot[who] = SHMETER_CLAIM_KEY(processes[process].wiped.claim) != 0; /* also when it got one only now */
    own(process);
    ghost.set[who] = 1;
    if (gives_back) {
        uint64_t claim = SHMETER_CLAIM_KEY(processes[process].wiped.claim);
        if (claim)
            ghost.owner[(uint32_t)claim - 1] = 0;
        opened_n[process] = 0;
        shmeter_claim_release(world_attachment(process));
    }
}

/* As shmeter_close() and shmeter_open() do. */
static void
closes_and_opens(void *argument)
{
    struct shmeter_attachment *attachment = world_attachment(world_self());
    uint64_t seen = 1;
    (void)argument;

    shmeter_cas(&opened_n[world_self()], &seen, 0);
    shmeter_claim_release(attachment);
    shmeter_add(&opened_n[world_self()], 1);
    shmeter_claim_opened(attachment);
    shmeter_claim(attachment, INT64_MAX);
}

static void
attaches(void *argument)
{
    (void)argument;
    shmeter_claim(world_attachment(world_self()), INT64_MAX);
}

static void
forgets_and_claims(void *argument)
{
    (void)argument;
    shmeter_claim_forget(world_attachment(world_self()));
    shmeter_claim(world_attachment(world_self()), INT64_MAX);
}

static void (*first)(void *), (*second)(void *); /* what two threads do; NULL: both are workers */

static void
setup(void)
{
    static const char *const names[] = { "worker 0", "worker 1", "worker 2" };
    static const char family[] = "g\0\0";
    struct shmeter_definition definition;
    struct shmeter_binding binding;
    struct shmeter_values values = { 0, "" };
    uint32_t i;

    world_make(PROCESSES);
    memset(&ghost, 0, sizeof ghost);
    for (i = 0; i < PROCESSES; i++)
        world_attachment(i)->header.slots_n = slots_n;
    world_definition(&definition, family, SHMETER_GAUGE, mode, 0);
    world_bind(&binding, 0, &definition);
    shmeter_series_have(&binding, &definition, &values, 0, 1);
    for (i = 0; i < slots_n && dead_owners; i++) {
        segment.slots[i].owner = SHMETER_OWNER(SHMETER_SLOT_LIVE, 7, 1 + i);
        segment.slots[i].identity = SHMETER_IDENTITY(5, shmeter_namespaces_hash());
        segment.slots[i].image = UINT64_C(55) << 24;
        segment.slots[i].users = 1;
        segment.slots[i].backed = sizeof segment.blocks[0];
        segment.blocks[i].gauges[0].value = i ? 0 : shmeter_gauge_encode(INITIAL - 3);
        segment.blocks[i].gauges[0].aux = i || mode != SHMETER_SUM ? 0 : shmeter_gauge_encode(3);
    }
    for (i = 0; i < PROCESSES; i++) {
        opened_n[i] = 1;
        world_attachment(i)->opened_n = &opened_n[i];
    }
    model_keep(&ghost, sizeof ghost);
    if (robbed) {
        processes[0].wiped.claim = SHMETER_CLAIM(0, 6);
        processes[0].wiped.slot = SHMETER_ADDRESS(&segment.blocks[0]);
    }
    (second ? model_share : model_keep)(opened_n, sizeof opened_n);
    model_share(segment.slots, slots_n * sizeof segment.slots[0]);
    for (i = 0; i < slots_n; i++)
        model_share(segment.blocks[i].gauges, sizeof segment.blocks[i].gauges[0]);
    for (i = 0; i < actors_n; i++) {
        if (!i || !one_process) {
            (one_process ? model_share : model_keep)(&processes[i].wiped, sizeof processes[i].wiped);
            world_actor(names[i], i, i, first ? first : worker, NULL);
        } else {
            model_thread(names[i], i, second ? second : worker, NULL);
        }
    }
}

/*
 * What those have set who had a slot is there, also when they are dead or have given it back; of who died in it,
 * perhaps.
 */
static void
at_end_of_processes(void)
{
    double sum = 0, least = dead_owners ? INITIAL : 0, most;
    uint32_t i, with = 0;

    for (i = 0; i < slots_n; i++)
        sum += value_of(&segment.blocks[i].gauges[0]);
    for (i = 0; i < actors_n; i++)
        least += ghost.set[i] && ghost.had_slot[i] ? 10 * (i + 1) : 0;
    for (most = least, i = 0; i < actors_n; i++)
        most += model_is_dead(i) && !ghost.set[i] ? 10 * (i + 1) : 0;
    if (sum < least || sum > most)
        model_fail("the retained sum is %g, not %g to %g", sum, least, most);
    for (i = 0; i < actors_n && !gives_back; i++)
        if (!model_is_dead(i)) {
            own(i);
            with += SHMETER_CLAIM_KEY(processes[i].wiped.claim) != 0;
        }
    if (!gives_back && !model_deaths() && with != (slots_n < actors_n ? slots_n : actors_n))
        model_fail("%u processes have a slot", with);
}

/* All of them are in the process's one slot. */
static void
at_end_of_threads(void)
{
    const struct shmeter_gauge_cell *cell;
    uint64_t claim = SHMETER_CLAIM_KEY(processes[0].wiped.claim);
    double value;

    if (model_deaths())
        return;
    own(0);
    if (!claim) {
        model_fail("the process has no slot");
        return;
    }
    cell = &segment.blocks[(uint32_t)claim - 1].gauges[0];
    value = cell->value ? shmeter_gauge_decode(cell->value) : 0;
    if (adds ? value != 30 : value != 10 && value != 20)
        model_fail("the gauge that was %s is %g", adds ? "added 10 and 20 to" : "set to 10 and to 20", value);
    if (SHMETER_USERS_N(segment.slots[(uint32_t)claim - 1].users) != 1)
        model_fail("the slot has %llu users", (unsigned long long)segment.slots[(uint32_t)claim - 1].users);
}

/* Nothing is wild, and the open meter's process has its slot, once. */
static void
at_end_of_turns(void)
{
    uint64_t claim = SHMETER_CLAIM_KEY(processes[0].wiped.claim), idx = shmeter_slot_of(claim), users = 0;
    uint32_t i;

    own(0);
    if (opened_n[0] != 1 || !claim)
        model_fail("opened %llu times, claim %#llx", (unsigned long long)opened_n[0], (unsigned long long)claim);
    else if (processes[0].wiped.slot !=
             (processes[0].wiped.claim & SHMETER_CLAIM_MAPPED ? SHMETER_ADDRESS(&segment.blocks[idx]) : 0))
        model_fail("the slot's address is wild");
    for (i = 0; i < slots_n; i++)
        users += SHMETER_OWNER_PID(segment.slots[i].owner) == 100 &&
                         SHMETER_OWNER_STATE(segment.slots[i].owner) == SHMETER_SLOT_LIVE
                     ? SHMETER_USERS_N(segment.slots[i].users)
                     : 0;
    if (users != 1)
        model_fail("slots with %llu users", (unsigned long long)users);
    for (i = 0; i < slots_n; i++)
        if (world.mapped[i] && i != idx)
            model_fail("slot %u is locked, and nobody's", i);
}

static char name[128];
static struct model_case among_processes = {
    .name = name, .setup = setup, .at_end = at_end_of_processes, .die_anywhere = 1
};
static struct model_case among_threads = { .name = name, .setup = setup, .at_end = at_end_of_threads };

static struct model_case in_turns = { .name = name, .setup = setup, .at_end = at_end_of_turns };

static void
processes_of(uint32_t n, uint32_t slots, uint32_t dead, uint32_t give_back, uint32_t deaths)
{
    actors_n = n;
    slots_n = slots;
    dead_owners = dead;
    gives_back = give_back;
    mode = SHMETER_SUM;
    one_process = adds = 0;
    among_processes.deaths = deaths;
    snprintf(name, sizeof name, "%u processes claim %u slots%s%s", n, slots, dead ? " of dead owners" : "",
             give_back ? ", and give them back" : "");
}

static void
threads_of(uint32_t slots, uint32_t dead, uint32_t what)
{
    actors_n = 2;
    slots_n = slots;
    dead_owners = dead;
    gives_back = 0;
    adds = what == SHMETER_POOL;
    mode = what;
    one_process = 1;
    snprintf(name, sizeof name, "2 threads claim %u slots%s and %s a gauge", slots, dead ? " of dead owners" : "",
             adds ? "add to" : "set");
}

static void
turns_of(void (*one)(void *), void (*other)(void *), uint32_t slots, const char *words)
{
    threads_of(slots, slots == 1, SHMETER_LIVE_SUM);
    first = one;
    second = other;
    snprintf(name, sizeof name, "%s", words);
    expect_right(&in_turns, MEMORY_SC);
    if (report_long())
        expect_right(&in_turns, MEMORY_TSO);
    first = second = NULL;
}

static void
a_slot_has_one_owner_and_loses_nothing(void **state)
{
    (void)state;
    processes_of(2, 1, 1, 0, 1);
    expect_right(&among_processes, MEMORY_SC);
    processes_of(2, 2, 0, 0, 1);
    expect_right(&among_processes, MEMORY_SC);
    processes_of(2, 1, 1, 1, report_long() ? 1 : 0);
    expect_right(&among_processes, MEMORY_SC);
    processes_of(2, 1, 1, 0, 1);
    expect_right(&among_processes, MEMORY_TSO);
    processes_of(2, 1, 1, 0, report_long() ? 1 : 0);
    expect_right(&among_processes, MEMORY_WEAK);
    if (!report_long())
        return;
    processes_of(3, 1, 1, 0, 1);
    expect_right(&among_processes, MEMORY_SC);
    processes_of(3, 2, 1, 0, 0);
    expect_bounded(&among_processes, MEMORY_SC, 30000000);
}

static void
threads_that_claim_at_once_share_one_slot_and_lose_nothing(void **state)
{
    (void)state;
    threads_of(2, 0, SHMETER_LIVE_SUM);
    expect_right(&among_threads, MEMORY_SC);
    threads_of(2, 1, SHMETER_LIVE_SUM);
    expect_right(&among_threads, MEMORY_SC);
    threads_of(2, 1, SHMETER_POOL);
    expect_right(&among_threads, MEMORY_SC);
    if (report_long())
        expect_bounded(&among_threads, MEMORY_WEAK, 20000000);
}

static void
threads_that_claim_attach_and_close_leave_one_slot(void **state)
{
    (void)state;
    turns_of(attaches, attaches, 1, "2 threads attach");
    turns_of(attaches, closes_and_opens, 2, "a thread attaches, another closes and opens");
}

static void
two_threads_that_forget_a_slot_claim_one(void **state)
{
    (void)state;
    robbed = 1;
    turns_of(forgets_and_claims, forgets_and_claims, 1, "2 threads forget a slot that was robbed, and claim");
    robbed = 0;
}

/* As if nobody saw that the meter is open again. */
static uint64_t
always_closed(const void *at, uint64_t value, char order)
{
    (void)order;
    return at == (const void *)&opened_n[0] ? 0 : value;
}

/* As if the image's word told nothing of whose it is. */
static uint64_t
always_current(const void *at, uint64_t value, char order)
{
    uint32_t i;
    (void)order;

    for (i = 0; i < slots_n; i++)
        if (at == (const void *)&segment.slots[i].image)
            return SHMETER_IMAGE(value, SHMETER_OWNER_GENERATION(segment.slots[i].owner));
    return value;
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    processes_of(2, 1, 1, 0, 0);
    world_lies = 1;
    expect_wrong(&among_processes, MEMORY_SC, "takeover without proof");
    world_lies = 0;
    model_bugs.split_cas16 = 1;
    expect_wrong(&among_processes, MEMORY_SC, "a claim that is no compare-and-swap");
    model_bugs.split_cas16 = 0;
    threads_of(2, 1, SHMETER_POOL);
    model_lens = always_current;
    expect_wrong(&among_threads, MEMORY_SC, "a thread's claim that is taken for an earlier image's");
    model_lens = always_closed;
    first = attaches;
    second = closes_and_opens;
    expect_wrong(&in_turns, MEMORY_SC, "a slot that is given back whoever has opened meanwhile");
    first = second = NULL;
    model_lens = NULL;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_has_one_owner_and_loses_nothing),
        cmocka_unit_test(threads_that_claim_at_once_share_one_slot_and_lose_nothing),
        cmocka_unit_test(threads_that_claim_attach_and_close_leave_one_slot),
        cmocka_unit_test(two_threads_that_forget_a_slot_claim_one),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model slots", tests, NULL, NULL);
}
