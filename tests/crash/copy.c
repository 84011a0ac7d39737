#include "tests/crash/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/layout/types.h"

#define PAGE COPY_PAGE

/* What copies have in common: most of two states of a segment is the same. */
struct page {
    unsigned char bytes[PAGE]; /* what a copy points to                                                      */
    uint32_t copies_n;
};

static const unsigned char zeros[PAGE];

static void
give_up(const char *what)
{
    fprintf(stderr, "copy: %s: %s\n", what, strerror(errno));
    abort();
}

static void *
have(size_t bytes)
{
    void *memory = calloc(1, bytes);

    if (!memory)
        give_up("calloc");
    return memory;
}

int
segment_open(struct segment *segment, const char *path)
{
    struct stat about;

    snprintf(segment->path, sizeof segment->path, "%s", path);
    segment->base = NULL;
    segment->fd = open(path, O_RDWR | O_CLOEXEC);
    if (segment->fd < 0)
        return -1;
    if (fstat(segment->fd, &about))
        give_up("fstat");
    if (about.st_size < (off_t)sizeof segment->header) {
        close(segment->fd);
        return -2;
    }
    segment->bytes = (uint64_t)about.st_size;
    segment->base = mmap(NULL, segment->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd, 0);
    if (segment->base == MAP_FAILED)
        give_up("mmap");
    memcpy(&segment->header, segment->base, sizeof segment->header);
    return 0;
}

void
segment_close(struct segment *segment)
{
    munmap(segment->base, segment->bytes);
    close(segment->fd);
}

/* Calls each(argument, page) for each page that has memory. */
static void
each_page(const struct segment *segment, void (*each)(void *, uint32_t), void *argument)
{
    off_t at = 0, end;

    while ((at = lseek(segment->fd, at, SEEK_DATA)) >= 0) {
        end = lseek(segment->fd, at, SEEK_HOLE);
        for (; at < end; at += PAGE)
            each(argument, (uint32_t)(at / PAGE));
    }
}

/* A page of a copy; what was allocated and never written looks like a hole. */
static const unsigned char *
page_of(const struct copy *copy, uint64_t page)
{
    return copy->pages[page] ? copy->pages[page] : zeros;
}

/* Whether a page has any of some bytes. */
static int
inside(uint64_t page, uint64_t off, uint64_t bytes)
{
    return page * PAGE + PAGE > off && page * PAGE < off + bytes;
}

/* Lanes and records are written up to their fill levels, and perhaps behind them by who takes the next piece. */
static int
is_watched(const struct copy *copy, const struct shmeter_header *header, uint64_t page)
{
    const struct shmeter_state *state = (const struct shmeter_state *)(const void *)page_of(copy,
                                                                                            header->state_off / PAGE);
    uint64_t cells = state->cells_fill.value + 8192, records = state->records_fill.value + PAGE;
    uint32_t i;

    if (page * PAGE < header->records_off)
        return 1; /* also what looks like a hole: much of a new segment is allocated before it is written */
    if (!copy->pages[page])
        return 0; /* a level or a mark in the state is raised before anything is written there */
    if (page * PAGE < header->slot_blocks_off)
        return inside(page, header->records_off, records);
    if (page * PAGE < header->cpu_lanes_off)
        return 1;
    for (i = 0; i < header->cpu_lanes_n; i++)
        if (inside(page, header->cpu_lanes_off + ((uint64_t)i << header->lane_shift), cells))
            return 1;
    for (i = 0; i < header->shared_lanes_n; i++)
        if (inside(page, header->shared_lanes_off + ((uint64_t)i << (header->lane_shift + 1)), 2 * cells))
            return 1;
    return 0;
}

static struct page *
page_at(const unsigned char *bytes)
{
    return (struct page *)(uintptr_t)bytes;
}

static unsigned char *
new_page(const unsigned char *bytes)
{
    struct page *page = have(sizeof *page);

    memcpy(page->bytes, bytes, PAGE);
    page->copies_n = 1;
    return page->bytes;
}

struct taking {
    struct copy *copy;
    const struct segment *segment;
    const struct copy *like;
};

static void
take_page(void *argument, uint32_t page)
{
    struct taking *taking = argument;
    const unsigned char *live = taking->segment->base + (uint64_t)page * PAGE;
    unsigned char *known = taking->like && page < taking->like->pages_n ? taking->like->pages[page] : NULL;

    if (known && !memcmp(known, live, PAGE)) {
        page_at(known)->copies_n++;
        taking->copy->pages[page] = known;
    } else {
        taking->copy->pages[page] = new_page(live);
    }
}

struct copy *
copy_take(const struct segment *segment, const struct copy *like)
{
    struct copy *copy = have(sizeof *copy);
    struct taking taking = { copy, segment, like };
    uint32_t i;

    copy->pages_n = (uint32_t)(segment->bytes / PAGE);
    copy->pages = have(copy->pages_n * sizeof *copy->pages);
    copy->watched = have(copy->pages_n * sizeof *copy->watched);
    each_page(segment, take_page, &taking);
    if (segment->header.magic != SHMETER_MAGIC || segment->header.segment_bytes != segment->bytes)
        return copy; /* damaged: nothing to look for */
    for (i = 0; i < copy->pages_n; i++)
        if (is_watched(copy, &segment->header, i))
            copy->watched[copy->watched_n++] = i;
    return copy;
}

static void
leave_page(unsigned char *bytes)
{
    if (bytes && !--page_at(bytes)->copies_n)
        free(page_at(bytes));
}

unsigned char *
copy_own_page(struct copy *copy, uint64_t page)
{
    unsigned char *bytes = copy->pages[page];

    if (page_at(bytes)->copies_n > 1) {
        copy->pages[page] = new_page(bytes);
        leave_page(bytes);
    }
    return copy->pages[page];
}

void
copy_free(struct copy *copy)
{
    uint32_t i;

    if (!copy)
        return;
    for (i = 0; i < copy->pages_n; i++)
        leave_page(copy->pages[i]);
    free(copy->pages);
    free(copy->watched);
    free(copy);
}

int
copy_differs(const struct copy *copy, const struct segment *segment)
{
    uint32_t i;

    for (i = 0; i < copy->watched_n; i++)
        if (memcmp(page_of(copy, copy->watched[i]), segment->base + (uint64_t)copy->watched[i] * PAGE, PAGE))
            return 1;
    return 0;
}

int64_t
copy_difference(const struct copy *a, const struct copy *b)
{
    uint32_t i, k;

    if (a->pages_n != b->pages_n)
        return 0;
    for (i = 0; i < a->pages_n; i++) {
        const unsigned char *left = page_of(a, i), *right = page_of(b, i);
        if (left == right || !memcmp(left, right, PAGE))
            continue;
        for (k = 0; left[k] == right[k];)
            k++;
        return (int64_t)i * PAGE + k;
    }
    return -1;
}

/* Nobody holds locks on the new file: its owners are to be known by their pids. */
static void
write_slots_without_locks(const struct copy *copy, int fd)
{
    const struct shmeter_header *header = (const struct shmeter_header *)(const void *)copy->pages[0];
    uint64_t none = 0, i, off;

    for (i = 0; header && i < header->slots_n; i++) {
        off = header->slot_words_off + i * sizeof(struct shmeter_slot_word) + offsetof(struct shmeter_slot_word, lock);
        if (off / PAGE < copy->pages_n && copy->pages[off / PAGE] &&
            pwrite(fd, &none, sizeof none, (off_t)off) != sizeof none)
            give_up("a slot's lock");
    }
}

void
copy_write(const struct copy *copy, const char *path)
{
    uint32_t i;
    int fd;

    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)copy->pages_n * PAGE))
        give_up(path);
    for (i = 0; i < copy->pages_n; i++)
        if (copy->pages[i] && pwrite(fd, copy->pages[i], PAGE, (off_t)i * PAGE) != PAGE)
            give_up(path);
    write_slots_without_locks(copy, fd);
    close(fd);
}

static void
restore_page(void *argument, uint32_t page)
{
    struct taking *taking = argument;
    unsigned char *live = taking->segment->base + (uint64_t)page * PAGE;

    if (!taking->copy->pages[page]) {
        if (fallocate(taking->segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)page * PAGE, PAGE))
            give_up("fallocate");
    } else if (memcmp(live, taking->copy->pages[page], PAGE))
        memcpy(live, taking->copy->pages[page], PAGE);
}

void
copy_restore(const struct copy *copy, struct segment *segment)
{
    struct taking taking = { (struct copy *)(uintptr_t)copy, segment, NULL };

    each_page(segment, restore_page, &taking);
}

/* ---- what is promised of it ---- */

static int64_t
hole_in(const struct copy *copy, uint64_t off, uint64_t bytes)
{
    uint64_t page;

    for (page = off / PAGE; page * PAGE < off + bytes; page++)
        if (page >= copy->pages_n || !copy->pages[page])
            return (int64_t)(page * PAGE);
    return -1;
}

static int64_t
hole_in_lanes(const struct copy *copy, const struct shmeter_header *header, uint64_t bytes)
{
    int64_t hole = -1;
    uint32_t i;

    for (i = 0; hole < 0 && i < header->cpu_lanes_n; i++)
        hole = hole_in(copy, header->cpu_lanes_off + ((uint64_t)i << header->lane_shift), bytes);
    for (i = 0; hole < 0 && i < header->shared_lanes_n; i++)
        hole = hole_in(copy, header->shared_lanes_off + ((uint64_t)i << (header->lane_shift + 1)), 2 * bytes);
    return hole;
}

int64_t
copy_hole(const struct copy *copy)
{
    const struct shmeter_header *header = (const struct shmeter_header *)(const void *)page_of(copy, 0);
    const struct shmeter_state *state = (const struct shmeter_state *)(const void *)page_of(copy,
                                                                                            header->state_off / PAGE);
    int64_t hole = hole_in_lanes(copy, header, state->cells_backed.value);
    uint32_t i;

    if (hole < 0)
        hole = hole_in(copy, header->records_off, state->records_backed.value);
    if (hole < 0 && state->families_n.value)
        hole = hole_in(copy, header->index_off, header->index_entries * 8);
    for (i = 0; hole < 0 && i < header->slots_n; i++)
        hole = hole_in(copy, header->slot_blocks_off + i * header->slot_block_bytes, copy_slot(copy, i)->backed);
    return hole;
}

const struct shmeter_slot_word *
copy_slot(const struct copy *copy, uint32_t slot)
{
    const struct shmeter_header *header = (const struct shmeter_header *)(const void *)page_of(copy, 0);
    uint64_t off = header->slot_words_off + slot * sizeof(struct shmeter_slot_word);

    return (const struct shmeter_slot_word *)(const void *)(page_of(copy, off / PAGE) + off % PAGE);
}
