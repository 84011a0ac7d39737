/*
 * Sockets that a service manager has opened and passed on: the protocol of sd_listen_fds(3), LISTEN_PID, LISTEN_FDS and
 * LISTEN_FDNAMES. It knows nothing of HTTP.
 */
#ifndef SHMETER_DAEMON_ACTIVATION_H
#define SHMETER_DAEMON_ACTIVATION_H

#include "daemon/listen/listen.h"

/*
 * Takes all sockets that were passed, TCP and Unix, makes them non-blocking and close-on-exec, and unsets the
 * variables. Not thread-safe (environment). Returns 0, or -EINVAL and one sentence in report that says what is wrong
 * and what to do.
 */
int activation_take(struct listen_sockets *out, struct report *report);

#endif
