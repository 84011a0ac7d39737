/* Opens a segment to read it. Each error is one sentence that names the file and says what to do. */
#include "read/file/reader.h"
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/layout/header.h"

static int refuse(struct shmeter_reader_error *error, enum shmeter_reader_fault fault, int result, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

static int
refuse(struct shmeter_reader_error *error, enum shmeter_reader_fault fault, int result, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return result;
    error->fault = fault;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return result;
}

int
shmeter_reader_path(const char *name, char *path, size_t path_bytes)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    int bytes;

    if (!name || !*name)
        return -EINVAL;
    if (strchr(name, '/'))
        bytes = snprintf(path, path_bytes, "%s", name);
    else if (name[strspn(name, allowed)])
        return -EINVAL;
    else
        bytes = snprintf(path, path_bytes, "/dev/shm/shmeter.%s.v%u", name, SHMETER_ABI_MAJOR);
    return bytes < 0 || (size_t)bytes >= path_bytes ? -EINVAL : 0;
}

static int
open_file(const char *path, const char *name, struct shmeter_reader_error *error)
{
    /* NONBLOCK: opening a FIFO of that name must not block. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0)
        return fd;
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return refuse(error, SHMETER_READER_ABSENT, -ENOENT,
                      "%s does not exist: start the application, or create the segment with: shmeter create %s", path,
                      name);
    case ELOOP:
        return refuse(error, SHMETER_READER_NOT_SEGMENT, -ELOOP,
                      "%s is a symbolic link, which is never followed: give the path of the segment itself", path);
    case EACCES:
    case EPERM:
        return refuse(
            error, SHMETER_READER_NOT_OURS, -EACCES,
            "%s may not be read by user %u: run as its owner, or create the segment with mode 0640 and a group "
            "that this user is in",
            path, (unsigned)geteuid());
    case ENXIO:
        return refuse(error, SHMETER_READER_NOT_SEGMENT, -ENXIO, "%s is a socket or device, not a segment: remove it",
                      path);
    case ENAMETOOLONG:
        return refuse(error, SHMETER_READER_BAD_NAME, -EINVAL, "%s is too long for a file name: choose a shorter one",
                      path);
    default: {
        int result = -errno;
        return refuse(error, SHMETER_READER_FAILED, result, "%s cannot be opened: %s", path, strerror(-result));
    }
    }
}

static const char *
kind_of(mode_t mode)
{
    return S_ISDIR(mode) ? "a directory" : S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static int
owner_accepted(uint32_t uid, const struct shmeter_reader_options *options)
{
    uint32_t i;

    if (!options || !options->owners_n)
        return 1;
    for (i = 0; i < options->owners_n; i++)
        if (options->owners[i] == uid)
            return 1;
    return 0;
}

static int
check_file(const struct stat *file, const char *path, const struct shmeter_reader_options *options,
           struct shmeter_reader_error *error)
{
    if (!S_ISREG(file->st_mode))
        return refuse(error, SHMETER_READER_NOT_SEGMENT, -EINVAL,
                      "%s is %s, not a segment: remove it or give another name", path, kind_of(file->st_mode));
    if (!owner_accepted(file->st_uid, options))
        return refuse(error, SHMETER_READER_NOT_OURS, -EPERM,
                      "%s belongs to user %u, whose segments are not accepted: add that user, or remove the file", path,
                      (unsigned)file->st_uid);
    if (file->st_mode & S_IWOTH)
        return refuse(error, SHMETER_READER_NOT_OURS, -EPERM,
                      "%s may be written by anybody (mode %04o), so its numbers cannot be believed: chmod o-w it", path,
                      (unsigned)(file->st_mode & 07777));
    if (file->st_nlink == 0)
        return refuse(error, SHMETER_READER_ABSENT, -ENOENT, "%s was removed just now: try again", path);
    if (file->st_nlink > 1)
        return refuse(error, SHMETER_READER_NOT_OURS, -EPERM,
                      "%s has %lu names (hard links), where a segment has one: remove the others", path,
                      (unsigned long)file->st_nlink);
    return 0;
}

static int
check_header(const struct shmeter_header *header, ssize_t got, uint64_t file_bytes, const char *path,
             struct shmeter_reader_error *error)
{
    const char *why = "";
    int result;

    if (got < (ssize_t)sizeof header->magic || header->magic != SHMETER_MAGIC)
        return refuse(error, SHMETER_READER_NOT_SEGMENT, -EINVAL,
                      "%s is not a shmeter segment: give another name, or remove the file", path);
    if (got < (ssize_t)sizeof *header)
        return refuse(error, SHMETER_READER_DAMAGED, -EINVAL,
                      "%s was truncated to %llu bytes: remove it with: shmeter rm --force %s", path,
                      (unsigned long long)file_bytes, path);
    if (header->abi_major != SHMETER_ABI_MAJOR)
        return refuse(error, SHMETER_READER_OTHER_ABI, -EPROTONOSUPPORT,
                      "%s has segment version %u.%u, and this program reads version %u: use the shmeter that the "
                      "application was built with",
                      path, header->abi_major, header->abi_minor, SHMETER_ABI_MAJOR);
    result = shmeter_header_check(header, file_bytes, &why);
    if (!result)
        return 0;
    return refuse(error, result == -EPROTONOSUPPORT ? SHMETER_READER_OTHER_ABI : SHMETER_READER_DAMAGED, result,
                  "%s %s%s%s", path, why, shmeter_header_names(why), shmeter_header_names(why)[0] ? path : "");
}

static int
open_checked(struct shmeter_reader *reader, const struct shmeter_reader_options *options,
             struct shmeter_reader_error *error)
{
    struct stat file;
    ssize_t got;
    void *base;
    int result;

    if (fstat(reader->fd, &file))
        return refuse(error, SHMETER_READER_FAILED, -errno, "%s cannot be examined: %s", reader->path, strerror(errno));
    result = check_file(&file, reader->path, options, error);
    if (result)
        return result;
    got = pread(reader->fd, &reader->header, sizeof reader->header, 0);
    if (got < 0)
        return refuse(error, SHMETER_READER_FAILED, -errno, "%s cannot be read: %s", reader->path, strerror(errno));
    result = check_header(&reader->header, got, (uint64_t)file.st_size, reader->path, error);
    if (result)
        return result;
    base = mmap(NULL, reader->header.segment_bytes, PROT_READ, MAP_SHARED, reader->fd, 0);
    if (base == MAP_FAILED && error)
        error->bytes = errno == ENOMEM ? reader->header.segment_bytes : 0;
    if (base == MAP_FAILED)
        return refuse(error, SHMETER_READER_FAILED, -errno, "%s cannot be mapped (%llu bytes): %s", reader->path,
                      (unsigned long long)reader->header.segment_bytes, strerror(errno));
    reader->base = base;
    reader->bytes = reader->header.segment_bytes;
    reader->file_bytes = (uint64_t)file.st_size;
    reader->device = file.st_dev;
    reader->inode = file.st_ino;
    reader->uid = file.st_uid;
    reader->gid = file.st_gid;
    reader->mode = file.st_mode & 07777;
    return 0;
}

/* Reads what this process has mapped: its file cannot be had, or there is none. */
static void
open_memory(struct shmeter_reader *reader, const struct shmeter_reader_memory *memory)
{
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = -1;
    reader->memory = memory;
    reader->header = *memory->header;
    reader->base = memory->base;
    reader->bytes = reader->file_bytes = reader->held_bytes = memory->header->segment_bytes;
    reader->device = memory->device;
    reader->inode = memory->inode;
    reader->uid = geteuid();
    reader->gid = getegid();
    reader->mode = 0600;
}

static int
open_named(struct shmeter_reader *reader, const char *name, const struct shmeter_reader_options *options,
           struct shmeter_reader_error *error)
{
    int result = shmeter_reader_path(name, reader->path, sizeof reader->path);

    if (result)
        return refuse(error, SHMETER_READER_BAD_NAME, -EINVAL,
                      "'%.*s' cannot name a segment: use letters, digits and _ . - (at most %u), or a path with '/'",
                      128, name ? name : "", SHMETER_READER_PATH_BYTES - 32);
    result = reader->fd = open_file(reader->path, name, error);
    if (result >= 0 && !descriptors_spare(reader->fd, reader->spare_fds))
        return refuse(error, SHMETER_READER_FAILED, -EMFILE,
                      "%s is not read, because the descriptors that are left are kept for connections: raise the limit "
                      "of open files (ulimit -n, LimitNOFILE=), or name fewer segments",
                      reader->path);
    return result < 0 ? result : open_checked(reader, options, error);
}

int
shmeter_reader_open(struct shmeter_reader **out, const char *name, const struct shmeter_reader_options *options,
                    struct shmeter_reader_error *error)
{
    const struct shmeter_reader_memory *memory = options && options->memory && options->memory->base ? options->memory
                                                                                                     : NULL;
    struct shmeter_reader *reader;
    int result;

    *out = NULL;
    if (error)
        memset(error, 0, sizeof *error);
    reader = calloc(1, sizeof *reader);
    if (!reader)
        return refuse(error, SHMETER_READER_FAILED, -ENOMEM, "%s cannot be opened: out of memory", name ? name : "");
    reader->fd = -1;
    reader->witness = options && options->witness;
    reader->spare_fds = options ? options->spare_fds : 0;
    result = memory && memory->alone ? -ENOENT : open_named(reader, name, options, error);
    if (result < 0 && memory) {
        open_memory(reader, memory);
        result = 0;
    }
    if (result < 0) {
        shmeter_reader_close(reader);
        return result;
    }
    snprintf(reader->name, sizeof reader->name, "%s", name);
    *out = reader;
    return 0;
}

void
shmeter_reader_close(struct shmeter_reader *reader)
{
    if (!reader)
        return;
    if (reader->base && !reader->memory)
        munmap((void *)(uintptr_t)reader->base, reader->bytes);
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader);
}

static enum shmeter_reader_place
look_at_memory(const struct shmeter_reader *reader)
{
    struct stat named;

    if (reader->memory->base != reader->base)
        return SHMETER_READER_REPLACED;
    if (reader->memory->alone || lstat(reader->path, &named))
        return SHMETER_READER_HERE;
    return named.st_dev == reader->device && named.st_ino == reader->inode ? SHMETER_READER_HERE
                                                                           : SHMETER_READER_REPLACED;
}

enum shmeter_reader_place
shmeter_reader_look(struct shmeter_reader *reader)
{
    struct stat file, named;

    if (reader->dead)
        return SHMETER_READER_TRUNCATED;
    if (reader->memory)
        return look_at_memory(reader);
    if (fstat(reader->fd, &file) == 0) {
        if ((uint64_t)file.st_size != reader->file_bytes) {
            reader->dead = 1; /* also when it grew: it may have been cut before, so pages may be new zeroes */
            return SHMETER_READER_TRUNCATED;
        }
        reader->held_bytes = (uint64_t)file.st_blocks * 512;
    }
    if (lstat(reader->path, &named) == 0)
        return named.st_dev == reader->device && named.st_ino == reader->inode ? SHMETER_READER_HERE
                                                                               : SHMETER_READER_REPLACED;
    return errno == ENOENT || errno == ENOTDIR ? SHMETER_READER_UNLINKED : SHMETER_READER_HERE;
}

int
shmeter_reader_part(const struct shmeter_reader *reader, uint64_t at, uint64_t end, uint64_t *from, uint64_t *to)
{
    off_t found = lseek(reader->fd, (off_t)at, SEEK_DATA);

    if (found < 0 && errno == ENXIO)
        return 0;
    *from = found < 0 ? at : (uint64_t)found;
    if (*from >= end)
        return 0;
    found = found < 0 ? found : lseek(reader->fd, (off_t)*from, SEEK_HOLE);
    *to = found < 0 || (uint64_t)found > end ? end : (uint64_t)found;
    return *to > *from;
}
