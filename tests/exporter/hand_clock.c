/*
 * A clock that a test moves by hand, preloaded into the exporter: CLOCK_MONOTONIC is the number in a file of 8 bytes,
 * in nanoseconds, and a poll(2) with a time-out ends when this clock has reached the time. It knows nothing of the
 * exporter. $SHMETER_TEST_CLOCK names the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_NS 5000000

static const uint64_t *hand;

__attribute__((constructor)) static void
hand_open(void)
{
    const char *path = getenv("SHMETER_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *hand, PROT_READ, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED) {
        perror("SHMETER_TEST_CLOCK");
        _exit(99);
    }
    close(fd);
    hand = memory;
}

static uint64_t
hand_ns(void)
{
    return __atomic_load_n(hand, __ATOMIC_ACQUIRE);
}

int
clock_gettime(clockid_t clock, struct timespec *out)
{
    if (clock != CLOCK_MONOTONIC)
        return (int)syscall(SYS_clock_gettime, clock, out);
    out->tv_sec = (time_t)(hand_ns() / 1000000000u);
    out->tv_nsec = (long)(hand_ns() % 1000000000u);
    return 0;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    const uint64_t end_ns = hand_ns() + (uint64_t)timeout_ms * 1000000u;
    struct timespec moment;
    long found;

    if (timeout_ms < 0)
        return (int)syscall(SYS_ppoll, fds, n, NULL, NULL, 0);
    do {
        moment = (struct timespec){ .tv_nsec = hand_ns() < end_ns ? LOOK_EVERY_NS : 0 };
        found = syscall(SYS_ppoll, fds, n, &moment, NULL, 0);
    } while (!found && hand_ns() < end_ns);
    return (int)found;
}
