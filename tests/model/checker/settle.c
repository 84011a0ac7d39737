/*
 * States of a memory model that differ only in what no load can see any more are made one, and hashed.
 */
#include <string.h>

#include "tests/model/checker/state.h"

static int
is_used(uint32_t cpu)
{
    uint32_t i;

    for (i = 0; i < checker.actors_n; i++)
        if (checker.actors[i].cpu == cpu && checker.actors[i].status == STATUS_READY)
            return 1;
    return 0;
}

/* Floors that forbid nothing are lowered, and times become places in the log. */
void
memory_settle(void)
{
    uint32_t cpu, i, k, least = memory.now, kept = 0;

    if (checker.memory != MEMORY_WEAK)
        return;
    for (cpu = 0; cpu < CPUS; cpu++) { /* fences before the oldest store do not matter */
        struct cpu *own = &memory.cpus[cpu];
        uint32_t least_fences = own->buffer_n ? own->buffer[0].fences : own->fences;
        for (i = 0; i < own->buffer_n; i++)
            own->buffer[i].fences = (uint16_t)(own->buffer[i].fences - least_fences);
        own->fences -= least_fences;
    }
    for (cpu = 0; cpu < CPUS; cpu++)
        if (is_used(cpu) && memory.cpus[cpu].floor < least)
            least = memory.cpus[cpu].floor;
    for (i = 0; i < memory.log_n; i++)
        if (memory.log[i].time > least)
            memory.log[kept++] = memory.log[i];
    memset(&memory.log[kept], 0, (memory.log_n - kept) * sizeof memory.log[0]);
    memory.log_n = kept;
    /* A time t becomes the number of different times in the log up to it. */
    for (cpu = 0; cpu < CPUS; cpu++) {
        struct cpu *own = &memory.cpus[cpu];
        uint32_t *times[2 + WORD_FLOOR], n = 0, words = 0;
        if (!is_used(cpu))
            own->floor = own->seen = memory.now, own->words_n = 0;
        times[n++] = &own->floor;
        times[n++] = &own->seen;
        for (i = 0; i < own->words_n; i++)
            times[n++] = &own->words[i].time;
        for (i = 0; i < n; i++) {
            uint32_t place = 0, last = 0;
            for (k = 0; k < memory.log_n && memory.log[k].time <= *times[i]; k++)
                if (memory.log[k].time != last) {
                    place++;
                    last = memory.log[k].time;
                }
            *times[i] = place;
        }
        if (own->seen < own->floor)
            own->seen = own->floor;
        for (i = 0; i < own->words_n; i++)
            if (own->words[i].time > own->floor)
                own->words[words++] = own->words[i];
        memset(&own->words[words], 0, (WORD_FLOOR - words) * sizeof own->words[0]);
        own->words_n = words;
    }
    for (i = k = 0; i < memory.log_n; i++) {
        uint32_t time = memory.log[i].time;
        memory.log[i].time = i && time == least ? k : ++k;
        least = time;
    }
    memory.now = k;
}

uint64_t
memory_hash(uint64_t hash)
{
    uint32_t i, cpu, regions_n;
    const struct region *regions = memory_regions(&regions_n);

    for (i = 0; i < regions_n; i++)
        hash = hash_words(hash, regions[i].at, (size_t)8 * regions[i].words);
    if (checker.memory == MEMORY_SC)
        return hash;
    for (cpu = 0; cpu < CPUS; cpu++) {
        const struct cpu *own = &memory.cpus[cpu];
        hash = hash_words(hash_fold(hash, own->buffer_n), own->buffer, own->buffer_n * sizeof own->buffer[0]);
        if (checker.memory != MEMORY_WEAK)
            continue;
        hash = hash_fold(hash_fold(hash_fold(hash, own->floor), own->seen), own->fences);
        for (i = 0; i < own->words_n; i++) { /* in any order */
            hash += hash_fold((uint64_t)cpu << 32 | own->words[i].word, own->words[i].time);
        }
    }
    return hash_words(hash, memory.log, memory.log_n * sizeof memory.log[0]);
}
