/*
 * A model checker for the code of shm/ as it is compiled: the hook backend of shm/machine/atomic.h makes each access to
 * shared bytes a choice point, and the checker tries every order of them, every death between them, and what a memory
 * model lets each load see.
 *
 * A model is some shared bytes, some actors (processes or threads, each on a CPU) and what must be true. All that
 * changes while actors run stands in shared bytes, in bytes that the model keeps, or on an actor's stack: the checker
 * copies these, tries one choice, and puts them back. Two states are one when shared and kept bytes, store buffers and
 * each actor's history of what it has read are the same.
 *
 * Memory models:
 *   SC    each access takes effect at once.
 *   TSO   a FIFO store buffer for each CPU (x86-64). Atomic read-modify-writes empty it.
 *   WEAK  a store buffer for each CPU out of which stores come in any order, but for those to one word; a release store
 *         comes after all before it. Loads may be served earlier than loads before them, so they may see what memory
 *         held in the past;
 *         not earlier than an acquire load or an acquire fence before them. Load 'A' (LDAR) also waits for release
 *         stores before it; 'a' (LDAPR) does not. No load is served later than a store that follows it, and
 *         dependencies order nothing: on aarch64 the first can happen to independent accesses, the second is more than
 *         aarch64 allows.
 * Plain accesses (records' fields) are no choice points; where a model watches for races, vector clocks tell whether
 * each happens before or after every other one of another actor: then it makes no difference that they are none.
 */
#ifndef SHMETER_TESTS_MODEL_H
#define SHMETER_TESTS_MODEL_H

#include <stddef.h>
#include <stdint.h>

enum memory { MEMORY_SC, MEMORY_TSO, MEMORY_WEAK };

#define MODEL_ANY        UINT32_MAX
#define MODEL_RACES_WALK 2u /* atomic loads may race: what they give is checked by the code                          */

struct model_case {
    const char *name;
    void (*setup)(void);  /* shares bytes, keeps bytes, makes actors; the same each time                              */
    void (*at_end)(void); /* invariants when nobody can go on and all stores are visible; may be NULL                */
    uint32_t deaths;      /* at most so many actors die                                                              */
    uint32_t die_anywhere; /* also before loads: for models in which others look at who is alive                     */
    uint32_t races;        /* plain accesses to shared bytes are watched (in SC only)                                */
    uint32_t interrupts;   /* at most so many times a sequence begins anew                                            */
    uint32_t one_writer;   /* each word is stored by one CPU only: storing what stands there already changes nothing  */
    uint32_t buffer;       /* stores that a CPU's buffer holds; 0: 4                                                 */
};

struct outcome {
    uint64_t states, steps, ends; /* distinct states, choices tried, states at which nobody could go on              */
    uint32_t depth;               /* the longest order                                                               */
    uint32_t exhausted;           /* all states were seen                                                            */
    char violation[256];          /* the first one; empty: none                                                      */
};

/* Tries everything, up to states_limit states. Prints the way to a violation when trace. */
void model_run(const struct model_case *model, enum memory memory, uint64_t states_limit, int trace,
               struct outcome *out);

/* ---- for setup ---- */

void model_share(void *bytes, size_t n); /* multiples of 8                                                           */
void model_keep(void *bytes, size_t n);  /* only one actor at a time, or ghost state                                 */
void model_actor(const char *name, uint32_t cpu, void (*body)(void *), void *argument);
/* One more thread of the process of the actor made last: they die together. */
void model_thread(const char *name, uint32_t cpu, void (*body)(void *), void *argument);
/* One that stores nothing into shared bytes, and whose death nobody would see. */
void model_reader(const char *name, uint32_t cpu, void (*body)(void *), void *argument);

/* ---- for actors ---- */

/* What is violated. The actor does not go on. */
void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A choice point that is no access: a system call, say. */
void model_step(const char *what);
/*
 * What the actor has found by plain accesses to bytes that others change: two states in which it has found others are
 * two.
 */
void model_remember(uint64_t what);
/*
 * The actor keeps nothing in its stack that it has read: two states that differ in its past only are one. mark tells
 * places apart.
 */
void model_forget(uint64_t mark);
/* Runs a sequence that begins anew whenever another actor of this CPU runs, or the kernel wants it. */
void model_sequence(void (*body)(void *), void *argument);
/* The accesses of such a sequence. order: 'r', 'l' (release), 'A' (LDAR). */
uint64_t model_load(const uint64_t *at, char order);
void model_store(uint64_t *at, uint64_t value, char order);

uint32_t model_self(void);
int model_is_dead(uint32_t actor); /* killed (not: ended)                                                            */
int model_is_over(uint32_t actor); /* killed or ended                                                                */
uint32_t model_deaths(void);
enum memory model_memory(void);

/* ---- seeded bugs: what the checker must find ---- */

struct model_bugs {
    uint32_t no_fence; /* an acquire fence does nothing                                                         */
    uint32_t no_fence_release; /* nor does a release fence                                                           */
    uint32_t no_restart;   /* sequences go on where they were                                                       */
    uint32_t weak_release; /* release stores are relaxed                                                            */
    uint32_t weak_acquire; /* acquire loads are relaxed                                                             */
    uint32_t weak_cas;     /* a compare-and-swap publishes nothing                                                  */
    uint32_t split_cas;    /* an 8-byte compare-and-swap is a load and a store                                      */
    uint32_t split_cas16;  /* a 16-byte one moves its halves one after the other                                    */
    uint32_t no_count;     /* a 16-byte one leaves its high half, a count, as it is                                  */
    uint32_t other;        /* the model's own                                                                       */
};
extern struct model_bugs model_bugs;
/* What a load gives instead of the value; NULL: nothing else. */
extern uint64_t (*model_lens)(const void *at, uint64_t value, char order);

#endif
