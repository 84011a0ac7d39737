/*
 * Threads of one process open families at once: each description has one family, each name one definition that has it,
 * each family one binding and one set of private cells. A name that is given up meanwhile belongs afterwards to the
 * definition that was opened last, or to none. A thread that lost a race frees what it made.
 */
#define WORLD_HEAP
#include "tests/model/world.h"

#include "shm/registry/family.h"

#define THREADS 3u

enum play { OPEN, GIVE_UP, BIND, MOVE, PRIVATE };

static struct shmeter_definition definitions[2];
static struct shmeter meter;
static enum play play;
static uint32_t threads_n, same;

static struct {
    struct shmeter_family *family[THREADS];
    const void *made[THREADS];
    uint32_t accepted[THREADS];
} told;

static struct shmeter_definition *
definition_of(uint32_t thread)
{
    return &definitions[same ? 0 : thread % 2];
}

static void
open_family(void)
{
    uint32_t who = model_self();
    struct shmeter_definition definition = *definition_of(who);

    told.family[who] = shmeter_family_have(&meter, &definition, 0);
    if (!told.family[who])
        model_fail("no family");
    else
        told.accepted[who] = 1 + (uint32_t)shmeter_family_accept(told.family[who]);
}

static void
thread(void *argument)
{
    uint32_t who = model_self();
    (void)argument;

    if (play == OPEN || (play == GIVE_UP && who))
        open_family();
    if (play == GIVE_UP && !who)
        shmeter_family_give_up(SHMETER_POINTER(struct shmeter_family *, shmeter_load_acquire(&meter.families)));
    if (play == MOVE && !who) { /* as shmeter_meter_refresh does */
        uint64_t seen = SHMETER_ADDRESS(world_attachment(0));
        shmeter_cas(&meter.attachment, &seen, SHMETER_ADDRESS(world_attachment(1)));
    }
    if (play == BIND || (play == MOVE && who))
        told.made[who] = shmeter_family_binding(told.family[0]);
    if (play == PRIVATE)
        told.made[who] = shmeter_family_private(told.family[0]);
}

/* ---- what must be true ---- */

static void
check_list(void)
{
    const struct shmeter_family *family = SHMETER_POINTER(const struct shmeter_family *, meter.families), *other;
    uint32_t n = 0, accepted = 0;

    for (; family; family = family->next, n++) {
        accepted += !shmeter_family_refused(family);
        for (other = family->next; other; other = other->next)
            if (other->definition.hash == family->definition.hash)
                model_fail("one description is two families");
        if (family->first->first != family->first || (!family->next && family->first != family))
            model_fail("a name has two first families");
    }
    if (accepted > 1)
        model_fail("%u definitions have one name", accepted);
    if (world_heap_used() != n * sizeof *family)
        model_fail("%llu bytes are in use for %u families", (unsigned long long)world_heap_used(), n);
}

static void
check_opens(void)
{
    uint32_t who, first = play == GIVE_UP, accepted = 0, refused = 0;

    check_list();
    for (who = first; who < threads_n; who++) {
        accepted += told.accepted[who] == 2;
        refused += told.accepted[who] == 1;
        if (told.family[who]->definition.hash != definition_of(who)->hash)
            model_fail("a thread has another family than it opened");
        if (same && told.family[who] != told.family[first])
            model_fail("threads that open one family have two");
    }
    if (play == OPEN && (same ? refused : !accepted || !refused))
        model_fail("of %u opens %u were accepted and %u refused", threads_n, accepted, refused);
}

static void
check_made(void)
{
    uint64_t each = play == PRIVATE ? sizeof(struct shmeter_private) : sizeof(struct shmeter_binding);
    const struct shmeter_binding *binding;
    uint32_t who;

    for (who = play == MOVE; who < threads_n; who++)
        if (!told.made[who] || (play != MOVE && told.made[who] != told.made[0]))
            model_fail("a thread has its own one");
    if (play != MOVE && world_heap_used() != sizeof(struct shmeter_family) + each)
        model_fail("%llu bytes are in use", (unsigned long long)world_heap_used());
    if (play != MOVE)
        return;
    binding = shmeter_family_binding(told.family[0]);
    if (!binding || binding->attachment != world_attachment(1))
        model_fail("a lookup leads to the segment of before");
    if (world_heap_used() > sizeof(struct shmeter_family) + 2 * each)
        model_fail("%llu bytes are in use", (unsigned long long)world_heap_used());
}

static void
at_end(void)
{
    if (play == OPEN || play == GIVE_UP)
        check_opens();
    else
        check_made();
}

static void
setup(void)
{
    static const char *const names[] = { "thread 0", "thread 1", "thread 2" };
    uint32_t i;

    world_make(2);
    memset(&meter, 0, sizeof meter);
    memset(&told, 0, sizeof told);
    meter.attachment = SHMETER_ADDRESS(world_attachment(0));
    world_definition(&definitions[0], "c\0\0\0l", SHMETER_COUNTER, 0, 1);
    world_definition(&definitions[1], "c\0\0\0l", SHMETER_COUNTER_F64, 0, 1);
    if (play != OPEN) {
        struct shmeter_definition definition = definitions[0];
        told.family[0] = shmeter_family_have(&meter, &definition, 0);
        shmeter_family_accept(told.family[0]);
        if (play != GIVE_UP) /* its record is there: test_registry.c has the making of records */
            shmeter_family_record_of(world_attachment(0), &definitions[0]);
    }
    model_keep(&told, sizeof told);
    model_keep(segment.index, sizeof segment.index);
    model_share(&meter.attachment, 2 * sizeof meter.attachment);
    world_share_heap();
    for (i = 0; i < threads_n; i++) {
        world.process_of[i] = 0;
        if (i)
            model_thread(names[i], i, thread, NULL);
        else
            model_actor(names[i], i, thread, NULL);
    }
}

static char name[96];
static struct model_case families = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(enum play what, uint32_t threads, uint32_t one_description)
{
    static const char *const words[] = { "open families", "open them while the name is given up", "bind one",
                                         "bind one while the meter moves", "make private cells" };
    play = what;
    threads_n = threads;
    same = one_description;
    snprintf(name, sizeof name, "families, %u threads %s%s", threads, words[what],
             what > GIVE_UP    ? ""
             : one_description ? ", of one description"
                               : ", of two descriptions");
}

static void
a_description_is_one_family(void **state)
{
    (void)state;
    bounds(OPEN, 2, 1);
    expect_right(&families, MEMORY_SC);
    expect_right(&families, MEMORY_TSO);
    expect_right(&families, MEMORY_WEAK);
    bounds(OPEN, 3, 1);
    expect_right(&families, MEMORY_SC);
}

static void
one_definition_has_a_name(void **state)
{
    (void)state;
    bounds(OPEN, 2, 0);
    expect_right(&families, MEMORY_SC);
    expect_right(&families, MEMORY_TSO);
    expect_right(&families, MEMORY_WEAK);
    bounds(OPEN, 3, 0);
    expect_right(&families, MEMORY_SC);
    bounds(GIVE_UP, 2, 1);
    expect_right(&families, MEMORY_SC);
    expect_right(&families, MEMORY_WEAK);
    bounds(GIVE_UP, 3, 1);
    expect_right(&families, MEMORY_SC);
    bounds(GIVE_UP, 3, 0);
    expect_right(&families, MEMORY_SC);
}

static void
a_family_is_bound_once(void **state)
{
    (void)state;
    bounds(BIND, 3, 1);
    expect_right(&families, MEMORY_SC);
    expect_right(&families, MEMORY_WEAK);
    bounds(MOVE, 2, 1);
    expect_right(&families, MEMORY_SC);
    bounds(MOVE, 3, 1);
    expect_right(&families, MEMORY_SC);
    expect_right(&families, MEMORY_WEAK);
}

static void
a_family_has_one_set_of_private_cells(void **state)
{
    (void)state;
    bounds(PRIVATE, 3, 1);
    expect_right(&families, MEMORY_SC);
    expect_right(&families, MEMORY_WEAK);
}

static void
seeded_bugs_are_found(void **state)
{
    static const enum play plays[] = { OPEN, OPEN, BIND, PRIVATE };
    uint32_t i;
    (void)state;

    model_bugs.split_cas = 1;
    for (i = 0; i < sizeof plays / sizeof plays[0]; i++) {
        bounds(plays[i], 2, i != 1);
        expect_wrong(&families, MEMORY_SC, "a publish that is loaded and stored");
    }
    model_bugs.split_cas = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_description_is_one_family), cmocka_unit_test(one_definition_has_a_name),
        cmocka_unit_test(a_family_is_bound_once),      cmocka_unit_test(a_family_has_one_set_of_private_cells),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model families", tests, NULL, NULL);
}
