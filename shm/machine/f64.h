/*
 * Doubles by their bits. The header is compiled with the program's flags, and with -ffinite-math-only,
 * -fno-signed-zeros or -ffast-math a compiler takes for granted that no NaN, no infinity and no negative zero ever
 * comes, folds each question for one, and orders sums as it likes; and a program that is linked with -ffast-math
 * computes with flushed subnormals, for which 1e-310 equals 0. So what kind of number one is, and which of two is
 * larger, is decided on integers here, and sums of what may be infinite are made by one instruction. Nothing in the
 * header compares doubles; a test looks for it.
 */
#ifndef SHMETER_SHM_F64_H
#define SHMETER_SHM_F64_H

#include <stdint.h>
#include <string.h>

#include "compiler.h"

#define SHMETER_F64_SIGN UINT64_C(0x8000000000000000)
#define SHMETER_F64_INF  UINT64_C(0x7ff0000000000000) /* positive infinity; a NaN without its sign is above it      */
#define SHMETER_F64_NAN  UINT64_C(0x7ff8000000000000)
#define SHMETER_F64_MIN  UINT64_C(0x0010000000000000) /* the smallest number that is not subnormal                  */
#define SHMETER_F64_MAX  UINT64_C(0x7fefffffffffffff) /* the largest finite one                                     */

/* Of a v that is no constant by an instruction, behind which the compiler does not know that it "cannot" be NaN. */
SHMETER_INLINE uint64_t
shmeter_f64_bits(double v)
{
    uint64_t bits;
    if (__builtin_constant_p(v))
        memcpy(&bits, &v, sizeof bits);
    else {
#if defined(__x86_64__)
        __asm__("movq %1, %0" : "=r"(bits) : "x"(v));
#else
        __asm__("fmov %0, %d1" : "=r"(bits) : "w"(v));
#endif
    }
    return bits;
}

SHMETER_INLINE double
shmeter_f64_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* By the instruction that compares, which leaves v where it is, and not by a comparison that the compiler may fold. */
SHMETER_INLINE int
shmeter_f64_is_nan(double v)
{
#if defined(__x86_64__)
    int nan;
    __asm__("ucomisd %[v], %[v]" : "=@ccp"(nan) : [v] "x"(v));
    return nan;
#else
    return (shmeter_f64_bits(v) & ~SHMETER_F64_SIGN) > SHMETER_F64_INF;
#endif
}

SHMETER_INLINE int
shmeter_f64_is_finite(uint64_t bits)
{
    return (bits & ~SHMETER_F64_SIGN) < SHMETER_F64_INF;
}

/* Whether a number that is no NaN is below 0; negative zero is not. */
SHMETER_INLINE int
shmeter_f64_is_negative(uint64_t bits)
{
    return bits > SHMETER_F64_SIGN;
}

/* Numbers (no NaN) in ascending order as integers in ascending order; both zeros are 0. */
SHMETER_INLINE int64_t
shmeter_f64_order(uint64_t bits)
{
    return bits & SHMETER_F64_SIGN ? -(int64_t)(bits & ~SHMETER_F64_SIGN) : (int64_t)bits;
}

/* a + b as IEEE 754 has it, whatever they are (subnormal ones as the thread's mode has it). */
SHMETER_INLINE double
shmeter_f64_sum(double a, double b)
{
#if defined(__x86_64__)
    __asm__("addsd %1, %0" : "+x"(a) : "x"(b));
#else
    __asm__("fadd %d0, %d0, %d1" : "+w"(a) : "w"(b));
#endif
    return a;
}

#endif
