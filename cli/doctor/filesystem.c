/*
 * The doctor's findings about the filesystem: its kind, the room in it, mount options, and RemoveIPC of systemd-logind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "cli/doctor/doctor.h"
#include "cli/doctor/logind.h"
#include "cli/say.h"
#include "read/file/reader.h"

#define TMPFS_MAGIC 0x01021994
#define RAMFS_MAGIC 0x858458f6u
#define FREE_WARN   0.10
#define LEFT_FAIL   65536u /* two chunks: with less, the next series may not fit */

void
doctor_directory(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (!slash)
        snprintf(out, SHMETER_READER_PATH_BYTES, ".");
    else if (!len)
        snprintf(out, SHMETER_READER_PATH_BYTES, "/");
    else
        snprintf(out, SHMETER_READER_PATH_BYTES, "%.*s", (int)(len < 500 ? len : 500), path);
}

/*
 * The options of the mount with this device, from /proc/self/mountinfo (proc(5)): those of the mount and of the
 * filesystem.
 */
static int
mount_options(dev_t device, char *out, size_t bytes)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL, mount[512], super[512], *dash;
    size_t line_bytes = 0;
    unsigned major_number, minor_number;
    int found = 0;

    while (file && getline(&line, &line_bytes, file) >= 0) { /* the last mount is the visible one */
        /* NOLINTNEXTLINE(cert-err34-c): the kernel's numbers */
        if (sscanf(line, "%*d %*d %u:%u %*s %*s %511s", &major_number, &minor_number, mount) != 3 ||
            major_number != major(device) || minor_number != minor(device))
            continue;
        dash = strstr(line, " - ");
        if (!dash || sscanf(dash, " - %*s %*s %511s", super) != 1)
            continue;
        found = snprintf(out, bytes, "%s; %s", mount, super) > 0;
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static void
kind(struct findings *findings, const char *directory)
{
    struct statfs kind;

    if (statfs(directory, &kind))
        return;
    if ((unsigned long)kind.f_type == TMPFS_MAGIC || (unsigned long)kind.f_type == RAMFS_MAGIC) {
        finding_add(findings, FINDING_OK, "filesystem", "%s is memory (tmpfs)", directory);
        return;
    }
    finding_add(findings, FINDING_WARN, "filesystem", "%s is no tmpfs (type 0x%lx)", directory,
                (unsigned long)kind.f_type);
    finding_advise(findings,
                   "choose a path on a tmpfs: elsewhere updates are written to a disk now and then, and may wait "
                   "for it");
}

static void
room(struct findings *findings, const char *directory, uint64_t wanted)
{
    char size_text[32], free_text[32], wanted_text[32];
    struct statvfs room;
    uint64_t size, left;
    enum finding_level level;

    if (statvfs(directory, &room))
        return;
    size = (uint64_t)room.f_blocks * room.f_frsize;
    left = (uint64_t)room.f_bavail * room.f_frsize;
    if (!size) {
        finding_add(findings, FINDING_OK, "room", "%s has no limit", directory);
        return;
    }
    level = left < LEFT_FAIL ? FINDING_FAIL : (double)left < FREE_WARN * (double)size ? FINDING_WARN : FINDING_OK;
    finding_add(findings, level, "room", "%s of %s free in %s", say_size(free_text, left), say_size(size_text, size),
                directory);
    if (level != FINDING_OK)
        finding_advise(findings,
                       "make room, or enlarge it: mount -o remount,size=SIZE %s; for a container: docker run "
                       "--shm-size=SIZE, or an emptyDir volume with medium: Memory",
                       directory);
    else if (left < wanted)
        finding_advise(findings,
                       "the segment may grow by %s, if all its series, workers and events are used: enlarge %s "
                       "(docker run --shm-size=SIZE), or create the segment with smaller sizes",
                       say_size(wanted_text, wanted), directory);
}

static void
options_of_mount(struct findings *findings, const char *directory)
{
    struct statvfs flags;
    struct stat file;
    char options[1100];

    if (stat(directory, &file) || !mount_options(file.st_dev, options, sizeof options))
        snprintf(options, sizeof options, "unknown");
    if (statvfs(directory, &flags) == 0 && (flags.f_flag & ST_RDONLY)) {
        finding_add(findings, FINDING_WARN, "mount options", "%s: read-only here: reading works, workers cannot",
                    options);
        finding_advise(findings, "mount it writable where workers run");
        return;
    }
    finding_add(findings, FINDING_OK, "mount options", "%s", options);
}

static void
removal(struct findings *findings, const char *path, uint32_t uid)
{
    char where[512];

    if (strncmp(path, "/dev/shm/", 9))
        return;
    switch (logind_removal("", where, sizeof where)) {
    case LOGIND_ABSENT:
        finding_add(findings, FINDING_OK, "RemoveIPC", "there is no systemd-logind that deletes files in /dev/shm");
        return;
    case LOGIND_KEEPS:
        finding_add(findings, FINDING_OK, "RemoveIPC", "off (%s)", where);
        return;
    case LOGIND_REMOVES:
        break;
    }
    if (logind_spares(uid)) {
        finding_add(findings, FINDING_OK, "RemoveIPC", "on (%s), but it spares system users such as %u", where, uid);
        return;
    }
    finding_add(findings, FINDING_WARN, "RemoveIPC",
                "on (%s): systemd-logind deletes the files of user %u in /dev/shm when that user logs out", where, uid);
    finding_advise(findings,
                   "run as a system user, set RemoveIPC=no in /etc/systemd/logind.conf, or give the segment a path "
                   "on another tmpfs, such as /run/NAME/shmeter");
}

void
doctor_filesystem(struct findings *findings, const char *path, uint32_t uid, uint64_t wanted)
{
    char directory[SHMETER_READER_PATH_BYTES];
    struct stat file;

    doctor_directory(path, directory);
    if (stat(directory, &file) || !S_ISDIR(file.st_mode)) {
        finding_add(findings, FINDING_FAIL, "filesystem", "there is no directory %s", directory);
        finding_advise(findings, "make it, or mount a tmpfs there: mount -t tmpfs tmpfs %s", directory);
        return;
    }
    kind(findings, directory);
    room(findings, directory, wanted);
    options_of_mount(findings, directory);
    removal(findings, path, uid);
}
