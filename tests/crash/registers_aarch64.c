#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <asm/ptrace.h>

#include "tests/crash/registers.h"

#define BREAK_ON_EXECUTION 0x1e5u /* DBGBCR: enabled, user mode, all four bytes of an instruction */

static int
registers(enum __ptrace_request request, pid_t pid, struct user_regs_struct *all)
{
    struct iovec where = { all, sizeof *all };

    return ptrace(request, pid, NT_PRSTATUS, &where) ? -1 : 0;
}

int
registers_at(pid_t pid, uint64_t *at)
{
    struct user_regs_struct all = { .pc = 0 };
    int result = registers(PTRACE_GETREGSET, pid, &all);

    *at = all.pc;
    return result;
}

int
registers_pass_trap(pid_t pid)
{
    struct user_regs_struct all;

    if (registers(PTRACE_GETREGSET, pid, &all))
        return -1;
    all.pc += 4; /* brk stops at itself */
    return registers(PTRACE_SETREGSET, pid, &all);
}

int
registers_break(pid_t pid, uint64_t first, uint64_t second)
{
    struct user_hwdebug_state state;
    struct iovec where = { &state, offsetof(struct user_hwdebug_state, dbg_regs[2]) };

    memset(&state, 0, sizeof state);
    state.dbg_regs[0].addr = first;
    state.dbg_regs[0].ctrl = first ? BREAK_ON_EXECUTION : 0;
    state.dbg_regs[1].addr = second;
    state.dbg_regs[1].ctrl = second ? BREAK_ON_EXECUTION : 0;
    return ptrace(PTRACE_SETREGSET, pid, NT_ARM_HW_BREAK, &where) ? -1 : 0;
}
