/*
 * Places each CPU's lane in the memory of that CPU's NUMA node, as far as the kernel will: a preference only, set on
 * the file by whoever creates it. Does nothing on a machine with one node.
 */
#ifndef SHMETER_SHM_NUMA_H
#define SHMETER_SHM_NUMA_H

#include "header.h"

SHMETER_LOCAL void
shmeter_numa_place_cpu(int fd, const struct shmeter_header *header, uint32_t cpu, uint32_t node)
{
    uint64_t bytes = UINT64_C(1) << header->lane_shift,
             off = header->cpu_lanes_off + ((uint64_t)cpu << header->lane_shift);
    unsigned long mask[16];
    int locked;
    long mapped = shmeter_sys_map_sparse(bytes, 0 /* PROT_NONE */, fd, off, &locked);
    if (shmeter_sys_failed(mapped))
        return;
    memset(mask, 0, sizeof mask);
    mask[node / 64] = 1ul << node % 64;
    shmeter_sys(SYS_mbind, mapped, (long)bytes, 1 /* MPOL_PREFERRED */, SHMETER_SYS_POINTER(mask), 1024, 0);
    shmeter_sys_unmap(SHMETER_POINTER(void *, mapped), bytes);
}

/* Calls shmeter_numa_place_cpu for each CPU of a list such as "0-3,8-11". */
SHMETER_LOCAL void
shmeter_numa_place_list(int fd, const struct shmeter_header *header, const char *list, uint32_t node)
{
    uint32_t number = 0, from = 0;
    int range = 0, digits = 0;
    for (;; list++) {
        if (*list >= '0' && *list <= '9') {
            number = number * 10 + (uint32_t)(*list - '0');
            digits = 1;
            continue;
        }
        if (*list == '-') {
            from = number;
            range = 1;
        } else if (digits) {
            for (from = range ? from : number; from <= number && from < header->cpu_lanes_n; from++)
                shmeter_numa_place_cpu(fd, header, from, node);
            range = 0;
        }
        number = 0;
        digits = 0;
        if (!*list)
            return;
    }
}

SHMETER_LOCAL void
shmeter_numa_place(int fd, const struct shmeter_header *header)
{
    static const char before[] = "/sys/devices/system/node/node";
    char path[64], list[1024];
    uint32_t node;
    if (shmeter_sys_slurp("/sys/devices/system/node/online", list, sizeof list) <= 0 ||
        (list[0] == '0' && list[1] == '\n'))
        return;
    for (node = 0; node < 1000; node++) {
        size_t at = sizeof before - 1;
        memcpy(path, before, sizeof before);
        if (node >= 100)
            path[at++] = (char)('0' + node / 100);
        if (node >= 10)
            path[at++] = (char)('0' + node / 10 % 10);
        path[at++] = (char)('0' + node % 10);
        memcpy(path + at, "/cpulist", 9);
        if (shmeter_sys_slurp(path, list, sizeof list) > 0)
            shmeter_numa_place_list(fd, header, list, node);
        else if (node > 64)
            return;
    }
}

#endif
