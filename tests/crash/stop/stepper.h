/*
 * Runs a function in a forked child and stops it between any two instructions: by single steps, which walk through
 * restartable sequences, or by breakpoints (tests/crash/stop/breakpoints.h), which leave a sequence as the kernel sees
 * it. It knows nothing of segments.
 *
 * Tracer and child share one CPU: a step is then three times as fast, and the child's lane is known.
 */
#ifndef SHMETER_TESTS_CRASH_STEPPER_H
#define SHMETER_TESTS_CRASH_STEPPER_H

#include <stdint.h>
#include <sys/types.h>

struct stepper {
    pid_t pid;
    uint64_t steps; /* instructions done since the stop before run                                          */
    uint64_t at;    /* address of the instruction that comes next                                           */
    int companion;  /* its other thread listens here; -1: none                                              */
};

typedef void (*stepper_fn)(void);

/* Why children cannot be stepped here; NULL: they can. */
const char *stepper_why_not(void);

/*
 * Binds this process and its children to a CPU, -1: the one that it is on; *other gets another one, or -1. Returns the
 * CPU.
 */
int stepper_pin(int wanted, int *other);
void stepper_bind(int cpu); /* to another one */

struct stepper_job {
    stepper_fn begin;   /* first, at full speed; NULL: nothing                                              */
    stepper_fn run;     /* what is stopped in                                                              */
    stepper_fn handler; /* what SIGUSR1 does; NULL: nothing                                                 */
    int companion;      /* 1: a second thread, which nobody stops, runs it too when told                      */
};

/* A child that has done begin and stops before run. */
void stepper_start(struct stepper *stepper, const struct stepper_job *job);

/* The second thread runs it so many times. Returns when it is done. */
void stepper_companion(struct stepper *stepper, uint32_t times);

/* One instruction more (a system call is one). Returns 0 when run has returned. */
int stepper_step(struct stepper *stepper);

/* At full speed to an instruction's next execution. Returns 0 when run returned before. */
int stepper_run_to(struct stepper *stepper, uint64_t address);

/* At full speed to run's end, with a signal first unless it is 0. Returns 0, or -1 when the child died on the way. */
int stepper_finish(struct stepper *stepper, int signal);

void
stepper_kill(struct stepper *stepper); /* SIGKILL, and its end is waited for. Also to end a child that has finished */

/* Where the descriptors of the program's restartable sequences are. */
void stepper_sequences(const void *begin, const void *end);
/* Whether an instruction stands in a restartable sequence; 2 for its first one. */
int stepper_in_sequence(uint64_t address);
int stepper_has_rseq(void);

#endif
