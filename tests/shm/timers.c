/*
 * Timers measure seconds in every surrounding: another boot, no /proc, a segment that is created again with another
 * clock, no segment; and whatever happens to the clocks: pauses of the threads that read them, and a suspended machine.
 * Time is made here: a nanosecond of all clocks is half a tick of the counter, so that a ratio from anywhere else
 * shows.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/shmeter.h"
#include "tests/tools/scrape.h"
#include "tests/tools/scratch.h"

#define NS_PER_TICK 2
#define PAUSE_TICKS 20000000

static struct {
    uint64_t suspended_ns;          /* so far */
    uint32_t reads, pause_after[3]; /* of a clock; the thread is paused after these                              */
    const char *boot_id, *source;   /* what files say; "": they are not there                                    */
} fake = { .boot_id = "01234567-0123-0123-0123-0123456789ab\n", .source = "tsc\n" };

/* libc's, in this program. */
int
clock_gettime(clockid_t clock, struct timespec *out)
{
    uint64_t ticks = shmeter_clock_counter(), ns = ticks * NS_PER_TICK;
    uint32_t i;

    if (clock == CLOCK_REALTIME)
        ns += UINT64_C(1700000000) * 1000000000;
    if (clock == CLOCK_MONOTONIC)
        ns -= fake.suspended_ns;
    out->tv_sec = (time_t)(ns / 1000000000);
    out->tv_nsec = (long)(ns % 1000000000);
    fake.reads++;
    for (i = 0; i < 3; i++)
        while (fake.reads == fake.pause_after[i] && shmeter_clock_counter() - ticks < PAUSE_TICKS)
            ;
    return 0;
}

static int
file_of(const char *text)
{
    int fd = memfd_create("fake", 0);

    if (fd < 0 || write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        abort();
    return fd;
}

long
shmeter_sys(long number, long a, long b, long c, long d, long e, long f)
{
    long result;

    if (number == SYS_openat) {
        const char *path = SHMETER_POINTER(const char *, b), *text = NULL;
        if (!strcmp(path, "/proc/sys/kernel/random/boot_id"))
            text = fake.boot_id;
        if (strstr(path, "current_clocksource"))
            text = fake.source;
        if (text)
            return *text ? file_of(text) : -ENOENT;
    }
    result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}

static const struct shmeter_desc histograms = { .type = SHMETER_HISTOGRAM, .name = "timed_seconds" };

static void
spin(uint64_t ticks)
{
    uint64_t from = shmeter_clock_counter();

    while (shmeter_clock_counter() - from < ticks)
        ;
}

/* A moment of a meter's ticks, and what the counter was before and behind it: the thread may be away in between. */
struct moment {
    uint64_t before, ticks, behind;
};

static struct moment
moment_of(struct shmeter *meter)
{
    struct moment moment;

    moment.before = shmeter_clock_counter();
    moment.ticks = shmeter_ticks(meter);
    moment.behind = shmeter_clock_counter();
    return moment;
}

static double
seconds_of(uint64_t ticks)
{
    return (double)ticks * NS_PER_TICK * 1e-9;
}

/* asked: the counter before it was told. */
static void
expect_between(double seconds, const struct moment *from, uint64_t asked, const char *what)
{
    double least = seconds_of(asked - from->behind), most = seconds_of(shmeter_clock_counter() - from->before);

    if (seconds < 0.999 * least || seconds > 1.001 * most) {
        print_message("# %s: %.6f s are told as %.6f s\n", what, most, seconds);
        _exit(1); /* it is a child's */
    }
}

static void
expect_told_right(struct shmeter *meter, const struct moment *from, const char *what)
{
    uint64_t asked = shmeter_clock_counter();

    expect_between(shmeter_seconds_since(meter, from->ticks), from, asked, what);
}

static void
expect_right(struct shmeter *meter, const char *what)
{
    struct moment from = moment_of(meter);
    int i;

    for (i = 0; i < 3; i++) { /* while the pair is young, and when the ratio is final */
        spin(PAUSE_TICKS);
        expect_told_right(meter, &from, what);
        spin(UINT64_C(400000000) / NS_PER_TICK);
    }
    from = moment_of(meter);
    spin(PAUSE_TICKS);
    expect_told_right(meter, &from, what);
}

/* The segment as if it had been created with this clock, now. */
static void
make_as(const char *path, uint32_t kind)
{
    struct shmeter_options options = shmeter_open_options(NULL);
    struct shmeter_header header;
    const char *why;
    int fd;

    fake.source = kind == SHMETER_TICKS_COUNTER ? "tsc\n" : "hpet\n";
    unlink(path);
    assert_int_equal(shmeter_segment_create(path, &options, &why), 0);
    fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &header, sizeof header, 0), sizeof header);
    if (header.ticks_kind != kind) { /* a machine whose counter does not serve */
        header.ticks_kind = kind;
        header.created_ticks = header.created_mono_ns / NS_PER_TICK;
        header.sum = shmeter_header_sum(&header);
        assert_int_equal(pwrite(fd, &header, sizeof header, 0), sizeof header);
    }
    close(fd);
}

/* Each in a process of its own: what it has decided about its clocks stays. */
static void
in_child(void (*body)(void))
{
    pid_t child;

    scratch_path(""); /* the folder is this process's, which removes it */
    child = scratch_fork();
    if (!child) {
        body();
        _exit(0);
    }
    assert_int_equal(scratch_wait(child), 0);
}

static struct shmeter *
opened(const char *path)
{
    struct shmeter *meter;

    if (shmeter_open(&meter, path, NULL))
        fail_msg("%s", shmeter_error(meter));
    return meter;
}

static void
same_boot(void)
{
    const char *path = scratch_path("same");

    make_as(path, SHMETER_TICKS_COUNTER);
    expect_right(opened(path), "same boot");
}

static void
another_boot(void)
{
    const char *path = scratch_path("boot");

    make_as(path, SHMETER_TICKS_COUNTER);
    fake.boot_id = "fedcba98-0123-0123-0123-0123456789ab\n";
    expect_right(opened(path), "another boot");
}

static void
no_boot_id(void)
{
    const char *path = scratch_path("none");

    make_as(path, SHMETER_TICKS_COUNTER);
    fake.boot_id = fake.source = "";
    expect_right(opened(path), "no boot id and no clock source to be read");
}

static void
detached(void)
{
    struct shmeter *meter;

    assert_int_not_equal(shmeter_open(&meter, scratch_path("no/such"), NULL), 0);
    expect_right(meter, "detached");
}

/* Ticks from before the segment was made anew are told right, by the meter and by the new segment's histogram. */
static void
created_again(uint32_t first, uint32_t second)
{
    const char *path = scratch_path("again");
    struct shmeter_histogram histogram;
    struct scrape *scrape;
    struct shmeter *meter;
    struct moment from;
    uint64_t asked;

    make_as(path, first);
    meter = opened(path);
    expect_right(meter, "first");
    from = moment_of(meter);
    make_as(path, second);
    histogram = shmeter_histogram_of(shmeter_family(meter, &histograms));
    assert_int_equal(shmeter_meter_attachment(meter)->header.ticks_kind, second);
    spin(PAUSE_TICKS);
    expect_told_right(meter, &from, "over a segment that was created again with another clock");
    asked = shmeter_clock_counter();
    shmeter_histogram_observe_since(histogram, from.ticks);
    scrape = scrape_open(path);
    scrape_take(scrape);
    expect_between(scrape_value(scrape, "timed_seconds_sum"), &from, asked, "observed");
    expect_right(meter, "created again with another clock");
}

static void
created_again_with_nanoseconds(void)
{
    created_again(SHMETER_TICKS_COUNTER, SHMETER_TICKS_MONOTONIC_NS);
}

static void
created_again_with_the_counter(void)
{
    created_again(SHMETER_TICKS_MONOTONIC_NS, SHMETER_TICKS_COUNTER);
}

static void
seconds_are_seconds_whatever_boot_and_clock_a_segment_is_of(void **state)
{
    (void)state;
    in_child(same_boot);
    in_child(another_boot);
    in_child(no_boot_id);
    in_child(detached);
    in_child(created_again_with_nanoseconds);
    in_child(created_again_with_the_counter);
}

static void
paused_creator(void)
{
    const char *path = scratch_path("paused");
    uint32_t i;

    for (i = 0; i < 3; i++)
        fake.pause_after[i] = 1 + 3 * i; /* of creation's readings some */
    make_as(path, SHMETER_TICKS_COUNTER);
    assert_true(fake.reads > 7);
    memset(fake.pause_after, 0, sizeof fake.pause_after);
    expect_right(opened(path), "a creator that was paused");
}

static void
paused_caller(void)
{
    const char *path = scratch_path("caller");
    struct shmeter *meter;
    struct moment from;
    int i;

    make_as(path, SHMETER_TICKS_COUNTER);
    meter = opened(path);
    from = moment_of(meter);
    spin(UINT64_C(1100000000) / NS_PER_TICK);
    for (i = 0; i < 2; i++) /* in the call that makes the ratio final */
        fake.pause_after[i] = fake.reads + 1 + 2 * (uint32_t)i;
    shmeter_seconds_since(meter, from.ticks);
    memset(fake.pause_after, 0, sizeof fake.pause_after);
    expect_told_right(meter, &from, "a caller that was paused");
    expect_right(meter, "after it");
}

static void
pauses_between_two_clocks_make_no_lasting_error(void **state)
{
    (void)state;
    in_child(paused_creator);
    in_child(paused_caller);
}

static void
suspended_before_it_opens(void)
{
    const char *path = scratch_path("before");

    make_as(path, SHMETER_TICKS_COUNTER);
    spin(PAUSE_TICKS);
    fake.suspended_ns = UINT64_C(10000000); /* most of the time since */
    expect_right(opened(path), "suspended before it opens");
}

static void
suspended_while_it_measures(void)
{
    const char *path = scratch_path("while");
    struct shmeter *meter;

    make_as(path, SHMETER_TICKS_COUNTER);
    meter = opened(path);
    spin(PAUSE_TICKS);
    shmeter_seconds_since(meter, shmeter_ticks(meter));
    fake.suspended_ns = UINT64_C(30000000);
    shmeter_seconds_since(meter, shmeter_ticks(meter)); /* finds it out, and measures from here */
    spin(PAUSE_TICKS);
    expect_right(meter, "suspended while the ratio was not final");
}

static void
a_suspended_machine_makes_no_lasting_error(void **state)
{
    (void)state;
    in_child(suspended_before_it_opens);
    in_child(suspended_while_it_measures);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_are_seconds_whatever_boot_and_clock_a_segment_is_of),
        cmocka_unit_test(pauses_between_two_clocks_make_no_lasting_error),
        cmocka_unit_test(a_suspended_machine_makes_no_lasting_error),
    };

    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
