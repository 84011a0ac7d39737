/*
 * Threads of one process that open one segment at once: all get one meter, which has one mapping and as many opens as
 * there were. What a slower thread mapped is unmapped again. Likewise those that try again for a segment that could not
 * be had before.
 */
#define WORLD_HEAP
#define WORLD_TAKES 1u
#define WORLD_TAKEN 3072u
#define WORLD_OPENS
#include "tests/model/world.h"

#define THREADS 3u
#define PATH    "/x/segment"

static struct {
    struct shmeter *meter[THREADS];
    int64_t result[THREADS];
    uint32_t maps_n;
} told;

static uint32_t threads_n, again;

/* Each thread maps another attachment. */
static int
world_segment_have(const char *path, const struct shmeter_options *options, struct shmeter_attachment **out,
                   const char **why)
{
    (void)options, (void)why;
    if (strcmp(path, PATH) != 0)
        model_fail("another path: %s", path);
    told.maps_n++;
    *out = world_attachment(model_self());
    return 0;
}

static void
thread(void *argument)
{
    uint32_t who = model_self();
    int result = 0;
    (void)argument;

    told.meter[who] = shmeter_open_have(PATH, NULL, &result);
    told.result[who] = result;
}

static void
at_end(void)
{
    struct shmeter *meter = SHMETER_POINTER(struct shmeter *, shmeter_process_v3.meters);
    const struct shmeter_attachment *attachment = meter ? shmeter_meter_attachment(meter) : NULL;
    uint32_t i;

    for (i = 0; i < threads_n; i++)
        if (told.result[i] || told.meter[i] != meter)
            model_fail("thread %u has another meter", i);
    if (!meter || meter->next || world_heap_used() != sizeof *meter)
        model_fail("there is not one meter");
    else if (meter->opened_n != threads_n + again)
        model_fail("%llu opens", (unsigned long long)meter->opened_n);
    else if (!attachment->base)
        model_fail("the meter is detached");
    else if (2 * (told.maps_n - 1) != world.unmapped_n) /* the mapping, and its private pages */
        model_fail("of %u mappings %u were undone", told.maps_n, world.unmapped_n / 2);
    else if (!again && shmeter_process_v3.wiped != SHMETER_ADDRESS(&SHMETER_WIPED(attachment)->lane_seed))
        model_fail("the process's seed is in pages that are gone");
}

static void
setup(void)
{
    static const char *const names[] = { "thread 0", "thread 1", "thread 2" };
    uint32_t i;

    world_make(PROCESSES);
    memset(&told, 0, sizeof told);
    for (i = 0; i < PROCESSES; i++)
        world_attachment(i)->inode = 1;
    if (again) { /* one that nothing was mapped for */
        struct shmeter *meter = shmeter_heap_take(sizeof *meter);
        world_attachment(3)->base = NULL;
        shmeter_text_append(meter->path, sizeof meter->path, 0, PATH);
        meter->opened_n = 1;
        meter->attachment = SHMETER_ADDRESS(world_attachment(3));
        shmeter_process_v3.meters = SHMETER_ADDRESS(meter);
    }
    model_keep(&told, sizeof told);
    model_share(&shmeter_process_v3.meters, 16);
    world_share_heap();
    for (i = 0; i < threads_n; i++)
        if (i)
            model_thread(names[i], i, thread, NULL);
        else
            model_actor(names[i], i, thread, NULL);
}

static char name[96];
static struct model_case opens = { .name = name, .setup = setup, .at_end = at_end };

static void
bounds(uint32_t threads, uint32_t detached_before)
{
    threads_n = threads;
    again = detached_before;
    snprintf(name, sizeof name, "%u threads open one segment%s", threads, detached_before ? " again" : "");
}

static void
a_segment_is_one_meter(void **state)
{
    (void)state;
    bounds(2, 0);
    expect_right(&opens, MEMORY_SC);
    expect_right(&opens, MEMORY_TSO);
    if (report_long())
        expect_right(&opens, MEMORY_WEAK);
    else
        expect_bounded(&opens, MEMORY_WEAK, 50000);
    bounds(3, 0);
    expect_right(&opens, MEMORY_SC);
}

static void
who_tries_again_maps_it_once(void **state)
{
    (void)state;
    bounds(3, 1);
    expect_right(&opens, MEMORY_SC);
    bounds(report_long() ? 3 : 2, 1);
    expect_right(&opens, MEMORY_WEAK);
}

static void
seeded_bugs_are_found(void **state)
{
    (void)state;
    model_bugs.split_cas = 1;
    bounds(2, 0);
    expect_wrong(&opens, MEMORY_SC, "a publish that is loaded and stored");
    bounds(2, 1);
    expect_wrong(&opens, MEMORY_SC, "an attachment that is loaded and stored");
    model_bugs.split_cas = 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_is_one_meter),
        cmocka_unit_test(who_tries_again_maps_it_once),
        cmocka_unit_test(seeded_bugs_are_found),
    };

    report_arguments(argc, argv);
    return cmocka_run_group_tests_name("model opens", tests, NULL, NULL);
}
