/* Files of saved texts. A file is replaced as a whole, and a function that returns 0 has written it to the disk. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saved/saved.h"

/* Enough for the text of 2^24 series. */
#define FILE_MOST_BYTES (UINT64_C(16) << 30)

static int
fail(struct report *report, const char *what, const char *file, int error)
{
    return report_fail(report, -error, "%s cannot be %s: %s", file, what, strerror(error));
}

static int
write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len < SSIZE_MAX ? len : SSIZE_MAX);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Opens the directory of a file. Returns the descriptor, or -1 and errno. */
static int
open_directory(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *copy = slash ? strndup(file, slash == file ? 1 : (size_t)(slash - file)) : strdup(".");
    int fd = copy ? open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, error = copy ? errno : ENOMEM;

    free(copy);
    errno = error;
    return fd;
}

static const char *
base_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash ? slash + 1 : file;
}

/* Synchronises a directory. A filesystem that does not support that is no error. */
static int
sync_directory(int directory)
{
    return fsync(directory) && errno != EINVAL && errno != EROFS ? errno : 0;
}

static int
replace(int directory, const char *base, const struct buffer *text)
{
    char temporary[NAME_MAX + 1];
    int fd, error, n = snprintf(temporary, sizeof temporary, ".%.200s.%ld.saving", base, (long)getpid());

    if (n < 0 || (size_t)n >= sizeof temporary)
        return ENAMETOOLONG;
    unlinkat(directory, temporary, 0); /* left by a process of the same pid that died here */
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    error = write_all(fd, text->data, text->len);
    if (!error && fsync(fd))
        error = errno;
    if (close(fd) && !error)
        error = errno;
    if (!error && renameat(directory, temporary, directory, base))
        error = errno;
    if (error)
        unlinkat(directory, temporary, 0);
    return error ? error : sync_directory(directory);
}

int
saved_file_write(const char *file, const struct buffer *text, struct report *report)
{
    int directory, error;

    if (!strcmp(file, "-")) {
        error = write_all(STDOUT_FILENO, text->data, text->len);
        return error ? fail(report, "written", "standard output", error) : 0;
    }
    directory = open_directory(file);
    if (directory < 0)
        return fail(report, "written", file, errno);
    error = *base_of(file) ? replace(directory, base_of(file), text) : EISDIR;
    close(directory);
    return error ? fail(report, "written", file, error) : 0;
}

static int
read_all(int fd, struct buffer *out)
{
    for (;;) {
        ssize_t n;
        if (buffer_reserve(out, 65536))
            return ENOMEM;
        n = read(fd, out->data + out->len, out->capacity - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : 0;
        out->len += (size_t)n;
        if (out->len > FILE_MOST_BYTES)
            return EFBIG;
    }
}

int
saved_file_read(const char *file, struct buffer *out, struct report *report)
{
    struct stat status;
    int fd, error = 0;

    if (!strcmp(file, "-")) {
        error = read_all(STDIN_FILENO, out);
        return error ? fail(report, "read", "standard input", error) : 0;
    }
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail(report, "read", file, errno);
    if (fstat(fd, &status))
        error = errno;
    if (!error && !S_ISREG(status.st_mode)) {
        close(fd);
        return report_fail(report, -EINVAL, "%s is no regular file", file);
    }
    error = error ? error : read_all(fd, out);
    close(fd);
    return error ? fail(report, "read", file, error) : 0;
}

int
saved_file_remove(const char *file, struct report *report)
{
    int directory = open_directory(file), error;

    if (directory < 0)
        return fail(report, "removed", file, errno);
    error = unlinkat(directory, base_of(file), 0) ? errno : sync_directory(directory);
    close(directory);
    return error ? fail(report, "removed", file, error) : 0;
}
