/*
 * What the kernel tells of one process: CPU, memory, descriptors (proc(5), prlimit(2)). It knows no segment.
 */
#ifndef SHMETER_PROCESS_PROCESS_H
#define SHMETER_PROCESS_PROCESS_H

#include <stdint.h>

/* Figures that may be missing, a bit each: the reader's user may not see them. */
enum process_part { PROCESS_OPEN_FDS = 1, PROCESS_MAX_FDS = 2, PROCESS_PROPORTIONAL = 4 };

struct process_figures {
    uint64_t cpu_ms;             /* user and system, of all threads, also those that have ended                    */
    double start_seconds;        /* since 1970                                                                  */
    uint64_t virtual_bytes;      /* address space                                                               */
    uint64_t resident_bytes;     /* RSS: pages that it shares with others count in full                           */
    uint64_t proportional_bytes; /* PSS: of a page that n processes share, one n-th                            */
    uint64_t threads_n;
    uint64_t open_fds;
    double max_fds; /* soft limit; infinity: there is none                                                   */
    uint32_t parts; /* enum process_part: those that are there                                               */
};

/*
 * Of the process that has this number and start time (field 22 of /proc/PID/stat, its lowest 32 bits; 0 unknown): a
 * process that has the number later is never taken for it. All but PSS. Returns 0; -ESRCH: it has ended; -EACCES: /proc
 * does not show it. About 20 us. Thread-safe.
 */
int process_read(uint32_t pid, uint32_t start_ticks, struct process_figures *out);

/*
 * Adds PSS, where it may be read. The kernel walks through all of the process' page tables: a millisecond for some 100
 * MB. Leaves out as it is when it cannot be had.
 */
void process_read_proportional(uint32_t pid, uint32_t start_ticks, struct process_figures *out);

#endif
