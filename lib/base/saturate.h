/* Addition of counts that stops at the largest number instead of wrapping around to 0. */
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
