/*
 * Plain accesses to shared bytes (the fields of records) are no choice points, which is right only when none of them
 * races: each is ordered with every conflicting access of another actor by a release and an acquire in between. Vector
 * clocks say so, as ThreadSanitizer's do. The compiler calls the functions below for each plain access of what it
 * compiles with -fsanitize=thread; atomics come by the hooks.
 */
#include <stdlib.h>

#include "tests/model/checker/internal.h"

#define WORDS 640u

typedef uint8_t clocks[ACTORS];

static struct {
    clocks now[ACTORS];
    struct {
        clocks released; /* by the store that stands there                                                         */
        clocks wrote, read, wrote_atomic; /* each actor's clock when it did so last, 0 never */
    } words[WORDS];
} state;

void
races_reset(void)
{
    uint32_t i;

    memset(&state, 0, sizeof state);
    for (i = 0; i < ACTORS; i++)
        state.now[i][i] = 1;
}

void *
races_state(size_t *bytes)
{
    *bytes = checker.model->races && checker.memory == MEMORY_SC
                 ? offsetof(__typeof__(state), words) + memory_words() * sizeof state.words[0]
                 : 0;
    if (*bytes > sizeof state)
        abort(); /* make it larger */
    return &state;
}

uint64_t
races_hash(uint64_t hash)
{
    size_t bytes;
    void *at = races_state(&bytes);

    return hash_words(hash, at, bytes);
}

static void
join(clocks to, const clocks from)
{
    uint32_t i;

    for (i = 0; i < ACTORS; i++)
        if (from[i] > to[i])
            to[i] = from[i];
}

/* Whether another actor did it, and not before what this one has acquired. */
static int
races(uint32_t actor, const clocks did)
{
    uint32_t i;

    for (i = 0; i < ACTORS; i++)
        if (i != actor && did[i] > state.now[actor][i])
            return 1;
    return 0;
}

static void
complain(uint32_t actor, uint32_t word, const char *what)
{
    model_fail("%s %s of word %u races with another actor's", checker.actors[actor].name, what, word);
}

static void
atomic(uint32_t actor, uint32_t word, int acquires, int writes, int releases, int reads)
{
    uint8_t *own = state.now[actor];

    if (reads && acquires)
        join(own, state.words[word].released);
    if (races(actor, state.words[word].wrote) && (writes || checker.model->races != MODEL_RACES_WALK))
        complain(actor, word, "an atomic access");
    if (!writes)
        return;
    if (races(actor, state.words[word].read))
        complain(actor, word, "an atomic store");
    state.words[word].wrote_atomic[actor] = own[actor];
    if (!reads) /* a store ends what was released there; a read-modify-write hands it on */
        memset(state.words[word].released, 0, ACTORS);
    if (releases) {
        join(state.words[word].released, own);
        own[actor]++;
    }
}

void
races_atomic(uint32_t actor, const struct request *request)
{
    int strong = request->order != 'r', halves = request->kind == REQUEST_CAS16 ? 2 : 1, i;

    switch (request->kind) {
    case REQUEST_STEP:
        break;
    case REQUEST_LOAD:
        atomic(actor, request->word, strong, 0, 0, 1);
        break;
    case REQUEST_STORE:
        atomic(actor, request->word, 0, 1, request->order == 'l', 0);
        break;
    case REQUEST_ADD:
        atomic(actor, request->word, 1, 1, 1, 1);
        break;
    case REQUEST_CAS: /* a failed one orders nothing */
        atomic(actor, request->word, strong && request->done, (int)request->done, strong, 1);
        break;
    case REQUEST_CAS16:
        for (i = 0; i < halves; i++)
            atomic(actor, request->word + (uint32_t)i, 1, (int)request->done, 1, 1);
        break;
    }
}

void
races_plain(uint32_t actor, uint32_t word, int write)
{
    uint8_t *own = state.now[actor];

    if (races(actor, state.words[word].wrote) || races(actor, state.words[word].wrote_atomic))
        complain(actor, word, write ? "a plain store" : "a plain load");
    if (write && races(actor, state.words[word].read))
        complain(actor, word, "a plain store");
    (write ? state.words[word].wrote : state.words[word].read)[actor] = own[actor];
}

/* ---- what the compiler calls ---- */

static void
plain(const void *at, size_t bytes, int write)
{
    const unsigned char *from = at, *byte;
    uint32_t word, last = UINT32_MAX;

    if (!actors_inside() || !checker.model->races || checker.memory != MEMORY_SC)
        return;
    for (byte = from; byte < from + bytes; byte++)
        if (memory_word(byte, &word) && word != last) {
            races_plain(model_self(), word, write);
            last = word;
        }
}

#define ACCESS(name, bytes, write) \
    void __tsan_##name(void *at);  \
    void __tsan_##name(void *at)   \
    {                              \
        plain(at, bytes, write);   \
    }
#define ACCESSES(bytes)                      \
    ACCESS(read##bytes, bytes, 0)            \
    ACCESS(write##bytes, bytes, 1)           \
    ACCESS(unaligned_read##bytes, bytes, 0)  \
    ACCESS(unaligned_write##bytes, bytes, 1) \
    ACCESS(volatile_read##bytes, bytes, 0)   \
    ACCESS(volatile_write##bytes, bytes, 1)
ACCESS(read1, 1, 0)
ACCESS(write1, 1, 1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

void __tsan_init(void);
void
__tsan_init(void)
{
}

void __tsan_func_entry(void *at);
void
__tsan_func_entry(void *at)
{
    (void)at;
}

void __tsan_func_exit(void *at);
void
__tsan_func_exit(void *at)
{
    (void)at;
}

void __tsan_read_range(void *at, size_t bytes);
void
__tsan_read_range(void *at, size_t bytes)
{
    plain(at, bytes, 0);
}

void __tsan_write_range(void *at, size_t bytes);
void
__tsan_write_range(void *at, size_t bytes)
{
    plain(at, bytes, 1);
}

/* In the place of those of <string.h>, which are not reported. */
void *
model_memcpy(void *to, const void *from, size_t bytes)
{
    plain(from, bytes, 0);
    plain(to, bytes, 1);
    return memcpy(to, from, bytes);
}

void *
model_memset(void *to, int byte, size_t bytes)
{
    plain(to, bytes, 1);
    return memset(to, byte, bytes);
}

int
model_memcmp(const void *a, const void *b, size_t bytes)
{
    plain(a, bytes, 0);
    plain(b, bytes, 0);
    return memcmp(a, b, bytes);
}
