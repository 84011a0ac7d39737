/*
 * How many strings a program compares: linked with -Wl,--wrap=strcmp, it counts its own calls of strcmp(3) and those of
 * its static libraries.
 */
#ifndef SHMETER_TESTS_COMPARED_H
#define SHMETER_TESTS_COMPARED_H

#include <stdint.h>

int __real_strcmp(const char *a, const char *b);
int __wrap_strcmp(const char *a, const char *b);

static uint64_t compared_n;

int
__wrap_strcmp(const char *a, const char *b)
{
    compared_n++;
    return __real_strcmp(a, b);
}

#endif
