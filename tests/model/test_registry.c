/*
 * Registration: processes that look for the same family and series at once, and die, while another one walks the
 * records. There is one record for each key, all processes get the same one, cells and records do not overlap, and
 * later processes find the records. Plain accesses to records are watched for races: a record is complete before it is
 * published.
 */
#include "tests/model/world.h"

#define ACTORS_MOST 3u
#define SERIES      2u

static const char family_text[] = "c\0\0\0l";
static struct shmeter_definition definition;

static struct {
    uint64_t unit[ACTORS_MOST]
                 [1 + SERIES]; /* of the family and of its series, as each was told; 0 not yet            */
} ghost;
static struct shmeter_binding bindings[ACTORS_MOST + 1];
static uint32_t makers_n, series_n, walker, lookalike;

static struct shmeter_values
values_of(uint32_t series)
{
    /* label values, some of them empty, that look like the head of a record at the second unit of theirs */
    static const char head[16] = {
        'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', SHMETER_UNIT_BYTES, 0, 0, 0, SHMETER_KIND_SERIES
    };
    struct shmeter_values values = { 2, { (char)('a' + series), 0 } };

    if (lookalike) {
        memcpy(values.text, head, sizeof head);
        values.bytes = sizeof head;
    }
    return values;
}

/* Every other one in the other order. */
static void
maker(void *argument)
{
    uint32_t who = model_self(), i;
    (void)argument;

    world_bind(&bindings[who], who, &definition);
    ghost.unit[who][0] = bindings[who].unit;
    for (i = 0; i < series_n; i++) {
        uint32_t series = who & 1 ? series_n - 1 - i : i;
        struct shmeter_values values = values_of(series);
        int64_t unit = shmeter_series_have(&bindings[who], &definition, &values, 1, 1);
        if (unit <= 0)
            model_fail("no series: %lld", (long long)unit);
        ghost.unit[who][1 + series] = (uint64_t)unit;
    }
}

/* As shmeter_hide_all does: all that is found is whole. */
static void
walk(void *argument)
{
    struct shmeter_attachment *attachment = world_attachment(makers_n);
    uint64_t unit = 0, at;
    int kind;
    (void)argument;

    while ((kind = shmeter_arena_next(attachment, &unit, &at)) >= 0) {
        const struct shmeter_series_record *series = kind == SHMETER_KIND_SERIES ? shmeter_arena_series(attachment, at)
                                                                                 : NULL;
        if (kind == SHMETER_KIND_SERIES &&
            (!series || series->values_bytes != values_of(0).bytes || series->cell < SHMETER_FIRST_CELL_OFF))
            model_fail("half a series at %llu", (unsigned long long)at);
    }
}

static const struct shmeter_series_record *
series_at(uint64_t unit)
{
    return (const struct shmeter_series_record *)(const void *)(segment.records + unit * SHMETER_UNIT_BYTES / 8);
}

static void
no_key_twice(void)
{
    uint32_t i, k;

    for (i = 0; i < WORLD_ENTRIES; i++)
        for (k = i + 1; k < WORLD_ENTRIES; k++) {
            const struct shmeter_series_record *a = series_at((uint32_t)segment.index[i]);
            const struct shmeter_series_record *b = series_at((uint32_t)segment.index[k]);
            if (!segment.index[i] || !segment.index[k])
                continue;
            if (segment.index[i] == segment.index[k] || (a->kind == b->kind && a->hash == b->hash))
                model_fail("entries %u and %u have one key", i, k);
            if (a->kind == SHMETER_KIND_SERIES && b->kind == SHMETER_KIND_SERIES && a->cell == b->cell)
                model_fail("two series have cell %llu", (unsigned long long)a->cell);
        }
}

static void
all_agree(void)
{
    uint64_t unit[1 + SERIES] = { 0 };
    uint32_t who, i;
    int64_t late;

    for (i = 0; i < 1 + series_n; i++)
        for (who = 0; who < makers_n; who++) {
            if (ghost.unit[who][i] && unit[i] && ghost.unit[who][i] != unit[i])
                model_fail("process %u has unit %llu, another one %llu", who, (unsigned long long)ghost.unit[who][i],
                           (unsigned long long)unit[i]);
            unit[i] = ghost.unit[who][i] ? ghost.unit[who][i] : unit[i];
        }
    world_bind(&bindings[ACTORS_MOST], 3, &definition); /* whoever comes later */
    for (i = 0; i < series_n; i++) {
        struct shmeter_values values = values_of(i);
        late = shmeter_series_have(&bindings[ACTORS_MOST], &definition, &values, 1, 1);
        if (late <= 0 || (unit[1 + i] && (uint64_t)late != unit[1 + i]))
            model_fail("a late one has unit %lld instead of %llu", (long long)late, (unsigned long long)unit[1 + i]);
        if (series_at((uint64_t)late)->state != SHMETER_VISIBLE)
            model_fail("unit %lld is not visible", (long long)late);
    }
}

static void
at_end(void)
{
    const struct shmeter_state *state = &segment.state;

    no_key_twice();
    if (state->cells_fill.value > state->cells_backed.value || state->records_fill.value > state->records_backed.value)
        model_fail("more was handed out than has memory");
    all_agree();
    no_key_twice();
}

static void
setup(void)
{
    static const char *const names[] = { "maker 0", "maker 1", "maker 2" };
    uint32_t i;

    world_make(PROCESSES);
    memset(&ghost, 0, sizeof ghost);
    memset(bindings, 0, sizeof bindings);
    world_definition(&definition, family_text, SHMETER_COUNTER, 0, 1);
    model_keep(&ghost, sizeof ghost);
    model_keep(bindings, sizeof bindings);
    model_share(&segment.state, offsetof(struct shmeter_state, changes_begun));
    model_share(segment.index, sizeof segment.index);
    model_share(segment.records, sizeof segment.records);
    for (i = 0; i < makers_n && i < sizeof names / sizeof *names; i++) {
        model_keep(&processes[i].wiped, sizeof processes[i].wiped);
        world_actor(names[i], i, i, maker, NULL);
    }
    if (walker) {
        world.process_of[makers_n] = makers_n;
        model_reader("walker", makers_n, walk, NULL);
    }
}

static char name[96];
static struct model_case registry = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(uint32_t makers, uint32_t series, uint32_t walks, uint32_t deaths, uint32_t races)
{
    makers_n = makers;
    series_n = series;
    walker = walks;
    registry.deaths = deaths;
    registry.races = races;
    snprintf(name, sizeof name, "registry, %u processes, a family with %u series%s%s", makers, series,
             walks ? lookalike ? ", a walk, text like a record's" : ", a walk" : "", races ? ", races watched" : "");
}

static void
all_get_the_same_records(void **state)
{
    (void)state;
    bounds(2, 0, 0, 2, 1);
    expect_right(&registry, MEMORY_SC);
    bounds(2, 1, 0, 1, 1);
    expect_right(&registry, MEMORY_SC);
    bounds(2, 0, 0, 1, 0);
    expect_right(&registry, MEMORY_TSO);
    expect_right(&registry, MEMORY_WEAK);
    if (!report_long())
        return;
    bounds(2, 2, 0, 0, 0);
    expect_right(&registry, MEMORY_SC);
    bounds(3, 0, 0, 1, 1);
    expect_right(&registry, MEMORY_SC);
    bounds(2, 1, 0, 0, 0);
    expect_right(&registry, MEMORY_TSO);
    expect_bounded(&registry, MEMORY_WEAK, 20000000);
}

static void
who_walks_the_records_meanwhile_finds_whole_ones(void **state)
{
    (void)state;
    bounds(1, 1, 1, 1, MODEL_RACES_WALK);
    expect_right(&registry, MEMORY_SC);
    lookalike = 1;
    bounds(1, 1, 1, 1, MODEL_RACES_WALK);
    expect_right(&registry, MEMORY_SC);
    lookalike = 0;
    if (!report_long())
        return;
    bounds(2, 0, 1, 1, MODEL_RACES_WALK);
    expect_right(&registry, MEMORY_SC);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    bounds(2, 1, 0, 0, 1);
    model_bugs.weak_cas = 1;
    expect_wrong(&registry, MEMORY_SC, "a relaxed publish");
    model_bugs.weak_cas = 0;
    model_bugs.weak_acquire = 1;
    expect_wrong(&registry, MEMORY_SC, "a relaxed lookup");
    model_bugs.weak_acquire = 0;
    bounds(2, 1, 0, 0, 0);
    model_bugs.split_cas = 1;
    expect_wrong(&registry, MEMORY_SC, "a publish that is loaded and stored");
    model_bugs.split_cas = 0;
    bounds(1, 1, 1, 0, MODEL_RACES_WALK);
    model_bugs.weak_acquire = 1;
    expect_wrong(&registry, MEMORY_SC, "a relaxed walk");
    model_bugs.weak_acquire = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_get_the_same_records),
        cmocka_unit_test(who_walks_the_records_meanwhile_finds_whole_ones),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model registry", tests, NULL, NULL);
}
