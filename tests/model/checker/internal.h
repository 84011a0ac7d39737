/*
 * What the parts of the checker share: actors.c (contexts and hooks), memory.c (memory models), races.c (plain
 * accesses), checker.c (the search).
 */
#ifndef SHMETER_TESTS_CHECKER_PARTS_H
#define SHMETER_TESTS_CHECKER_PARTS_H

#include <setjmp.h>
#include <string.h>

#include "tests/model/checker/model.h"

#define ACTORS      6u
#define CPUS        6u
#define STACK_BYTES 65536u

enum request_kind { REQUEST_STEP, REQUEST_LOAD, REQUEST_STORE, REQUEST_ADD, REQUEST_CAS, REQUEST_CAS16 };

/* What an actor wants to do next. */
struct request {
    enum request_kind kind;
    char order;
    uint32_t word;                  /* of the shared words                                                           */
    uint64_t value[2], expected[2]; /* a load's and a failed compare-and-swap's result is in expected                */
    uint64_t done;
    const char *what;
};

enum status { STATUS_READY, STATUS_OVER, STATUS_DEAD };

struct actor {
    jmp_buf at, restart;
    unsigned char *low; /* the lowest byte of its stack that is used                                               */
    uint64_t history, history_at_restart;
    const char *name;
    void (*body)(void *);
    void *argument;
    struct request request;
    enum status status;
    uint32_t cpu, process, in_sequence, interrupted, reads_only;
};

struct checker {
    const struct model_case *model;
    enum memory memory;
    struct actor actors[ACTORS];
    uint32_t actors_n, deaths, interrupts;
    uint32_t on_cpu[CPUS]; /* actor + 1 that ran there last                                                       */
    char violation[256];
};
extern struct checker checker;

/* actors.c */
void actors_reset(void);
void actors_start(void);
/* Lets an actor go on to its next request, after the one it waited with was performed. */
void actors_resume(uint32_t actor);
void actors_restart(uint32_t actor);
unsigned char *actors_stack(uint32_t actor);
int actors_inside(void); /* an actor runs */

/* memory.c */
struct region {
    unsigned char *at;
    uint32_t words, first;
};
void memory_reset(void);
void *memory_state(size_t *bytes); /* to be copied with the rest */
int memory_word(const void *at, uint32_t *word);
uint64_t *memory_at(uint32_t word);
uint32_t memory_words(void);
const struct region *memory_regions(uint32_t *n);
/* In how many ways the actor's request can be done now; 0: not yet. */
uint32_t memory_ways(const struct actor *actor);
void memory_perform(struct actor *actor, uint32_t way);
/* The stores of a CPU that may become visible now: their places in the buffer. */
uint32_t memory_drains(uint32_t cpu, uint32_t *places);
void memory_drain(uint32_t cpu, uint32_t place);
const char *memory_name_drain(uint32_t cpu, uint32_t place);
void memory_flush(uint32_t cpu);
void memory_fence_acquire(uint32_t cpu);
void memory_fence_release(uint32_t cpu);
uint64_t memory_hash(uint64_t hash);
/* Forgets what no load can see any more, so that states which differ in that only are one. */
void memory_settle(void);

/* races.c */
void races_reset(void);
void *races_state(size_t *bytes);
uint64_t races_hash(uint64_t hash);
void races_atomic(uint32_t actor, const struct request *request);
void races_plain(uint32_t actor, uint32_t word, int write);

static inline uint64_t
hash_fold(uint64_t hash, uint64_t value)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ UINT64_C(0x9e3779b97f4a7c15)) *
                                (value ^ UINT64_C(0xd1b54a32d192ed03));
    return ((uint64_t)product ^ (uint64_t)(product >> 64)) + hash * 5;
}

static inline uint64_t
hash_words(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    uint64_t word;

    for (; n >= 8; at += 8, n -= 8) {
        memcpy(&word, at, 8);
        hash = hash_fold(hash, word);
    }
    if (n) {
        word = 0;
        memcpy(&word, at, n);
        hash = hash_fold(hash, word);
    }
    return hash;
}

#endif
