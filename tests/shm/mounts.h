/*
 * A folder of the test's own that filesystems can be mounted on, in a mount namespace of the test's own.
 */
#ifndef SHMETER_TESTS_SHM_MOUNTS_H
#define SHMETER_TESTS_SHM_MOUNTS_H

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/tools/scratch.h"

static char mounts_folder[128];

static int
mounts_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY), result;

    if (fd < 0)
        return -1;
    result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
    close(fd);
    return result;
}

/* For who may not mount: user_namespaces(7). */
static int
mounts_become_root(void)
{
    char uids[32], gids[32];

    snprintf(uids, sizeof uids, "0 %u 1", (unsigned)getuid());
    snprintf(gids, sizeof gids, "0 %u 1", (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) || mounts_write("/proc/self/setgroups", "deny") ||
           mounts_write("/proc/self/uid_map", uids) || mounts_write("/proc/self/gid_map", gids);
}

/* A folder of the test's own that filesystems can be mounted on; skips the test where that is not allowed. */
static void
mounts_prepare(const char *name)
{
    if (*mounts_folder)
        return;
    if (unshare(CLONE_NEWNS) && mounts_become_root()) {
        print_message("# mount namespaces are not allowed here\n");
        skip();
    }
    /* In a chroot the root directory may be no mount point, but the place of the test is one. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) && mount(NULL, "/dev/shm", NULL, MS_REC | MS_PRIVATE, NULL)) {
        print_message("# mounts cannot be made private here\n");
        skip();
    }
    snprintf(mounts_folder, sizeof mounts_folder, "%s", scratch_path(name));
    assert_int_equal(mkdir(mounts_folder, 0700), 0);
    if (mount("tmpfs", mounts_folder, "tmpfs", 0, "size=64k")) {
        print_message("# tmpfs cannot be mounted here\n");
        skip();
    }
    umount2(mounts_folder, MNT_DETACH);
}

#endif
