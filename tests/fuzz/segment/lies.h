/*
 * Shared loads that return another value than the one in memory: the edits of an input whose object is EDIT_LOAD. For
 * readers that are compiled with SHMETER_ATOMIC_HOOKS; in others nothing here is called. This finds each value that is
 * loaded twice and must be loaded once, which a thread that races with the reader finds only by chance.
 */
#ifndef SHMETER_TESTS_FUZZ_LIES_H
#define SHMETER_TESTS_FUZZ_LIES_H

#include "tests/fuzz/segment/edits.h"

/*
 * From here on these edits lie. What one says of lane: 0..127, its number counts the loads of the execution, and it
 * lies at that one. From 128 on it is a place of one of the other objects, and the lie comes at one of the first eight
 * loads of it. Either for this load only, or with EDIT_REHASH for good, as if a process had written it just before.
 * Returns how many there are.
 */
uint32_t lies_begin(struct edits *edits, const struct edit *all, uint32_t n);

#endif
