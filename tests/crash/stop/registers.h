/*
 * A stopped child's registers, which ptrace gives in a way of its own on each architecture: where it is, and where it
 * shall stop.
 */
#ifndef SHMETER_TESTS_CRASH_REGISTERS_H
#define SHMETER_TESTS_CRASH_REGISTERS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Stops the caller, who is traced, with SIGTRAP. REGISTERS_TRAP_CODE: its bytes; REGISTERS_TRAP_PASSES: so far behind
 * its beginning.
 */
#if defined(__x86_64__)
#define REGISTERS_TRAP() __asm__ __volatile__("int3" ::: "memory")
#define REGISTERS_TRAP_CODE \
    {                       \
        0xcc                \
    }
#define REGISTERS_TRAP_PASSES 1u
#else
#define REGISTERS_TRAP() __asm__ __volatile__("brk #0" ::: "memory")
#define REGISTERS_TRAP_CODE    \
    {                          \
        0x00, 0x00, 0x20, 0xd4 \
    }
#define REGISTERS_TRAP_PASSES 0u
#endif

/* Goes past REGISTERS_TRAP(), at which a child is stopped. Returns 0 or -1 and errno, as do the others. */
int registers_pass_trap(pid_t pid);

/* The address of the instruction that comes next. */
int registers_at(pid_t pid, uint64_t *at);
int registers_go_to(pid_t pid, uint64_t at);

/* Debug registers: SIGTRAP before an instruction there is executed. first, second: 0 for none. */
int registers_break(pid_t pid, uint64_t first, uint64_t second);

/*
 * Whether at is an exclusive load, as aarch64 has them: stops between it and its store would make the store fail time
 * and again. Returns 1, and exits says where to stop behind the store; 0; or -1.
 */
int registers_exclusive(pid_t pid, uint64_t at, uint64_t exits[2]);

#endif
