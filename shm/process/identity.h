/*
 * Who a process is, so that another one can prove it dead: pid and start time in the same pid and time namespace of the
 * same boot. Everything is read from /proc once, when it is asked for; unknown is 0.
 */
#ifndef SHMETER_SHM_IDENTITY_H
#define SHMETER_SHM_IDENTITY_H

#include "../layout/layout.h"
#include "../machine/files.h"
#include "../machine/hash.h"

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

/* The inode of what fd leads to, and closes it; 0 when there is none. */
SHMETER_LOCAL uint64_t
shmeter_identity_inode(int fd)
{
    struct shmeter_file file;
    uint64_t inode = 0;
    if (fd < 0)
        return 0;
    if (!shmeter_sys_stat(fd, NULL, &file))
        inode = file.inode;
    shmeter_sys_close(fd);
    return inode;
}

SHMETER_LOCAL uint64_t
shmeter_identity_namespace(const char *path)
{
    return shmeter_identity_inode(shmeter_sys_open(path, SHMETER_O_CLOEXEC, 0));
}

/* The time namespace's inode as 32 bits, 0 when there is none or it cannot be read. */
SHMETER_LOCAL uint32_t
shmeter_identity_timens(void)
{
    return (uint32_t)shmeter_identity_namespace("/proc/self/ns/time");
}

#define SHMETER_TIMENS_OF_MACHINE 4026531834u /* its inode: include/linux/proc_ns.h, PROC_TIME_INIT_INO */

/*
 * CLOCK_MONOTONIC in this process's time namespace less that in the machine's, in nanoseconds. 0: it cannot be known.
 */
SHMETER_LOCAL int
shmeter_identity_timens_offset(uint64_t *offset_ns)
{
    char text[256];
    const char *at;
    uint64_t number, parts[2] = { 0, 0 };
    int i, minus;
    *offset_ns = 0;
    if (!shmeter_identity_timens()) /* /proc is there, and no such namespace: there are none */
        return shmeter_identity_namespace("/proc/self/ns/pid") != 0;
    if (shmeter_identity_timens() != (uint32_t)shmeter_identity_namespace("/proc/self/ns/time_for_children") ||
        shmeter_sys_slurp("/proc/self/timens_offsets", text, sizeof text) <= 0 || memcmp(text, "monotonic", 9))
        return 0;
    for (at = text + 9, i = 0; i < 2; i++) { /* seconds, nanoseconds */
        while (*at == ' ' || *at == '\t')
            at++;
        minus = *at == '-';
        for (at += minus, number = 0; *at >= '0' && *at <= '9'; at++)
            number = number * 10 + (uint64_t)(*at - '0');
        parts[i] = minus ? 0 - number : number;
    }
    *offset_ns = parts[0] * UINT64_C(1000000000) + parts[1];
    return 1;
}

/*
 * One word for boot, pid namespace and time namespace; 0 when one of the first two is unknown: then nothing is proof.
 */
SHMETER_LOCAL uint32_t
shmeter_namespaces_word(uint64_t boot, uint64_t pid_namespace, uint32_t time_namespace)
{
    uint32_t hash = (uint32_t)(shmeter_hash_word(shmeter_hash_word(boot, pid_namespace), time_namespace) >> 32);
    return !boot || !pid_namespace ? 0 : hash ? hash : 1;
}

/* That of this process, as /proc tells it. */
SHMETER_LOCAL uint32_t
shmeter_namespaces_hash(void)
{
    uint64_t boot[2], pid_namespace = shmeter_identity_namespace("/proc/self/ns/pid");
    shmeter_identity_boot(boot);
    return shmeter_namespaces_word(boot[0], pid_namespace, shmeter_identity_timens());
}

/* The number at the beginning of text. */
SHMETER_LOCAL uint32_t
shmeter_identity_number(const char *text)
{
    uint32_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint32_t)(*text - '0');
    return number;
}

/* What /proc/PID/stat says (proc(5): fields 1, 3, 20 and 22). */
struct shmeter_stat {
    uint32_t pid, threads_n, start_ticks;
    char state;
};

/*
 * Of a process; pid 0 is this one. Returns 0, or -errno (-ENOENT: not there, or hidden). The dot in the path is for
 * qemu-user, which answers for /proc/self/stat itself, with another start time than all others see.
 */
SHMETER_LOCAL int
shmeter_identity_stat(uint32_t pid, struct shmeter_stat *out)
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
    memset(out, 0, sizeof *out);
    n = shmeter_sys_slurp(path, text, sizeof text);
    if (n < 0)
        return n;
    for (at = text; *at; at++)
        if (*at == ')') /* the command's name may hold anything, also ')' */
            last = at;
    if (!last || last[1] != ' ')
        return -EIO;
    out->pid = shmeter_identity_number(text);
    out->state = last[2];
    for (at = last + 2, field = 3; *at && field <= 22; at++) {
        if (*at == ' ' && ++field == 20)
            out->threads_n = shmeter_identity_number(at + 1);
        else if (*at == ' ' && field == 22)
            out->start_ticks = shmeter_identity_number(at + 1); /* modulo 2^32: compared for equality only */
    }
    return 0;
}

/*
 * Whether /proc/PID is the process that kill(2) means by PID: not in a pid namespace that still has the /proc of an
 * outer one, and not where there is no /proc.
 */
SHMETER_LOCAL int
shmeter_identity_proc_is_ours(void)
{
    struct shmeter_stat stat;
    return !shmeter_identity_stat(0, &stat) && stat.pid == shmeter_sys_pid();
}

/*
 * The inode of this process's namespace by its pidfd, which needs no /proc (since Linux 6.11); 0 unknown. kind: 5 pid,
 * 7 time, as PIDFD_GET_PID_NAMESPACE and PIDFD_GET_TIME_NAMESPACE.
 */
SHMETER_LOCAL uint64_t
shmeter_identity_namespace_of_pidfd(int pidfd, int kind)
{
    return shmeter_identity_inode((int)shmeter_sys(SYS_ioctl, pidfd, 0xff00 + kind, 0, 0, 0, 0));
}

/* Who this process is, to be known again by others. */
struct shmeter_self {
    uint64_t identity; /* {start time:32 (low), namespaces:32}, each 0 when it is unknown                      */
    int proc_is_ours;
};

/* boot: the first half of the machine's boot id, 0 unknown. Some 15 system calls. */
SHMETER_LOCAL struct shmeter_self
shmeter_identity_self(uint64_t boot)
{
    struct shmeter_self self = { 0, 0 };
    struct shmeter_stat stat;
    uint64_t pid_namespace = 0;
    uint32_t time_namespace = 0;
    int pidfd, seen = !shmeter_identity_stat(0, &stat);
    if (seen) {
        pid_namespace = shmeter_identity_namespace("/proc/self/ns/pid");
        time_namespace = shmeter_identity_timens();
        self.proc_is_ours = stat.pid == shmeter_sys_pid();
    }
#if defined(SYS_pidfd_open)
    if (!pid_namespace) {
        pidfd = (int)shmeter_sys(SYS_pidfd_open, (long)shmeter_sys_pid(), 0, 0, 0, 0, 0);
        if (pidfd >= 0) {
            pid_namespace = shmeter_identity_namespace_of_pidfd(pidfd, 5);
            time_namespace = (uint32_t)shmeter_identity_namespace_of_pidfd(pidfd, 7);
            shmeter_sys_close(pidfd);
        }
    }
#else
    (void)pidfd;
#endif
    self.identity = SHMETER_IDENTITY(stat.start_ticks, shmeter_namespaces_word(boot, pid_namespace, time_namespace));
    return self;
}

/* Names this process image: the kernel's 16 random bytes differ after every exec and are inherited by fork. */
SHMETER_LOCAL uint64_t
shmeter_identity_image(void)
{
    const void *random = SHMETER_POINTER(const void *, shmeter_libc_getauxval_(25 /* AT_RANDOM */));
    return random ? shmeter_hash_bytes(3, random, 16) | 1 : 1;
}

/*
 * Dead or alive: of a process of the same namespaces only (anything else is unknown, as is who does not know its own).
 * kill(2) saying ESRCH is proof even where /proc is hidden, /proc saying ENOENT alone is none, and one that is not ours
 * says nothing. Another start time is another process. A zombie with one thread is dead; a leader that ended before its
 * threads is not. Up to 4 system calls.
 */
SHMETER_LOCAL enum shmeter_life
shmeter_identity_life(uint64_t owner, uint64_t identity, const struct shmeter_self *self)
{
    uint32_t pid = SHMETER_OWNER_PID(owner), own_namespaces = SHMETER_IDENTITY_NAMESPACES(self->identity);
    struct shmeter_stat stat;
    if (!own_namespaces || SHMETER_IDENTITY_NAMESPACES(identity) != own_namespaces || !pid || pid > INT32_MAX)
        return SHMETER_LIFE_UNKNOWN;
    if (shmeter_sys_probe(pid) == -ESRCH)
        return SHMETER_LIFE_DEAD;
    if (!self->proc_is_ours || shmeter_identity_stat(pid, &stat))
        return SHMETER_LIFE_ALIVE;
    if (SHMETER_IDENTITY_START(identity) && stat.start_ticks != SHMETER_IDENTITY_START(identity))
        return SHMETER_LIFE_DEAD;
    return (stat.state == 'Z' || stat.state == 'X') && stat.threads_n <= 1 ? SHMETER_LIFE_DEAD : SHMETER_LIFE_ALIVE;
}

#endif
