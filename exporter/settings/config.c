/*
 * YAML without content: blank lines, comments and document markers.
 */
#include "exporter/settings/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
say_unreadable(const char *path, char *error, size_t error_bytes)
{
    snprintf(error, error_bytes, "%s cannot be read: %s; correct the option or the file's permissions", path,
             strerror(errno));
}

static int
line_is_empty(const char *line)
{
    line += strspn(line, " \t\r\n");
    return !*line || *line == '#' || !strcmp(line, "---\n") || !strcmp(line, "---");
}

static int
check_lines(FILE *file, const char *path, const char *what, char *error, size_t error_bytes)
{
    char line[1024];
    unsigned number = 1;
    int in_comment = 0, ended;

    while (fgets(line, sizeof line, file)) {
        if (!in_comment && !line_is_empty(line)) {
            snprintf(error, error_bytes, "%s:%u: %s are not available in this version; remove the line, or the option",
                     path, number, what);
            return -EINVAL;
        }
        ended = strchr(line, '\n') != NULL;
        in_comment = !ended && (in_comment || strchr(line, '#'));
        number += (unsigned)ended;
    }
    if (!ferror(file))
        return 0;
    say_unreadable(path, error, error_bytes);
    return -EIO;
}

int
config_check(const char *path, const char *what, char *error, size_t error_bytes)
{
    /* NONBLOCK: a FIFO that nobody writes must not stop us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), result;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

    if (!file) {
        result = -errno;
        say_unreadable(path, error, error_bytes);
        if (fd >= 0)
            close(fd);
        return result;
    }
    fcntl(fd, F_SETFL, 0);
    result = check_lines(file, path, what, error, error_bytes);
    fclose(file);
    return result;
}
