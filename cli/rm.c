/*
 * shmeter rm: unlinks a segment's file, unless a process uses the segment or may use it.
 *
 * --force removes a file that begins as segments do, wherever it is; and in /dev/shm, anything but a directory that has
 * the path of a NAME. It never removes another file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/say.h"
#include "cli/users.h"
#include "read/file/reader.h"
#include "read/snapshot/snapshot.h"
#include "shm/layout/layout.h"

#define WORKERS_NAMED 8u

static const struct argv_entry options[] = {
    { "force", NULL, "also when workers live, and when it is damaged or\nof another version" },
};

static int
has_magic(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    uint64_t magic = 0;
    struct stat file;
    int has;

    if (fd < 0)
        return 0;
    has = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && pread(fd, &magic, sizeof magic, 0) == sizeof magic &&
          magic == SHMETER_MAGIC;
    close(fd);
    return has;
}

/* Unlinks the file if it has this device and inode; inode 0: whatever file it is. */
static int
unlink_file(const char *path, uint64_t device, uint64_t inode)
{
    struct stat file;

    if (inode && lstat(path, &file) == 0 && (file.st_dev != device || file.st_ino != inode)) {
        say_error("%s was created again just now, and is left alone: look at it, and try again", path);
        return EXIT_FAILED;
    }
    if (unlink(path) == 0)
        return EXIT_GOOD;
    if (errno == EACCES || errno == EPERM)
        say_error("%s cannot be removed by user %u: run as its owner", path, (unsigned)geteuid());
    else
        say_error("%s cannot be removed: %s", path, strerror(errno));
    return EXIT_FAILED;
}

/* Lists the workers that live, or may live: "pid 12 (worker), pid 13 (worker)". */
static void
name_workers(const struct segment_status *status, char *out, size_t bytes)
{
    uint32_t i, named = 0, more = 0;
    size_t at = 0;

    out[0] = 0;
    for (i = 0; i < status->slots_len; i++) {
        const struct status_slot *slot = &status->slots[i];
        if (slot->life != STATUS_LIVE && slot->life != STATUS_UNKNOWN)
            continue;
        if (named == WORKERS_NAMED) {
            more++;
            continue;
        }
        at += (size_t)snprintf(out + at, bytes - at, "%spid %u%s%s (%s)", named++ ? ", " : "", slot->pid,
                               slot->foreign ? " of another namespace" : "",
                               slot->life == STATUS_UNKNOWN ? ", perhaps" : "", slot->worker);
    }
    if (more)
        snprintf(out + at, bytes - at, " and %u more", more);
}

static int
refuse_if_owned(const char *name, const struct segment_status *status)
{
    char workers[WORKERS_NAMED * (STATUS_WORKER_BYTES + 64u) + 64u];

    if (!status->slots_live && !status->slots_unknown)
        return 0;
    name_workers(status, workers, sizeof workers);
    say_error("segment %s is in use by %s: stop %s first, or use --force (they then go on counting in the removed "
              "segment)",
              name, workers, status->slots_live + status->slots_unknown == 1 ? "it" : "them");
    return EXIT_FAILED;
}

/* Refuses if processes without a slot have the segment mapped for writing. */
static int
refuse_if_mapped(const char *name, uint64_t device, uint64_t inode)
{
    struct user users[WORKERS_NAMED];
    char workers[WORKERS_NAMED * 64u + 64u];
    uint32_t n = users_find(device, inode, users, WORKERS_NAMED);

    if (!n)
        return 0;
    users_name(users, n, WORKERS_NAMED, workers, sizeof workers);
    say_error("segment %s is mapped by %s, which may still count in it: stop %s first, or use --force", name, workers,
              n == 1 ? "it" : "them");
    return EXIT_FAILED;
}

static int
refuse_if_used(const char *name, struct shmeter_reader *reader)
{
    uint64_t device = reader->device, inode = reader->inode;
    struct snapshot *snapshot = snapshot_new(reader);
    int result;

    if (!snapshot) {
        say_error("out of memory");
        return EXIT_FAILED;
    }
    result = snapshot_take(snapshot, SNAPSHOT_STATUS);
    if (!result)
        result = refuse_if_owned(name, snapshot_status(snapshot));
    else
        say_error(
            "segment %s was truncated while it was read, so nobody can tell whether workers use it: remove it with "
            "--force",
            name);
    snapshot_free(snapshot);
    return result ? EXIT_FAILED : refuse_if_mapped(name, device, inode);
}

static int
remove_segment(const char *name, struct shmeter_reader *reader, int force)
{
    char path[SHMETER_READER_PATH_BYTES];
    uint64_t device = reader->device, inode = reader->inode;

    snprintf(path, sizeof path, "%s", reader->path);
    if (force)
        shmeter_reader_close(reader);
    else if (refuse_if_used(name, reader))
        return EXIT_FAILED;
    return unlink_file(path, device, inode);
}

/* Removes a file that cannot be opened as a segment. */
static int
remove_other(const char *name, const struct shmeter_reader_error *error, int force)
{
    char path[SHMETER_READER_PATH_BYTES];

    if (error->fault == SHMETER_READER_ABSENT || error->fault == SHMETER_READER_BAD_NAME ||
        shmeter_reader_path(name, path, sizeof path)) {
        say_error("%s", error->text);
        return EXIT_FAILED;
    }
    if (!force) {
        say_error("%s; nobody can tell whether it is in use, so rm leaves it alone without --force", error->text);
        return EXIT_FAILED;
    }
    if (strchr(name, '/') && !has_magic(path)) {
        say_error("%s does not begin as a segment does, so rm leaves it alone: remove it with: rm", path);
        return EXIT_FAILED;
    }
    return unlink_file(path, 0, 0);
}

static int
remove_one(const char *name, int force)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;

    if (!shmeter_reader_open(&reader, name, NULL, &error))
        return remove_segment(name, reader, force);
    return remove_other(name, &error, force);
}

static int
rm_run(const struct arguments *given)
{
    int force = arguments_value(given, "force") != NULL, result = EXIT_GOOD;
    uint32_t i;

    for (i = 0; i < given->names_n; i++)
        if (remove_one(given->names[i], force))
            result = EXIT_FAILED;
    return result;
}

const struct command command_rm = {
    .name = "rm",
    .operands = "NAME...",
    .summary = "remove segments that nobody uses",
    .details =
        "Refuses a segment that a living worker has a slot in, or one of which nobody can tell, and names them.\n"
        "So are processes that only count and have no slot, if this user may look at them in /proc.\n\n"
        "--force removes it all the same: workers go on counting in the removed segment, which nobody sees but an\n"
        "exporter that was watching, and join the next segment of the name. It also removes a damaged segment, and\n"
        "whatever else lies at a NAME's own path in /dev/shm. A file given by its path that does not begin as\n"
        "a segment does is never removed.\n\n"
        "Exit codes: 0 all removed, 1 not all of them, 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_least = 1,
    .operands_most = -1,
    .run = rm_run,
};
