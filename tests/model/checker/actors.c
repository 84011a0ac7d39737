/*
 * Actors: each has a stack of its own and stops before every access to shared bytes, with a request that the search
 * grants when it likes. Here are the hooks of shm/machine/atomic.h. Knows nothing of what a request does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <ucontext.h>

#define SHMETER_ATOMIC_HOOKS 1
#include "shm/machine/atomic.h"
#include "tests/model/checker/internal.h"

struct model_bugs model_bugs;

static _Alignas(64) unsigned char stacks[ACTORS][STACK_BYTES];
static jmp_buf search;
static ucontext_t search_context, contexts[ACTORS];
static uint32_t current;
static int inside; /* an actor runs; else memory is touched as it is */
uint64_t (*model_lens)(const void *at, uint64_t value, char order);

unsigned char *
actors_stack(uint32_t actor)
{
    return stacks[actor];
}

int
actors_inside(void)
{
    return inside;
}

/* To the search, and back when the request was performed. The frame of this function is the lowest that is kept. */
static __attribute__((noinline)) void
wait_for_search(void)
{
    struct actor *self = &checker.actors[current];

    if (!_setjmp(self->at)) {
        self->low = (unsigned char *)__builtin_frame_address(0) - 256;
        _longjmp(search, 1);
    }
}

static struct request *
request(enum request_kind kind, uint32_t word, char order, const char *what)
{
    struct request *own = &checker.actors[current].request;

    memset(own, 0, sizeof *own);
    own->kind = kind;
    own->word = word;
    own->order = order;
    own->what = what;
    return own;
}

/*
 * Loads in a sequence wait only when they must: nobody else of this CPU can change what they see without a restart, and
 * dying or restarting before one comes to the same as before the next store.
 */
static void
perform(void)
{
    struct actor *self = &checker.actors[current];

    if (self->in_sequence && self->request.kind == REQUEST_LOAD && memory_ways(self) == 1)
        memory_perform(self, 0);
    else
        wait_for_search();
    self->history = hash_fold(self->history, self->request.kind + 7 * self->request.done);
    self->history = hash_fold(self->history, self->request.expected[0]);
    self->history = hash_fold(self->history, self->request.expected[1]);
}

static void
enter(void)
{
    struct actor *self = &checker.actors[current];

    request(REQUEST_STEP, 0, 'r', "begin");
    perform();
    self->body(self->argument);
    self = &checker.actors[current];
    self->status = STATUS_OVER;
    _longjmp(search, 1);
}

void
actors_reset(void)
{
    memset(checker.actors, 0, sizeof checker.actors);
    checker.actors_n = 0;
}

void
model_actor(const char *name, uint32_t cpu, void (*body)(void *), void *argument)
{
    struct actor *actor = &checker.actors[checker.actors_n++];

    actor->name = name;
    actor->cpu = cpu;
    actor->process = checker.actors_n;
    actor->body = body;
    actor->argument = argument;
}

void
model_thread(const char *name, uint32_t cpu, void (*body)(void *), void *argument)
{
    model_actor(name, cpu, body, argument);
    checker.actors[checker.actors_n - 1].process = checker.actors[checker.actors_n - 2].process;
}

void
model_reader(const char *name, uint32_t cpu, void (*body)(void *), void *argument)
{
    model_actor(name, cpu, body, argument);
    checker.actors[checker.actors_n - 1].reads_only = 1;
}

void
actors_start(void)
{
    for (current = 0; current < checker.actors_n; current++) {
        ucontext_t *context = &contexts[current];
        getcontext(context);
        context->uc_stack.ss_sp = stacks[current];
        context->uc_stack.ss_size = STACK_BYTES;
        context->uc_link = NULL;
        makecontext(context, enter, 0);
        inside = 1;
        if (!_setjmp(search))
            swapcontext(&search_context, context);
        inside = 0;
    }
}

void
actors_resume(uint32_t actor)
{
    current = actor;
    inside = 1;
    if (!_setjmp(search))
        _longjmp(checker.actors[actor].at, 1);
    inside = 0;
}

void
actors_restart(uint32_t actor)
{
    current = actor;
    inside = 1;
    if (!_setjmp(search))
        _longjmp(checker.actors[actor].restart, 1);
    inside = 0;
}

/* ---- for actors ---- */

uint32_t
model_self(void)
{
    return current;
}

int
model_is_dead(uint32_t actor)
{
    return checker.actors[actor].status == STATUS_DEAD;
}

uint32_t
model_deaths(void)
{
    return checker.deaths;
}

enum memory
model_memory(void)
{
    return checker.memory;
}

int
model_is_over(uint32_t actor)
{
    return checker.actors[actor].status != STATUS_READY;
}

void
model_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (!*checker.violation)
        vsnprintf(checker.violation, sizeof checker.violation, format, arguments);
    va_end(arguments);
}

void
model_step(const char *what)
{
    request(REQUEST_STEP, 0, 'r', what);
    perform();
}

void
model_remember(uint64_t what)
{
    if (inside)
        checker.actors[current].history = hash_fold(checker.actors[current].history, what);
}

void
model_forget(uint64_t mark)
{
    checker.actors[current].history = hash_fold(11, mark);
}

void
model_sequence(void (*body)(void *), void *argument)
{
    struct actor *self = &checker.actors[current];

    self->history_at_restart = self->history;
    _setjmp(self->restart);
    self = &checker.actors[current];
    self->history = self->history_at_restart;
    self->in_sequence = 1;
    self->interrupted = 0;
    body(argument);
    checker.actors[current].in_sequence = 0;
}

uint64_t
model_load(const uint64_t *at, char order)
{
    return shmeter_hook_load(at, 8, order);
}

void
model_store(uint64_t *at, uint64_t value, char order)
{
    shmeter_hook_store(at, value, 8, order);
}

/* ---- the hooks ---- */

uint64_t
shmeter_hook_load(const void *at, int bytes, char order)
{
    uint64_t value = 0;
    uint32_t word;

    if (inside && memory_word(at, &word)) {
        struct request *own = request(REQUEST_LOAD, word, order == 'a' && model_bugs.weak_acquire ? 'r' : order,
                                      "load");
        perform();
        value = own->expected[0] >> 8 * ((uintptr_t)at & 7);
        if (model_lens)
            value = model_lens(at, value, order);
        return bytes == 4 ? (uint32_t)value : value;
    }
    memcpy(&value, at, (size_t)bytes);
    return value;
}

void
shmeter_hook_store(void *at, uint64_t value, int bytes, char order)
{
    uint32_t word;

    if (inside && memory_word(at, &word)) {
        request(REQUEST_STORE, word, order == 'l' && model_bugs.weak_release ? 'r' : order, "store")->value[0] = value;
        perform();
        return;
    }
    memcpy(at, &value, (size_t)bytes);
}

uint64_t
shmeter_hook_add(uint64_t *at, uint64_t n)
{
    uint64_t before;
    uint32_t word;

    if (inside && memory_word(at, &word)) {
        struct request *own = request(REQUEST_ADD, word, 'f', "add");
        own->value[0] = n;
        perform();
        return own->expected[0];
    }
    before = *at;
    *at = before + n;
    return before;
}

int
shmeter_hook_cas(uint64_t *at, uint64_t *expected, uint64_t desired)
{
    uint64_t before;
    uint32_t word;

    if (inside && memory_word(at, &word)) {
        struct request *own;
        if (model_bugs.split_cas) {
            before = shmeter_hook_load(at, 8, 'r');
            if (before != *expected) {
                *expected = before;
                return 0;
            }
            shmeter_hook_store(at, desired, 8, 'l');
            return 1;
        }
        own = request(REQUEST_CAS, word, model_bugs.weak_cas ? 'r' : 'f', "cas");
        own->value[0] = desired;
        own->expected[0] = *expected;
        perform();
        *expected = own->expected[0];
        return (int)own->done;
    }
    if (*at != *expected) {
        *expected = *at;
        return 0;
    }
    *at = desired;
    return 1;
}

static int
cas16_in_halves(uint64_t *at, uint64_t expected[2], uint64_t low, uint64_t high)
{
    uint64_t seen = shmeter_hook_load(at, 8, 'r');

    if (seen != expected[0] || shmeter_hook_load(at + 1, 8, 'r') != expected[1]) {
        expected[0] = shmeter_hook_load(at, 8, 'r');
        expected[1] = shmeter_hook_load(at + 1, 8, 'r');
        return 0;
    }
    shmeter_hook_store(at, low, 8, 'r');
    shmeter_hook_store(at + 1, high, 8, 'r');
    return 1;
}

int
shmeter_hook_cas16(void *at, uint64_t expected[2], uint64_t low, uint64_t high)
{
    uint64_t *words = at;
    uint32_t word;

    if (inside && memory_word(at, &word)) {
        struct request *own;
        if (model_bugs.split_cas16)
            return cas16_in_halves(words, expected, low, high);
        own = request(REQUEST_CAS16, word, 'f', "cas16");
        own->value[0] = low;
        own->value[1] = model_bugs.no_count ? expected[1] : high;
        own->expected[0] = expected[0];
        own->expected[1] = expected[1];
        perform();
        expected[0] = own->expected[0];
        expected[1] = own->expected[1];
        return (int)own->done;
    }
    if (words[0] == expected[0] && words[1] == expected[1]) {
        words[0] = low;
        words[1] = high;
        return 1;
    }
    expected[0] = words[0];
    expected[1] = words[1];
    return 0;
}

void
shmeter_hook_fence_acquire(void)
{
    if (!model_bugs.no_fence)
        memory_fence_acquire(checker.actors[current].cpu);
}

void
shmeter_hook_fence_release(void)
{
    if (!model_bugs.no_fence_release)
        memory_fence_release(checker.actors[current].cpu);
}
