/*
 * Sizes of a segment to be created: the options a program may give, and the header that follows from them.
 */
#ifndef SHMETER_SHM_OPTIONS_H
#define SHMETER_SHM_OPTIONS_H

#include <stdint.h>

/*
 * All zero (or a NULL pointer) means the defaults named here. Sizes are used only by whoever creates the segment. Fields
 * are only ever added at the end; struct_bytes says which ones the program knows. SHMETER_OPTIONS sets it:
 *
 *     struct shmeter_options options = SHMETER_OPTIONS(.mode = 0640, .max_slots = 1000);
 *
 * and in C++ it is set from the start. Without it, what the other fields say is not known: they must all be zero.
 */
struct shmeter_options {
#ifdef __cplusplus
    uint32_t struct_bytes = sizeof(shmeter_options);
#else
    uint32_t struct_bytes; /* sizeof(struct shmeter_options)                                              */
#endif
    uint32_t mode;              /* file mode at creation: 0600 (default), 0640 or 0660                         */
    const char *worker;         /* this process's name in health and gauges; NULL: the command's name           */
    int64_t group;              /* gid at creation; -1: leave. 0 leaves it too: zeroed options mean defaults    */
    uint64_t lane_bytes;        /* cell capacity per CPU lane, a power of two; 1 MiB                           */
    uint32_t max_series;        /* 16384                                                                       */
    uint32_t max_family_series; /* 1000; more label sets of a family share one series, __overflow__         */
    uint32_t max_slots;         /* processes with gauges or health at one time; 256                            */
    uint32_t max_gauges;        /* gauge series; 1024                                                          */
    uint32_t ring_bytes;        /* of events per slot; 262144                                                  */
    uint32_t cpu_lanes;         /* highest present CPU + 1                                                     */
    uint32_t shared_lanes;      /* a power of two, at most 8; not above the CPU lanes                          */
    uint32_t any_owner;         /* 1: attach to a segment whatever user owns it; else this one's or root's only */
};

#ifndef __cplusplus
#define SHMETER_OPTIONS(...)                                                  \
    {                                                                         \
        .struct_bytes = (uint32_t)sizeof(struct shmeter_options), __VA_ARGS__ \
    }
#endif

#endif
