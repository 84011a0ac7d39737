/*
 * A worker's checks: name, state and message are of one moment, while the worker says one thing after the other, when
 * threads and copies of the header say things at once, and when the place is taken anew by the next owner of the slot.
 * A name has one place, and no report is lost: what is shown in the end is whole, and one of the last.
 */
#define WORLD_HEAP
#include "tests/model/world.h"

#include "read/snapshot/slots/slots.c"
#include "shm/slots/worker.h"

#define WRITERS 3u

enum play { SAY, NEXT_OWNER, THREADS, THREADS_OF_ALL_NAMES, COPIES, COPIES_OF_ALL_NAMES };

static struct status_check read_one;
static struct shmeter_reader exporter;
static struct snapshot snapshot = { .reader = &exporter, .torn = { 0, UINT64_MAX } };
static struct shmeter_slot_block *const block = &segment.blocks[0].block;
static enum play play;
static uint32_t writers_n, puts_n, reader_too, made_before;

static int
of_all_names(void)
{
    return play == THREADS_OF_ALL_NAMES || play == COPIES_OF_ALL_NAMES;
}

/* Message n says its number 16 times, and belongs to health n % 3; a name likewise. */
static const char *
text(char letter, char *out)
{
    memset(out, letter, 16);
    out[16] = 0;
    return out;
}

static void
say(char letter, uint32_t n)
{
    char check[17], message[17];

    shmeter_worker_check(world_attachment(world_self()), text(letter, check), (enum shmeter_health)(n % 3),
                         text((char)('a' + n), message));
}

static void
own_slot(uint32_t process, uint32_t generation)
{
    segment.slots[0].owner = SHMETER_OWNER(SHMETER_SLOT_LIVE, generation, 100 + process);
    processes[process].wiped.slot = SHMETER_ADDRESS(block);
    processes[process].wiped.claim = 1 | (uint64_t)generation << 32;
}

static void
writer(void *argument)
{
    uint32_t who = model_self(), n;
    (void)argument;

    if (play == NEXT_OWNER) { /* as shmeter_slot_prepare does */
        own_slot(0, 2);
        shmeter_store_relaxed(&block->checks[0].word, 0);
        say('B', 4);
        return;
    }
    for (n = 0; n < puts_n; n++) {
        say(of_all_names() ? (char)('A' + who) : 'A', 1 + who * puts_n + n);
        if (play == SAY)
            model_forget(n);
    }
}

/* What is shown of a place is of one moment. */
static void
check_read(const struct status_check *read)
{
    uint32_t i, n = (uint32_t)(read->message[0] - 'a');

    for (i = 0; i < 16; i++)
        if (read->message[i] != (char)('a' + n))
            model_fail("a torn message: %s", read->message);
    if ((uint32_t)read->health != n % 3)
        model_fail("health %d with message %s", (int)read->health, read->message);
    for (i = 0; i < 16; i++)
        if (read->name[i] != read->name[0] || (play == NEXT_OWNER && read->name[i] != (n == 4 ? 'B' : 'A')))
            model_fail("name %s with message %s", read->name, read->message);
}

static int
read_place(uint32_t place, struct status_check *out)
{
    memset(out, 0, sizeof *out);
    return read_check(&snapshot, (uint64_t)((const unsigned char *)&block->checks[place] - exporter.base), out);
}

static void
reader(void *argument)
{
    (void)argument;
    if (read_place(0, &read_one))
        check_read(&read_one);
    memset(&read_one, 0, sizeof read_one);
}

static void
at_end(void)
{
    uint32_t place, shown[WRITERS] = { 0 }, i;
    struct status_check read;

    for (place = 0; place < SHMETER_CHECKS; place++) {
        if (block->checks[place].word == SHMETER_CHECK_MAKING)
            model_fail("place %u stays without a check", place);
        if (!read_place(place, &read))
            continue;
        check_read(&read);
        i = (uint32_t)(read.message[0] - 'a') - 1; /* which put */
        if (play != NEXT_OWNER && (i >= writers_n * puts_n || (i + 1) % puts_n))
            model_fail("what stays is not one of the last reports: %s", read.message);
        shown[(uint32_t)(read.name[0] - 'A') % WRITERS]++;
    }
    for (i = 0; i < WRITERS; i++)
        if (shown[i] != (play == NEXT_OWNER ? i == 1 : i == 0 || (of_all_names() && i < writers_n)))
            model_fail("check %c has %u places", (char)('A' + i), shown[i]);
    if (block->check_turn >> 24 & 0xffff)
        model_fail("a place is being written for ever");
    if (world_heap_used())
        model_fail("%llu bytes are in use", (unsigned long long)world_heap_used());
    if (processes[0].wiped.reports)
        model_fail("a thread has the turn for ever");
}

static void
setup(void)
{
    static const char *const names[] = { "writer 0", "writer 1", "writer 2" };
    uint32_t i;

    world_make(writers_n);
    memset(&read_one, 0, sizeof read_one);
    world_header(&exporter.header);
    exporter.base = (const unsigned char *)&segment;
    for (i = 0; i < writers_n; i++)
        own_slot(i, 1);
    if (made_before)
        say('A', 0);
    if (play == NEXT_OWNER) /* the last one died while it wrote in two places */
        block->check_turn = SHMETER_CHECK_TURN(1, 3, 2, 7);
    model_keep(&read_one, sizeof read_one);
    model_keep(&processes[0].wiped.claim, sizeof processes[0].wiped.claim);
    model_keep(&segment.slots[0], sizeof segment.slots[0]);
    model_share(&block->check_turn,
                offsetof(struct shmeter_slot_block, ring_claimed) - offsetof(struct shmeter_slot_block, check_turn));
    for (i = 0; i < (play >= COPIES ? writers_n : 1); i++)
        model_share(&processes[i].wiped.reports, sizeof processes[i].wiped.reports);
    world_share_heap();
    for (i = 0; i < writers_n; i++) {
        world.process_of[i] = play >= COPIES ? i : 0;
        if (i)
            model_thread(names[i], i, writer, NULL);
        else
            model_actor(names[i], i, writer, NULL);
    }
    if (reader_too) {
        world.process_of[writers_n] = 0;
        model_reader("reader", writers_n, reader, NULL);
    }
}

static char name[120];
static struct model_case checks = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(enum play what, uint32_t writers, uint32_t puts, uint32_t made, uint32_t reads)
{
    static const char *const words[] = { "a worker says", "the slot's next owner says",
                                         "threads say",   "threads, each of another check, say",
                                         "copies say",    "copies, each of another check, say" };

    play = what;
    writers_n = writers;
    puts_n = puts;
    made_before = made;
    reader_too = reads;
    checks.one_writer = what <= NEXT_OWNER;
    snprintf(name, sizeof name, "%u %s %u things%s%s", writers, words[what], puts, made ? ", the check was there" : "",
             reads ? ", a reader" : "");
}

static void
what_a_check_says_is_of_one_moment(void **state)
{
    (void)state;
    bounds(SAY, 1, 3, 1, 1);
    expect_right(&checks, MEMORY_SC);
    expect_right(&checks, MEMORY_TSO);
    bounds(SAY, 1, report_long() ? 3 : 2, 1, 1);
    expect_right(&checks, MEMORY_WEAK);
    bounds(NEXT_OWNER, 1, 1, 1, 1);
    expect_right(&checks, MEMORY_SC);
    expect_right(&checks, MEMORY_WEAK);
}

static void
threads_that_report_at_once_lose_nothing(void **state)
{
    (void)state;
    bounds(THREADS, 2, 1, 0, 0);
    expect_right(&checks, MEMORY_SC);
    expect_right(&checks, MEMORY_TSO);
    bounds(THREADS, 2, 2, 0, 0);
    expect_right(&checks, MEMORY_SC);
    bounds(THREADS, 2, 1, 1, 1);
    expect_right(&checks, MEMORY_SC);
    bounds(THREADS, 3, 1, 0, 0);
    expect_right(&checks, MEMORY_SC);
    bounds(THREADS_OF_ALL_NAMES, 2, 1, 0, 0);
    expect_right(&checks, MEMORY_SC);
    bounds(THREADS_OF_ALL_NAMES, 3, 1, 0, 0);
    expect_right(&checks, MEMORY_SC);
}

static void
copies_of_the_header_that_report_at_once_lose_nothing(void **state)
{
    (void)state;
    bounds(COPIES, 2, 1, 0, 0);
    expect_right(&checks, MEMORY_SC);
    bounds(COPIES, 2, 1, 1, 0);
    expect_right(&checks, MEMORY_SC);
    bounds(COPIES_OF_ALL_NAMES, 2, 1, 0, 0);
    expect_right(&checks, MEMORY_SC);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(SAY, 1, 2, 1, 1);
    model_bugs.weak_cas = 1;
    expect_wrong(&checks, MEMORY_WEAK, "a turn and a state that order nothing");
    model_bugs.weak_cas = 0;
    model_bugs.no_fence = 1;
    expect_wrong(&checks, MEMORY_WEAK, "no acquire fence in the reader");
    model_bugs.no_fence = 0;
    model_bugs.split_cas = 1;
    bounds(THREADS, 2, 1, 0, 0);
    expect_wrong(&checks, MEMORY_SC, "a turn that is loaded and stored");
    bounds(COPIES, 2, 1, 0, 0);
    expect_wrong(&checks, MEMORY_SC, "a place that is loaded and stored");
    model_bugs.split_cas = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_check_says_is_of_one_moment),
        cmocka_unit_test(threads_that_report_at_once_lose_nothing),
        cmocka_unit_test(copies_of_the_header_that_report_at_once_lose_nothing),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model checks", tests, NULL, NULL);
}
