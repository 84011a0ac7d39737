/*
 * The process's limit of open files (RLIMIT_NOFILE), and how many files it needs: connections and others.
 */
#ifndef SHMETER_DAEMON_DESCRIPTORS_H
#define SHMETER_DAEMON_DESCRIPTORS_H

#include <stdint.h>

/*
 * Raises the limit, as far as the user may, so that so many connections fit beside what else is open. Returns how many
 * do: less than was asked for where the limit stays too low, and the log is told; at least 1.
 */
uint32_t descriptors_for(uint32_t connections_n);

#endif
