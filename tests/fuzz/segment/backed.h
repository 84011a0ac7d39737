/*
 * Readers never pass a backed mark: what has no memory, as far as the segment's marks say, is forbidden while it is
 * read. Nor do they read behind a segment that is smaller than the image.
 */
#ifndef SHMETER_TESTS_FUZZ_BACKED_H
#define SHMETER_TESTS_FUZZ_BACKED_H

#include "shm/layout/layout.h"

/* A segment was opened: its header. marks 0: what marks say is not held (loads of them lie). */
void backed_begin(const struct shmeter_header *header, int marks);

/*
 * Before a take: forbids. A mark that has fallen since an earlier take of this segment, which no mark does, counts as
 * it was.
 */
void backed_forbid(void);

/* After a take: everything may be read and written again. */
void backed_allow(void);

#endif
