/*
 * Verifies names and passwords against bcrypt hashes. A hash costs tens of milliseconds of CPU time on purpose. So
 * hashes are computed on a thread of their own, one at a time, with a short queue of which one address gets only a
 * part; and results are remembered. The time that an answer takes does not reveal whether a user exists. Of HTTP it
 * knows only the Authorization header.
 *
 * One thread calls all these functions. Only auth_end() waits for a hash.
 */
#ifndef SHMETER_EXPORTER_AUTH_AUTH_H
#define SHMETER_EXPORTER_AUTH_AUTH_H

#include <stdint.h>

#define AUTH_QUEUE       32u /* at most so many passwords wait for their hash */
#define AUTH_PER_ADDRESS 8u  /* of one address */

/* The strings belong to the caller and must live as long as they are configured. */
struct auth_user {
    const char *name;
    const char *hash; /* basic_hash_check() has accepted it */
};

/* A request whose password is being checked. */
struct auth_waiter {
    struct auth_waiter *next;
    void *owner;
};

enum auth_answer {
    AUTH_GRANTED,
    AUTH_REFUSED,
    AUTH_WAITING, /* auth_answered() returns the waiter later; then call auth_ask() again */
    AUTH_FULL     /* too many passwords wait, in all or of this address */
};

struct auth;

/* Starts the thread. NULL: no memory, threads, descriptors or random numbers. */
struct auth *auth_new(void);

/* Replaces the users, and forgets all results. users_n 0: every request is granted. The table stays the caller's. */
void auth_configure(struct auth *auth, const struct auth_user *users, uint32_t users_n);

/*
 * Checks a request. header: the value of Authorization, or NULL. address: 16 bytes that identify the client. waiter is
 * used only with AUTH_WAITING. Never blocks.
 */
enum auth_answer auth_ask(struct auth *auth, const char *header, const unsigned char address[16],
                          struct auth_waiter *waiter);

/* A descriptor that is readable when auth_answered() has waiters. */
int auth_fd(const struct auth *auth);

/* The list of waiters whose passwords were checked, NULL when there are none. */
struct auth_waiter *auth_answered(struct auth *auth);

/* Ends the thread after its current hash, and returns all waiters. Afterwards auth_ask() must not be called. */
struct auth_waiter *auth_end(struct auth *auth);

/* To be called after auth_end(). NULL is fine. */
void auth_free(struct auth *auth);

#endif
