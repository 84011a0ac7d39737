/*
 * The doctor's findings about the machine: restartable sequences and NUMA nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#if defined(__GLIBC__)
#include <gnu/libc-version.h>
#endif

#include "cli/doctor/doctor.h"
#include "shm/machine/rseq.h"
#include "shm/segment/sizes.h"

static const char *
libc_version(void)
{
#if defined(__GLIBC__)
    return gnu_get_libc_version();
#else
    return "";
#endif
}

static void
restartable_sequences(struct findings *findings)
{
    const char *tunables = getenv("GLIBC_TUNABLES");
    struct utsname system;

    if (uname(&system))
        snprintf(system.release, sizeof system.release, "unknown");
    if (shmeter_rseq_usable()) {
        finding_add(findings, FINDING_OK, "rseq", "in use in this process (Linux %s, glibc %s)", system.release,
                    libc_version());
        return;
    }
    finding_add(findings, FINDING_WARN, "rseq",
                "not in use in this process (Linux %s, glibc %s): updates are atomic and go to shared lanes, some 2 to "
                "20 times slower, and just as exact",
                system.release, libc_version());
    if (tunables && strstr(tunables, "glibc.pthread.rseq=0"))
        finding_advise(findings, "take glibc.pthread.rseq=0 out of GLIBC_TUNABLES");
    else
        finding_advise(findings, "it needs Linux 4.18, glibc 2.35, and a container or sandbox that allows rseq(2)");
}

/* The number of elements of a list such as "0-3,8". */
static uint32_t
list_length(const char *list)
{
    unsigned long n = 0, from, to;
    char *end;

    for (; *list >= '0' && *list <= '9'; list++) {
        to = from = strtoul(list, &end, 10);
        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        list = end;
        n += to >= from ? to - from + 1 : 0;
        if (*list != ',')
            break;
    }
    return (uint32_t)n;
}

static void
nodes(struct findings *findings)
{
    char list[1024];
    uint32_t n = 1;

    if (shmeter_sys_slurp("/sys/devices/system/node/online", list, sizeof list) > 0)
        n = list_length(list);
    if (n <= 1)
        finding_add(findings, FINDING_OK, "numa", "one node");
    else
        finding_add(findings, FINDING_OK, "numa", "%u nodes: each CPU's lane lies, if there is room, on its own node",
                    n);
}

void
doctor_machine(struct findings *findings)
{
    restartable_sequences(findings);
    nodes(findings);
}
