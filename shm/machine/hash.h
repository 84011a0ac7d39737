/*
 * Keyed 64-bit hash of short byte strings: 8 bytes at a time, folded 128-bit products. The key is the segment's random
 * nonce, because label values are chosen by whoever talks to the application. Not a cryptographic hash.
 */
#ifndef SHMETER_SHM_HASH_H
#define SHMETER_SHM_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compiler.h"

#define SHMETER_HASH_A \
    UINT64_C(0x9e3779b97f4a7c15) /* odd constants without structure: 2^64 over the golden ratio ... */
#define SHMETER_HASH_B UINT64_C(0xd1b54a32d192ed03) /* ... and over the plastic number */

SHMETER_INLINE uint64_t
shmeter_hash_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

SHMETER_INLINE uint64_t
shmeter_hash_word(uint64_t hash, uint64_t word)
{
    return shmeter_hash_fold(hash ^ SHMETER_HASH_A, word ^ SHMETER_HASH_B) + hash;
}

SHMETER_LOCAL uint64_t
shmeter_hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = (const unsigned char *)bytes;
    uint64_t word;
    hash = shmeter_hash_word(hash, n);
    for (; n >= 8; at += 8, n -= 8) {
        memcpy(&word, at, 8);
        hash = shmeter_hash_word(hash, word);
    }
    if (n) {
        word = 0;
        memcpy(&word, at, n);
        hash = shmeter_hash_word(hash, word);
    }
    return hash;
}

#endif
