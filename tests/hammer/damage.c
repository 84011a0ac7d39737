#include "tests/hammer/damage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shm/layout/layout.h"
#include "tests/tools/scratch.h"

#define WRITES_MOST     24u /* in one go */
#define REPAIR_EACH     6u  /* goes, on average */
#define HEADER_EACH     32u
#define PAUSE_NS        400000u
#define INTERESTING     4096u /* what stands at the beginning of an area is what is in use */
#define EVERYWHERE_EACH 8u

struct damage {
    unsigned char *base, *pristine;
    size_t bytes;
    struct shmeter_header header;
    uint64_t random;
    struct damage_done *done;
};

static uint64_t
below(struct damage *damage, uint64_t n)
{
    return scratch_random(&damage->random) % n;
}

/* An area of the segment by what it is for. */
static uint64_t
spot(struct damage *damage)
{
    const struct shmeter_header *header = &damage->header;
    uint64_t used =
        ((const struct shmeter_state *)(const void *)(damage->pristine + header->state_off))->records_fill.value;

    switch (below(damage, 12)) {
    case 0:
        if (!below(damage, HEADER_EACH)) /* its sum tells, and all else is out of reach then */
            return below(damage, sizeof *header);
        return header->state_off + below(damage, sizeof(struct shmeter_state));
    case 1:
        return header->state_off + below(damage, sizeof(struct shmeter_state)) / 64 * 64;
    case 2:
        return header->index_off + below(damage, header->index_entries) * 8;
    case 3:
        return header->slot_words_off + below(damage, header->slots_n * sizeof(struct shmeter_slot_word));
    case 4:
        return header->slot_blocks_off + below(damage, header->slots_n * header->slot_block_bytes);
    case 5:
        return header->common_off + below(damage, header->gauges_n * sizeof(struct shmeter_gauge_cell));
    case 6:
        return header->cpu_lanes_off + below(damage, INTERESTING);
    case 7:
        return header->shared_lanes_off + below(damage, 2 * INTERESTING);
    case 8:
        return below(damage, damage->bytes);
    default: /* a field of a record */
        return header->records_off + below(damage, used ? used : 64) / 64 * 64 + below(damage, 24) * 4;
    }
}

/* The words that hurt: small ones, powers of two and their neighbours, what stands elsewhere, any. */
static uint64_t
word(struct damage *damage, uint64_t was)
{
    uint64_t power = UINT64_C(1) << below(damage, 64), other;

    switch (below(damage, 8)) {
    case 0:
        return below(damage, 8);
    case 1:
        return power;
    case 2:
        return power - 1;
    case 3:
        return was ^ power;
    case 4:
        return was + below(damage, 256) - 128;
    case 5:
        return ~UINT64_C(0);
    case 6:
        memcpy(&other, damage->pristine + below(damage, damage->bytes / 8) * 8, sizeof other);
        return other;
    default:
        return scratch_random(&damage->random);
    }
}

/* Bytes of all alignments: whoever reads them must not mind. */
static void
write_one(struct damage *damage)
{
    size_t width = (size_t)1 << below(damage, 4);
    uint64_t off = spot(damage), value;

    if (below(damage, 4))
        off = off / 8 * 8;
    if (off > damage->bytes - 8)
        off = damage->bytes - 8;
    memcpy(&value, damage->base + off, sizeof value);
    value = word(damage, value);
    memcpy(damage->base + off, &value, width);
    damage->done->writes++;
}

static void
write_page(struct damage *damage)
{
    uint64_t off = below(damage, damage->bytes / 512) * 512, i;

    for (i = 0; i < 512; i += 8) {
        uint64_t value = scratch_random(&damage->random);
        memcpy(damage->base + off + i, &value, sizeof value);
    }
    damage->done->writes += 64;
}

static void
run(struct damage *damage)
{
    uint64_t i, n;

    for (;;) {
        struct timespec pause = { 0, (long)below(damage, PAUSE_NS) };

        for (i = 0, n = 1 + below(damage, WRITES_MOST); i < n; i++)
            write_one(damage);
        if (!below(damage, EVERYWHERE_EACH))
            write_page(damage);
        nanosleep(&pause, NULL);
        if (!below(damage, REPAIR_EACH)) {
            memcpy(damage->base, damage->pristine, damage->bytes);
            damage->done->repairs++;
        }
    }
}

pid_t
damage_start(const char *path, uint64_t seed, struct damage_done *done)
{
    static struct damage damage;
    struct stat file;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    pid_t pid;

    if (fd < 0 || fstat(fd, &file)) {
        perror(path);
        exit(1);
    }
    damage.random = seed;
    damage.done = done;
    damage.bytes = (size_t)file.st_size;
    damage.base = mmap(NULL, damage.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    damage.pristine = malloc(damage.bytes);
    close(fd);
    if (damage.base == MAP_FAILED || !damage.pristine) {
        perror("mmap");
        exit(1);
    }
    memcpy(damage.pristine, damage.base, damage.bytes);
    memcpy(&damage.header, damage.base, sizeof damage.header);
    pid = scratch_fork();
    if (!pid)
        run(&damage);
    munmap(damage.base, damage.bytes);
    free(damage.pristine);
    return pid;
}
