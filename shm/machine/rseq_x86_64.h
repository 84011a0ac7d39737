/*
 * The restartable sequences on x86-64; shm/machine/rseq.h says what they are. Stores become visible in program order
 * here. They are asm inline, because gcc takes their lines, most of which make no instruction, for their size, and then
 * does not unroll the tries.
 */
#ifndef SHMETER_SHM_RSEQ_X86_64_H
#define SHMETER_SHM_RSEQ_X86_64_H

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
/*
 * A signal that interrupts a sequence is delivered when the thread stands at label 4, and a profiler unwinds from
 * there. It is in no function, so it has a frame description of its own (by hand: clang's assembler has none inside of
 * a function), as of a frame that a signal has interrupted: the stack is the function's, and the caller stands where
 * the jump leads: pc + 5 + the signed displacement at pc + 1.
 */
#define SHMETER_RSEQ_UNWIND                                                                                   \
    ".pushsection .eh_frame, \"a\", @unwind\n"                                                                \
    "6: .long 8f - 7f\n"                                                                                      \
    "7: .long 0\n"                      /* a common information entry */                                      \
    ".byte 1\n"                         /* its version */                                                     \
    ".asciz \"zRS\"\n"                  /* addresses are encoded as below; a signal's frame */                \
    ".byte 1, 0x78, 16, 1\n"            /* alignments 1 and -8; register 16, the pc, is the return address */ \
    ".byte 0x1b\n"                      /* addresses: 4 bytes, relative */                                    \
    ".byte 0x0c, 7, 0\n"                /* the caller's stack pointer is this one */                          \
    ".byte 0x16, 16, 19\n"              /* its pc, by 19 bytes of expression: */                              \
    ".byte 0x80, 1, 0x94, 4\n"          /* the displacement ... */                                            \
    ".byte 0x0c, 0, 0, 0, 0x80, 0x27\n" /* ... as a signed number */                                          \
    ".byte 0x0c, 0, 0, 0, 0x80, 0x1c\n"                                                                       \
    ".byte 0x80, 5, 0x22\n" /* + pc + 5 */                                                                    \
    ".balign 8\n"                                                                                             \
    "8: .long 10f - 9f\n"                                                                                     \
    "9: .long 9b - 6b\n" /* a description of that kind: of label 4, and how long it is */                     \
    ".long 4b - ., 11b - 4b\n"                                                                                \
    ".byte 0\n"                                                                                               \
    ".balign 8\n"                                                                                             \
    "10:\n"                                                                                                   \
    ".popsection\n"
#define SHMETER_RSEQ_END                                                                         \
    "2:\n"                                                                                       \
    "movq $0, %%fs:8(%[rseq])\n"                                                                 \
    ".pushsection __rseq_failure, \"ax?\"\n"                                                     \
    ".byte 0x0f, 0xb9, 0x3d\n" /* ud1 with the signature that glibc registered as its operand */ \
    ".long 0x53053053\n"                                                                         \
    "4: jmp %l[aborted]\n"                                                                       \
    "11:\n" SHMETER_RSEQ_UNWIND ".popsection\n"

SHMETER_INLINE void
shmeter_rseq_leave(void)
{
    __asm__ __volatile__("movq $0, %%fs:8(%[rseq])" : : [rseq] "r"(__rseq_offset) : "memory");
}

/* cell: in CPU lane 0. */
SHMETER_INLINE enum shmeter_seq
shmeter_rseq_add(unsigned char *cell, uint32_t lanes_n, uint32_t shift, uint64_t n)
{
    __asm__ __inline__ goto(
        SHMETER_RSEQ_BEGIN
        "addq %[cell], %%rax\n"
        "addq %[n], (%%rax)\n" /* the commit; an indexed address would defeat the CPU's memory renaming */
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
    __asm__ __inline__ goto(SHMETER_RSEQ_BEGIN "movsd (%[cell],%%rax), %%xmm15\n"
                                               "addsd %[v], %%xmm15\n"
                                               "movsd %%xmm15, (%[cell],%%rax)\n" /* the commit */
                            SHMETER_RSEQ_END
                            :
                            : [rseq] "r"(__rseq_offset), [lanes_n] "r"(lanes_n),
                              "c"(shift), [cell] "r"(cell), [v] "x"(v)
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
    __asm__ __inline__ goto(
        SHMETER_RSEQ_BEGIN
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

#endif
