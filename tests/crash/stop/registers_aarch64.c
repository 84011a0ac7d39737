#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <asm/ptrace.h>

#include "tests/crash/stop/registers.h"

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
registers_go_to(pid_t pid, uint64_t at)
{
    struct user_regs_struct all;

    if (registers(PTRACE_GETREGSET, pid, &all))
        return -1;
    all.pc = at;
    return registers(PTRACE_SETREGSET, pid, &all);
}

int
registers_pass_trap(pid_t pid)
{
    uint64_t at;

    return registers_at(pid, &at) ? -1 : registers_go_to(pid, at + 4); /* brk stops at itself */
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

/* ---- exclusive loads and stores ---- */

#define EXCLUSIVE_WINDOW 16u /* instructions that the architecture lets stand between them */

static int
instruction(pid_t pid, uint64_t at, uint32_t *out)
{
    long word;

    errno = 0;
    word = ptrace(PTRACE_PEEKTEXT, pid, at & ~UINT64_C(7), 0);
    *out = (uint32_t)((uint64_t)word >> (at & 4 ? 32 : 0));
    return word == -1 && errno ? -1 : 0;
}

/* LDXR, LDAXR, LDXP, LDAXP; STXR and its like. Of any size. */
static int
is_exclusive_load(uint32_t code)
{
    return (code & 0x3fc00000) == 0x08400000;
}

static int
is_exclusive_store(uint32_t code)
{
    return (code & 0x3fc00000) == 0x08000000;
}

/* B.cond, CBZ, CBNZ: where it may go; 0: it is none of these. */
static uint64_t
branch_target(uint32_t code, uint64_t at)
{
    if ((code & 0xff000010) != 0x54000000 && (code & 0x7e000000) != 0x34000000)
        return 0;
    return at + (uint64_t)((int64_t)((uint64_t)code << 40) >> 45 << 2);
}

/*
 * In order: the load, a branch away when the value is another, the store, a branch back when it failed. A branch may
 * also lead to a second such pair of store and branch.
 */
int
registers_exclusive(pid_t pid, uint64_t at, uint64_t exits[2])
{
    uint64_t end = at + 4 * EXCLUSIVE_WINDOW, target;
    uint32_t code, there, n = 0;

    exits[0] = exits[1] = 0;
    if (instruction(pid, at, &code))
        return -1;
    if (!is_exclusive_load(code))
        return 0;
    for (at += 4; at < end && n < 2; at += 4) {
        if (instruction(pid, at, &code))
            return -1;
        target = branch_target(code, at);
        if (target) {
            if (instruction(pid, target, &there))
                return -1;
            exits[n++] = is_exclusive_store(there) ? target + 8 : target;
        } else if (is_exclusive_store(code)) {
            exits[n++] = at + 8;
            return 1;
        }
    }
    errno = ENOTSUP;
    return -1;
}
