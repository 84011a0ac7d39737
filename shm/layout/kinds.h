/*
 * In which kind of cell a type's values are.
 */
#ifndef SHMETER_SHM_KINDS_H
#define SHMETER_SHM_KINDS_H

#include "../machine/compiler.h"
#include "types.h"

/* A new type has its kind of cell below. */
SHMETER_STATIC_ASSERT(SHMETER_TYPES == SHMETER_STATESET + 1, "each type has a kind of cell");

/* Whether a series' value is an integer in each lane, all of which are added up. */
SHMETER_INLINE int
shmeter_type_counter(uint32_t type)
{
    return type == SHMETER_COUNTER;
}

/* Whether it is a double there. */
SHMETER_INLINE int
shmeter_type_counter_f64(uint32_t type)
{
    return type == SHMETER_COUNTER_F64;
}

/* Whether it is one of both. */
SHMETER_INLINE int
shmeter_type_counts(uint32_t type)
{
    return shmeter_type_counter(type) || shmeter_type_counter_f64(type);
}

/* Whether it is in a gauge cell: a stateset's is the number of its state, the latest one set. */
SHMETER_INLINE int
shmeter_type_gauge(uint32_t type)
{
    return type == SHMETER_GAUGE || type == SHMETER_STATESET;
}

/* Whether it is in a histogram cell. */
SHMETER_INLINE int
shmeter_type_histogram(uint32_t type)
{
    return type == SHMETER_HISTOGRAM || type == SHMETER_SUMMARY;
}

#endif
