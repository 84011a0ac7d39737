/*
 * The process's limit of open files (RLIMIT_NOFILE). A limit above 1023 would harm programs that use select(2); none of
 * ours does.
 */
#ifndef SHMETER_BASE_DESCRIPTORS_H
#define SHMETER_BASE_DESCRIPTORS_H

#include <stdint.h>

/*
 * Raises the limit as far as the user may, but not above a million. Returns the limit that there is then; UINT32_MAX:
 * none, or it is not known.
 */
uint32_t descriptors_raise(void);

/*
 * Whether spare descriptors are left beside this one: the kernel gives the lowest number that is free. spare 0: always.
 */
int descriptors_spare(int fd, uint32_t spare);

#endif
