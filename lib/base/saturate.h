/*
 * Addition of counts that stays at the largest number instead of beginning again at 0.
 */
#ifndef SHMETER_BASE_SATURATE_H
#define SHMETER_BASE_SATURATE_H

#include <stdint.h>

static inline uint64_t
saturate_add(uint64_t a, uint64_t b)
{
    uint64_t sum = a + b;
    return sum < a ? UINT64_MAX : sum;
}

#endif
