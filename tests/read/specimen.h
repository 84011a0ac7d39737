/*
 * A segment with every kind of family and series, and the places where damage matters: for tests that give readers
 * random bytes.
 */
#ifndef SHMETER_TESTS_READ_SPECIMEN_H
#define SHMETER_TESTS_READ_SPECIMEN_H

#include <stdint.h>

#include "tests/read/image.h"

#define SPECIMEN_RECORDS 96u

struct specimen {
    struct image image;
    uint32_t units[SPECIMEN_RECORDS]; /* of all records */
    uint32_t units_n;
};

void specimen_make(struct specimen *specimen);
void specimen_free(struct specimen *specimen);

/*
 * An offset with eight bytes behind it: of eight areas, three are records, one each are state, slot words, slots, first
 * cells, and everything but the header; at chooses within the area.
 */
uint64_t specimen_spot(const struct specimen *specimen, uint64_t area, uint64_t at);

/* Makes the hash of a record fit its bytes again, where its sizes allow that: damage gets past the first check. */
void specimen_rehash(struct specimen *specimen, uint32_t record_idx);

#endif
