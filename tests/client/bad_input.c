/*
 * Wrong names, files that are no segments, other owners, and damage: each is -errno, one sentence that names the thing
 * and says what to do, and handles that work privately. Nothing faults, and no file of others is written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/sentence.h"

#define NOBODY 65534

static const struct shmeter_desc counters = { .type = SHMETER_COUNTER, .name = "input_total" };

/* All that a program does with a meter that it could not open. */
static void
expect_usable(struct shmeter *meter)
{
    static const struct shmeter_desc gauges = { .type = SHMETER_GAUGE, .name = "input" };
    static const struct shmeter_desc histograms = { .type = SHMETER_HISTOGRAM, .name = "input_seconds" };
    struct shmeter_gauge gauge;
    struct shmeter_histogram histogram;
    assert_non_null(meter);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counters)));
    gauge = shmeter_gauge_of(shmeter_family(meter, &gauges));
    shmeter_gauge_set(gauge, 1);
    shmeter_gauge_add(gauge, 1);
    histogram = shmeter_histogram_of(shmeter_family(meter, &histograms));
    shmeter_histogram_observe(histogram, 1);
    shmeter_histogram_observe_since(histogram, shmeter_ticks(meter));
    shmeter_heartbeat(meter);
    shmeter_busy(meter);
    shmeter_idle(meter);
    shmeter_check(meter, "check", SHMETER_OK, "fine");
}

/* Opening it fails with this errno and these words. */
static void
expect_refused(const char *segment, int wanted, const char *words)
{
    struct shmeter *meter = NULL;
    int result = shmeter_open(&meter, segment, NULL);
    if (result != -wanted)
        fail_msg("%s: %d (%s), not %d", segment, result, shmeter_error(meter), -wanted);
    expect_sentence(meter, segment, words);
    expect_usable(meter);
    shmeter_close(meter);
}

static void
make_file(const char *path, const void *bytes, size_t n, mode_t mode)
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* A segment that another process has made. */
static void
make_segment(const char *path, const struct shmeter_options *options)
{
    pid_t child = fork();
    if (!child) {
        struct shmeter *meter;
        int result = shmeter_open(&meter, path, options);
        if (result)
            fprintf(stderr, "# %s\n", shmeter_error(meter));
        _exit(result ? 1 : 0);
    }
    assert_int_equal(place_wait(child), 0);
}

static void
change_header(const char *path, void (*change)(struct shmeter_header *), int sum)
{
    struct shmeter_header header;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    change(&header);
    if (sum)
        header.sum = shmeter_header_sum(&header);
    assert_int_equal(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    close(fd);
}

static void
names_that_no_segment_can_have_are_refused(void **state)
{
    char name[80], path[400];
    (void)state;
    expect_refused("a b", EINVAL, "letters, digits");
    expect_refused("caf\xc3\xa9", EINVAL, "letters, digits");
    memset(name, 'x', 65);
    name[65] = 0;
    expect_refused(name, EINVAL, "at most 64");
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[300] = 0;
    {
        struct shmeter *meter;
        assert_int_equal(shmeter_open(&meter, path, NULL), -ENAMETOOLONG);
        expect_usable(meter);
    }
    expect_refused(place_path("no/such"), ENOENT, "no such");
}

static void
files_that_are_no_segments_are_refused(void **state)
{
    char zeros[8192] = { 0 };
    (void)state;
    make_file(place_path("text"), "hello", 5, 0600);
    expect_refused(place_path("text"), EINVAL, "no shmeter segment");
    make_file(place_path("zeros"), zeros, sizeof zeros, 0600);
    expect_refused(place_path("zeros"), EINVAL, "no shmeter segment");
    assert_int_equal(mkdir(place_path("directory"), 0700), 0);
    {
        struct shmeter *meter;
        int result = shmeter_open(&meter, place_path("directory"), NULL);
        assert_true(result == -EISDIR || result == -EINVAL);
        expect_sentence(meter, place_path("directory"), "director");
        expect_usable(meter);
    }
    assert_int_equal(mkfifo(place_path("fifo"), 0600), 0);
    expect_refused(place_path("fifo"), EINVAL, "no regular file");
    make_segment(place_path("target"), NULL);
    assert_int_equal(symlink(place_path("target"), place_path("link")), 0);
    expect_refused(place_path("link"), ELOOP, "symbolic link");
    assert_int_equal(symlink(place_path("nowhere"), place_path("dangling")), 0);
    expect_refused(place_path("dangling"), ELOOP, "symbolic link");
    assert_int_equal(access(place_path("nowhere"), F_OK), -1);
    assert_int_equal(link(place_path("target"), place_path("hard")), 0);
    expect_refused(place_path("hard"), EPERM, "hard links");
}

static void
one_bit(struct shmeter_header *header)
{
    header->max_series ^= 4;
}

static void
next_abi(struct shmeter_header *header)
{
    header->abi_major++;
}

static void
unknown_feature(struct shmeter_header *header)
{
    header->features = 2;
}

static void
damaged_segments_are_refused(void **state)
{
    struct stat whole;
    (void)state;
    make_segment(place_path("bit"), NULL);
    change_header(place_path("bit"), one_bit, 0);
    expect_refused(place_path("bit"), EINVAL, "damaged");
    make_segment(place_path("abi"), NULL);
    change_header(place_path("abi"), next_abi, 1);
    expect_refused(place_path("abi"), EPROTONOSUPPORT, "another abi");
    make_segment(place_path("feature"), NULL);
    change_header(place_path("feature"), unknown_feature, 1);
    expect_refused(place_path("feature"), EPROTONOSUPPORT, "another abi");
    make_segment(place_path("short"), NULL);
    assert_int_equal(stat(place_path("short"), &whole), 0);
    assert_int_equal(truncate(place_path("short"), whole.st_size - 1), 0);
    expect_refused(place_path("short"), EINVAL, "truncated");
    assert_int_equal(truncate(place_path("short"), 511), 0);
    {
        struct shmeter *meter;
        assert_int_equal(shmeter_open(&meter, place_path("short"), NULL), -EINVAL);
        expect_sentence(meter, "short", "shorter than a header");
    }
}

/* What body returns in a child that has given up being root. */
static int
as_nobody(int (*act)(void))
{
    pid_t child = fork();
    if (!child) {
        if (setgid(NOBODY) || setuid(NOBODY))
            _exit(99);
        _exit(act());
    }
    return place_wait(child);
}

static const char *asked;
static int wanted_result;

static int
open_asked(void)
{
    struct shmeter *meter;
    int result = shmeter_open(&meter, asked, NULL);
    shmeter_counter_inc(shmeter_counter_of(shmeter_family(meter, &counters)));
    if (result != wanted_result || (result && !strstr(shmeter_error(meter), asked))) {
        fprintf(stderr, "# %s: %d, %s\n", asked, result, shmeter_error(meter));
        return 1;
    }
    return 0;
}

/* Some chroots keep everybody but root out of their root directory. */
static int
enter_root(void)
{
    return access("/dev/shm", X_OK) ? 1 : 0;
}

static void
other_owners_and_modes_are_refused(void **state)
{
    struct shmeter_options any = { .struct_bytes = sizeof any, .group = -1, .any_owner = 1 };
    struct shmeter *meter;
    (void)state;
    make_segment(place_path("world"), NULL);
    assert_int_equal(chmod(place_path("world"), 0666), 0);
    expect_refused(place_path("world"), EPERM, "chmod");
    if (getuid() != 0) {
        print_message("the rest needs root\n");
        skip();
    }
    make_segment(place_path("theirs"), NULL);
    assert_int_equal(chown(place_path("theirs"), NOBODY, NOBODY), 0);
    make_segment(place_path("theirs"), &any); /* attaches */
    expect_refused(place_path("theirs"), EPERM, "another user");
    if (as_nobody(enter_root)) {
        print_message("# the rest needs a root directory that other users may enter\n");
        skip();
    }
    assert_int_equal(chmod(place_directory, 0711), 0);
    make_segment(place_path("ours"), NULL);
    asked = place_path("ours");
    wanted_result = -EACCES;
    assert_int_equal(as_nobody(open_asked), 0);
    assert_int_equal(chown(place_path("ours"), (uid_t)-1, NOBODY), 0);
    assert_int_equal(chmod(place_path("ours"), 0660), 0);
    wanted_result = 0; /* root's, and its group may write */
    assert_int_equal(as_nobody(open_asked), 0);
    asked = place_path("new");
    wanted_result = -EACCES;
    assert_int_equal(as_nobody(open_asked), 0);
    assert_int_equal(access(asked, F_OK), -1);
    assert_int_equal(shmeter_open(&meter, place_path("ours"), NULL), 0);
    shmeter_close(meter);
}

static int
open_limited(void)
{
    struct rlimit limit = { 65536, 65536 };
    if (setrlimit(RLIMIT_FSIZE, &limit))
        return 98;
    return open_asked();
}

static void
a_limit_of_file_size_is_an_error_and_no_signal(void **state)
{
    pid_t child;
    (void)state;
    asked = place_path("limited");
    wanted_result = -EFBIG;
    child = fork();
    if (!child)
        _exit(open_limited());
    assert_int_equal(place_wait(child), 0);
    assert_int_equal(access(asked, F_OK), -1);
}

static void
options_out_of_range_are_refused(void **state)
{
    struct shmeter_options modes = { .struct_bytes = sizeof modes, .mode = 0666, .group = -1 };
    struct shmeter_options lanes = { .struct_bytes = sizeof lanes, .group = -1, .shared_lanes = 3 };
    struct shmeter_options large = { .struct_bytes = sizeof large, .group = -1, .lane_bytes = UINT64_C(1) << 40 };
    struct shmeter *meter;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("modes"), &modes), -EINVAL);
    expect_sentence(meter, place_path("modes"), "0600, 0640 or 0660");
    expect_usable(meter);
    assert_int_equal(shmeter_open(&meter, place_path("lanes"), &lanes), -EINVAL);
    expect_sentence(meter, place_path("lanes"), "power of two");
    assert_int_equal(shmeter_open(&meter, place_path("large"), &large), -EINVAL);
    expect_sentence(meter, place_path("large"), "out of range");
    assert_int_equal(access(place_path("modes"), F_OK), -1);
}

static void
options_whose_size_is_not_told_are_refused(void **state)
{
    struct shmeter_options forgotten = { .mode = 0640, .max_series = 99 }, nothing = { .struct_bytes = 0 };
    struct shmeter_options set = SHMETER_OPTIONS(.mode = 0640, .max_series = 99), defaults = SHMETER_OPTIONS();
    struct {
        struct shmeter_options known;
        uint64_t more;
    } later = { SHMETER_OPTIONS(), 0 };
    struct shmeter *meter, *again;
    struct stat file;
    (void)state;
    assert_int_equal(shmeter_open(&meter, place_path("forgotten"), &forgotten), -EINVAL);
    expect_sentence(meter, place_path("forgotten"), "SHMETER_OPTIONS");
    expect_usable(meter);
    assert_int_equal(access(place_path("forgotten"), F_OK), -1);
    assert_int_equal(shmeter_open(&again, place_path("forgotten"), &set), 0);
    assert_ptr_equal(again, meter);
    assert_int_equal(stat(place_path("forgotten"), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0640);
    assert_int_equal(shmeter_meter_attachment(meter)->header.max_series, 99);
    assert_int_equal(shmeter_open(&again, place_path("forgotten"), &forgotten), -EINVAL); /* and is open still */
    assert_ptr_equal(again, meter);
    assert_non_null(shmeter_meter_attachment(meter)->base);
    forgotten.struct_bytes = 7;
    assert_int_equal(shmeter_open(&meter, place_path("seven"), &forgotten), -EINVAL);
    assert_int_equal(shmeter_open(&meter, place_path("nothing"), &nothing), 0);
    assert_int_equal(shmeter_open(&meter, place_path("defaults"), &defaults), 0);
    later.known.struct_bytes = sizeof later;
    assert_int_equal(shmeter_open(&meter, place_path("later"), &later.known), 0);
    later.more = 1;
    assert_int_equal(shmeter_open(&meter, place_path("more"), &later.known), -EINVAL);
    expect_sentence(meter, place_path("more"), "does not know");
}

/* Makes a segment of these sizes, if they are taken: the error in words. */
static const char *
made(uint32_t cpu_lanes, uint64_t lane_bytes, uint32_t ring_bytes)
{
    const struct shmeter_options options = { .struct_bytes = sizeof options,
                                             .group = -1,
                                             .cpu_lanes = cpu_lanes,
                                             .shared_lanes = 2,
                                             .lane_bytes = lane_bytes,
                                             .ring_bytes = ring_bytes,
                                             .max_slots = 4 };
    struct shmeter *meter;
    int result = shmeter_open(&meter, place_path("limits"), &options);
    assert_true(!result || result == -EINVAL);
    assert_int_equal(access(place_path("limits"), F_OK), result ? -1 : 0);
    return result ? shmeter_error(meter) : "";
}

/* The slow path goes by the handle's own arithmetic: it must meet the shared cell that the segment has. */
static void
expect_shared_cells(void)
{
    struct shmeter *meter;
    struct shmeter_attachment *attachment;
    struct shmeter_counter counter;
    const unsigned char *shared;
    uint64_t lanes[2];
    assert_int_equal(shmeter_open(&meter, place_path("limits"), NULL), 0);
    attachment = shmeter_meter_attachment(meter);
    counter = shmeter_counter_of(shmeter_family(meter, &counters));
    shmeter_counter_add_slow(counter, 7);
    shared = attachment->lanes.shared + 2 * (counter.cell - attachment->lanes.cpu);
    memcpy(&lanes[0], shared, 8);
    memcpy(&lanes[1], shared + (UINT64_C(2) << attachment->lanes.shift), 8);
    assert_int_equal(lanes[0] + lanes[1], 7);
}

/* As an earlier release made it. */
static void
make_too_large(struct shmeter_header *header)
{
    header->cpu_lanes_n = 2048;
    shmeter_header_place(header);
    assert_int_equal(truncate(place_path("earlier"), (off_t)header->segment_bytes), 0);
}

static void
what_a_handle_cannot_hold_is_refused(void **state)
{
    const struct shmeter_options large = {
        .struct_bytes = sizeof large, .group = -1, .cpu_lanes = 16, .lane_bytes = UINT64_C(4) << 30
    };
    (void)state;
    assert_non_null(strstr(made(2048, UINT64_C(4) << 30, 0), "less than 8 TiB"));
    assert_non_null(strstr(made(8192, UINT64_C(1) << 30, 0), "less than 8 TiB"));
    assert_non_null(strstr(made(1, 0, UINT32_MAX), "out of range"));
    assert_non_null(strstr(made(1, 0, (1u << 30) + 1), "out of range"));
    assert_string_equal(made(2047, UINT64_C(4) << 30, 0), "");
    expect_shared_cells();
    make_segment(place_path("earlier"), &large);
    change_header(place_path("earlier"), make_too_large, 1);
    expect_refused(place_path("earlier"), EINVAL, "8 TiB");
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_no_segment_can_have_are_refused),
        cmocka_unit_test(files_that_are_no_segments_are_refused),
        cmocka_unit_test(damaged_segments_are_refused),
        cmocka_unit_test(other_owners_and_modes_are_refused),
        cmocka_unit_test(a_limit_of_file_size_is_an_error_and_no_signal),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(options_whose_size_is_not_told_are_refused),
        cmocka_unit_test(what_a_handle_cannot_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("input", body);
}
