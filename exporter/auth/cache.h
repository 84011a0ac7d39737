/*
 * Remembers results of password checks: whether a password has a hash, under a key that reveals neither. So a result
 * stays true when users change. Wrong and right passwords are kept in separate rings, so that guesses do not displace
 * the right ones.
 *
 * Single-threaded.
 */
#ifndef SHMETER_EXPORTER_AUTH_CACHE_H
#define SHMETER_EXPORTER_AUTH_CACHE_H

#include <stdint.h>

#define AUTH_KEY_BYTES  32u
#define AUTH_CACHE_ROOM 128u /* of each kind */

struct auth_key {
    unsigned char bytes[AUTH_KEY_BYTES];
};

struct auth_room {
    struct auth_key keys[AUTH_CACHE_ROOM];
    uint32_t n, next; /* entries used; where the next entry goes */
};

struct auth_cache {
    unsigned char secret[AUTH_KEY_BYTES]; /* random; never leaves this struct */
    struct auth_room rooms[2];            /* refused, granted */
};

/* Returns 0, or -EIO: no random numbers. */
int auth_cache_open(struct auth_cache *cache);
void auth_cache_wipe(struct auth_cache *cache); /* wipes the secret too */

/* Forgets all results. */
void auth_cache_empty(struct auth_cache *cache);

/*
 * HMAC-SHA256, with the secret, over user, hash and password, each after its length, so that different triples never
 * have the same bytes (see CVE-2022-46146). Returns 0 or -EIO.
 */
int auth_cache_key(const struct auth_cache *cache, const char *user, const char *hash, const char *password,
                   struct auth_key *out);

/* Returns 1: granted, 0: refused, -ENOENT: unknown. The time does not depend on the keys. */
int auth_cache_find(const struct auth_cache *cache, const struct auth_key *key);

/* Adds a result; when the ring is full, it replaces the oldest one. */
void auth_cache_add(struct auth_cache *cache, const struct auth_key *key, int granted);

#endif
