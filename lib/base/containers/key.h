/*
 * The key of this process's hash tables: random and secret. Other people choose the strings in these tables; if they
 * knew the key, they could choose strings that all collide. The nonce of a segment is no substitute: the creator of the
 * segment chooses it.
 */
#ifndef SHMETER_BASE_KEY_H
#define SHMETER_BASE_KEY_H

#include <stdint.h>

/* The key; it stays the same until the process ends. Thread-safe. */
uint64_t key_of_process(void);

#endif
