/*
 * The own series of a store: shmeter_* of each segment.
 */
#ifndef SHMETER_EXPOSITION_OWN_H
#define SHMETER_EXPOSITION_OWN_H

struct model;

/*
 * Adds the series of a store's segments, as they were read last, all with the label segment; and how many conflicts
 * there were so far. An exposition_add_fn, whose argument is the store. 0 or -ENOMEM.
 */
int own_add(void *store, struct model *model);

#endif
