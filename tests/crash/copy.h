/*
 * Copies of a segment's bytes: taken from the live file, compared with it, written elsewhere, put back. Holes stay
 * holes. It knows the layout, so as to look only where something may change, and to forget times and pids.
 */
#ifndef SHMETER_TESTS_CRASH_COPY_H
#define SHMETER_TESTS_CRASH_COPY_H

#include <stdint.h>
#include <sys/types.h>

#include "shm/layout/layout.h"

#define COPY_PAGE 4096u

struct copy {
    uint32_t pages_n;
    uint32_t watched_n;
    unsigned char **pages; /* NULL: a hole                                                                  */
    uint32_t *watched;     /* pages in which something may change                                         */
};

struct segment {
    char path[200];
    int fd;
    uint64_t bytes;
    unsigned char *base; /* the live file, writable                                                        */
    struct shmeter_header header;
};

/* Returns 0, -1 when there is no such file, or -2 when it has no header. Anything else that fails ends the process. */
int segment_open(struct segment *segment, const char *path);
void segment_close(struct segment *segment);

/* like: another copy, with which it has pages in common where they are the same; NULL: none. */
struct copy *copy_take(const struct segment *segment, const struct copy *like);
void copy_free(struct copy *copy);
/* Whether a watched page is another now. */
int copy_differs(const struct copy *copy, const struct segment *segment);
/* A page that has memory, to be written: no other copy has it any more. */
unsigned char *copy_own_page(struct copy *copy, uint64_t page);
/* Where two copies differ first, from the beginning; -1: nowhere. A hole is as good as zeros. */
int64_t copy_difference(const struct copy *a, const struct copy *b);
/* Makes a new file of it, which says of no slot that its owner has a lock. */
void copy_write(const struct copy *copy, const char *path);
/* Puts it back into the live file. */
void copy_restore(const struct copy *copy, struct segment *segment);

/* The first byte that the segment says has memory, and that has none; -1: it tells the truth. */
int64_t copy_hole(const struct copy *copy);
const struct shmeter_slot_word *copy_slot(const struct copy *copy, uint32_t slot);

/* Makes the owner pid of every slot another one that nobody has: so its death can be proven. */
void copy_bury(struct copy *copy, pid_t pid);
/*
 * Makes equal what no two runs have in common: times, pids, process images. created: also what a new segment draws by
 * lot.
 */
void copy_normalize(struct copy *copy, int created);

#endif
