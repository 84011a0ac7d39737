/*
 * An input as a file with a path, for what reads files. It lies in memory.
 */
#ifndef SHMETER_TESTS_FUZZ_FILE_H
#define SHMETER_TESTS_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The path; the file holds the bytes until the next call. */
static inline const char *
file_of(const uint8_t *data, size_t bytes)
{
    static char path[64];
    static int fd = -1;

    if (fd < 0) {
        fd = memfd_create("input", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
        abort();
    return path;
}

#endif
