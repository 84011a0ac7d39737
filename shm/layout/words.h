/*
 * Words of the index and of slots that hold several fields: how they are put together and taken apart.
 */
#ifndef SHMETER_SHM_WORDS_H
#define SHMETER_SHM_WORDS_H

#include <stdint.h>

/* The index: {unit:32 (low), tag:32}; zero is empty. Only producers read it. */
#define SHMETER_INDEX_ENTRY(hash, unit) (((hash)&UINT64_C(0xffffffff00000000)) | (uint32_t)(unit))

/*
 * With SHMETER_FEATURE_REUSE it is {unit of the newest record:32 (low), version:32}; and these are a record's link and
 * state.
 */
#define SHMETER_INDEX_HEAD(before, unit) ((((before) & ~UINT64_C(0xffffffff)) + (UINT64_C(1) << 32)) | (uint32_t)(unit))
#define SHMETER_CHAIN(bytes, next)       ((uint64_t)(uint32_t)(bytes) | (uint64_t)(next) << 32)
#define SHMETER_CHAIN_BYTES(link)        ((uint32_t)(link))
#define SHMETER_CHAIN_NEXT(link)         ((uint32_t)((link) >> 32) & 0x7fffffffu)
#define SHMETER_CHAIN_MARK               (UINT64_C(1) << 63)
#define SHMETER_STATE(visibility, epoch) ((uint64_t)(visibility) | (uint64_t)(epoch) << 8)
#define SHMETER_STATE_KIND(state)        ((uint32_t)((state)&0xff))
#define SHMETER_STATE_EPOCH(state)       ((state) >> 8)

/*
 * The state of a record in limbo: {SHMETER_LIMBO:8 (low), epoch of its removal:40, for how many
 * epochs it was a series, rounded up: {11 bits, shifted by 5}}.
 */
#define SHMETER_LIMBO_EPOCH(state) ((state) >> 8 & ((UINT64_C(1) << 40) - 1))
#define SHMETER_LIMBO_LIFE(state)  (((state) >> 48 & 2047) << ((state) >> 59))

/* {unit:32 (low), number of the open:32}; 0 in the upper half: it is not open any more, and the place is free. */
#define SHMETER_OPENED_ENTRY(unit, open) ((uint64_t)(uint32_t)(unit) | (uint64_t)(open) << 32)
#define SHMETER_OPENED_UNIT(entry)       ((uint32_t)(entry))
#define SHMETER_OPENED_NUMBER(entry)     ((uint32_t)((entry) >> 32))

/*
 * When a series was made, of one that a lookup has noted: {CLOCK_REALTIME in ms:42 (low), number of
 * the open by which it was looked up last:21, 1}. Others have ns.
 */
#define SHMETER_NOTED_MASK       UINT64_C(0x1fffff)
#define SHMETER_NOTED(ms, open)  ((ms) | ((uint64_t)(open)&SHMETER_NOTED_MASK) << 42 | UINT64_C(1) << 63)
#define SHMETER_IS_NOTED(word)   ((word) >> 63)
#define SHMETER_NOTED_OPEN(word) ((word) >> 42 & SHMETER_NOTED_MASK)
#define SHMETER_NOTED_NS(word)   (SHMETER_IS_NOTED(word) ? ((word) & ((UINT64_C(1) << 42) - 1)) * 1000000 : (word))

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

/*
 * The places that copies of the header in the owner are writing, and those of them that are new and have their name
 * already.
 */
#define SHMETER_CHECK_TURN(generation, busy, named, count) \
    ((uint64_t)((generation)&0xffffffu) | (uint64_t)(busy) << 24 | (uint64_t)(named) << 32 | (uint64_t)(count) << 40)
#define SHMETER_CHECK_BUSY(place)  (UINT64_C(1) << (24 + (place)))
#define SHMETER_CHECK_NAMED(place) (UINT64_C(1) << (32 + (place)))

#endif
