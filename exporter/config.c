/*
 * YAML without content: blank lines, comments and document markers.
 */
#include "exporter/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
    int begins = 1;

    while (fgets(line, sizeof line, file)) {
        if (begins && !line_is_empty(line)) {
            snprintf(error, error_bytes, "%s:%u: %s are not available in this version; remove the line, or the option",
                     path, number, what);
            return -EINVAL;
        }
        number += strchr(line, '\n') != NULL;
        begins = strchr(line, '\n') || !strchr(line, '#'); /* the rest of a long comment is comment */
    }
    if (!ferror(file))
        return 0;
    snprintf(error, error_bytes, "%s cannot be read: %s; correct the option or the file", path, strerror(errno));
    return -EIO;
}

int
config_check(const char *path, const char *what, char *error, size_t error_bytes)
{
    struct stat about;
    FILE *file;
    int result;

    /* Looked at first: opening a FIFO would wait for its writer. */
    if (stat(path, &about) || (!S_ISREG(about.st_mode) && (errno = S_ISDIR(about.st_mode) ? EISDIR : EINVAL)) ||
        !(file = fopen(path, "re"))) {
        result = -errno;
        snprintf(error, error_bytes, "%s cannot be read: %s; correct the option or the file's permissions", path,
                 strerror(errno));
        return result;
    }
    result = check_lines(file, path, what, error, error_bytes);
    fclose(file);
    return result;
}
