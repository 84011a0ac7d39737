/*
 * The end of a run that cannot go on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/bench.h"

void
bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("shmeter-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(2);
}
