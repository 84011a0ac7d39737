/* Chooses a CPU for each process; not two threads of one core if the machine has more cores. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench/bench.h"

/* Whether CPU number other is in a list like "0,32" or "0-1". */
static int
list_has(const char *list, unsigned other)
{
    unsigned from, to;
    int used;
    while (sscanf(list, "%u%n", &from, &used) == 1) {
        list += used;
        to = from;
        if (sscanf(list, "-%u%n", &to, &used) == 1)
            list += used;
        if (other >= from && other <= to)
            return 1;
        if (*list++ != ',')
            return 0;
    }
    return 0;
}

static int
same_core(unsigned cpu, unsigned other)
{
    char path[96], list[256];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int known = fgets(list, sizeof list, file) != NULL;
    fclose(file);
    return known && list_has(list, other);
}

void
cpus_choose(struct bench_run *run)
{
    cpu_set_t allowed;
    run->cpus_n = 0;
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        return;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && run->cpus_n < 2; cpu++)
        if (CPU_ISSET(cpu, &allowed) && (run->cpus_n == 0 || !same_core(run->cpus[0], cpu)))
            run->cpus[run->cpus_n++] = cpu;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && run->cpus_n == 1; cpu++)
        if (CPU_ISSET(cpu, &allowed) && cpu != run->cpus[0])
            run->cpus[run->cpus_n++] = cpu;
}

void
cpus_pin(const struct bench_run *run, unsigned rank)
{
    if (rank >= run->cpus_n)
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(run->cpus[rank], &one);
    sched_setaffinity(0, sizeof one, &one);
}

void
cpus_die_with_parent(int parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(2);
}
