/*
 * The process's limit of open files (RLIMIT_NOFILE), and how many files it needs: connections and others.
 */
#ifndef SHMETER_DAEMON_DESCRIPTORS_H
#define SHMETER_DAEMON_DESCRIPTORS_H

#include <stdint.h>

/*
 * Raises the limit, as far as the user may, so that connections_n connections fit beside other open files. Returns how
 * many connections fit: at least 1. If these are fewer than asked for, the log has a warning.
 */
uint32_t descriptors_for(uint32_t connections_n);

#endif
