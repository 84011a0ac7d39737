/*
 * A worker of tests/kill/day.py. It has a place in the pool, whose page in a journal outside of the segment says what
 * it has counted and which label sets of its are alive; its successor takes them over.
 *
 *     day SEGMENT JOURNAL PLACE RELEASE SETS WAY      makes and removes SETS label sets, and ends in one of WAYS
 *     day SEGMENT wide NAME                           opens families that need much room, and ends
 *     day SEGMENT fail RELEASE WAY                    a start that fails: opens the release's families, and ends
 *
 * After half of the sets it waits, and says so, until the journal's first word is the number of its turn.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shmeter.h>

#define ALIVE    100u
#define PAGE     4096u
#define RELEASES 3u  /* kinds of buckets */
#define DROP     64u /* renewals after which it says that it has nothing of what was removed */

enum state { NONE, MAKING, THERE, GOING };
enum way { CLOSE, RETURN, END_AT_ONCE, KILLED, KILLED_BUSY, TERMINATED, ABORTED, EXEC, FORKS, PARKS, WAYS };

struct page {
    uint64_t waits, turn, begun, done, observed_begun[RELEASES], observed_done[RELEASES], made;
    uint64_t alive[ALIVE]; /* number << 2 | enum state */
};

static struct shmeter *meter;
static const struct shmeter_family *requests, *sessions, *seconds, *level;
static struct shmeter_counter served[4];
static struct shmeter_histogram took;
static struct page *own;
static const uint64_t *gate;
static uint32_t release, place;

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void
store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

static int
open_all(const char *segment, const char *worker)
{
    static const double bounds[RELEASES][3] = { { 0.1, 1, 10 }, { 0.1, 1, 5 }, { 0.25, 1, 10 } };
    static const char *const by_route[] = { "route", NULL }, *const by_session[] = { "session", NULL };
    const struct shmeter_options options = SHMETER_OPTIONS(.worker = worker, .max_series = 20000, .max_slots = 64);
    const struct shmeter_desc described[] = {
        { .type = SHMETER_COUNTER, .name = "day_requests_total", .labels = by_route },
        { .type = SHMETER_COUNTER, .name = "day_session_total", .labels = by_session, .max_series = 1000 },
        { .type = SHMETER_HISTOGRAM, .name = "day_seconds", .bounds = bounds[release], .bounds_len = 3 },
        { .type = SHMETER_GAUGE, .name = "day_level", .mode = SHMETER_LIVE_SUM },
    };
    char route[2] = "a";
    uint32_t i;

    if (shmeter_open(&meter, segment, &options))
        return 1;
    requests = shmeter_family(meter, &described[0]);
    sessions = shmeter_family(meter, &described[1]);
    seconds = shmeter_family(meter, &described[2]);
    level = shmeter_family(meter, &described[3]);
    for (i = 0; i < 4; i++, route[0]++)
        served[i] = shmeter_counter_of(requests, route);
    took = shmeter_histogram_of(seconds);
    shmeter_gauge_set(shmeter_gauge_of(level), 1);
    return 0;
}

static void
serve(uint64_t n)
{
    store(&own->begun, own->begun + 1);
    shmeter_counter_inc(served[n % 4]);
    store(&own->done, own->done + 1);
    if (n % 4)
        return;
    store(&own->observed_begun[release], own->observed_begun[release] + 1);
    shmeter_histogram_observe(took, 0.5);
    store(&own->observed_done[release], own->observed_done[release] + 1);
}

static const char *
name_of(uint64_t number)
{
    static char name[24];

    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    return name;
}

static void
drop(uint64_t *at)
{
    const char *const name = name_of(*at >> 2);

    if ((*at & 3) == NONE)
        return;
    store(at, (*at & ~UINT64_C(3)) | GOING);
    shmeter_hide_v(sessions, &name, 1);
    store(at, NONE);
}

static void
renew(uint64_t number)
{
    uint64_t *at = &own->alive[number % ALIVE];

    drop(at);
    store(at, number << 2 | MAKING);
    shmeter_counter_add(shmeter_counter_of(sessions, name_of(number)), number % 997 + 1);
    store(at, number << 2 | THERE);
    store(&own->made, own->made + 1);
    serve(number);
    if (number % DROP == 0)
        shmeter_quiescent(meter);
}

/* Where one waits for the others, it says again and again that it is done: the room of all is used again. */
static void
wait_at_gate(void)
{
    const struct timespec moment = { 0, 500000 };

    store(&own->waits, own->turn);
    while (load(gate) < own->turn) {
        shmeter_quiescent(meter);
        nanosleep(&moment, NULL);
    }
}

/* A child goes on in the place, while the parent waits. */
static void
go_on_in_child(uint64_t *number, uint64_t sets, int parks)
{
    pid_t child = fork();

    if (!child) {
        for (; sets; sets--)
            renew((*number)++);
        shmeter_close(meter);
        _exit(0);
    }
    if (parks)
        shmeter_park(meter);
    waitpid(child, NULL, 0);
}

static int
end(enum way way)
{
    if (way == KILLED_BUSY)
        shmeter_busy(meter);
    if (way == KILLED || way == KILLED_BUSY)
        raise(SIGKILL);
    if (way == TERMINATED)
        raise(SIGTERM);
    if (way == ABORTED)
        abort();
    if (way == EXEC)
        execl("/bin/true", "true", (char *)NULL);
    if (way == END_AT_ONCE)
        _exit(0);
    if (way == CLOSE)
        shmeter_close(meter);
    return 0;
}

static int
work(uint64_t sets, enum way way)
{
    uint64_t number = ((uint64_t)place << 40) + own->made + 1, i;

    own->turn++;
    for (i = 0; i < ALIVE; i++)
        if ((own->alive[i] & 3) != THERE)
            drop(&own->alive[i]); /* its predecessor died in the middle of it */
    while (number % ALIVE != (own->made + 1) % ALIVE)
        number++;
    for (i = 0; i < sets / 2; i++)
        renew(number++);
    wait_at_gate();
    if (way == FORKS || way == PARKS)
        go_on_in_child(&number, sets - sets / 2, way == PARKS);
    else
        for (i = sets / 2; i < sets; i++)
            renew(number++);
    return end(way);
}

/* Families that need more room than there is memory for already. */
static int
open_wide(const char *segment, const char *name)
{
    static double bounds[1000];
    struct shmeter_desc wide = { .type = SHMETER_HISTOGRAM, .bounds = bounds, .bounds_len = 1000 };
    char text[64];
    uint32_t i;

    for (i = 0; i < 1000; i++)
        bounds[i] = i;
    if (shmeter_open(&meter, segment, NULL))
        return 1;
    for (i = 0; i < 16; i++) {
        snprintf(text, sizeof text, "wide_%s_%u_seconds", name, i);
        wide.name = text;
        shmeter_histogram_observe(shmeter_histogram_of(shmeter_family(meter, &wide)), 1);
    }
    shmeter_close(meter);
    return 0;
}

int
main(int argc, char **argv)
{
    char worker[16];
    void *journal;
    int fd;

    if (argc == 4 && !strcmp(argv[2], "wide"))
        return open_wide(argv[1], argv[3]);
    if (argc == 5 && !strcmp(argv[2], "fail")) {
        release = (uint32_t)atoi(argv[3]);
        return open_all(argv[1], "failed") ? 1 : (end((enum way)atoi(argv[4])), 3);
    }
    if (argc != 7)
        return 2;
    place = (uint32_t)atoi(argv[3]);
    release = (uint32_t)atoi(argv[4]) % RELEASES;
    fd = open(argv[2], O_RDWR);
    journal = mmap(NULL, PAGE * (place + 2), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || journal == MAP_FAILED)
        return 2;
    close(fd);
    gate = journal;
    own = (struct page *)(void *)((char *)journal + (size_t)PAGE * (place + 1));
    snprintf(worker, sizeof worker, "w%u", place);
    if (open_all(argv[1], worker))
        return 1;
    return work((uint64_t)atoll(argv[5]), (enum way)atoi(argv[6]));
}
