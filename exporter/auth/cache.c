/* Two rings of keys, which are always searched completely. */
#include "exporter/auth/cache.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

int
auth_cache_open(struct auth_cache *cache)
{
    memset(cache, 0, sizeof *cache);
    return gnutls_rnd(GNUTLS_RND_KEY, cache->secret, sizeof cache->secret) ? -EIO : 0;
}

void
auth_cache_wipe(struct auth_cache *cache)
{
    explicit_bzero(cache, sizeof *cache);
}

void
auth_cache_empty(struct auth_cache *cache)
{
    explicit_bzero(cache->rooms, sizeof cache->rooms);
}

static int
add_part(gnutls_hmac_hd_t hmac, const char *text)
{
    const uint64_t len = strlen(text);

    return gnutls_hmac(hmac, &len, sizeof len) || gnutls_hmac(hmac, text, len) ? -EIO : 0;
}

int
auth_cache_key(const struct auth_cache *cache, const char *user, const char *hash, const char *password,
               struct auth_key *out)
{
    gnutls_hmac_hd_t hmac;
    int result;

    if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, cache->secret, sizeof cache->secret))
        return -EIO;
    result = add_part(hmac, user) || add_part(hmac, hash) || add_part(hmac, password) ? -EIO : 0;
    gnutls_hmac_deinit(hmac, out->bytes);
    return result;
}

static int
room_has(const struct auth_room *room, const struct auth_key *key)
{
    uint32_t i;
    int found = 0;

    for (i = 0; i < room->n; i++)
        found |= !gnutls_memcmp(room->keys[i].bytes, key->bytes, sizeof key->bytes);
    return found;
}

int
auth_cache_find(const struct auth_cache *cache, const struct auth_key *key)
{
    const int refused = room_has(&cache->rooms[0], key), granted = room_has(&cache->rooms[1], key);

    return granted ? 1 : refused ? 0 : -ENOENT;
}

void
auth_cache_add(struct auth_cache *cache, const struct auth_key *key, int granted)
{
    struct auth_room *room = &cache->rooms[granted != 0];

    room->keys[room->next] = *key;
    room->next = (room->next + 1) % AUTH_CACHE_ROOM;
    if (room->n < AUTH_CACHE_ROOM)
        room->n++;
}
