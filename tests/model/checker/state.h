/*
 * The state of a memory model, for memory.c, which moves it on, and settle.c, which makes states alike.
 */
#ifndef SHMETER_TESTS_MODEL_CHECKER_STATE_H
#define SHMETER_TESTS_MODEL_CHECKER_STATE_H

#include "tests/model/checker/internal.h"

#define BUFFER     24u
#define LOG        192u
#define WORD_FLOOR 48u

struct buffered {
    uint64_t value;
    uint32_t word;
    uint16_t release, fences; /* a release store; release fences before it, of those that still matter                */
};

struct logged { /* a store that became visible at a time */
    uint64_t before;
    uint32_t word, time;
};

struct cpu {
    struct buffered buffer[BUFFER]; /* in program order */
    uint32_t buffer_n, fences;
    uint32_t floor; /* time that no load may be served before                                                       */
    uint32_t seen;  /* the latest time that a load was served at: a fence makes it the floor                        */
    uint32_t words_n;
    struct {
        uint32_t word, time;
    } words[WORD_FLOOR]; /* coherence: the same for single words */
};

struct model_memory {
    uint32_t now, log_n;
    struct cpu cpus[CPUS];
    struct logged log[LOG];
};
extern struct model_memory memory; /* of memory.c */

#endif
