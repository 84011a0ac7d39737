/*
 * The tests' own tools. The probe for debug registers is not deceived by registers that can be set and never stop a
 * child, and a child stops at the same places by debug registers and by breakpoint instructions.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/crash/stop/breakpoints.h"
#include "tests/crash/stop/probe.h"
#include "tests/crash/stop/registers.h"
#include "tests/crash/stop/stepper.h"
#include "tests/tools/scratch.h"

#define PLACES_MAX 4096u
#define CODE_BYTES 64u
#define WAYS       2u /* with debug registers where they stop anybody, and without them                    */
#define VDSO_BYTES 8192u

static uint64_t *sum; /* what the child works on: shared                                                   */

/* ---- the probe ---- */

static int
set_nothing(pid_t child, uint64_t first, uint64_t second)
{
    (void)child, (void)first, (void)second;
    return 0;
}

static int
refuse(pid_t child, uint64_t first, uint64_t second)
{
    (void)child, (void)first, (void)second;
    return -1;
}

/* Stops before the first of two places only, by an instruction that is left there. */
static int
set_the_first(pid_t child, uint64_t first, uint64_t second)
{
    struct breakpoints breakpoints;

    (void)second;
    return first ? breakpoints_set(&breakpoints, child, first, 0) : 0;
}

static int
watch_nothing(pid_t child, uint64_t *const words[PROBE_WORDS])
{
    (void)child, (void)words;
    return 0;
}

static int
refuse_to_watch(pid_t child, uint64_t *const words[PROBE_WORDS])
{
    (void)child, (void)words;
    return -1;
}

/* Stops a child at its next instruction, which has touched nothing. */
static int
watch_by_a_signal(pid_t child, uint64_t *const words[PROBE_WORDS])
{
    (void)words;
    return kill(child, SIGTRAP);
}

static void
registers_that_can_be_set_and_stop_nobody_are_found_out(void **state)
{
    (void)state;
    assert_false(probe_breakpoints(set_nothing));
    assert_false(probe_breakpoints(refuse));
    assert_false(probe_breakpoints(set_the_first));
    assert_false(probe_watchpoints(watch_nothing));
    assert_false(probe_watchpoints(refuse_to_watch));
    assert_false(probe_watchpoints(watch_by_a_signal));
}

/* ---- places ---- */

__attribute__((noinline)) static void
add_up(void)
{
    uint64_t i;

    for (i = 1; i <= 10; i++)
        *(volatile uint64_t *)sum += i;
}

static void
read_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    *sum += (uint64_t)now.tv_sec * 0 + 1;
}

__attribute__((noinline)) static void
never(void)
{
    __asm__ __volatile__("nop" ::: "memory");
}

/* The addresses at which stepping finds a child, each once. */
static uint32_t
places_of(stepper_fn run, uint64_t places[PLACES_MAX])
{
    const struct stepper_job job = { .run = run };
    struct stepper stepper;
    uint32_t n = 0, i;

    stepper_start(&stepper, &job);
    do {
        for (i = 0; i < n && places[i] != stepper.at; i++)
            ;
        if (i == n && n < PLACES_MAX)
            places[n++] = stepper.at;
    } while (stepper_step(&stepper));
    stepper_kill(&stepper);
    return n;
}

/* Whether a child's code is what is in this process, around an address. */
static int
is_untouched(pid_t pid, uint64_t at)
{
    unsigned char code[CODE_BYTES], own[CODE_BYTES];
    uint64_t from = at & ~(uint64_t)(CODE_BYTES - 1);
    struct iovec here = { code, sizeof code }, there = { (void *)(uintptr_t)from, sizeof code };

    memcpy(own, there.iov_base, sizeof own);
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)sizeof code && !memcmp(code, own, sizeof own);
}

static void
run_to_each(stepper_fn run, const uint64_t *places, uint32_t n, uint64_t wanted)
{
    const struct stepper_job job = { .run = run };
    struct stepper stepper;
    uint32_t i;

    for (i = 1; i < n; i++) { /* it begins at the first one */
        *sum = 0;
        stepper_start(&stepper, &job);
        assert_int_equal(stepper_run_to(&stepper, places[i]), 1);
        assert_true(stepper.at == places[i]);
        assert_true(is_untouched(stepper.pid, places[i]));
        assert_int_equal(stepper_finish(&stepper, 0), 0);
        assert_true(*sum == wanted);
        stepper_kill(&stepper);
    }
}

static void
in_each_way(void (*check)(void))
{
    uint32_t way;

    if (stepper_why_not()) {
        print_message("# %s\n", stepper_why_not());
        skip();
    }
    for (way = 0; way < WAYS; way++) {
        breakpoints_choose(way == 0 && probe_breakpoints(registers_break));
        print_message("# by %s\n", breakpoints_by_registers() ? "debug registers" : "breakpoint instructions");
        check();
    }
}

static void
run_to_each_instruction(void)
{
    static uint64_t places[PLACES_MAX];
    uint32_t n = places_of(add_up, places);

    assert_true(n > 10 && n < PLACES_MAX);
    run_to_each(add_up, places, n, 55);
}

static void
a_child_stops_at_each_instruction_to_which_it_runs(void **state)
{
    (void)state;
    in_each_way(run_to_each_instruction);
}

/* The first instruction in the kernel's page: a clock's, which is there in every run. */
static void
run_to_the_vdso(void)
{
    static uint64_t places[PLACES_MAX];
    uint64_t vdso = getauxval(AT_SYSINFO_EHDR), begin[2] = { 0, 0 };
    uint32_t n = places_of(read_clock, places), i;

    for (i = 0; i < n && places[i] - vdso >= VDSO_BYTES; i++)
        ;
    if (i == n) {
        print_message("# the clock is not read there\n");
        return;
    }
    begin[1] = places[i];
    run_to_each(read_clock, begin, 2, 1);
}

static void
a_child_stops_in_the_vdso(void **state)
{
    (void)state;
    in_each_way(run_to_the_vdso);
}

static void
run_past(void)
{
    const struct stepper_job job = { .run = add_up };
    struct stepper stepper;

    *sum = 0;
    stepper_start(&stepper, &job);
    assert_int_equal(stepper_run_to(&stepper, (uint64_t)(uintptr_t)never), 0);
    assert_true(*sum == 55);
    assert_true(is_untouched(stepper.pid, (uint64_t)(uintptr_t)never));
    stepper_kill(&stepper);
}

static void
a_child_that_does_not_come_to_an_instruction_stops_at_its_end(void **state)
{
    (void)state;
    in_each_way(run_past);
}

/* Two instructions that lie in one word of eight bytes. */
static void
run_to_neighbours(void)
{
    static uint64_t places[PLACES_MAX];
    const struct stepper_job job = { .run = add_up };
    struct breakpoints breakpoints;
    struct stepper stepper;
    uint32_t n = places_of(add_up, places), i, tried = 0;
    int status;

    for (i = 1; i + 1 < n; i++) {
        if (places[i] / 8 != places[i + 1] / 8)
            continue;
        stepper_start(&stepper, &job);
        assert_int_equal(breakpoints_set(&breakpoints, stepper.pid, places[i], places[i + 1]), 0);
        assert_int_equal(ptrace(PTRACE_CONT, stepper.pid, 0, 0), 0);
        assert_int_equal(waitpid(stepper.pid, &status, 0), stepper.pid);
        assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        assert_int_equal(breakpoints_clear(&breakpoints, stepper.pid), 0);
        assert_int_equal(registers_at(stepper.pid, &stepper.at), 0);
        assert_true(stepper.at == places[i]);
        assert_true(is_untouched(stepper.pid, places[i]));
        assert_int_equal(stepper_run_to(&stepper, places[i + 1]), 1);
        stepper_kill(&stepper);
        tried++;
    }
    assert_true(tried > 0);
}

static void
two_places_in_one_word_do_not_disturb_each_other(void **state)
{
    (void)state;
    in_each_way(run_to_neighbours);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_that_can_be_set_and_stop_nobody_are_found_out),
        cmocka_unit_test(a_child_stops_at_each_instruction_to_which_it_runs),
        cmocka_unit_test(a_child_stops_in_the_vdso),
        cmocka_unit_test(a_child_that_does_not_come_to_an_instruction_stops_at_its_end),
        cmocka_unit_test(two_places_in_one_word_do_not_disturb_each_other),
    };
    int other;

    sum = scratch_shared(sizeof *sum);
    stepper_pin(-1, &other);
    return cmocka_run_group_tests_name("stepping", tests, NULL, NULL);
}
