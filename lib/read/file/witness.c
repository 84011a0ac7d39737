#include "read/file/witness.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"

#define WITNESSES_MOST 256u
#define PART           4u /* at most this part of the limit of open files */
#define INFO_EXIT      (UINT64_C(1) << 3)

/* struct pidfd_info of include/uapi/linux/pidfd.h in its first size, 64 bytes; headers before 6.13 do not have it. */
struct info {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
};

static uint32_t witnesses_n;

/* How many there may be. 0: this kernel does not tell how processes have ended. */
static uint32_t
witnesses_most(void)
{
    static uint32_t known; /* + 1 */
    struct utsname system;
    struct rlimit limit;
    int major_number, minor_number;

    if (known)
        return known - 1;
    known = 1;
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers */
    if (!uname(&system) && sscanf(system.release, "%d.%d", &major_number, &minor_number) == 2 &&
        (major_number > 6 || (major_number == 6 && minor_number >= 15)) && !getrlimit(RLIMIT_NOFILE, &limit))
        known += limit.rlim_cur / PART > WITNESSES_MOST ? WITNESSES_MOST : (uint32_t)(limit.rlim_cur / PART);
    return known - 1;
}

int
witness_open(uint32_t pid, uint32_t spare_fds)
{
#if defined(SYS_pidfd_open)
    int fd;

    if (witnesses_n >= witnesses_most())
        return -1;
    fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0); /* close-on-exec */
    if (fd >= 0 && !descriptors_spare(fd, spare_fds)) {
        close(fd);
        return -1;
    }
    witnesses_n += fd >= 0;
    return fd;
#else
    (void)pid;
    (void)spare_fds;
    return -1;
#endif
}

void
witness_close(int fd)
{
    if (fd < 0)
        return;
    close(fd);
    witnesses_n--;
}

enum witness_end
witness_end(int fd)
{
    struct info info;

    memset(&info, 0, sizeof info);
    info.mask = INFO_EXIT;
    if (fd < 0 || ioctl(fd, _IOWR(0xff, 11, struct info), &info) || !(info.mask & INFO_EXIT))
        return WITNESS_UNKNOWN;
    if (!WIFSIGNALED(info.exit_code))
        return WITNESS_EXITED;
    switch (WTERMSIG(info.exit_code)) {
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
    case SIGQUIT:
        return WITNESS_ASKED;
    default:
        return WITNESS_KILLED;
    }
}
