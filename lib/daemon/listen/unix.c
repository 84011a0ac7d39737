/*
 * Unix sockets to listen on. The path may be in use by a running process, or left over by one that has ended.
 */
#include "daemon/listen/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024
#define LOCK_TRIES     100 /* of 10 ms */

static const struct sockaddr *
address_of(const char *path, struct sockaddr_un *out)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, strlen(path));
    return (const struct sockaddr *)out;
}

/*
 * Locks the socket's folder, so that no two processes replace the same abandoned socket file. Returns the descriptor or
 * -errno; -EWOULDBLOCK when another process holds the lock for long.
 */
static int
folder_lock(const char *path)
{
    char copy[LISTEN_TEXT_BYTES];
    int fd, i, result;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
        if (errno != EWOULDBLOCK || i == LOCK_TRIES) {
            result = -errno;
            close(fd);
            return result;
        }
        poll(NULL, 0, 10);
    }
    return fd;
}

/*
 * Whether a socket file is abandoned. 0: no process listens on it; -EADDRINUSE: a process does; -EEXIST: the file is
 * not a socket of this kind.
 */
static int
path_is_dead(const char *path, const struct sockaddr *address, socklen_t bytes)
{
    struct stat status;
    int fd, result;

    if (lstat(path, &status))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    result = connect(fd, address, bytes) ? errno : 0;
    close(fd);
    if (result == ECONNREFUSED || result == ENOENT)
        return 0;
    return result == EPROTOTYPE ? -EEXIST : result == EACCES || result == EPERM ? -EACCES : -EADDRINUSE;
}

static int
bind_mode(int fd, const struct sockaddr *address, socklen_t bytes, mode_t mode)
{
    mode_t former = umask(0777 & ~mode);
    int result = bind(fd, address, bytes) ? -errno : 0;

    umask(former);
    return result;
}

/* Binds, or replaces an abandoned socket file. The folder is locked. */
static int
bind_or_replace(int fd, const char *path, mode_t mode)
{
    struct sockaddr_un name;
    const struct sockaddr *address = address_of(path, &name);
    int result = bind_mode(fd, address, sizeof name, mode);

    if (result != -EADDRINUSE)
        return result;
    result = path_is_dead(path, address, sizeof name);
    if (!result && unlink(path) && errno != ENOENT)
        result = -errno;
    return result ? result : bind_mode(fd, address, sizeof name, mode);
}

static void
explain(const struct listen_address *address, int result, struct report *report)
{
    const char *advice;

    switch (result) {
    case -EADDRINUSE:
        advice = "another program listens there; stop that program, or choose another path";
        break;
    case -EEXIST:
        advice = "there is something else than a socket of this kind; remove it, or choose another path";
        break;
    case -ENOENT:
    case -ENOTDIR:
        advice = "its folder does not exist; create it, or choose another path";
        break;
    case -EACCES:
    case -EPERM:
        advice = "this user may not create a socket there; choose another path, or give this user the folder";
        break;
    case -EWOULDBLOCK:
        advice = "another program keeps the folder locked; try again, or choose a folder of its own for the socket";
        break;
    default:
        advice = strerror(-result);
    }
    report_fail(report, result, "cannot listen on %s: %s", address->text, advice);
}

int
listen_open_unix(const struct listen_address *address, mode_t mode, struct listen_socket *out, struct report *report)
{
    struct stat status;
    int lock = folder_lock(address->host), result = lock < 0 ? lock : 0, fd = -1;

    memset(out, 0, sizeof *out);
    if (!result && (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
        result = -errno;
    if (!result)
        result = bind_or_replace(fd, address->host, mode);
    if (!result && (lstat(address->host, &status) || listen(fd, LISTEN_BACKLOG)))
        result = -errno;
    if (lock >= 0)
        close(lock);
    if (!result) {
        *out = (struct listen_socket){ fd, address->host, status.st_dev, status.st_ino };
        return 0;
    }
    if (fd >= 0)
        close(fd);
    explain(address, result, report);
    return result;
}

void
listen_remove(struct listen_sockets *sockets)
{
    struct stat status;
    uint32_t i;

    for (i = 0; i < sockets->n; i++) {
        const struct listen_socket *socket = &sockets->all[i];
        if (socket->path && !lstat(socket->path, &status) && status.st_dev == socket->device &&
            status.st_ino == socket->inode)
            unlink(socket->path);
        sockets->all[i].path = NULL;
    }
}

void
listen_close(struct listen_sockets *sockets)
{
    listen_remove(sockets);
    while (sockets->n)
        close(sockets->all[--sockets->n].fd);
}
