/*
 * A removed series' room becomes another series while others look it up, count in it, read it, or
 * have died somewhere in between. There is room for one record, so that the second series can only
 * be had in the first one's. Whatever happens, a series has what was counted in it, and nothing
 * else.
 *
 * Processes count in a CPU lane of their own by a load and a store, as a sequence does, or in the
 * shared lane. Series A gets 1 for each count, B 256, C 65536.
 */
#define WORLD_EPOCHS
#include "tests/model/world.h"

enum { REMOVER, HOLDER, MAKER, CHILD };

static const struct shmeter_values values[] = { { 2, "a" }, { 2, "b" }, { 2, "c" } };
static struct shmeter_definition definition;
static struct shmeter_binding bindings[PROCESSES];
static uint32_t unit_a;

/* What each process has counted in each series: begun and done. Kept by whoever counts. */
static struct {
    uint64_t begun[PROCESSES][3], done[PROCESSES][3];
} ghost;

static struct {
    uint32_t holder, mover, maker, maker_same, sweeper, child, python, reader, parker;
} wanted;

static struct {
    uint32_t b, stale; /* ends at which B is there, and A had been counted in                            */
} reached;

static struct shmeter_series_record *
series_at(uint64_t unit)
{
    return (struct shmeter_series_record *)(void *)(segment.records + unit * SHMETER_UNIT_BYTES / 8);
}

static uint64_t *
word_of(uint32_t process, uint64_t unit)
{
    if (process == MAKER)
        return (uint64_t *)(void *)(segment.shared_lanes[0] + 2 * series_at(unit)->cell);
    return (uint64_t *)(void *)(segment.cpu_lanes[process & 1] + series_at(unit)->cell);
}

static void
count(uint32_t process, uint64_t unit, uint32_t series)
{
    uint64_t *word = word_of(process, unit), one = UINT64_C(1) << 8 * series;

    ghost.begun[process][series]++;
    if (process == MAKER)
        shmeter_add(word, one);
    else
        shmeter_store_relaxed(word, shmeter_load_relaxed(word) + one);
    ghost.done[process][series]++;
}

/* Finds or makes a series, if there is room. */
static uint64_t
have(uint32_t process, uint32_t series)
{
    int64_t unit = shmeter_series_have(&bindings[process], &definition, &values[series], 1, 1);

    return unit > 0 ? (uint64_t)unit : 0;
}

/* The unit of a series that is there, which can only be the one; 0. */
static uint64_t
look(uint32_t process, uint32_t series)
{
    uint64_t cell;

    return shmeter_series_look(&bindings[process], &definition, &values[series], &cell) ? unit_a : 0;
}

static void
quiescent(uint32_t process, int begins)
{
    struct shmeter_attachment *attachment = world_attachment(process);

    if (begins)
        shmeter_grace_begin(attachment);
    shmeter_epoch_acknowledge(attachment, right_epoch_now(attachment)); /* no seed is in it */
    shmeter_grace_ask(attachment);
}

static void
hide(uint32_t process)
{
    if (epochs_bugs.early_epoch || epochs_bugs.no_count) { /* as shmeter_reuse_remove, with these bugs */
        shmeter_reuse_leave(world_attachment(process), series_at(unit_a), unit_a);
        shmeter_reuse_finish(world_attachment(process), series_at(unit_a), unit_a);
    } else {
        shmeter_series_hide(&bindings[process], &definition, unit_a);
    }
}

#include "tests/model/reuse_actors.h"

/* ---- the end ---- */

static void
at_end(void)
{
    const struct shmeter_series_record *record = series_at(unit_a);
    uint64_t sum = *word_of(REMOVER, unit_a) + *word_of(HOLDER, unit_a) + *word_of(MAKER, unit_a), begun = 0, done = 0,
             unit = UINT64_C(1), shown;
    uint32_t series, i, others = 0;

    if (SHMETER_STATE_KIND(record->state) != SHMETER_VISIBLE)
        return;
    series = (uint32_t)(*(const char *)(record + 1) - 'a');
    reached.b += series > 0;
    reached.stale += series > 0 && ghost.done[HOLDER][0];
    unit <<= 8 * series;
    for (i = 0; i < PROCESSES; i++) {
        begun += ghost.begun[i][series];
        done += ghost.done[i][series];
    }
    if (sum % unit || sum / unit > begun || sum / unit < done)
        model_fail("%c has %#llx, of %llu begun and %llu done", 'a' + (char)series, (unsigned long long)sum,
                   (unsigned long long)begun, (unsigned long long)done);
    shown = segment.state.series_n.value;
    if (!model_deaths() && shown != 1)
        model_fail("%llu series are counted, and one is there", (unsigned long long)shown);
    for (i = 0; i < WORLD_ENTRIES; i++)
        others += (uint32_t)segment.index[i] == unit_a;
    if (!others && !right_arena_chained(world_attachment(0), unit_a, record->hash))
        model_fail("it is visible, and not in the index");
}

static void
setup(void)
{
    static const char text[] = "c\0\0\0l";
    static const struct epochs_lock at_first = { SHMETER_EPOCH_BYTE + 1, 1 };
    uint32_t i;

    world_make(PROCESSES);
    memset(&ghost, 0, sizeof ghost);
    memset(&epochs, 0, sizeof epochs);
    memset(epochs_early, 0, sizeof epochs_early);
    segment.state.reuse.backed = UINT64_MAX;
    world_definition(&definition, text, SHMETER_COUNTER, 0, 1);
    for (i = 0; i < PROCESSES; i++) {
        world_attachment(i)->epoch_pages = WORLD_EPOCH_PAGES(i);
        world_attachment(i)->epoch = 1;
        world_bind(&bindings[i], i, &definition);
    }
    unit_a = (uint32_t)have(REMOVER, 0);
    epochs_watched = series_at(unit_a);
    if (wanted.python == 2)
        series_at(unit_a)->state = SHMETER_STATE(epochs_bugs.no_count ? SHMETER_REMOVING : SHMETER_LEAVING, 1);
    segment.state.cells_fill.value = segment.state.cells_backed.value = WORLD_CELLS; /* no more room */
    epochs.page[REMOVER][0] = at_first;
    if (wanted.holder || wanted.python || wanted.parker)
        epochs.page[HOLDER][0] = at_first;
    if (wanted.sweeper)
        segment.state.reuse.swept = UINT64_MAX;
    if (wanted.maker || wanted.sweeper)
        epochs.page[MAKER][0] = at_first;
    if (wanted.parker == 2) { /* in epoch 1; A is of epoch 2 */
        epochs.page[HOLDER][2] = (struct epochs_lock){ SHMETER_PARK_BYTE + 1, 1 };
        epochs.page[HOLDER][0] = (struct epochs_lock){ 0, 0 };
        world_attachment(HOLDER)->parked = 2;
        world_attachment(HOLDER)->park_from = 1;
        world_attachment(HOLDER)->park_which = 2;
        epochs.page[REMOVER][0].at++;
        world_attachment(REMOVER)->epoch = 2;
        segment.state.epoch.value = segment.state.over.value = segment.state.reuse.parks = 1;
        series_at(unit_a)->state = SHMETER_STATE(SHMETER_VISIBLE, 2);
    }
    if (wanted.child == 1)
        epochs.page[CHILD][0] = at_first;
    model_keep(&ghost, sizeof ghost);
    model_keep(&epochs, sizeof epochs);
    model_keep(epochs_early, sizeof epochs_early);
    model_keep(&segment.state.series_n, sizeof segment.state.series_n);
    model_keep(&bindings[0].record->series_n, sizeof(uint64_t));
    model_keep(&segment.state.limbo_put, sizeof segment.state.limbo_put + sizeof segment.state.limbo_taken);
    model_keep(&segment.state.reuse, sizeof segment.state.reuse);
    model_keep(segment.limbo, sizeof segment.limbo);
    for (i = 0; i < PROCESSES; i++) {
        model_keep(&processes[i].wiped, sizeof processes[i].wiped);
        model_keep(&world_attachment(i)->epoch, 8 * sizeof(uint64_t));
        model_keep(&world_attachment(i)->parked, sizeof(uint64_t));
    }
    model_share(&epochs_kernel, sizeof epochs_kernel);
    model_share(&segment.state.changes_begun, 2 * sizeof segment.state.changes_begun);
    model_share(&segment.state.epoch, 2 * sizeof segment.state.epoch);
    model_share(segment.index, sizeof segment.index);
    model_share(series_at(unit_a), 2 * SHMETER_UNIT_BYTES);
    model_share(segment.cpu_lanes[0] + SHMETER_FIRST_CELL_OFF, 8);
    model_share(segment.cpu_lanes[1] + SHMETER_FIRST_CELL_OFF, 8);
    model_share(segment.shared_lanes[0] + (size_t)(2 * SHMETER_FIRST_CELL_OFF), 8);
    world_actor("remover", REMOVER, REMOVER, remover, NULL);
    i = 1;
    if (wanted.holder)
        world_actor("holder", i++, HOLDER, holder, NULL);
    if (wanted.parker)
        world_actor("parker", i++, HOLDER, parker, NULL);
    if (wanted.python)
        world_actor("python", i++, HOLDER, python, NULL);
    if (wanted.maker)
        world_actor("maker", i++, MAKER, maker, NULL);
    if (wanted.sweeper)
        world_actor("sweeper", i++, MAKER, sweeper, NULL);
    if (wanted.child)
        world_actor("child", i++, CHILD, child, NULL);
    if (wanted.reader) {
        world.process_of[i] = CHILD;
        model_reader("reader", i, reader, NULL);
    }
}

static char name[96];
static struct model_case reuse = { .name = name, .setup = setup, .at_end = at_end };

#define CASE(text, deaths_n, ...)                              \
    do {                                                       \
        memset(&wanted, 0, sizeof wanted);                     \
        wanted = (__typeof__(wanted)){ __VA_ARGS__ };          \
        reuse.deaths = (deaths_n);                             \
        snprintf(name, sizeof name, "a removal and %s", text); \
    } while (0)

/* Also that B was made in A's room at all, and all that is wanted has happened in some order. */
static void
expect_reused(void)
{
    assert_true(reached.b);
    assert_true(!wanted.holder || reached.stale);
}

static void
try_all(uint64_t states)
{
    memset(&reached, 0, sizeof reached);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20 * states : states);
    expect_reused();
    reuse.deaths = 0;
    expect_bounded(&reuse, MEMORY_TSO, report_long() ? 20 * states : states);
    expect_bounded(&reuse, MEMORY_WEAK, report_long() ? 20 * states : states);
}

static void
who_holds_a_series_counts_in_no_other(void **state)
{
    (void)state;
    CASE("one that counts, says so, and looks again", 1, .holder = 1);
    try_all(150000);
    CASE("one that does, and moves the epoch", 1, .holder = 1, .mover = 1);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 150000);
    reuse.deaths = 0;
    expect_bounded(&reuse, MEMORY_WEAK, report_long() ? 20000000 : 150000);
    CASE("a forked child that only counts", 1, .child = 1);
    expect_right(&reuse, MEMORY_SC);
    reuse.deaths = 0;
    memset(&reached, 0, sizeof reached);
    expect_right(&reuse, MEMORY_TSO);
    expect_right(&reuse, MEMORY_WEAK);
    assert_false(reached.b); /* the child lives */
}

static void
who_is_parked_holds_back_what_was_there(void **state)
{
    (void)state;
    CASE("one that parks", 1, .parker = 1);
    memset(&reached, 0, sizeof reached);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 150000);
    assert_true(reached.b); /* of one that is dead, or came late */
    reuse.deaths = 0;
    expect_bounded(&reuse, MEMORY_TSO, report_long() ? 20000000 : 150000);
    expect_bounded(&reuse, MEMORY_WEAK, report_long() ? 20000000 : 150000);
    CASE("one that was parked before the series was made", 0, .parker = 2);
    memset(&reached, 0, sizeof reached);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 150000);
    assert_true(reached.b);
    expect_bounded(&reuse, MEMORY_WEAK, report_long() ? 20000000 : 150000);
}

static void
a_handle_is_good_for_as_long_as_the_count_of_changes_stands(void **state)
{
    (void)state;
    CASE("one that trusts the count, and another maker", 1, .python = 1, .maker = 1, .maker_same = 1);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 150000);
    CASE("one that trusts the count", 1, .python = 1);
    try_all(150000);
    CASE("one that has trusted the count for long", 1, .python = 2);
    try_all(150000);
}

static void
makers_of_one_series_make_one(void **state)
{
    (void)state;
    CASE("another maker of the same series", 1, .maker = 1, .maker_same = 1);
    try_all(150000);
    CASE("a maker of another series", 1, .maker = 1);
    try_all(150000);
    CASE("one that holds a series, and a maker", 0, .holder = 1, .maker = 1, .maker_same = 1);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 200000);
}

static void
a_sweep_takes_nothing_that_somebody_has(void **state)
{
    (void)state;
    CASE("a sweep", 1, .sweeper = 1);
    try_all(150000);
    CASE("a sweep, and one that holds a series", 0, .sweeper = 1, .holder = 1);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 200000);
}

static void
a_reader_takes_no_series_for_another(void **state)
{
    (void)state;
    CASE("a reader", 1, .reader = 1);
    try_all(150000);
    CASE("a reader, and one that holds a series", 0, .reader = 1, .holder = 1);
    expect_bounded(&reuse, MEMORY_SC, report_long() ? 20000000 : 200000);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    CASE("one that counts, says so, and looks again", 0, .holder = 1, .mover = 1);
    epochs_bugs.early_epoch = 1;
    expect_wrong(&reuse, MEMORY_SC, "the epoch is read before the series is out of sight");
    epochs_bugs.early_epoch = 0;
    epochs_bugs.early_limbo = 1;
    expect_wrong(&reuse, MEMORY_SC, "limbo before it is out of the index");
    epochs_bugs.early_limbo = 0;
    CASE("one that counts", 0, .holder = 1);
    epochs_bugs.same_epoch = 1;
    expect_wrong(&reuse, MEMORY_SC, "room is used again in the epoch of the removal");
    epochs_bugs.same_epoch = 0;
    CASE("another maker", 1, .maker = 1);
    epochs_bugs.taken_claims = 1;
    expect_wrong(&reuse, MEMORY_SC, "a claim is taken over without a grace");
    epochs_bugs.taken_claims = 0;
    CASE("a sweep", 0, .sweeper = 1);
    epochs_bugs.unmet = 1;
    expect_wrong(&reuse, MEMORY_SC, "a sweep goes on with a removal that it has not met in the index");
    epochs_bugs.unmet = 0;
    CASE("a reader", 0, .reader = 1);
    epochs_bugs.no_second_look = 1;
    expect_wrong(&reuse, MEMORY_SC, "a reader that does not look at the state again");
    epochs_bugs.no_second_look = 0;
    CASE("a child that its parent speaks for", 0, .child = 2);
    expect_wrong(&reuse, MEMORY_SC, "a parent's word counts for its child");
    CASE("one that parks", 0, .parker = 1);
    epochs_bugs.early_unmap = 1;
    expect_wrong(&reuse, MEMORY_SC, "who parks gives up one lock before it has the other");
    epochs_bugs.early_unmap = 0;
    epochs_bugs.not_asked = 1;
    expect_wrong(&reuse, MEMORY_SC, "a maker that does not ask who is parked");
    epochs_bugs.not_asked = 0;
    CASE("one that has trusted the count for long", 0, .python = 2);
    epochs_bugs.no_count = 1;
    expect_wrong(&reuse, MEMORY_SC, "a removal that can be seen before it is counted");
    epochs_bugs.no_count = 0;
    CASE("another maker of another series", 0, .maker = 1);
    model_bugs.split_cas = 1;
    expect_wrong(&reuse, MEMORY_SC, "a compare-and-swap that is loaded and stored");
    model_bugs.split_cas = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_holds_a_series_counts_in_no_other),
        cmocka_unit_test(who_is_parked_holds_back_what_was_there),
        cmocka_unit_test(a_handle_is_good_for_as_long_as_the_count_of_changes_stands),
        cmocka_unit_test(makers_of_one_series_make_one),
        cmocka_unit_test(a_sweep_takes_nothing_that_somebody_has),
        cmocka_unit_test(a_reader_takes_no_series_for_another),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model reuse", tests, NULL, NULL);
}
