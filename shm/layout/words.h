/*
 * Words of the index and of slots that hold several fields: how they are put together and taken apart.
 */
#ifndef SHMETER_SHM_WORDS_H
#define SHMETER_SHM_WORDS_H

#include <stdint.h>

/* The index: {unit:32 (low), tag:32}; zero is empty. Only producers read it. */
#define SHMETER_INDEX_ENTRY(hash, unit) (((hash)&UINT64_C(0xffffffff00000000)) | (uint32_t)(unit))

/* {unit:32 (low), number of the open:32}; 0 in the upper half: it is not open any more, and the place is free. */
#define SHMETER_OPENED_ENTRY(unit, open) ((uint64_t)(uint32_t)(unit) | (uint64_t)(open) << 32)
#define SHMETER_OPENED_UNIT(entry)       ((uint32_t)(entry))
#define SHMETER_OPENED_NUMBER(entry)     ((uint32_t)((entry) >> 32))

/* Takes the fields of owner and identity apart. */
#define SHMETER_OWNER(state, generation, pid) \
    ((uint64_t)(state) | ((uint64_t)((generation)&0xffffffu) << 8) | ((uint64_t)(uint32_t)(pid) << 32))
#define SHMETER_IMAGE(hash, generation)           (((hash) & ~UINT64_C(0xffffff)) | ((generation)&0xffffffu))
#define SHMETER_IMAGE_GENERATION(image)           ((uint32_t)((image)&0xffffff))
#define SHMETER_USERS(n, generation)              ((uint64_t)(n) | (uint64_t)((generation)&0xffffffu) << 40)
#define SHMETER_USERS_N(users)                    ((users)&UINT64_C(0xffffffffff))
#define SHMETER_USERS_GENERATION(users)           ((uint32_t)((users) >> 40))
#define SHMETER_LOCK(kind, generation)            ((uint64_t)((generation)&0xffffffu) | (uint64_t)(kind) << 24)
#define SHMETER_OWNER_STATE(owner)                ((uint32_t)((owner)&0xff))
#define SHMETER_OWNER_GENERATION(owner)           ((uint32_t)((owner) >> 8) & 0xffffffu)
#define SHMETER_OWNER_PID(owner)                  ((uint32_t)((owner) >> 32))
#define SHMETER_IDENTITY(start_ticks, namespaces) ((uint64_t)(uint32_t)(start_ticks) | ((uint64_t)(namespaces) << 32))
#define SHMETER_IDENTITY_START(identity)          ((uint32_t)(identity))
#define SHMETER_IDENTITY_NAMESPACES(identity)     ((uint32_t)((identity) >> 32))

/* How the owners of a slot have ended: the generation of the last one that is known to have, and how many have died. */
#define SHMETER_ENDED(generation, died) ((uint64_t)((generation)&0xffffffu) | (uint64_t)(died) << 24)
#define SHMETER_ENDED_GENERATION(ended) ((uint32_t)((ended)&0xffffff))
#define SHMETER_ENDED_DIED(ended)       ((uint64_t)(ended) >> 24)

/* A check's word while nothing in its place is to be shown: readers pass it by. */
#define SHMETER_CHECK_MAKING UINT64_C(0xff)

/* CPU time of the owner of this generation, in milliseconds. */
#define SHMETER_CPU(generation, ms)     ((uint64_t)((generation)&0xffffffu) | (uint64_t)(ms) << 24)
#define SHMETER_CPU_GENERATION(cpu)     ((uint32_t)((cpu)&0xffffff))
#define SHMETER_CPU_MS(cpu)             ((uint64_t)(cpu) >> 24)
#define SHMETER_CPU_OF(cpu, generation) (SHMETER_CPU_GENERATION(cpu) == (generation) ? SHMETER_CPU_MS(cpu) : 0)

/* The places that copies of the header in the owner are writing, and those of them that are new and have their name already. */
#define SHMETER_CHECK_TURN(generation, busy, named, count) \
    ((uint64_t)((generation)&0xffffffu) | (uint64_t)(busy) << 24 | (uint64_t)(named) << 32 | (uint64_t)(count) << 40)
#define SHMETER_CHECK_BUSY(place)  (UINT64_C(1) << (24 + (place)))
#define SHMETER_CHECK_NAMED(place) (UINT64_C(1) << (32 + (place)))

#endif
