/*
 * Hiding a series while other threads look it up and update it. The values at the end are those of some order of the
 * operations: a series that is visible has every update made through a handle that was looked up after it was hidden.
 */
#include "tests/model/world.h"

#define LOOKERS 2u

static const char gauge_text[] = "g\0\0\0l", counter_text[] = "c\0\0\0l";
static struct shmeter_definition definition;
static struct shmeter_binding bindings[1 + LOOKERS];
static struct {
    uint64_t unit[LOOKERS], since[LOOKERS], updated[LOOKERS], hidden;
} ghost;
static uint32_t lookers_n, gauges, first_unit, watch_done;
static uint32_t left_set; /* a gauge: it is hidden before all others begin, and an old handle has set it since */

static const struct shmeter_values values = { 2, "a" };

static void
hider(void *argument)
{
    struct shmeter_key key = shmeter_series_key(&bindings[0], &values);
    struct shmeter_probe probe = shmeter_registry_probe(bindings[0].attachment, &key);
    (void)argument;

    shmeter_series_hide(&bindings[0], &definition, (uint32_t)probe.seen);
    ghost.hidden = 1;
}

/* The count that a program watches which keeps its handles. */
static const uint64_t *
changes(void)
{
    return watch_done ? &segment.state.changes_done.value : &segment.state.changes_begun.value;
}

static void
looker(void *argument)
{
    uint32_t who = model_self() - !left_set;
    const struct shmeter_binding *binding = &bindings[1 + who];
    uint64_t since = lookers_n == 1 ? shmeter_load_acquire(changes()) : UINT64_MAX, cell;
    int64_t unit = shmeter_series_have(binding, &definition, &values, 1, 1);
    (void)argument;

    ghost.since[who] = since;
    ghost.unit[who] = (uint64_t)unit;
    if (unit <= 0 || !shmeter_series_cell(binding, &definition, (uint32_t)unit, &cell))
        model_fail("no series: %lld", (long long)unit);
    else if (gauges)
        shmeter_gauge_set(world_gauge(1 + who, SHMETER_LIVE_SUM, cell), 10 * (who + 1));
    else
        shmeter_add((uint64_t *)(void *)(segment.shared_lanes[0] + 2 * cell), who + 1);
    ghost.updated[who] = 1;
}

static const struct shmeter_series_record *
series_at(uint64_t unit)
{
    return (const struct shmeter_series_record *)(const void *)(segment.records + unit * SHMETER_UNIT_BYTES / 8);
}

/* The one that the index leads to. */
static uint32_t
current_unit(void)
{
    struct shmeter_key key = shmeter_series_key(&bindings[0], &values);

    return (uint32_t)shmeter_registry_probe(bindings[0].attachment, &key).seen;
}

static int
is_shown(const struct shmeter_series_record *record)
{
    return record->state == SHMETER_VISIBLE || record->state == SHMETER_LEAVING;
}

/* Who finds the count as it was before the lookup has a handle of a series that is exposed. */
static void
expect_changes_noticed(void)
{
    uint32_t who;

    for (who = 0; who < lookers_n; who++)
        if (ghost.unit[who] && ghost.since[who] == *changes() && !is_shown(series_at(ghost.unit[who])))
            model_fail("looker %u's series is hidden, and the count of changes has not moved since", who);
}

/*
 * A counter's record that is visible has all that was added through handles of it. A gauge that is visible was shown
 * after it was hidden (or never hidden), and has what those who looked it up then have set: one of them at least.
 */
static void
at_end(void)
{
    uint32_t unit = current_unit(), who, visible = 0, i, of_unit = 0, set = 0;
    const struct shmeter_series_record *record = series_at(unit);

    for (i = 1; i < WORLD_UNITS; i++)
        visible += series_at(i)->kind == SHMETER_KIND_SERIES && series_at(i)->bytes == SHMETER_UNIT_BYTES &&
                   is_shown(series_at(i));
    expect_changes_noticed();
    if (visible > 1)
        model_fail("%u records of one series are visible", visible);
    if (!is_shown(record) && !ghost.hidden && !model_deaths())
        model_fail("nobody has hidden it, and it is not visible");
    if (!is_shown(record))
        return;
    for (who = 0; who < lookers_n; who++) {
        if (!ghost.updated[who] || ghost.unit[who] != unit)
            continue;
        of_unit++;
        if (gauges)
            set += segment.blocks[1 + who].gauges[record->cell].value != 0;
        else if (!(*(uint64_t *)(void *)(segment.shared_lanes[0] + 2 * record->cell) >> who & 1))
            model_fail("looker %u's update is lost", who);
    }
    if (gauges && of_unit && !set)
        model_fail("the gauge is visible, and what was set after it was looked up is lost");
    if (left_set && set < lookers_n && !model_deaths())
        model_fail("nobody hides the gauge, and of %u that looked it up and set it %u are there", lookers_n, set);
}

static void
setup(void)
{
    static const char *const names[] = { "looker 0", "looker 1" };
    uint32_t i;

    world_make(PROCESSES);
    memset(&ghost, 0, sizeof ghost);
    if (gauges)
        world_definition(&definition, gauge_text, SHMETER_GAUGE, SHMETER_LIVE_SUM, 1);
    else
        world_definition(&definition, counter_text, SHMETER_COUNTER, 0, 1);
    for (i = 0; i < 1 + lookers_n; i++)
        world_bind(&bindings[i], i, &definition);
    for (i = 0; i < WORLD_SLOTS; i++) {
        segment.slots[i].backed = sizeof segment.blocks[0];
        processes[i].wiped.slot = SHMETER_ADDRESS(&segment.blocks[i]);
    }
    first_unit = (uint32_t)shmeter_series_have(&bindings[0], &definition, &values, 1, 1);
    if (left_set) {
        struct shmeter_gauge_cell *cell = &segment.blocks[0].gauges[series_at(first_unit)->cell];

        shmeter_series_hide(&bindings[0], &definition, first_unit);
        cell->value = shmeter_f64_bits(7) ^ SHMETER_UNSET_BITS;
    }
    model_keep(&ghost, sizeof ghost);
    model_share(&segment.state, offsetof(struct shmeter_state, changes_begun));
    if (lookers_n == 1)
        model_share(&segment.state.changes_begun, 2 * sizeof segment.state.changes_begun);
    else /* nobody watches them, and each order of them would make states */
        model_keep(&segment.state.changes_begun, 2 * sizeof segment.state.changes_begun);
    model_share(segment.index, sizeof segment.index);
    model_share(segment.records, sizeof segment.records);
    if (gauges) {
        model_share(segment.common, sizeof segment.common);
        for (i = 0; i < WORLD_SLOTS; i++)
            model_share(segment.blocks[i].gauges, sizeof segment.blocks[i].gauges);
    } else {
        model_share(segment.shared_lanes[0] + (size_t)(2 * SHMETER_FIRST_CELL_OFF), 64);
    }
    for (i = 0; i < PROCESSES; i++)
        model_keep(&processes[i].wiped, sizeof processes[i].wiped);
    if (!left_set)
        world_actor("hider", 0, 0, hider, NULL);
    for (i = 0; i < lookers_n; i++)
        world_actor(names[i], 1 + i, 1 + i, looker, NULL);
}

static char name[96];
static struct model_case hide = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(uint32_t of_gauge, uint32_t lookers, uint32_t deaths, uint32_t races)
{
    gauges = of_gauge;
    lookers_n = lookers;
    hide.deaths = deaths;
    hide.races = races;
    snprintf(name, sizeof name, "%s that is hidden against %u lookups and updates%s", of_gauge ? "gauge" : "counter",
             lookers, races ? ", races watched" : "");
}

/* As if the hider had been done with it: then the looker shows it, and the hider goes on. */
static uint64_t
nobody_hides(const void *at, uint64_t value, char order)
{
    uint64_t *state = (uint64_t *)(uintptr_t)&series_at(first_unit)->state;
    (void)order;

    if (model_self() == 0 || at != (const void *)state || value != SHMETER_HIDING)
        return value;
    return *state = SHMETER_HIDDEN;
}

static void
a_counter_that_comes_back_has_all_its_updates(void **state)
{
    (void)state;
    bounds(0, 1, 1, 1);
    expect_right(&hide, MEMORY_SC);
    bounds(0, 1, 0, 0);
    expect_right(&hide, MEMORY_TSO);
    expect_right(&hide, MEMORY_WEAK);
    bounds(0, 2, 0, report_long() ? 1 : 0);
    expect_right(&hide, MEMORY_SC);
}

static void
a_gauge_that_comes_back_has_what_is_set(void **state)
{
    (void)state;
    bounds(1, 1, 1, 1);
    expect_right(&hide, MEMORY_SC);
    bounds(1, 1, 0, 0);
    expect_right(&hide, MEMORY_TSO);
    expect_right(&hide, MEMORY_WEAK);
    bounds(1, 2, 0, 0);
    expect_bounded(&hide, MEMORY_SC, report_long() ? 20000000 : 300000);
}

/* Who shows it unsets what was left first, and nobody sets it in between. */
static void
a_gauge_that_was_left_set_has_what_each_sets_that_looks_it_up(void **state)
{
    (void)state;
    bounds(1, 1, 1, 0);
    left_set = 1;
    expect_right(&hide, MEMORY_SC);
    bounds(1, 2, 0, 0);
    expect_right(&hide, MEMORY_SC);
    left_set = 0;
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(0, 2, 0, 1);
    model_bugs.weak_cas = 1;
    expect_wrong(&hide, MEMORY_SC, "a relaxed publish");
    model_bugs.weak_cas = 0;
    bounds(0, 2, 0, 0);
    model_bugs.split_cas = 1;
    expect_wrong(&hide, MEMORY_SC, "a publish that is loaded and stored");
    model_bugs.split_cas = 0;
    bounds(0, 1, 1, 0);
    watch_done = 1;
    expect_wrong(&hide, MEMORY_SC, "a program that watches the count of changes that are done");
    watch_done = 0;
    bounds(1, 1, 0, 0);
    model_lens = nobody_hides;
    expect_wrong(&hide, MEMORY_SC, "a lookup that takes the cell of a hide under way");
    model_lens = NULL;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_that_comes_back_has_all_its_updates),
        cmocka_unit_test(a_gauge_that_comes_back_has_what_is_set),
        cmocka_unit_test(a_gauge_that_was_left_set_has_what_each_sets_that_looks_it_up),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model hide", tests, NULL, NULL);
}
