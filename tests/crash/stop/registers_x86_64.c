#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "tests/crash/stop/registers.h"

int
registers_pass_trap(pid_t pid)
{
    (void)pid;
    return 0; /* int3 stops behind itself */
}

int
registers_at(pid_t pid, uint64_t *at)
{
    long word;

    errno = 0;
    word = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
    *at = (uint64_t)word;
    return word == -1 && errno ? -1 : 0;
}

static int
poke(pid_t pid, size_t offset, uint64_t word)
{
    return ptrace(PTRACE_POKEUSER, pid, offset, word) ? -1 : 0;
}

int
registers_go_to(pid_t pid, uint64_t at)
{
    return poke(pid, offsetof(struct user_regs_struct, rip), at);
}

int
registers_break(pid_t pid, uint64_t first, uint64_t second)
{
    if (poke(pid, offsetof(struct user, u_debugreg[7]), 0))
        return -1;
    if (!first && !second)
        return 0;
    if (poke(pid, offsetof(struct user, u_debugreg[0]), first) ||
        poke(pid, offsetof(struct user, u_debugreg[1]), second))
        return -1;
    return poke(pid, offsetof(struct user, u_debugreg[7]), (first ? 1u : 0) | (second ? 4u : 0));
}

int
registers_exclusive(pid_t pid, uint64_t at, uint64_t exits[2])
{
    (void)pid, (void)at, (void)exits;
    return 0;
}
