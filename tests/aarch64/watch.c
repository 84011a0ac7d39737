/*
 * Reads a segment while pools (pool.c) update it, and compares it, when they have finished, with what they report.
 *
 * Usage: watch SEGMENT COMMAND... [-- COMMAND...]
 *
 * Each command runs a pool on this segment; what two of them have counted is added up. In each reading the sum of a
 * histogram must be what its buckets imply, and nothing may fall. Prints what it has seen; exits with 1 when something
 * was wrong.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/aarch64/pool.h"
#include "tests/crash/reading.h"
#include "tests/tools/scratch.h"

#define POOLS_MAX   4u
#define COMPLAINTS  8u
#define SAMPLES_MAX 256u

struct told { /* by a pool: one word of a sample */
    char name[64];
    uint32_t word;
    double value;
};

static struct {
    const char *segment;
    struct pool {
        pid_t pid;
        int input, output; /* its standard input and output                                              */
        char said[16384];
        size_t said_n;
        int finished;
    } pools[POOLS_MAX];
    uint32_t pools_n, told_n, wrong, readings, unsettled;
    struct told told[SAMPLES_MAX];
    double before[2 + 5 + POOL_BUCKETS];
} watch;

static uint32_t complaints_left = COMPLAINTS;

__attribute__((noreturn)) static void
give_up(const char *what)
{
    perror(what);
    exit(1);
}

static void
complain(const char *what, double now, double wanted)
{
    watch.wrong++;
    if (complaints_left && complaints_left--)
        printf("# %s is %.17g instead of %.17g\n", what, now, wanted);
}

/* ---- pools ---- */

static void
start(char **command)
{
    struct pool *pool = &watch.pools[watch.pools_n++];
    int to[2], from[2];

    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        give_up("pipe");
    pool->pid = scratch_fork();
    if (!pool->pid) {
        if (dup2(to[0], 0) || dup2(from[1], 1) != 1)
            _exit(1);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    pool->input = to[1];
    pool->output = from[0];
    fcntl(pool->output, F_SETFL, O_NONBLOCK);
}

static void
take_line(char *line)
{
    struct told one = { .word = 0 };
    int same = strstr(line, "} 0 = ") != NULL;
    uint32_t i;

    if (!strchr(line, '{')) {
        printf("# %s\n", line);
        return;
    }
    if (sscanf(line, same ? "%63s %u = %lf" : "%63s %u %lf", one.name, &one.word, &one.value) != 3)
        give_up(line);
    for (i = 0; i < watch.told_n; i++)
        if (!strcmp(watch.told[i].name, one.name) && watch.told[i].word == one.word) {
            watch.told[i].value += same ? 0 : one.value;
            return;
        }
    if (watch.told_n == SAMPLES_MAX)
        give_up("too many samples");
    watch.told[watch.told_n++] = one;
}

/* Whether a pool has finished; what it says until then is taken. */
static int
finished(struct pool *pool)
{
    ssize_t n;
    char *line, *rest;

    if (pool->finished)
        return 1;
    n = read(pool->output, pool->said + pool->said_n, sizeof pool->said - 1 - pool->said_n);
    if (!n)
        give_up("a pool has ended early");
    pool->said_n += n > 0 ? (size_t)n : 0;
    if (!strstr(pool->said, "\n\n"))
        return 0;
    for (line = strtok_r(pool->said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        take_line(line);
    return pool->finished = 1;
}

static int
all_finished(void)
{
    uint32_t i, n = 0;

    for (i = 0; i < watch.pools_n; i++)
        n += finished(&watch.pools[i]) != 0;
    return n == watch.pools_n;
}

static void
end_pools(void)
{
    uint32_t i;

    for (i = 0; i < watch.pools_n; i++) {
        close(watch.pools[i].input);
        if (scratch_wait(watch.pools[i].pid))
            give_up("a pool failed");
    }
}

/* ---- readings ---- */

static double
or_zero(double number)
{
    return isnan(number) ? 0 : number;
}

static void
check_histogram(const struct reading *reading, const char *name, uint32_t buckets_n, const double *values,
                double *before)
{
    double implied = 0, count;
    uint32_t i;

    for (i = 0; i < buckets_n; i++) {
        count = or_zero(reading_number(reading, name, 1 + i));
        implied += values[i] * count;
        if (count < before[i])
            complain("a bucket that falls", count, before[i]);
        before[i] = count;
    }
    if (or_zero(reading_number(reading, name, 0)) != implied)
        complain("a histogram's sum", reading_number(reading, name, 0), implied);
}

static void
check_counter(const struct reading *reading, const char *name, double *before)
{
    double now = or_zero(reading_number(reading, name, 0));

    if (now < *before)
        complain("a counter that falls", now, *before);
    *before = now;
}

/*
 * What holds at any time. A histogram that the reader could not get hold of is no fault: it is told, and read once
 * more.
 */
static void
check(const struct reading *reading)
{
    if (reading->absent)
        return;
    watch.readings++;
    if (reading->torn) {
        watch.unsettled++;
        return;
    }
    if (*reading->complaint) {
        printf("# %s\n", reading->complaint);
        watch.wrong++;
    }
    check_counter(reading, POOL_COUNTER "{}", &watch.before[0]);
    check_counter(reading, POOL_FRACTION "{}", &watch.before[1]);
    check_histogram(reading, POOL_CLASSIC "{}", 5, pool_classic_values, &watch.before[2]);
    check_histogram(reading, POOL_EXPONENTIAL "{}", POOL_BUCKETS, pool_exponential_values, &watch.before[2 + 5]);
}

static void
check_told(const struct reading *reading)
{
    char name[96];
    double now;
    uint32_t i;

    for (i = 0; i < watch.told_n; i++) {
        const struct told *told = &watch.told[i];
        snprintf(name, sizeof name, "%s word %u", told->name, told->word);
        now = reading_number(reading, told->name, told->word);
        if (now != told->value)
            complain(name, now, told->value);
    }
    for (i = 0; i < STATUS_LOSSES; i++)
        if (reading->losses[i])
            complain(status_loss_kind(i), (double)reading->losses[i], 0);
}

int
main(int argc, char **argv)
{
    struct exposition *reader = NULL;
    struct reading reading;
    int i, begin = 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    watch.segment = argv[1];
    for (i = 2; i <= argc; i++)
        if (i == argc || !strcmp(argv[i], "--")) {
            argv[i] = NULL;
            if (watch.pools_n == POOLS_MAX || i == begin)
                return 2;
            start(argv + begin);
            begin = i + 1;
        }
    while (!all_finished()) {
        reading_follow(&reading, &reader, watch.segment);
        check(&reading);
        reading_free(&reading);
    }
    printf("# %u readings, %u in vain\n", watch.readings, watch.unsettled);
    reading_follow(&reading, &reader, watch.segment);
    check(&reading);
    complaints_left = COMPLAINTS; /* what is wrong in the end is said in any case */
    check_told(&reading);
    reading_free(&reading);
    reading_leave(reader);
    end_pools();
    return watch.wrong != 0;
}
