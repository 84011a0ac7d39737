/*
 * Processes of releases of a program, which do what the test orders, one thing after the other: open definitions, count
 * in them, fork, end. An order is two bytes, a verb and the number of a definition, and each is answered.
 */
#ifndef SHMETER_TESTS_CLIENT_RELEASE_H
#define SHMETER_TESTS_CLIENT_RELEASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"

struct release {
    pid_t pid;
    int orders[2], answers[2];
};

#define RELEASE_DESCS 512

/* The definitions that orders are about; one label of theirs, if they have any, is "x" and another one "y". */
static const struct shmeter_desc *release_descs;

static struct {
    struct shmeter *meter;
    const struct shmeter_family *families[RELEASE_DESCS];
    const char *segment;
} release_self;

static void
release_count(const struct shmeter_family *family)
{
    static const char *const values[] = { "x", "y" };
    uint32_t n = family->definition.labels_n;
    switch (family->definition.type) {
    case SHMETER_COUNTER:
        shmeter_counter_inc(shmeter_counter_of_v(family, values, n));
        break;
    case SHMETER_COUNTER_F64:
        shmeter_counter_f64_add(shmeter_counter_f64_of_v(family, values, n), 0.5);
        break;
    case SHMETER_GAUGE:
        if (family->definition.mode == SHMETER_POOL)
            shmeter_gauge_set(shmeter_gauge_of_v(family, values, n), 3); /* which outlives the process */
        else
            shmeter_gauge_add(shmeter_gauge_of_v(family, values, n), 3);
        break;
    case SHMETER_STATESET:
        shmeter_stateset_set(shmeter_stateset_of_v(family, values, n), 1);
        break;
    case SHMETER_INFO:
        shmeter_info_of_v(family, values, n);
        break;
    default:
        shmeter_histogram_observe(shmeter_histogram_of_v(family, values, n), 1.5);
    }
}

/* The child goes on in the process's place; its parent waits to be killed. */
static void
release_fork(void)
{
    pid_t child = fork();
    if (child)
        for (;;)
            pause();
}

/*
 * o  opens the meter          c  closes it             s  has a slot             k  goes on in a child
 * f  opens the definition     u  counts in it once     g  gives its name up      q  ends in order
 */
static int
release_obey(char verb, uint32_t number)
{
    const struct shmeter_desc *desc = &release_descs[number];
    switch (verb) {
    case 'o':
        return shmeter_open(&release_self.meter, release_self.segment, NULL);
    case 'f':
        release_self.families[number] = shmeter_family(release_self.meter, desc);
        return shmeter_family_refused(release_self.families[number]) != 0;
    case 'u':
        release_count(release_self.families[number]);
        return 0;
    case 'g':
        shmeter_family_forget(release_self.meter, desc->name);
        return 0;
    case 's':
        return shmeter_attach_worker(release_self.meter);
    case 'c':
        shmeter_close(release_self.meter);
        return 0;
    case 'k':
        release_fork();
        return 0;
    default:
        return 1;
    }
}

/* Descriptors that the test writes to: a process that had another one's would keep it alive. */
static unsigned char release_ends[1024];

static void
release_run(const struct release *release)
{
    unsigned char order[3];
    char answer;
    int fd;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (fd = 0; fd < (int)sizeof release_ends; fd++)
        if (release_ends[fd])
            close(fd);
    while (read(release->orders[0], order, sizeof order) == sizeof order) {
        if (order[0] == 'q')
            _exit(write(release->answers[1], "a", 1) == 1 ? 0 : 2);
        answer = release_obey((char)order[0], order[1] | (uint32_t)order[2] << 8) ? 'x' : 'a';
        if (write(release->answers[1], &answer, 1) != 1)
            break;
    }
    _exit(1);
}

/* Sends an order. Returns whether it was done. */
static int
release_tried(const struct release *release, char verb, uint32_t number)
{
    unsigned char order[3] = { (unsigned char)verb, (unsigned char)number, (unsigned char)(number >> 8) };
    char answer;
    assert_int_equal(write(release->orders[1], order, sizeof order), sizeof order);
    assert_int_equal(read(release->answers[0], &answer, 1), 1);
    return answer == 'a';
}

__attribute__((unused)) static void
release_does(const struct release *release, char verb, uint32_t number)
{
    assert_true(release_tried(release, verb, number));
}

/* A process that has opened the segment. */
static struct release
release_begin(const char *segment)
{
    struct release release;
    assert_int_equal(pipe(release.orders), 0);
    assert_int_equal(pipe(release.answers), 0);
    assert_in_range(release.orders[1], 0, sizeof release_ends - 1);
    release_ends[release.orders[1]] = 1;
    release_self.segment = segment;
    release.pid = fork();
    if (!release.pid)
        release_run(&release);
    close(release.answers[1]);
    close(release.orders[0]);
    release_does(&release, 'o', 0);
    return release;
}

/* ... and this definition. */
__attribute__((unused)) static struct release
release_with(const char *segment, uint32_t number)
{
    struct release release = release_begin(segment);
    release_does(&release, 'f', number);
    return release;
}

static void
release_forget(struct release *release)
{
    release_ends[release->orders[1]] = 0;
    close(release->orders[1]);
    close(release->answers[0]);
    release->pid = 0;
}

/* Ends in order, or is killed. */
__attribute__((unused)) static void
release_end(struct release *release)
{
    release_does(release, 'q', 0);
    assert_int_equal(place_wait(release->pid), 0);
    release_forget(release);
}

__attribute__((unused)) static void
release_kill(struct release *release)
{
    kill(release->pid, SIGKILL);
    place_wait(release->pid);
    release_forget(release);
}

#endif
