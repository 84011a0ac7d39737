/*
 * The memory models: what a load may see, and which buffered store may become visible next. model.h says what they are.
 *
 * Time is a number that grows with each store that becomes visible; the log keeps what each of them replaced, so memory
 * can be seen as it was. For WEAK each CPU has a floor, before which no load of it may be served any more, and floors
 * of single words (coherence).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/model/checker/state.h"

#define REGIONS 32u
#define PAST    16u /* different values that a load may see */

struct model_memory memory;
static struct region regions[REGIONS];
static uint32_t regions_n, words_n;

/* A bound of the checker itself: make it larger. */
static void
give_up(int line)
{
    fprintf(stderr, "memory.c:%d: a table is too small\n", line);
    abort();
}

void
memory_reset(void)
{
    memset(&memory, 0, sizeof memory);
    regions_n = words_n = 0;
}

void *
memory_state(size_t *bytes)
{
    *bytes = 0;
    if (checker.memory != MEMORY_SC)
        *bytes = offsetof(struct model_memory, log) + memory.log_n * sizeof(struct logged);
    return &memory;
}

void
model_share(void *bytes, size_t n)
{
    if (regions_n == REGIONS)
        abort();
    regions[regions_n].at = bytes;
    regions[regions_n].words = (uint32_t)(n / 8);
    regions[regions_n++].first = words_n;
    words_n += (uint32_t)(n / 8);
}

int
memory_word(const void *at, uint32_t *word)
{
    uint32_t i;

    for (i = 0; i < regions_n; i++) {
        uint64_t off = (uint64_t)((const unsigned char *)at - regions[i].at) / 8;
        if ((const unsigned char *)at >= regions[i].at && off < regions[i].words) {
            *word = regions[i].first + (uint32_t)off;
            return 1;
        }
    }
    return 0;
}

uint64_t *
memory_at(uint32_t word)
{
    uint32_t i = 0;

    while (word >= regions[i].first + regions[i].words)
        i++;
    return (uint64_t *)(void *)(regions[i].at + (size_t)8 * (word - regions[i].first));
}

const struct region *
memory_regions(uint32_t *n)
{
    *n = regions_n;
    return regions;
}

uint32_t
memory_words(void)
{
    return words_n;
}

/* ---- stores that become visible ---- */

static void
set_word_floor(struct cpu *cpu, uint32_t word, uint32_t time)
{
    uint32_t i;

    for (i = 0; i < cpu->words_n; i++)
        if (cpu->words[i].word == word) {
            if (cpu->words[i].time < time)
                cpu->words[i].time = time;
            return;
        }
    if (cpu->words_n == WORD_FLOOR)
        give_up(__LINE__);
    cpu->words[cpu->words_n].word = word;
    cpu->words[cpu->words_n++].time = time;
}

/* n words, all at one moment. */
static void
make_visible(uint32_t cpu, uint32_t word, const uint64_t *values, uint32_t n)
{
    uint32_t i;

    memory.now++;
    for (i = 0; i < n; i++) {
        uint64_t *at = memory_at(word + i);
        if (checker.memory == MEMORY_WEAK) {
            if (memory.log_n == LOG)
                give_up(__LINE__);
            memory.log[memory.log_n].before = *at;
            memory.log[memory.log_n].word = word + i;
            memory.log[memory.log_n++].time = memory.now;
            set_word_floor(&memory.cpus[cpu], word + i, memory.now);
        }
        *at = values[i];
    }
}

static void
take_out(struct cpu *cpu, uint32_t place)
{
    cpu->buffer_n--;
    memmove(&cpu->buffer[place], &cpu->buffer[place + 1], (cpu->buffer_n - place) * sizeof cpu->buffer[0]);
    memset(&cpu->buffer[cpu->buffer_n], 0, sizeof cpu->buffer[0]);
}

void
memory_drain(uint32_t cpu, uint32_t place)
{
    struct buffered one = memory.cpus[cpu].buffer[place];

    take_out(&memory.cpus[cpu], place);
    make_visible(cpu, one.word, &one.value, 1);
}

const char *
memory_name_drain(uint32_t cpu, uint32_t place)
{
    static char text[80];

    snprintf(text, sizeof text, "store of %#llx to word %u", (unsigned long long)memory.cpus[cpu].buffer[place].value,
             memory.cpus[cpu].buffer[place].word);
    return text;
}

uint32_t
memory_drains(uint32_t cpu, uint32_t *places)
{
    const struct cpu *own = &memory.cpus[cpu];
    uint32_t i, k, n = 0;

    if (checker.memory != MEMORY_WEAK) {
        places[0] = 0;
        return own->buffer_n > 0;
    }
    for (i = 0; i < own->buffer_n; i++) {
        int first = 1;
        for (k = 0; k < i; k++)
            first &= own->buffer[k].word != own->buffer[i].word && !own->buffer[i].release &&
                     own->buffer[k].fences == own->buffer[i].fences;
        if (first)
            places[n++] = i;
    }
    return n;
}

void
memory_flush(uint32_t cpu)
{
    while (memory.cpus[cpu].buffer_n)
        memory_drain(cpu, 0);
}

/* ---- what a load may see ---- */

struct past {
    uint64_t value;
    uint32_t time;
};

/*
 * The different values that a word has had since the CPU's floor, each with the earliest time: it leaves the most open.
 */
static uint32_t
past_of(const struct cpu *cpu, uint32_t word, struct past *out)
{
    uint32_t time = cpu->floor, i, k, n = 0;

    for (i = 0; i < cpu->words_n; i++)
        if (cpu->words[i].word == word && cpu->words[i].time > time)
            time = cpu->words[i].time;
    for (i = 0; i <= memory.log_n; i++) {
        uint64_t value;
        if (i < memory.log_n && (memory.log[i].word != word || memory.log[i].time <= time))
            continue;
        value = i < memory.log_n ? memory.log[i].before : *memory_at(word);
        for (k = 0; k < n && out[k].value != value; k++)
            ;
        if (k == n) {
            if (n == PAST)
                give_up(__LINE__);
            out[n].value = value;
            out[n++].time = time;
        }
        if (i < memory.log_n)
            time = memory.log[i].time;
    }
    return n;
}

/* The newest store to the word that is still in the buffer; -1 none. */
static int
buffered(const struct cpu *cpu, uint32_t word)
{
    int i;

    for (i = (int)cpu->buffer_n - 1; i >= 0 && cpu->buffer[i].word != word; i--)
        ;
    return i;
}

uint32_t
memory_ways(const struct actor *actor)
{
    const struct cpu *cpu = &memory.cpus[actor->cpu];
    const struct request *request = &actor->request;
    struct past past[PAST];
    uint32_t i;

    if (checker.memory == MEMORY_SC)
        return 1;
    if (request->kind == REQUEST_STORE)
        return cpu->buffer_n < (checker.model->buffer ? checker.model->buffer : 4);
    if (checker.memory == MEMORY_TSO || (request->kind != REQUEST_LOAD && request->kind != REQUEST_CAS))
        return 1;
    if (request->kind == REQUEST_CAS)
        return 1 + past_of(cpu, request->word, past);
    if (request->order == 'A')
        for (i = 0; i < cpu->buffer_n; i++)
            if (cpu->buffer[i].release)
                return 0;
    return buffered(cpu, request->word) >= 0 ? 1 : past_of(cpu, request->word, past);
}

static void
load(struct cpu *cpu, struct request *request, uint32_t way)
{
    int place = buffered(cpu, request->word);
    struct past past[PAST];

    if (place >= 0) {
        request->expected[0] = cpu->buffer[place].value;
        return;
    }
    if (checker.memory != MEMORY_WEAK) {
        request->expected[0] = *memory_at(request->word);
        return;
    }
    past_of(cpu, request->word, past);
    request->expected[0] = past[way].value;
    set_word_floor(cpu, request->word, past[way].time);
    if (past[way].time > cpu->seen)
        cpu->seen = past[way].time;
    if (request->order != 'r' && past[way].time > cpu->floor)
        cpu->floor = past[way].time;
}

/*
 * Way 0: with what is there. The others: it fails with what was there some time ago, and orders nothing. A relaxed one
 * (a seeded bug) lets earlier stores wait.
 */
static void
compare_and_swap(struct actor *actor, uint32_t way)
{
    struct request *request = &actor->request;
    struct cpu *cpu = &memory.cpus[actor->cpu];
    uint64_t wanted = request->expected[0], *at = memory_at(request->word);
    struct past past[PAST];

    if (checker.memory == MEMORY_WEAK && way && buffered(cpu, request->word) < 0) {
        past_of(cpu, request->word, past);
        if (past[way - 1].value != wanted) {
            request->expected[0] = past[way - 1].value;
            set_word_floor(cpu, request->word, past[way - 1].time);
            if (past[way - 1].time > cpu->seen)
                cpu->seen = past[way - 1].time;
            return;
        }
    }
    if (request->order != 'r' || buffered(cpu, request->word) >= 0)
        memory_flush(actor->cpu);
    request->done = *at == wanted;
    request->expected[0] = *at;
    if (request->done) {
        make_visible(actor->cpu, request->word, request->value, 1);
        if (request->order != 'r')
            cpu->floor = memory.now;
    } else if (checker.memory == MEMORY_WEAK) {
        set_word_floor(cpu, request->word, memory.now);
        cpu->seen = memory.now;
    }
}

void
memory_perform(struct actor *actor, uint32_t way)
{
    struct request *request = &actor->request;
    struct cpu *cpu = &memory.cpus[actor->cpu];
    uint64_t *at = memory_at(request->word), sum;

    switch (request->kind) {
    case REQUEST_STEP:
        break;
    case REQUEST_LOAD:
        load(cpu, request, way);
        break;
    case REQUEST_STORE:
        if (checker.memory == MEMORY_SC) {
            *at = request->value[0];
            break;
        }
        if (checker.model->one_writer && request->order == 'r' && buffered(cpu, request->word) < 0 &&
            *at == request->value[0])
            break; /* nobody can tell */
        cpu->buffer[cpu->buffer_n].value = request->value[0];
        cpu->buffer[cpu->buffer_n].word = request->word;
        cpu->buffer[cpu->buffer_n].fences = (uint16_t)cpu->fences;
        cpu->buffer[cpu->buffer_n++].release = request->order == 'l';
        break;
    case REQUEST_ADD:
        memory_flush(actor->cpu);
        request->expected[0] = *at;
        sum = *at + request->value[0];
        make_visible(actor->cpu, request->word, &sum, 1);
        cpu->floor = memory.now;
        break;
    case REQUEST_CAS:
        compare_and_swap(actor, way);
        break;
    case REQUEST_CAS16:
        memory_flush(actor->cpu);
        request->done = at[0] == request->expected[0] && at[1] == request->expected[1];
        request->expected[0] = at[0];
        request->expected[1] = at[1];
        if (request->done)
            make_visible(actor->cpu, request->word, request->value, 2);
        cpu->floor = memory.now; /* also when it fails: the assembly stores what it saw, or is locked */
        break;
    }
}

void
memory_fence_acquire(uint32_t cpu)
{
    if (memory.cpus[cpu].seen > memory.cpus[cpu].floor)
        memory.cpus[cpu].floor = memory.cpus[cpu].seen;
}

void
memory_fence_release(uint32_t cpu)
{
    if (memory.cpus[cpu].buffer_n)
        memory.cpus[cpu].fences++;
}
