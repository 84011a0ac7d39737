/*
 * Who a process is, so that another one can prove it dead: pid and start time in the same pid and time namespace of the
 * same boot. Everything is read from /proc once, when it is asked for; unknown is 0.
 */
#ifndef SHMETER_SHM_IDENTITY_H
#define SHMETER_SHM_IDENTITY_H

#include "hash.h"
#include "layout.h"
#include "sys.h"

enum shmeter_life { SHMETER_LIFE_UNKNOWN, SHMETER_LIFE_ALIVE, SHMETER_LIFE_DEAD };

#ifdef __cplusplus
extern "C" {
#endif
extern unsigned long shmeter_libc_getauxval_(unsigned long type) __asm__("getauxval");
#ifdef __cplusplus
}
#endif

/* The machine's boot id; both zero when it cannot be read. */
SHMETER_LOCAL void
shmeter_identity_boot(uint64_t id[2])
{
    char text[64];
    int n = shmeter_sys_slurp("/proc/sys/kernel/random/boot_id", text, sizeof text);
    id[0] = id[1] = 0;
    if (n < 36)
        return;
    id[0] = shmeter_hash_bytes(1, text, 36);
    id[1] = shmeter_hash_bytes(2, text, 36);
}

SHMETER_LOCAL uint64_t
shmeter_identity_namespace(const char *path)
{
    struct shmeter_file file;
    int fd = shmeter_sys_open(path, SHMETER_O_CLOEXEC, 0);
    uint64_t inode = 0;
    if (fd < 0)
        return 0;
    if (!shmeter_sys_stat(fd, NULL, &file))
        inode = file.inode;
    shmeter_sys_close(fd);
    return inode;
}

/* The time namespace's inode as 32 bits, 0 when there is none or it cannot be read. */
SHMETER_LOCAL uint32_t
shmeter_identity_timens(void)
{
    return (uint32_t)shmeter_identity_namespace("/proc/self/ns/time");
}

/* One word for boot, pid namespace and time namespace; 0 when the pid namespace cannot be read: then nothing is proof. */
SHMETER_LOCAL uint32_t
shmeter_namespaces_hash(void)
{
    uint64_t boot[2], pidns = shmeter_identity_namespace("/proc/self/ns/pid");
    uint32_t hash;
    shmeter_identity_boot(boot);
    if (!pidns || !boot[0])
        return 0;
    hash = (uint32_t)(shmeter_hash_word(shmeter_hash_word(boot[0], pidns), shmeter_identity_timens()) >> 32);
    return hash ? hash : 1;
}

/*
 * The state letter, number of threads and start time of a process from /proc (proc(5): fields 3, 20 and 22 of stat).
 * pid 0 is this process. Returns 0, or -errno (-ENOENT: not there, or hidden). The dot in the path is for qemu-user, which
 * answers for /proc/self/stat itself, with another start time than all others see.
 */
SHMETER_LOCAL int
shmeter_identity_stat(uint32_t pid, char *state, uint32_t *threads_n, uint32_t *start_ticks)
{
    char path[32] = "/proc/./self/stat", text[512], digits[12];
    const char *at, *last = NULL;
    int n, field;
    if (pid) {
        size_t d = 0, p = 6;
        for (; pid; pid /= 10)
            digits[d++] = (char)('0' + pid % 10);
        while (d)
            path[p++] = digits[--d];
        memcpy(path + p, "/stat", 6);
    }
    n = shmeter_sys_slurp(path, text, sizeof text);
    if (n < 0)
        return n;
    for (at = text; *at; at++)
        if (*at == ')') /* the command's name may hold anything, also ')' */
            last = at;
    if (!last || last[1] != ' ')
        return -EIO;
    *state = last[2];
    *threads_n = *start_ticks = 0;
    for (at = last + 2, field = 3; *at && field <= 22; at++) {
        if (*at == ' ')
            field++;
        else if (field == 20)
            *threads_n = *threads_n * 10 + (uint32_t)(*at - '0');
        else if (field == 22)
            *start_ticks = *start_ticks * 10 + (uint32_t)(*at - '0'); /* modulo 2^32: compared for equality only */
    }
    return 0;
}

/* Names this process image: the kernel's 16 random bytes differ after every exec and are inherited by fork. */
SHMETER_LOCAL uint64_t
shmeter_identity_image(void)
{
    const void *random = SHMETER_POINTER(const void *, shmeter_libc_getauxval_(25 /* AT_RANDOM */));
    return random ? shmeter_hash_bytes(3, random, 16) | 1 : 1;
}

/*
 * Dead or alive: of a process of the same namespaces only (anything else is unknown). kill(2) saying ESRCH is proof even
 * where /proc is hidden, /proc saying ENOENT alone is none. Another start time is another process. A zombie with one
 * thread is dead; a leader that ended before its threads is not.
 */
SHMETER_LOCAL enum shmeter_life
shmeter_identity_life(uint64_t owner, uint64_t identity, uint32_t own_namespaces)
{
    uint32_t pid = SHMETER_OWNER_PID(owner), threads_n, start_ticks;
    char state;
    if (!own_namespaces || SHMETER_IDENTITY_NAMESPACES(identity) != own_namespaces || !pid || pid > INT32_MAX)
        return SHMETER_LIFE_UNKNOWN;
    if (shmeter_sys_probe(pid) == -ESRCH)
        return SHMETER_LIFE_DEAD;
    if (shmeter_identity_stat(pid, &state, &threads_n, &start_ticks))
        return SHMETER_LIFE_ALIVE;
    if (SHMETER_IDENTITY_START(identity) && start_ticks != SHMETER_IDENTITY_START(identity))
        return SHMETER_LIFE_DEAD;
    return (state == 'Z' || state == 'X') && threads_n <= 1 ? SHMETER_LIFE_DEAD : SHMETER_LIFE_ALIVE;
}

#endif
