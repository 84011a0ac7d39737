/*
 * A fixed array of checks, of which the hashing thread takes the one that has waited longest. Users and cache belong to
 * the calling thread and need no lock.
 */
#include "exporter/auth/auth.h"

#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "exporter/auth/basic.h"
#include "exporter/auth/cache.h"

enum check_state { CHECK_FREE, CHECK_QUEUED, CHECK_HASHING, CHECK_DONE };

/*
 * The check of one password against one hash, with all requests that wait for it. So a burst of scrapes with the same
 * password costs one hash.
 */
struct check {
    enum check_state state;
    uint64_t serial; /* the lowest is the oldest */
    struct auth_key key;
    unsigned char address[16];
    char password[BASIC_BYTES];
    char hash[BASIC_HASH_BYTES];
    int granted;
    struct auth_waiter *waiters; /* owned by the calling thread */
};

struct auth {
    pthread_mutex_t lock; /* protects the states of checks, and ending */
    pthread_cond_t queued;
    pthread_t thread;
    int fd;
    int ending;
    uint64_t serial;
    struct check checks[AUTH_QUEUE];
    struct crypt_data crypt; /* owned by the hashing thread */
    const struct auth_user *users;
    uint32_t users_n;
    char decoy[22 + 31 + 1]; /* salt and digest of a hash that no known password has */
    struct auth_cache cache;
};

/* ---- the hashing thread ---- */

static int
hash_matches(struct crypt_data *crypt, const char *password, const char *hash)
{
    const char *got = crypt_r(password, hash, crypt);
    const int matches = got && strlen(got) == BASIC_HASH_BYTES - 1 && !gnutls_memcmp(got, hash, BASIC_HASH_BYTES - 1);

    explicit_bzero(crypt, sizeof *crypt);
    return matches;
}

/* The oldest check in the queue, or NULL. The caller holds the lock. */
static struct check *
oldest_queued(struct auth *auth)
{
    struct check *check, *oldest = NULL;

    for (check = auth->checks; check < auth->checks + AUTH_QUEUE; check++)
        if (check->state == CHECK_QUEUED && (!oldest || check->serial < oldest->serial))
            oldest = check;
    return oldest;
}

static void *
auth_run(void *argument)
{
    struct auth *auth = argument;
    const uint64_t one = 1;
    struct check *check;

    pthread_mutex_lock(&auth->lock);
    for (;;) {
        while (!auth->ending && !(check = oldest_queued(auth)))
            pthread_cond_wait(&auth->queued, &auth->lock);
        if (auth->ending)
            break;
        check->state = CHECK_HASHING;
        pthread_mutex_unlock(&auth->lock);
        check->granted = hash_matches(&auth->crypt, check->password, check->hash);
        explicit_bzero(check->password, sizeof check->password);
        pthread_mutex_lock(&auth->lock);
        check->state = CHECK_DONE;
        if (write(auth->fd, &one, sizeof one) != sizeof one)
            log_event(LOG_LEVEL_ERROR, "eventfd cannot be written", "error", strerror(errno), NULL);
    }
    pthread_mutex_unlock(&auth->lock);
    return NULL;
}

/* ---- the calling thread ---- */

/* The hash to check a password against. *known 0: there is no such user, and the hash is the decoy. */
static void
hash_for(const struct auth *auth, const char *user, char hash[BASIC_HASH_BYTES], int *known)
{
    const struct auth_user *found = NULL;
    struct auth_key key = { { 0 } };
    uint32_t i;

    for (i = 0; i < auth->users_n; i++)
        if (!strcmp(user, auth->users[i].name))
            found = &auth->users[i];
    *known = found != NULL;
    if (found) {
        memcpy(hash, found->hash, BASIC_HASH_BYTES);
        return;
    }
    /* An unknown name gets the cost of one of the users, always of the same one. */
    auth_cache_key(&auth->cache, user, "", "", &key);
    found = &auth->users[key.bytes[0] % auth->users_n];
    snprintf(hash, BASIC_HASH_BYTES, "$2b$%02u$%s", basic_hash_cost(found->hash), auth->decoy);
}

/* Finds or makes the check for a key. NULL: no room. The caller holds the lock. */
static struct check *
check_for(struct auth *auth, const struct auth_key *key, const unsigned char address[16])
{
    struct check *check, *spare = NULL;
    uint32_t of_address_n = 0;

    for (check = auth->checks; check < auth->checks + AUTH_QUEUE; check++) {
        if (check->state == CHECK_FREE)
            spare = check;
        else if (!gnutls_memcmp(check->key.bytes, key->bytes, sizeof key->bytes))
            return check;
        else
            of_address_n += !memcmp(check->address, address, sizeof check->address);
    }
    return of_address_n < AUTH_PER_ADDRESS ? spare : NULL;
}

static enum auth_answer
enqueue(struct auth *auth, const struct auth_key *key, const char *hash, const char *password,
        const unsigned char address[16], struct auth_waiter *waiter)
{
    struct check *check;

    pthread_mutex_lock(&auth->lock);
    check = check_for(auth, key, address);
    if (check && check->state == CHECK_FREE) {
        check->state = CHECK_QUEUED;
        check->serial = auth->serial++;
        check->key = *key;
        check->waiters = NULL;
        memcpy(check->address, address, sizeof check->address);
        snprintf(check->hash, sizeof check->hash, "%s", hash);
        snprintf(check->password, sizeof check->password, "%s", password);
        pthread_cond_signal(&auth->queued);
    }
    pthread_mutex_unlock(&auth->lock);
    if (!check)
        return AUTH_FULL;
    waiter->next = check->waiters;
    check->waiters = waiter;
    return AUTH_WAITING;
}

enum auth_answer
auth_ask(struct auth *auth, const char *header, const unsigned char address[16], struct auth_waiter *waiter)
{
    char hash[BASIC_HASH_BYTES];
    enum auth_answer answer;
    struct basic basic;
    struct auth_key key;
    int known, found;

    if (!auth->users_n)
        return AUTH_GRANTED;
    if (basic_parse(header, &basic))
        return AUTH_REFUSED;
    hash_for(auth, basic.user, hash, &known);
    if (auth_cache_key(&auth->cache, basic.user, hash, basic.password, &key)) {
        answer = AUTH_FULL;
    } else {
        found = auth_cache_find(&auth->cache, &key);
        if (found >= 0)
            answer = found && known ? AUTH_GRANTED : AUTH_REFUSED;
        else
            answer = enqueue(auth, &key, hash, basic.password, address, waiter);
    }
    basic_wipe(&basic);
    return answer;
}

void
auth_configure(struct auth *auth, const struct auth_user *users, uint32_t users_n)
{
    auth->users = users;
    auth->users_n = users_n;
    auth_cache_empty(&auth->cache);
}

int
auth_fd(const struct auth *auth)
{
    return auth->fd;
}

static struct auth_waiter *
take_waiters(struct check *check, struct auth_waiter *list)
{
    struct auth_waiter *waiter;

    while ((waiter = check->waiters)) {
        check->waiters = waiter->next;
        waiter->next = list;
        list = waiter;
    }
    return list;
}

struct auth_waiter *
auth_answered(struct auth *auth)
{
    struct auth_waiter *list = NULL;
    struct check *check;
    uint64_t signals;

    if (read(auth->fd, &signals, sizeof signals) < 0) {
        if (errno != EAGAIN)
            log_event(LOG_LEVEL_ERROR, "eventfd cannot be read", "error", strerror(errno), NULL);
        return NULL;
    }
    pthread_mutex_lock(&auth->lock);
    for (check = auth->checks; check < auth->checks + AUTH_QUEUE; check++) {
        if (check->state != CHECK_DONE)
            continue;
        auth_cache_add(&auth->cache, &check->key, check->granted);
        list = take_waiters(check, list);
        check->state = CHECK_FREE;
    }
    pthread_mutex_unlock(&auth->lock);
    return list;
}

/* ---- starting and ending ---- */

/* Makes a random salt of 22 characters and a random digest of 31: no password is known that has this hash. */
static int
decoy_make(char decoy[22 + 31 + 1])
{
    static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char random[22 + 31];
    size_t i;

    if (gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof random))
        return -EIO;
    for (i = 0; i < sizeof random; i++)
        decoy[i] = alphabet[random[i] & 63];
    decoy[21] = '.'; /* only two bits of the salt's last character are used */
    decoy[i] = 0;
    return 0;
}

struct auth *
auth_new(void)
{
    struct auth *auth = calloc(1, sizeof *auth);

    if (!auth)
        return NULL;
    pthread_mutex_init(&auth->lock, NULL);
    pthread_cond_init(&auth->queued, NULL);
    auth->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (auth->fd >= 0 && !decoy_make(auth->decoy) && !auth_cache_open(&auth->cache) &&
        !pthread_create(&auth->thread, NULL, auth_run, auth))
        return auth;
    auth_free(auth);
    return NULL;
}

struct auth_waiter *
auth_end(struct auth *auth)
{
    struct auth_waiter *list = NULL;
    struct check *check;

    pthread_mutex_lock(&auth->lock);
    auth->ending = 1;
    pthread_cond_signal(&auth->queued);
    pthread_mutex_unlock(&auth->lock);
    pthread_join(auth->thread, NULL);
    for (check = auth->checks; check < auth->checks + AUTH_QUEUE; check++)
        list = take_waiters(check, list);
    return list;
}

void
auth_free(struct auth *auth)
{
    if (!auth)
        return;
    if (auth->fd >= 0)
        close(auth->fd);
    auth_cache_wipe(&auth->cache);
    explicit_bzero(auth->checks, sizeof auth->checks);
    pthread_cond_destroy(&auth->queued);
    pthread_mutex_destroy(&auth->lock);
    free(auth);
}
