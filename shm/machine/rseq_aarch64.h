/*
 * The restartable sequences on aarch64; shm/machine/rseq.h says what they are. A release store orders only what comes
 * before it, hence the LDAR in the observation.
 */
#ifndef SHMETER_SHM_RSEQ_AARCH64_H
#define SHMETER_SHM_RSEQ_AARCH64_H

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
                 "ldar x15, [x16]\n" /* seq; pairs with read_cpu_cell */
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
                 "stlr x15, [x16]\n" /* the commit; pairs with read_cpu_cell */
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
