/*
 * The restartable sequences: an update of the lane of the CPU that the thread runs on, with plain instructions. The
 * kernel restarts the few instructions between labels 1 and 2 when the thread is preempted, migrated or signalled among
 * them, so nothing is lost; a thread killed among them has done all or nothing, because each sequence's last
 * instruction is the one store that makes it so.
 *
 * Each function returns SHMETER_SEQ_DONE, _ABORTED (restarted by the kernel: try again) or _ELSEWHERE (this CPU has no
 * lane here, or the thread is not registered: take a shared lane). glibc >= 2.35 has registered every thread; its
 * area is at __rseq_offset from the thread pointer. The symbols are weak, so that a binary also loads where they are not;
 * lanes_n must be 0 then (shmeter_rseq_usable).
 *
 * cpu_id is loaded inside the sequence and compared as unsigned: -1 and -2 of an unregistered thread fail too.
 * rseq_cs is cleared afterwards: a descriptor in an unloaded library would be a SIGSEGV at the next preemption.
 * The sections have the group flag, or C++ inline functions that use these do not link.
 */
#ifndef SHMETER_SHM_RSEQ_H
#define SHMETER_SHM_RSEQ_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

enum shmeter_seq { SHMETER_SEQ_DONE, SHMETER_SEQ_ABORTED, SHMETER_SEQ_ELSEWHERE };
#define SHMETER_SEQ_TRIES 8 /* aborts in a row (a debugger stepping) before a shared lane is taken */

#ifdef __cplusplus
extern "C" {
#endif
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
#ifdef __cplusplus
}
#endif

/* Whether this process's threads have a registered area: not with an older libc, musl, or glibc.pthread.rseq=0. */
SHMETER_INLINE int
shmeter_rseq_usable(void)
{
    return &__rseq_offset != NULL && &__rseq_size != NULL && __rseq_size > 0;
}

#if defined(__x86_64__)

#define SHMETER_RSEQ_DESCRIPTOR         \
    ".pushsection __rseq_cs, \"aw?\"\n" \
    ".balign 32\n"                      \
    "3: .long 0, 0\n"                   \
    ".quad 1f, 2f - 1f, 4f\n"           \
    ".popsection\n"
#define SHMETER_RSEQ_BEGIN /* rax = CPU number, in a section that starts at 1 */ \
    SHMETER_RSEQ_DESCRIPTOR                                                      \
    "leaq 3b(%%rip), %%rax\n"                                                    \
    "movq %%rax, %%fs:8(%[rseq])\n"                                              \
    "1:\n"                                                                       \
    "movl %%fs:4(%[rseq]), %%eax\n"                                              \
    "cmpl %[lanes_n], %%eax\n"                                                   \
    "jae %l[elsewhere]\n"                                                        \
    "shlq %%cl, %%rax\n"
#define SHMETER_RSEQ_END                                                                         \
    "2:\n"                                                                                       \
    "movq $0, %%fs:8(%[rseq])\n"                                                                 \
    ".pushsection __rseq_failure, \"ax?\"\n"                                                     \
    ".byte 0x0f, 0xb9, 0x3d\n" /* ud1 with the signature that glibc registered as its operand */ \
    ".long 0x53053053\n"                                                                         \
    "4: jmp %l[aborted]\n"                                                                       \
    ".popsection\n"

SHMETER_INLINE void
shmeter_rseq_leave(void)
{
    __asm__ __volatile__("movq $0, %%fs:8(%[rseq])" : : [rseq] "r"(__rseq_offset) : "memory");
}

/* cell: in CPU lane 0. */
SHMETER_INLINE enum shmeter_seq
shmeter_rseq_add(unsigned char *cell, uint32_t lanes_n, uint32_t shift, uint64_t n)
{
    __asm__ goto(SHMETER_RSEQ_BEGIN "addq %[n], (%[cell],%%rax)\n" /* the commit */
                 SHMETER_RSEQ_END
                 :
                 : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n), "c"(shift), [cell] "r"(cell), [n] "er"(n)
                 : "rax", "memory", "cc"
                 : elsewhere, aborted);
    return SHMETER_SEQ_DONE;
aborted:
    return SHMETER_SEQ_ABORTED;
elsewhere:
    shmeter_rseq_leave();
    return SHMETER_SEQ_ELSEWHERE;
}

SHMETER_INLINE enum shmeter_seq
shmeter_rseq_add_f64(unsigned char *cell, uint32_t lanes_n, uint32_t shift, double v)
{
    __asm__ goto(SHMETER_RSEQ_BEGIN "movsd (%[cell],%%rax), %%xmm15\n"
                                    "addsd %[v], %%xmm15\n"
                                    "movsd %%xmm15, (%[cell],%%rax)\n" /* the commit */
                 SHMETER_RSEQ_END
                 :
                 : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n), "c"(shift), [cell] "r"(cell), [v] "x"(v)
                 : "rax", "xmm15", "memory", "cc"
                 : elsewhere, aborted);
    return SHMETER_SEQ_DONE;
aborted:
    return SHMETER_SEQ_ABORTED;
elsewhere:
    shmeter_rseq_leave();
    return SHMETER_SEQ_ELSEWHERE;
}

/*
 * One observation into the histogram cell (struct shmeter_histogram_cell) at cell: the active record's count goes into
 * its bucket (perhaps again), the new bucket, count and sum into the other record, and seq + 1 makes that one active.
 * The record's bucket number was read from shared memory and becomes a store's address, hence the compare with
 * buckets_n. bucket < buckets_n is the caller's.
 */
SHMETER_INLINE enum shmeter_seq
shmeter_rseq_observe(unsigned char *cell, uint32_t lanes_n, uint32_t shift, uint64_t bucket, uint64_t buckets_n,
                     double v)
{
    __asm__ goto(SHMETER_RSEQ_BEGIN
                 "addq %[cell], %%rax\n"
                 "movq (%%rax), %%rdx\n" /* seq */
                 "movl %%edx, %%esi\n"
                 "andl $1, %%esi\n"
                 "leaq (%%rsi,%%rsi,2), %%rsi\n"
                 "leaq 8(%%rax,%%rsi,8), %%rsi\n" /* the active record */
                 "movq (%%rsi), %%rdi\n"
                 "cmpq %[buckets_n], %%rdi\n"
                 "jae 5f\n"
                 "movq 8(%%rsi), %%r8\n"
                 "movq %%r8, 64(%%rax,%%rdi,8)\n"
                 "5:\n"
                 "movq 64(%%rax,%[bucket],8), %%r8\n"
                 "addq $1, %%r8\n"
                 "movsd 16(%%rsi), %%xmm15\n"
                 "addsd %[v], %%xmm15\n"
                 "leaq 40(%%rax,%%rax), %%rdi\n" /* the other record: the two stand at cell + 8 and cell + 32 */
                 "subq %%rsi, %%rdi\n"
                 "movq %[bucket], (%%rdi)\n"
                 "movq %%r8, 8(%%rdi)\n"
                 "movsd %%xmm15, 16(%%rdi)\n"
                 "addq $1, %%rdx\n"
                 "movq %%rdx, (%%rax)\n" /* the commit */
                 SHMETER_RSEQ_END
                 :
                 : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n),
                   "c"(shift), [cell] "r"(cell), [bucket] "r"(bucket), [buckets_n] "r"(buckets_n), [v] "x"(v)
                 : "rax", "rdx", "rsi", "rdi", "r8", "xmm15", "memory", "cc"
                 : elsewhere, aborted);
    return SHMETER_SEQ_DONE;
aborted:
    return SHMETER_SEQ_ABORTED;
elsewhere:
    shmeter_rseq_leave();
    return SHMETER_SEQ_ELSEWHERE;
}

#else

#define SHMETER_RSEQ_DESCRIPTOR         \
    ".pushsection __rseq_cs, \"aw?\"\n" \
    ".balign 32\n"                      \
    "3: .word 0, 0\n"                   \
    ".quad 1f, 2f - 1f, 4f\n"           \
    ".popsection\n"
#define SHMETER_RSEQ_BEGIN /* x16 = the lane's offset, in a section that starts at 1; x17 stays the rseq area */ \
    SHMETER_RSEQ_DESCRIPTOR                                                                                      \
    "mrs x17, tpidr_el0\n"                                                                                       \
    "add x17, x17, %[rseq]\n"                                                                                    \
    "adrp x16, 3b\n"                                                                                             \
    "add x16, x16, :lo12:3b\n"                                                                                   \
    "str x16, [x17, #8]\n"                                                                                       \
    "1:\n"                                                                                                       \
    "ldr w16, [x17, #4]\n"                                                                                       \
    "cmp w16, %w[lanes_n]\n"                                                                                     \
    "b.hs %l[elsewhere]\n"                                                                                       \
    "lsl x16, x16, %x[shift]\n"
#define SHMETER_RSEQ_END                                                    \
    "2:\n"                                                                  \
    "str xzr, [x17, #8]\n"                                                  \
    ".pushsection __rseq_failure, \"ax?\"\n"                                \
    ".inst 0xd428bc00\n" /* brk with the signature that glibc registered */ \
    "4: b %l[aborted]\n"                                                    \
    ".popsection\n"

SHMETER_INLINE void
shmeter_rseq_leave(void)
{
    __asm__ __volatile__("mrs x17, tpidr_el0\n\tadd x17, x17, %[rseq]\n\tstr xzr, [x17, #8]"
                         :
                         : [rseq] "r"(__rseq_offset)
                         : "x17", "memory");
}

SHMETER_INLINE enum shmeter_seq
shmeter_rseq_add(unsigned char *cell, uint32_t lanes_n, uint32_t shift, uint64_t n)
{
    __asm__ goto(
        SHMETER_RSEQ_BEGIN "ldr x15, [%[cell], x16]\n"
                           "add x15, x15, %[n]\n"
                           "str x15, [%[cell], x16]\n" /* the commit */
        SHMETER_RSEQ_END
        :
        : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n), [shift] "r"((uint64_t)shift), [cell] "r"(cell), [n] "r"(n)
        : "x15", "x16", "x17", "memory", "cc"
        : elsewhere, aborted);
    return SHMETER_SEQ_DONE;
aborted:
    return SHMETER_SEQ_ABORTED;
elsewhere:
    shmeter_rseq_leave();
    return SHMETER_SEQ_ELSEWHERE;
}

SHMETER_INLINE enum shmeter_seq
shmeter_rseq_add_f64(unsigned char *cell, uint32_t lanes_n, uint32_t shift, double v)
{
    __asm__ goto(
        SHMETER_RSEQ_BEGIN "ldr d31, [%[cell], x16]\n"
                           "fadd d31, d31, %d[v]\n"
                           "str d31, [%[cell], x16]\n" /* the commit */
        SHMETER_RSEQ_END
        :
        : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n), [shift] "r"((uint64_t)shift), [cell] "r"(cell), [v] "w"(v)
        : "v31", "x16", "x17", "memory", "cc"
        : elsewhere, aborted);
    return SHMETER_SEQ_DONE;
aborted:
    return SHMETER_SEQ_ABORTED;
elsewhere:
    shmeter_rseq_leave();
    return SHMETER_SEQ_ELSEWHERE;
}

/*
 * As on x86-64. The commit is a store-release, which orders what came before it; LDAR of seq keeps the next
 * observation's writes behind it (a release store alone lets them become visible before seq + 1: torn reads).
 */
SHMETER_INLINE enum shmeter_seq
shmeter_rseq_observe(unsigned char *cell, uint32_t lanes_n, uint32_t shift, uint64_t bucket, uint64_t buckets_n,
                     double v)
{
    __asm__ goto(SHMETER_RSEQ_BEGIN
                 "add x16, x16, %[cell]\n"
                 "ldar x15, [x16]\n" /* seq */
                 "and x14, x15, #1\n"
                 "add x14, x14, x14, lsl #1\n"
                 "add x14, x16, x14, lsl #3\n"
                 "add x14, x14, #8\n" /* the active record */
                 "ldr x13, [x14]\n"
                 "cmp x13, %[buckets_n]\n"
                 "b.hs 5f\n"
                 "ldr x12, [x14, #8]\n"
                 "add x13, x16, x13, lsl #3\n"
                 "str x12, [x13, #64]\n"
                 "5:\n"
                 "add x13, x16, %[bucket], lsl #3\n"
                 "ldr x12, [x13, #64]\n"
                 "add x12, x12, #1\n"
                 "ldr d31, [x14, #16]\n"
                 "fadd d31, d31, %d[v]\n"
                 "add x13, x16, x16\n" /* the other record: the two stand at cell + 8 and cell + 32 */
                 "sub x13, x13, x14\n"
                 "add x13, x13, #40\n"
                 "str %[bucket], [x13]\n"
                 "str x12, [x13, #8]\n"
                 "str d31, [x13, #16]\n"
                 "add x15, x15, #1\n"
                 "stlr x15, [x16]\n" /* the commit */
                 SHMETER_RSEQ_END
                 :
                 : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n), [shift] "r"((uint64_t)shift), [cell] "r"(cell),
                   [bucket] "r"(bucket), [buckets_n] "r"(buckets_n), [v] "w"(v)
                 : "x12", "x13", "x14", "x15", "x16", "x17", "v31", "memory", "cc"
                 : elsewhere, aborted);
    return SHMETER_SEQ_DONE;
aborted:
    return SHMETER_SEQ_ABORTED;
elsewhere:
    shmeter_rseq_leave();
    return SHMETER_SEQ_ELSEWHERE;
}

#endif

#endif
