/*
 * Pins a shared field to its offset and a struct to its size: another compiler that lays them out otherwise is refused.
 */
#ifndef SHMETER_SHM_PINS_H
#define SHMETER_SHM_PINS_H

#include <stddef.h>

#include "../machine/compiler.h"

#define SHMETER_AT(type, field, offset) \
    SHMETER_STATIC_ASSERT(offsetof(struct type, field) == (offset), #type "." #field)
#define SHMETER_SIZE(type, bytes) SHMETER_STATIC_ASSERT(sizeof(struct type) == (bytes), "size of " #type)

#endif
