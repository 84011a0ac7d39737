/*
 * The Authorization header of HTTP's Basic scheme (RFC 7617), and which hashes of passwords a file may have. It checks
 * no password.
 */
#ifndef SHMETER_EXPORTER_AUTH_BASIC_H
#define SHMETER_EXPORTER_AUTH_BASIC_H

#include <stddef.h>

#define BASIC_BYTES      768u /* of user and password together; libxcrypt takes passwords of up to 511 bytes */
#define BASIC_HASH_BYTES 61u  /* of a bcrypt hash with its ending zero */
#define BASIC_COST_MIN   4u
#define BASIC_COST_MAX   18u /* takes some 15 seconds of CPU time for each password */
#define BASIC_COST_WARN  15u /* from here on it takes more than a second */

struct basic {
    char bytes[BASIC_BYTES]; /* user, a zero, password, a zero */
    const char *user, *password;
};

/*
 * Reads the value of an Authorization header. Base64 has to be strict (RFC 4648, with padding). A password may have ':'
 * and any bytes except zero. Returns 0, or -EINVAL with *out wiped. value NULL: there is no such header.
 */
int basic_parse(const char *value, struct basic *out);

/* To be called when the password is not needed any more. */
void basic_wipe(struct basic *basic);

/*
 * NULL when text is a bcrypt hash ($2a$, $2b$ or $2y$) with a cost that is accepted; otherwise what is wrong, without
 * the hash.
 */
const char *basic_hash_check(const char *text);

/* The cost of a hash that basic_hash_check() has accepted. */
unsigned basic_hash_cost(const char *hash);

#endif
