/*
 * A filesystem that runs full at every possible moment: tmpfs of sizes from 64 KiB up, in a mount namespace of the
 * test's own. Opening fails with a sentence and the program counts privately, or registration is refused and counted;
 * no update ever faults.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/shm/mounts.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define SERIES        8000u
#define FIRST_KIB     64u
#define LAST_KIB      (64u * 1024)
#define SMALL_SERIES  250u
#define PAGES_MOST    1024u
#define EXIT_NO_SPACE 10 /* of a program: opening failed as it should                                       */
#define EXIT_REFUSED  11 /* some series were refused                                                    */
#define EXIT_ALL      12

struct told {      /* by the program under test */
    uint64_t adds; /* through handles that lead into the store */
    uint64_t refused, families_refused, backing_failed, slots_exhausted;
    uint32_t has[8]; /* by enum reached */
    char error[256];
};

static struct told *told;
static const char *const labels[] = { "n", NULL };
static const struct shmeter_desc counts = {
    .type = SHMETER_COUNTER, .name = "full_total", .help = "Counter.", .labels = labels
};
static const struct shmeter_desc sizes = {
    .type = SHMETER_HISTOGRAM, .name = "full_sizes", .help = "Histogram.", .labels = labels
};

static const char *
number_text(uint32_t number)
{
    static char text[200];

    snprintf(text, sizeof text, "%0150u", number); /* long, so that records run out as well as cells */
    return text;
}

static struct shmeter_gauge
gauge_of(struct shmeter *meter, const char *name, enum shmeter_mode mode)
{
    struct shmeter_desc desc = { .type = SHMETER_GAUGE, .name = name, .help = "Gauge.", .mode = mode };
    return shmeter_gauge_of(shmeter_family(meter, &desc));
}

/* Each kind of update, from this process and from a child of it. */
static void
use_everything(struct shmeter *meter)
{
    struct shmeter_gauge live = gauge_of(meter, "full_live", SHMETER_LIVE_SUM);
    struct shmeter_gauge pool = gauge_of(meter, "full_pool", SHMETER_POOL);
    uint32_t i;
    pid_t pid;

    for (i = 0; i < 2; i++) {
        pid = i ? scratch_fork() : 0;
        if (pid)
            break;
        shmeter_gauge_set(live, 1);
        shmeter_gauge_add(live, 1);
        shmeter_gauge_set(pool, 1);
        shmeter_gauge_add(pool, 1);
        shmeter_heartbeat(meter);
        shmeter_busy(meter);
        shmeter_idle(meter);
        shmeter_check(meter, "disk", SHMETER_OK, "fine");
        if (i)
            _exit(0);
    }
    if (scratch_wait(pid))
        _exit(3);
}

static int
tell_losses(const struct shmeter *meter)
{
    struct shmeter_attachment *attachment = shmeter_meter_attachment(meter);
    const struct shmeter_line *losses = attachment->lanes.losses;
    int has_slot = SHMETER_CLAIM_KEY(SHMETER_WIPED(attachment)->claim) != 0;

    told->refused = losses[SHMETER_LOSS_SERIES_REFUSED].value;
    told->families_refused = losses[SHMETER_LOSS_FAMILIES_REFUSED].value;
    told->backing_failed = losses[SHMETER_LOSS_BACKING_FAILED].value;
    told->slots_exhausted = losses[SHMETER_LOSS_SLOTS_EXHAUSTED].value;
    snprintf(told->error, sizeof told->error, "%s", shmeter_error(meter));
    return told->refused || told->families_refused || !has_slot ? EXIT_REFUSED : EXIT_ALL;
}

/* The program under test. It takes no notice of errors, as programs may. */
static int
program(const char *path)
{
    static struct shmeter_counter counters[SERIES];
    static struct shmeter_histogram histograms[SERIES / 8];
    struct shmeter_options options = {
        .struct_bytes = sizeof options, .group = -1, .max_family_series = 100000, .cpu_lanes = shmeter_sizes_cpus()
    };
    const struct shmeter_family *count, *size;
    struct shmeter *meter;
    uint32_t i;
    int result = shmeter_open(&meter, path, &options);

    if (!meter)
        return 2;
    snprintf(told->error, sizeof told->error, "%s", shmeter_error(meter));
    count = shmeter_family(meter, &counts);
    size = shmeter_family(meter, &sizes);
    for (i = 0; i < SERIES; i++) {
        counters[i] = shmeter_counter_of(count, number_text(i));
        shmeter_counter_inc(counters[i]);
        told->adds += !result && counters[i].lanes ? 2 : 0; /* else it leads to private memory */
        if (i % 8 == 0) {
            histograms[i / 8] = shmeter_histogram_of(size, number_text(i));
            shmeter_histogram_observe(histograms[i / 8], 0.25);
        }
    }
    use_everything(meter);
    for (i = 0; i < SERIES; i++) {
        shmeter_counter_inc(counters[i]);
        shmeter_histogram_observe(histograms[i / 8], 0.25);
    }
    if (result)
        return result == -ENOSPC ? EXIT_NO_SPACE : 4;
    return tell_losses(meter);
}

static int
run_program(int (*run)(const char *path), const char *path)
{
    pid_t pid;

    memset(told, 0, sizeof *told);
    pid = scratch_fork();
    if (!pid)
        _exit(run(path));
    return scratch_wait(pid);
}

/*
 * All that was counted in the store is there: refused series went to __overflow__, if there was room for that at least.
 */
static void
check_totals(const char *path, uint64_t adds)
{
    struct scrape *scrape = scrape_open(path);
    double total = 0, value;
    uint32_t i;

    scrape_take(scrape);
    for (i = 0; i < SERIES; i++) {
        value = scrape_value(scrape, "full_total{n=\"%s\"}", number_text(i));
        total += value == value ? value : 0;
    }
    value = scrape_value(scrape, "full_total{n=\"__overflow__\"}");
    total += value == value ? value : 0;
    scrape_close(scrape);
    if (total != (double)adds)
        fail_msg("%.0f updates are in the store, %.0f were made", total, (double)adds);
}

/* One size of filesystem: what the program exits with, its sentences checked. */
static int
play(uint32_t kib, const char *path)
{
    char size[32];
    int code;

    snprintf(size, sizeof size, "size=%uk,mode=0700", kib);
    assert_int_equal(mount("tmpfs", mounts_folder, "tmpfs", 0, size), 0);
    code = run_program(program, path);
    if (code != EXIT_NO_SPACE && code != EXIT_REFUSED && code != EXIT_ALL)
        fail_msg("%u KiB: the program ended with %d (%s)", kib, code, told->error);
    if (code == EXIT_NO_SPACE && (!strstr(told->error, path) || !strstr(told->error, "full")))
        fail_msg("%u KiB: the sentence is: %s", kib, told->error);
    if (code == EXIT_ALL)
        assert_int_equal(told->adds, 2 * SERIES);
    assert_int_equal(told->slots_exhausted, 0); /* slots are free: there was no memory for one */
    if (code == EXIT_REFUSED && (!told->backing_failed || (!*told->error && told->refused + told->families_refused)))
        fail_msg("%u KiB: %.0f series refused without a word", kib, (double)told->refused);
    if (code != EXIT_NO_SPACE)
        check_totals(path, told->adds);
    if (code == EXIT_NO_SPACE) { /* there is room again: the same program, started anew, is attached */
        snprintf(size, sizeof size, "size=%uk", LAST_KIB);
        assert_int_equal(mount("tmpfs", mounts_folder, "tmpfs", MS_REMOUNT, size), 0);
        assert_int_equal(run_program(program, path), EXIT_ALL);
        check_totals(path, told->adds);
    }
    assert_int_equal(umount2(mounts_folder, MNT_DETACH), 0);
    return code;
}

static void
a_full_filesystem_is_an_error_and_never_a_fault(void **state)
{
    char path[160];
    uint32_t kib, seen[EXIT_ALL + 1] = { 0 };
    int code = 0;

    (void)state;
    mounts_prepare("full");
    snprintf(path, sizeof path, "%s/segment", mounts_folder);
    for (kib = FIRST_KIB; kib <= LAST_KIB && code != EXIT_ALL; kib += (kib / 16 + 4) & ~3u) {
        code = play(kib, path);
        seen[code]++;
    }
    print_message("# %u sizes too small to open, %u for all series, %u large enough\n", seen[EXIT_NO_SPACE],
                  seen[EXIT_REFUSED], seen[EXIT_ALL]);
    assert_true(seen[EXIT_NO_SPACE] && seen[EXIT_REFUSED] && seen[EXIT_ALL]);
}

/* ---- page by page ---- */

/* What a small segment takes memory for, in this order; the state in which a program has left it. */
enum reached { CREATED, OWN_SLOT, RECORDS, CELLS, MORE_RECORDS, MORE_CELLS, CHILDS_SLOT, REACHED };
static const char *const reached_words[REACHED] = { "index",        "slot",       "records",       "cells",
                                                    "more records", "more cells", "a child's slot" };

/* Records and cells in two chunks each, and slots of this process and of a child. Every error is passed over. */
static int
small_program(const char *path)
{
    struct shmeter_options options = { .struct_bytes = sizeof options,
                                       .group = -1,
                                       .lane_bytes = 65536,
                                       .max_series = 1024,
                                       .max_slots = 4,
                                       .max_gauges = 16,
                                       .ring_bytes = 4096,
                                       .cpu_lanes = 2,
                                       .shared_lanes = 1 };
    struct shmeter *meter;
    const struct shmeter_attachment *attachment;
    uint32_t i, slots = 0;
    int result = shmeter_open(&meter, path, &options), attached = shmeter_attach_worker(meter);

    for (i = 0; i < SMALL_SERIES; i++) {
        struct shmeter_counter counter = shmeter_counter_of(shmeter_family(meter, &counts), number_text(i));
        struct shmeter_histogram histogram = shmeter_histogram_of(shmeter_family(meter, &sizes), number_text(i));
        shmeter_counter_inc(counter);
        told->adds += !result && counter.lanes ? 1 : 0;
        shmeter_histogram_observe(histogram, 0.25);
    }
    use_everything(meter);
    if (result)
        return result == -ENOSPC ? EXIT_NO_SPACE : 4;
    attachment = shmeter_meter_attachment(meter);
    for (i = 0; i < options.max_slots; i++)
        slots += shmeter_slot_word_at(attachment, i)->backed != 0;
    told->has[OWN_SLOT] = !attached;
    told->has[CHILDS_SLOT] = slots > 1;
    told->has[RECORDS] = attachment->state->records_backed.value >= SHMETER_CHUNK_BYTES;
    told->has[MORE_RECORDS] = attachment->state->records_backed.value >= 2 * SHMETER_CHUNK_BYTES;
    told->has[CELLS] = attachment->state->cells_backed.value >= SHMETER_CHUNK_BYTES;
    told->has[MORE_CELLS] = attachment->state->cells_backed.value >= 2 * SHMETER_CHUNK_BYTES;
    told->has[CREATED] = 1;
    return tell_losses(meter) == EXIT_ALL ? EXIT_ALL : EXIT_REFUSED;
}

/* A filesystem of so many pages. Sets which allocations were refused. Returns what the program ended with. */
static int
play_pages(uint32_t pages, const char *path, uint32_t refused[REACHED])
{
    char size[32];
    uint32_t i;
    int code;

    snprintf(size, sizeof size, "size=%uk,mode=0700", 4 * pages);
    assert_int_equal(mount("tmpfs", mounts_folder, "tmpfs", 0, size), 0);
    code = run_program(small_program, path);
    if (code != EXIT_NO_SPACE && code != EXIT_REFUSED && code != EXIT_ALL)
        fail_msg("%u pages: the program ended with %d (%s)", pages, code, told->error);
    if (code != EXIT_NO_SPACE) {
        assert_int_equal(told->slots_exhausted, 0);
        check_totals(path, told->adds);
        for (i = 0; i < REACHED; i++)
            refused[i] += !told->has[i];
        if (code == EXIT_REFUSED)
            assert_true(told->backing_failed > 0);
    }
    assert_int_equal(umount2(mounts_folder, MNT_DETACH), 0);
    return code;
}

static void
each_page_can_be_the_first_that_is_missing(void **state)
{
    char path[160];
    uint32_t pages, refused[REACHED] = { 0 }, i;
    int code = 0;

    (void)state;
    mounts_prepare("full");
    snprintf(path, sizeof path, "%s/segment", mounts_folder);
    for (pages = 1; pages <= PAGES_MOST && code != EXIT_ALL; pages++) {
        code = play_pages(pages, path, refused);
        refused[CREATED] += code == EXIT_NO_SPACE;
    }
    assert_int_equal(code, EXIT_ALL);
    print_message("# of %u sizes too small:", pages - 2);
    for (i = 0; i < REACHED; i++) {
        print_message(" %u without %s,", refused[i], reached_words[i]);
        if (!refused[i])
            fail_msg("%s was never refused", reached_words[i]);
    }
    print_message("\n");
}

/* ---- again and again ---- */

static unsigned long
address_space_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (!file || fscanf(file, "%lu", &pages) != 1)
        _exit(2);
    fclose(file);
    return pages;
}

/* A program that does not give up. */
static int
stubborn_program(const char *path)
{
    struct shmeter_options options = { .struct_bytes = sizeof options, .group = -1, .max_series = 1024 };
    struct shmeter *meter;
    unsigned long before = 0;
    uint64_t used = 0;
    uint32_t i;
    int result = 0;

    address_space_pages(); /* what stdio takes */
    for (i = 0; i < 50; i++) {
        result = shmeter_open(&meter, path, &options);
        shmeter_close(meter);
        if (i == 3) {
            before = address_space_pages();
            used = ((const struct shmeter_heap_chunk *)(uintptr_t)shmeter_process_v3.heap)->used;
        }
    }
    if (address_space_pages() != before ||
        ((const struct shmeter_heap_chunk *)(uintptr_t)shmeter_process_v3.heap)->used != used)
        return 5;
    return result == -ENOSPC ? EXIT_NO_SPACE : result ? 4 : EXIT_ALL;
}

static void
who_tries_to_open_again_and_again_takes_no_memory(void **state)
{
    char path[160], size[32];
    uint32_t pages, refused = 0;
    int code = EXIT_NO_SPACE;

    (void)state;
    mounts_prepare("full");
    snprintf(path, sizeof path, "%s/segment", mounts_folder);
    for (pages = 1; pages <= PAGES_MOST && code == EXIT_NO_SPACE; pages += pages < 64 ? 1 : 16) {
        snprintf(size, sizeof size, "size=%uk,mode=0700", 4 * pages);
        assert_int_equal(mount("tmpfs", mounts_folder, "tmpfs", 0, size), 0);
        code = run_program(stubborn_program, path);
        assert_int_equal(umount2(mounts_folder, MNT_DETACH), 0);
        refused += code == EXIT_NO_SPACE;
    }
    if (code != EXIT_ALL)
        fail_msg("%u pages: the program ended with %d", pages, code);
    assert_true(refused > 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_filesystem_is_an_error_and_never_a_fault),
        cmocka_unit_test(each_page_can_be_the_first_that_is_missing),
        cmocka_unit_test(who_tries_to_open_again_and_again_takes_no_memory),
    };

    told = scratch_shared(sizeof *told);
    return cmocka_run_group_tests_name("full_tmpfs", tests, NULL, NULL);
}
