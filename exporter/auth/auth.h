/*
 * Verifies names and passwords against bcrypt hashes. A hash costs tens of milliseconds of CPU time on purpose. So
 * hashes are computed on a thread of their own, one at a time, behind a short queue of which one address gets only a
 * part, and results are remembered. The time of an answer does not reveal whether a user exists. Of HTTP it knows only
 * the Authorization header.
 *
 * All of these are called by one thread, which never waits for a hash (but for auth_end).
 */
#ifndef SHMETER_EXPORTER_AUTH_AUTH_H
#define SHMETER_EXPORTER_AUTH_AUTH_H

#include <stdint.h>

#define AUTH_QUEUE       32u /* passwords that wait for their hash at most                                       */
#define AUTH_PER_ADDRESS 8u  /* of one address                                                                */

/* The strings belong to the caller and must live as long as they are configured. */
struct auth_user {
    const char *name;
    const char *hash; /* basic_hash_check() was content with it                                                 */
};

/* A request that waits for an answer. */
struct auth_waiter {
    struct auth_waiter *next;
    void *owner;
};

enum auth_answer {
    AUTH_GRANTED,
    AUTH_REFUSED,
    AUTH_WAITING, /* auth_answered() will give the waiter back; then ask again                                    */
    AUTH_FULL     /* too many passwords wait, in all or of this address: later                                    */
};

struct auth;

/* Starts the thread. NULL: no memory, threads, descriptors or random numbers. */
struct auth *auth_new(void);

/* Other users; users_n 0: everybody is granted entry. Forgets what was found out. The table stays the caller's. */
void auth_configure(struct auth *auth, const struct auth_user *users, uint32_t users_n);

/*
 * header: the value of Authorization, NULL when there is none. address: 16 bytes that stand for the client's. waiter is
 * used with AUTH_WAITING only. Never waits.
 */
enum auth_answer auth_ask(struct auth *auth, const char *header, const unsigned char address[16],
                          struct auth_waiter *waiter);

/* Readable when there are answers. */
int auth_fd(const struct auth *auth);

/* A list of the waiters that may ask again, NULL when there is none. */
struct auth_waiter *auth_answered(struct auth *auth);

/*
 * Ends the thread after its current hash, and gives back all that still wait. auth must not be asked afterwards.
 */
struct auth_waiter *auth_end(struct auth *auth);

/* After auth_end(). NULL is fine. */
void auth_free(struct auth *auth);

#endif
