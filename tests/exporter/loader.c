/*
 * A worker that updates without a pause: counts, observes and looks its series up anew, as programs do, and keeps a
 * ledger in a file of what it has begun and finished. It ends at SIGTERM, or when a truncation of the segment's file
 * kills it.
 *
 * Usage: loader SEGMENT LEDGER
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "shmeter.h"

#define UPDATES_EACH 64 /* between two lookups, and a moment's rest                                       */

struct ledger {
    uint64_t begun, finished;
};

static const struct shmeter_desc total = { .type = SHMETER_COUNTER, .name = "load_total", .help = "Updates." };
static const struct shmeter_desc sizes = { .type = SHMETER_HISTOGRAM, .name = "load_sizes", .help = "As many." };
static volatile sig_atomic_t ended;

static void
end(int number)
{
    ended = number;
}

static struct ledger *
open_ledger(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    void *memory = MAP_FAILED;

    if (fd >= 0 && !ftruncate(fd, sizeof(struct ledger)))
        memory = mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return memory == MAP_FAILED ? NULL : memory; /* cppcheck-suppress memleak ; it is mapped, and the caller's */
}

static void
work(struct shmeter *meter, struct ledger *ledger)
{
    struct shmeter_counter counter = shmeter_counter_of(shmeter_family(meter, &total));
    struct shmeter_histogram histogram = shmeter_histogram_of(shmeter_family(meter, &sizes));
    int i;

    for (i = 0; i < UPDATES_EACH && !ended; i++) {
        __atomic_store_n(&ledger->begun, ledger->begun + 1, __ATOMIC_SEQ_CST);
        shmeter_counter_inc(counter);
        shmeter_histogram_observe(histogram, 0.25);
        __atomic_store_n(&ledger->finished, ledger->finished + 1, __ATOMIC_SEQ_CST);
    }
}

int
main(int argc, char **argv)
{
    const struct timespec rest = { 0, 1000000 };
    struct ledger *ledger = argc == 3 ? open_ledger(argv[2]) : NULL;
    struct shmeter *meter;

    if (!ledger)
        return 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGTERM, end);
    if (shmeter_open(&meter, argv[1], NULL)) {
        fprintf(stderr, "loader: %s\n", shmeter_error(meter));
        return 1;
    }
    while (!ended) {
        work(meter, ledger);
        nanosleep(&rest, NULL);
    }
    return 0;
}
