#include "tests/crash/stop/breakpoints.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>

#include "tests/crash/stop/probe.h"
#include "tests/crash/stop/registers.h"

static int decided, by_registers;

void
breakpoints_choose(int registers)
{
    decided = 1;
    by_registers = registers;
}

int
breakpoints_by_registers(void)
{
    if (!decided)
        by_registers = probe_breakpoints(registers_break);
    decided = 1;
    return by_registers;
}

/* The aligned word around an address: one beside it may be where the child has no memory. */
static void *
word_around(uint64_t at)
{
    return (void *)(uintptr_t)(at & ~UINT64_C(7)); /* NOLINT(performance-no-int-to-ptr): of the child */
}

static int
read_code(pid_t pid, uint64_t at, uint64_t *out)
{
    errno = 0;
    *out = (uint64_t)ptrace(PTRACE_PEEKTEXT, pid, word_around(at), 0);
    return *out == UINT64_MAX && errno ? -1 : 0;
}

/* The child's code is a private mapping: what is written there is its own. */
static int
write_code(pid_t pid, uint64_t at, uint64_t code)
{
    return ptrace(PTRACE_POKETEXT, pid, word_around(at), code) ? -1 : 0;
}

static int
write_breakpoint(struct breakpoints *breakpoints, uint32_t i, pid_t pid)
{
    static const unsigned char trap[] = REGISTERS_TRAP_CODE;
    uint64_t at = breakpoints->at[i], code;

    if (read_code(pid, at, &breakpoints->code[i]))
        return -1;
    code = breakpoints->code[i];
    memcpy((unsigned char *)&code + at % 8, trap, sizeof trap);
    return write_code(pid, at, code);
}

int
breakpoints_set(struct breakpoints *breakpoints, pid_t pid, uint64_t first, uint64_t second)
{
    uint32_t i;

    *breakpoints = (struct breakpoints){ .at = { first, second } };
    if (breakpoints_by_registers())
        return registers_break(pid, first, second);
    for (i = 0; i < BREAKPOINTS; i++)
        if (breakpoints->at[i] && write_breakpoint(breakpoints, i, pid))
            return -1;
    return 0;
}

/* A trap instruction stops at itself or behind itself; the child shall stand at what was there before. */
static int
step_back(const struct breakpoints *breakpoints, pid_t pid)
{
    uint64_t at;
    uint32_t i;

    if (registers_at(pid, &at))
        return -1;
    for (i = 0; i < BREAKPOINTS; i++)
        if (breakpoints->at[i] && at == breakpoints->at[i] + REGISTERS_TRAP_PASSES)
            return REGISTERS_TRAP_PASSES ? registers_go_to(pid, breakpoints->at[i]) : 0;
    errno = EPROTO; /* a trap of another's */
    return -1;
}

int
breakpoints_clear(struct breakpoints *breakpoints, pid_t pid)
{
    uint32_t i;

    if (breakpoints_by_registers())
        return registers_break(pid, 0, 0);
    for (i = BREAKPOINTS; i-- > 0;) /* the last one written first: two may be in one word */
        if (breakpoints->at[i] && write_code(pid, breakpoints->at[i], breakpoints->code[i]))
            return -1;
    return step_back(breakpoints, pid);
}
