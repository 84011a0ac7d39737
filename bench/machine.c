/* Describes the machine, for the line above the table. */
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench/bench.h"

#ifndef BENCH_FLAGS
#define BENCH_FLAGS ""
#endif

/* In glibc 2.35 and later. 0: the kernel has no restartable sequences, or GLIBC_TUNABLES has turned them off. */
extern const unsigned int __rseq_size __attribute__((weak));

int
machine_has_rseq(void)
{
    return &__rseq_size && __rseq_size != 0;
}

/* Reads the value of a "key : value" line of /proc/cpuinfo; without such a line value is unchanged. */
static void
cpuinfo(const char *key, char *value, size_t bytes)
{
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || !colon)
            continue;
        colon += strspn(colon, ": ");
        colon[strcspn(colon, "\n")] = 0;
        snprintf(value, bytes, "%s", colon);
        break;
    }
    fclose(file);
}

static void
first_line(const char *path, char *text, size_t bytes)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(text, (int)bytes, file))
        text[strcspn(text, "\n")] = 0;
    fclose(file);
}

void
machine_describe(struct machine *machine)
{
    struct utsname name;
    char flags[8192] = "";
    cpu_set_t allowed;
    uname(&name);
    snprintf(machine->cpu, sizeof machine->cpu, "%s", name.machine);
    cpuinfo("model name", machine->cpu, sizeof machine->cpu);
    cpuinfo("flags", flags, sizeof flags);
    machine->virtual_machine = strstr(flags, " hypervisor") != NULL;
    machine->cpus_n = sched_getaffinity(0, sizeof allowed, &allowed) ? 0 : CPU_COUNT(&allowed);
    snprintf(machine->kernel, sizeof machine->kernel, "%.8s %.80s", name.sysname, name.release);
    snprintf(machine->libc, sizeof machine->libc, "glibc %s", gnu_get_libc_version());
    snprintf(machine->clock, sizeof machine->clock, "unknown");
    first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", machine->clock,
               sizeof machine->clock);
#if defined(__clang__)
    snprintf(machine->compiler, sizeof machine->compiler, "clang %d.%d.%d", __clang_major__, __clang_minor__,
             __clang_patchlevel__);
#else
    snprintf(machine->compiler, sizeof machine->compiler, "gcc %d.%d.%d", __GNUC__, __GNUC_MINOR__,
             __GNUC_PATCHLEVEL__);
#endif
    snprintf(machine->flags, sizeof machine->flags, "%s", BENCH_FLAGS);
    machine->load = 0;
    if (getloadavg(&machine->load, 1) != 1)
        machine->load = -1;
    machine->rseq = machine_has_rseq();
}
