/*
 * The key of this process's hash tables: random, and told to nobody. What is looked up in them was chosen by others, who would put it all
 * in one place if they knew it. A segment's own nonce is no such key: whoever makes the segment chooses it.
 */
#ifndef SHMETER_BASE_KEY_H
#define SHMETER_BASE_KEY_H

#include <stdint.h>

/* The same for as long as the process lives. Thread-safe. */
uint64_t key_of_process(void);

#endif
