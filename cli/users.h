/*
 * Finds the processes that have a file mapped for writing, in /proc/PID/maps. Processes that only count have no slot,
 * and can be found only in this way.
 */
#ifndef SHMETER_CLI_USERS_H
#define SHMETER_CLI_USERS_H

#include <stddef.h>
#include <stdint.h>

struct user {
    uint32_t pid;
    char name[32]; /* its comm */
};

/*
 * Fills at most out_n users, in order of pid, and returns how many there are. Processes that this one may not examine
 * (another user's, in another pid namespace, or without /proc) are left out.
 */
uint32_t users_find(uint64_t device, uint64_t inode, struct user *out, uint32_t out_n);

/* The same of any file on the device that had this path, and was unlinked. */
uint32_t users_find_removed(uint64_t device, const char *path, struct user *out, uint32_t out_n);

/* "pid 12 (worker), pid 13 (worker) and 2 more": of n users the first ones, at most most. */
void users_name(const struct user *users, uint32_t n, uint32_t most, char *out, size_t bytes);

#endif
