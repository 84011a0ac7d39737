/*
 * Sizes of a segment to be created: the options a program may give, and the header that follows
 * from them.
 */
#ifndef SHMETER_SHM_OPTIONS_H
#define SHMETER_SHM_OPTIONS_H

#include <stdint.h>

#include "../machine/linkage.h"

/*
 * All zero (or a NULL pointer) means the defaults named here. Sizes are used only by whoever
 * creates the segment. Fields are only ever added at the end; struct_bytes says which ones the
 * program knows. SHMETER_OPTIONS sets it:
 *
 *     struct shmeter_options options = SHMETER_OPTIONS(.mode = 0640, .max_slots = 1000);
 *
 * and in C++ it is set from the start. Without it, what the other fields say is not known: they
 * must all be zero.
 */
struct shmeter_options {
    uint32_t struct_bytes SHMETER_INIT(sizeof(shmeter_options)); /* sizeof(struct shmeter_options) */
    /*
     * File mode at creation: 0600 (default), 0640 or 0660. Who gives 0660 also attaches to a segment
     * with this mode and group that another member of the group has made.
     */
    uint32_t mode SHMETER_INIT(0);
    const char *worker SHMETER_INIT(nullptr);   /* this process's name in health and gauges; NULL: the command's */
    int64_t group SHMETER_INIT(0);              /* gid at creation; -1 and 0: the process's (zeros mean defaults) */
    uint64_t lane_bytes SHMETER_INIT(0);        /* cell capacity per CPU lane, a power of two; 1 MiB */
    uint32_t max_series SHMETER_INIT(0);        /* 16384 */
    uint32_t max_family_series SHMETER_INIT(0); /* 1000; label sets beyond it share one series, __overflow__ */
    uint32_t max_slots SHMETER_INIT(0);         /* processes with gauges or health at one time; 256 */
    uint32_t max_gauges SHMETER_INIT(0);        /* gauge series; 1024 */
    uint32_t ring_bytes SHMETER_INIT(0);        /* of events per slot; 262144 */
    uint32_t cpu_lanes SHMETER_INIT(0);         /* highest present CPU + 1 */
    uint32_t shared_lanes SHMETER_INIT(0);      /* a power of two, at most 8; not above the CPU lanes */
    uint32_t any_owner SHMETER_INIT(0);         /* 1: attach to anybody's segment; else to this user's or root's only */
};

#ifndef __cplusplus
#define SHMETER_OPTIONS(...)                                                  \
    {                                                                         \
        .struct_bytes = (uint32_t)sizeof(struct shmeter_options), __VA_ARGS__ \
    }
#endif

#endif
