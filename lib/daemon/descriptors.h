/* How the descriptors that the process may have are divided between connections and other files. */
#ifndef SHMETER_DAEMON_DESCRIPTORS_H
#define SHMETER_DAEMON_DESCRIPTORS_H

#include <stdint.h>

struct descriptors {
    uint32_t connections_n; /* that fit, at least 1 */
    uint32_t spare_n;       /* which segments must leave, for connections and everything else */
};

/*
 * Raises the limit of open files as far as the user may, and divides it. If fewer connections fit than are asked for,
 * the log has a warning.
 */
struct descriptors descriptors_divide(uint32_t connections_n);

#endif
