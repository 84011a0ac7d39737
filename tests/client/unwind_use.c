/*
 * A sampling profiler: it unwinds the stack in the handler of a signal that interrupts updates, some of whose sequences
 * it aborts. Prints how many such samples there were, and how many did not lead to the caller of the updates.
 */
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "shmeter.h"

#ifdef __cplusplus
extern "C" {
#endif
extern const char aborts_begin[] __asm__("__start___rseq_failure");
extern const char aborts_end[] __asm__("__stop___rseq_failure");
#ifdef __cplusplus
}
#endif

#define WANTED 30

static struct shmeter_counter counter;
static struct shmeter_counter_f64 fraction;
static struct shmeter_histogram histogram;
static void *volatile caller; /* of work() */
static volatile int samples, aborted, lost;

static void
sample(int number, siginfo_t *info, void *context)
{
    const char *at = (const char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    void *frames[64];
    int n = backtrace(frames, 64), i, found = 0;
    (void)number, (void)info;

    samples++;
    if (at < aborts_begin || at >= aborts_end)
        return;
    for (i = 0; i < n; i++)
        found |= frames[i] == caller;
    aborted++;
    lost += !found;
}

static __attribute__((noinline)) void
work(volatile double *v)
{
    char room[64];
    memset(room, 0, sizeof room);
    __asm__ __volatile__("" : : "r"(room) : "memory");
    caller = __builtin_return_address(0);
    while (aborted < WANTED) {
        shmeter_counter_inc(counter);
        shmeter_counter_f64_add(fraction, *v);
        shmeter_histogram_observe(histogram, *v);
    }
    __asm__ __volatile__("" : : "r"(room) : "memory");
}

static __attribute__((noinline)) void
outer(volatile double *v)
{
    work(v);
    __asm__ __volatile__("");
}

int
main(int argc, char **argv)
{
    struct shmeter *meter;
    struct shmeter_desc desc;
    struct sigaction action;
    const struct itimerval often = { { 0, 100 }, { 0, 100 } };
    volatile double v = 0.5;
    void *frames[4];

    if (argc != 2 || shmeter_open(&meter, argv[1], NULL)) {
        puts(shmeter_error(meter));
        return 1;
    }
    memset((void *)&desc, 0, sizeof desc);
    desc.type = SHMETER_COUNTER;
    desc.name = "unwound_total";
    counter = shmeter_counter_of(shmeter_family(meter, &desc));
    desc.type = SHMETER_COUNTER_F64;
    desc.name = "unwound_fraction_total";
    fraction = shmeter_counter_f64_of(shmeter_family(meter, &desc));
    desc.type = SHMETER_HISTOGRAM;
    desc.name = "unwound_seconds";
    histogram = shmeter_histogram_of(shmeter_family(meter, &desc));
    if (!shmeter_rseq_usable())
        return 77;
    backtrace(frames, 4); /* it loads what it needs */
    memset(&action, 0, sizeof action);
    action.sa_sigaction = sample;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    outer(&v);
    printf("%d samples, %d at an abort, %d of them lost\n", samples, aborted, lost);
    return lost != 0;
}
