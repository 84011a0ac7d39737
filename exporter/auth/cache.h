/*
 * Results of password checks: whether a password belongs to a hash, stored under a key that reveals neither. Such a
 * result stays true when users change. Wrong and right passwords are kept in separate rings, so that guesses do not
 * displace the right ones.
 *
 * Single-threaded.
 */
#ifndef SHMETER_EXPORTER_AUTH_CACHE_H
#define SHMETER_EXPORTER_AUTH_CACHE_H

#include <stdint.h>

#define AUTH_KEY_BYTES  32u
#define AUTH_CACHE_ROOM 128u /* of each kind                                                                */

struct auth_key {
    unsigned char bytes[AUTH_KEY_BYTES];
};

struct auth_room {
    struct auth_key keys[AUTH_CACHE_ROOM];
    uint32_t n, next; /* filled; where the next one goes                                                      */
};

struct auth_cache {
    unsigned char secret[AUTH_KEY_BYTES]; /* random, never leaves                                              */
    struct auth_room rooms[2];            /* refused, granted                                                  */
};

/* Returns 0, or -EIO: no random numbers. */
int auth_cache_open(struct auth_cache *cache);
void auth_cache_wipe(struct auth_cache *cache); /* also the secret */

/* Forgets all. */
void auth_cache_empty(struct auth_cache *cache);

/*
 * HMAC-SHA256 under the secret over user, hash and password, each behind its length: no two triples have the same bytes
 * (what CVE-2022-46146 was about). Returns 0 or -EIO.
 */
int auth_cache_key(const struct auth_cache *cache, const char *user, const char *hash, const char *password,
                   struct auth_key *out);

/* 1 granted, 0 refused, -ENOENT unknown. In a time that does not depend on the keys. */
int auth_cache_find(const struct auth_cache *cache, const struct auth_key *key);

/* Remembers; the oldest of the kind goes when there is no room. */
void auth_cache_add(struct auth_cache *cache, const struct auth_key *key, int granted);

#endif
