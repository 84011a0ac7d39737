/*
 * The list of what a process has open: threads that open, give up and claim the slot at once list everything once; and
 * a reader never takes an entry for one of another owner of the slot.
 */
#include "tests/model/world.h"

#include "read/snapshot/shown/force.c"

#define UNIT    4u /* of the first family; each has two units */
#define SEEDED  1u /* the list is made before the claim */
#define PROCESS 0u

enum what { OPENS, OPENS_THE_SAME, GIVES_UP, TAKES_AGAIN, BINDS, CLAIMS };

static const enum what *whats;
static uint32_t actors_n;

static struct {
    struct shmeter_family families[3];
    struct shmeter_binding bindings[3];
} private;

static struct shmeter meter;

static struct shmeter_slot_block *
block_of(uint32_t slot)
{
    return &segment.blocks[slot].block;
}

/* The first two claim a slot that has no owner yet. */
static void
thread(void *argument)
{
    uint32_t who = model_self();
    enum what what = *(const enum what *)argument;
    struct shmeter_attachment *attachment = world_attachment(PROCESS);
    struct shmeter_wiped *wiped = &processes[PROCESS].wiped;
    struct shmeter_binding *binding = &private.bindings[who];
    uint64_t none = 0;

    switch (what) {
    case OPENS_THE_SAME:
        binding = &private.bindings[0];
        shmeter_binding_open(binding);
        break;
    case OPENS:
        shmeter_binding_open(binding);
        break;
    case GIVES_UP: /* the first family, as shmeter_family_forget() does */
        shmeter_family_give_up(&private.families[0]);
        shmeter_family_settle(&private.families[0], &private.bindings[0]);
        break;
    case TAKES_AGAIN: /* as shmeter_family() does */
        shmeter_family_accept(&private.families[0]);
        if (!shmeter_load_relaxed(&private.bindings[0].opened))
            shmeter_family_settle(&private.families[0], &private.bindings[0]);
        break;
    case BINDS:
        shmeter_store_release(&private.families[who].binding, SHMETER_ADDRESS(binding));
        shmeter_family_settle(&private.families[who], binding);
        break;
    case CLAIMS:
        if (model_bugs.other == SEEDED)
            shmeter_family_all(attachment, shmeter_family_settle);
        shmeter_cas(&wiped->claim, &none, UINT64_C(7) << 32 | 1);
        if (model_bugs.other != SEEDED)
            shmeter_family_all(attachment, shmeter_family_settle);
        break;
    }
}

static void
setup_private(void)
{
    uint32_t i;

    memset(&private, 0, sizeof private);
    memset(&meter, 0, sizeof meter);
    for (i = 0; i < 3; i++) {
        struct shmeter_family_record *record =
            (struct shmeter_family_record *)(void *)((unsigned char *)segment.records +
                                                     (size_t)(UNIT + 2 * i) * SHMETER_UNIT_BYTES);
        private.bindings[i].attachment = world_attachment(PROCESS);
        private.bindings[i].record = record;
        private.bindings[i].unit = UNIT + 2 * i;
        private.families[i].meter = &meter;
        private.families[i].first = &private.families[i];
        private.families[i].next = i ? &private.families[i - 1] : NULL;
    }
    meter.attachment = SHMETER_ADDRESS(world_attachment(PROCESS));
    meter.families = SHMETER_ADDRESS(&private.families[2]);
    shmeter_process_v3.meters = SHMETER_ADDRESS(&meter);
}

static void
setup(void)
{
    static const char *const names[] = { "thread 0", "thread 1", "thread 2" };
    struct shmeter_slot_block *block = block_of(0);
    uint32_t i, claimed = 1;

    world_make(1);
    setup_private();
    segment.slots[0].owner = block->opened_of = SHMETER_OWNER(SHMETER_SLOT_LIVE, 7, 100);
    for (i = 0; i < actors_n; i++) {
        claimed &= whats[i] != CLAIMS;
        if (whats[i] == GIVES_UP) {
            private.families[0].binding = SHMETER_ADDRESS(&private.bindings[0]);
            shmeter_family_accept(&private.families[0]);
            block->opened[0] = SHMETER_OPENED_ENTRY(UNIT, 1);
            private.bindings[0].opened = private.bindings[0].record->opened = segment.state.opens.value = 1;
        }
    }
    processes[PROCESS].wiped.claim = claimed ? UINT64_C(7) << 32 | 1 : 0;
    model_share(&segment.state.opens.value, 8);
    model_share(private.bindings[0].record, 3 * sizeof *private.bindings[0].record);
    model_share(private.bindings, sizeof private.bindings);
    model_share(&private.families[0].holder, 3 * sizeof(uint64_t)); /* accepted and binding too */
    model_share(block->opened, 4 * sizeof block->opened[0]);
    model_share(&processes[PROCESS].wiped.claim, 8);
    for (i = 0; i < actors_n; i++)
        (i ? model_thread : model_actor)(names[i], i, thread, (void *)(uintptr_t)&whats[i]);
}

/*
 * Each family that somebody has opened is there once, with the number that its process knows, and the last one of its
 * record.
 */
static void
at_end(void)
{
    const struct shmeter_slot_block *block = block_of(0);
    uint32_t i, k, n;

    for (i = 0; i < actors_n; i++) {
        uint32_t number = (uint32_t) private.bindings[i].opened;
        int refused = private.families[i].accepted != private.families[i].holder;
        if ((number == 0) != refused && whats[0] == GIVES_UP && !i)
            model_fail("family %u, open %u, %s its name", i, number, refused ? "does not have" : "has");
        for (k = n = 0; k < SHMETER_OPENED && block->opened[k]; k++)
            if (SHMETER_OPENED_UNIT(block->opened[k]) == private.bindings[i].unit &&
                SHMETER_OPENED_NUMBER(block->opened[k])) {
                n++;
                if (SHMETER_OPENED_NUMBER(block->opened[k]) != number)
                    model_fail("family %u is listed with number %u, not %u", i, SHMETER_OPENED_NUMBER(block->opened[k]),
                               number);
            }
        if (n != (number != 0))
            model_fail("family %u, open %u, is listed %u times", i, number, n);
        if (number > private.bindings[i].record->opened)
            model_fail("the record of family %u has number %u", i, (uint32_t) private.bindings[i].record->opened);
    }
    if (block->opened[3])
        model_fail("the list has more entries than families");
}

static char name[96];
static struct model_case threads = { .name = name, .setup = setup, .at_end = at_end };

static void
threads_that(const char *words, uint32_t n, const enum what *what)
{
    actors_n = n;
    whats = what;
    snprintf(name, sizeof name, "%s", words);
}

static const enum what open_two[] = { OPENS, OPENS }, open_one[] = { OPENS, OPENS_THE_SAME },
                       take_off[] = { GIVES_UP, OPENS }, again[] = { GIVES_UP, TAKES_AGAIN },
                       claim[] = { BINDS, CLAIMS }, open_three[] = { OPENS, OPENS_THE_SAME, OPENS };

static void
threads_that_open_and_claim_at_once_list_each_family_once(void **state)
{
    enum memory memory;
    (void)state;
    for (memory = MEMORY_SC; memory <= MEMORY_WEAK; memory++) {
        threads_that("two threads open two families", 2, open_two);
        expect_right(&threads, memory);
        threads_that("two threads open one family", 2, open_one);
        expect_right(&threads, memory);
        threads_that("one thread opens a family, another one gives one up", 2, take_off);
        expect_right(&threads, memory);
        threads_that("one thread gives a family up, another one opens it", 2, again);
        expect_right(&threads, memory);
        threads_that("one thread opens a family, another one claims the slot", 2, claim);
        expect_right(&threads, memory);
    }
    threads_that("three threads open two families", 3, open_three);
    expect_right(&threads, MEMORY_SC);
}

/* ---- the slot's next owner, and a reader ---- */

static struct shmeter_reader exporter;
static struct snapshot snapshot = { .reader = &exporter };
static struct snapshot_slot slots[WORLD_SLOTS];
static struct snapshot_family families[2];
static uint32_t reads_next; /* the reader knows the next owner, else the one before */

static void
next_owner(void *argument)
{
    uint64_t seen[2] = { SHMETER_OWNER(SHMETER_SLOT_LIVE, 7, 100), 0 };
    uint64_t own = SHMETER_OWNER(SHMETER_SLOT_CLAIMING, 8, 101), number;
    struct shmeter_attachment *attachment = world_attachment(PROCESS);
    (void)argument;

    shmeter_cas16(&segment.slots[0], seen, own, 0);
    shmeter_opened_begin(attachment, 0);
    seen[0] = own;
    seen[1] = 0;
    shmeter_cas16(&segment.slots[0], seen, SHMETER_OWNER(SHMETER_SLOT_LIVE, 8, 101), 0);
    processes[PROCESS].wiped.claim = UINT64_C(8) << 32 | 1;
    number = shmeter_opened_number(attachment, private.bindings[1].record);
    shmeter_opened_put(attachment, private.bindings[1].unit, number);
}

static void
reader(void *argument)
{
    (void)argument;
    read_list(&snapshot, 0);
    if (families[!reads_next].open_n)
        model_fail("an entry of another owner");
    if (families[1].open_n && families[1].open != 2)
        model_fail("number %u", (uint32_t)families[1].open);
    memset(families, 0, sizeof families);
    families[0].several = families[1].several = 1;
}

struct snapshot_family *
snapshot_family_at(const struct snapshot *of, uint32_t unit)
{
    (void)of;
    return unit == UNIT || unit == UNIT + 2 ? &families[(unit - UNIT) / 2] : NULL;
}

static void
setup_reader(void)
{
    struct shmeter_slot_block *block = block_of(0);

    world_make(1);
    setup_private();
    world_header(&exporter.header);
    exporter.base = (const unsigned char *)&segment;
    snapshot.slots = slots;
    memset(families, 0, sizeof families);
    families[0].several = families[1].several = 1;
    segment.slots[0].owner = block->opened_of = SHMETER_OWNER(SHMETER_SLOT_LIVE, 7, 100);
    block->opened[0] = SHMETER_OPENED_ENTRY(UNIT, 1);
    segment.state.opens.value = 1;
    slots[0].owner.owner = reads_next ? SHMETER_OWNER(SHMETER_SLOT_LIVE, 8, 101) : segment.slots[0].owner;
    model_keep(families, sizeof families);
    model_keep(private.bindings[1].record, sizeof *private.bindings[1].record);
    model_keep(&processes[PROCESS].wiped, sizeof processes[PROCESS].wiped);
    model_share(&segment.slots[0], 16);
    model_share(&segment.state.opens.value, 8);
    model_share(&block->opened_of, 3 * sizeof block->opened_of);
    world_actor("the next owner", 0, 0, next_owner, NULL);
    model_reader("reader", 1, reader, NULL);
}

static struct model_case reading = { .name = name, .setup = setup_reader };

static void
read_while_taken(uint32_t next)
{
    reads_next = next;
    snprintf(name, sizeof name, "a list is read for its %s owner while the slot is taken", next ? "next" : "last");
}

static void
a_reader_takes_no_entry_for_another_owners(void **state)
{
    enum memory memory;
    (void)state;
    for (memory = MEMORY_SC; memory <= MEMORY_WEAK; memory++) {
        read_while_taken(0);
        expect_right(&reading, memory);
        read_while_taken(1);
        expect_right(&reading, memory);
    }
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    threads_that("one thread opens a family, another one claims the slot", 2, claim);
    model_bugs.other = SEEDED;
    expect_wrong(&threads, MEMORY_SC, "a list that is made before the claim");
    model_bugs.other = 0;
    model_bugs.split_cas = 1;
    threads_that("two threads open two families", 2, open_two);
    expect_wrong(&threads, MEMORY_SC, "a place that is taken in two steps");
    model_bugs.split_cas = 0;
    read_while_taken(0);
    model_bugs.no_fence = 1;
    expect_wrong(&reading, MEMORY_WEAK, "no acquire fence in the reader");
    model_bugs.no_fence = 0;
    read_while_taken(1);
    model_bugs.weak_release = 1;
    expect_wrong(&reading, MEMORY_WEAK, "a list that is told before it is empty");
    model_bugs.weak_release = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_open_and_claim_at_once_list_each_family_once),
        cmocka_unit_test(a_reader_takes_no_entry_for_another_owners),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model opened", tests, NULL, NULL);
}
