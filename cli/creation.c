/* For commands that create a segment: reads their common options, and reports the result. */
#include "cli/creation.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"
#include "read/file/reader.h"
#include "shm/segment/segment.h"

static int
take_mode(const struct arguments *given, struct shmeter_options *out)
{
    const char *text = arguments_value(given, "mode");
    char *end;
    unsigned long mode;

    if (!text)
        return 0;
    mode = strtoul(text, &end, 8);
    if (end == text || *end || (mode != 0600 && mode != 0640 && mode != 0660))
        return arguments_wrong(given->command, "--mode=%s: it is 0600, 0640 or 0660", text);
    out->mode = (uint32_t)mode;
    return 0;
}

static int
take_group(const struct arguments *given, struct shmeter_options *out)
{
    const char *text = arguments_value(given, "group");
    const struct group *group;
    char *end;
    unsigned long number;

    out->group = -1;
    if (!text)
        return 0;
    if (!out->mode)
        out->mode = 0640;
    number = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && number < UINT32_MAX) {
        out->group = (int64_t)number;
    } else {
        group = getgrnam(text);
        if (!group)
            return arguments_wrong(given->command, "--group=%s: there is no such group: give the name or number of one",
                                   text);
        out->group = group->gr_gid;
    }
    if (out->group == 0 && getegid() != 0) /* 0 in the options means: do not change */
        return arguments_wrong(given->command, "--group=%s: only a process of that group can give it: run as root",
                               text);
    return 0;
}

static int
take_number(const struct arguments *given, const char *option, uint64_t most, uint32_t *out)
{
    uint64_t number = *out;
    int result = arguments_number(given, option, 0, 1, most, &number);

    *out = (uint32_t)number;
    return result;
}

static int
take_sizes(const struct arguments *given, struct shmeter_options *out)
{
    uint64_t ring = 0;
    int result = arguments_number(given, "lane-bytes", 1, UINT64_C(1) << SHMETER_MIN_LANE_SHIFT,
                                  UINT64_C(1) << SHMETER_MAX_LANE_SHIFT, &out->lane_bytes);

    if (!result)
        result = take_number(given, "max-series", SHMETER_MAX_SERIES, &out->max_series);
    if (!result)
        result = take_number(given, "max-family-series", SHMETER_MAX_SERIES, &out->max_family_series);
    if (!result)
        result = take_number(given, "max-slots", SHMETER_MAX_SLOTS, &out->max_slots);
    if (!result)
        result = take_number(given, "max-gauges", SHMETER_MAX_GAUGES, &out->max_gauges);
    if (!result)
        result = arguments_number(given, "ring-bytes", 1, SHMETER_PAGE, 1u << 30, &ring);
    if (!result)
        result = take_number(given, "cpu-lanes", SHMETER_MAX_CPU_LANES, &out->cpu_lanes);
    if (!result)
        result = take_number(given, "shared-lanes", SHMETER_MAX_SHARED_LANES, &out->shared_lanes);
    out->ring_bytes = (uint32_t)ring;
    if (!result && (out->shared_lanes & (out->shared_lanes - 1)))
        result = arguments_wrong(given->command, "--shared-lanes=%u: it is 1, 2, 4 or 8", out->shared_lanes);
    return result;
}

/* Reports in one sentence what the path has already. */
static void
say_taken(const char *name, const char *path)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;

    if (!shmeter_reader_open(&reader, path, NULL, &error))
        say_error("segment %s exists already (%s): use it, or remove it first with: shmeter rm %s", name, path, name);
    else
        say_error("%s is taken by what is no usable segment: %s", path, error.text);
    shmeter_reader_close(reader);
}

static void
say_failed(const char *path, int result, const char *why)
{
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash - path) : 0;

    switch (-result) {
    case ENOSPC:
        say_error("%s cannot be created: the filesystem %.*s is full: make room, or choose smaller sizes", path,
                  directory, path);
        break;
    case EFBIG:
        say_error(
            "%s cannot be created: it would be larger than a file may be here: choose smaller sizes, or raise the "
            "limit (ulimit -f)",
            path);
        break;
    case ENOENT:
    case ENOTDIR:
        say_error("%s cannot be created: there is no directory %.*s: make it, or choose another path", path, directory,
                  path);
        break;
    case EACCES:
    case EROFS:
        say_error("%s cannot be created: user %u may not write to %.*s: choose another path, or run as another user",
                  path, (unsigned)geteuid(), directory, path);
        break;
    case EPERM:
        say_error("%s cannot be created with this group or mode: give a group that user %u is in, or run as root", path,
                  (unsigned)geteuid());
        break;
    default:
        say_error("%s cannot be created: %s", path, why && *why ? why : strerror(-result));
    }
}

static void
say_created(const char *name, const char *path)
{
    char size[32], used[32];
    struct stat file;

    if (stat(path, &file))
        return;
    say("created %s: %s, %s when full, %s in use", name, path, say_size(size, (uint64_t)file.st_size),
        say_size(used, (uint64_t)file.st_blocks * 512));
}

int
creation_take(const struct arguments *given, struct shmeter_options *out)
{
    int result = take_mode(given, out);

    if (!result)
        result = take_group(given, out);
    return result ? result : take_sizes(given, out);
}

int
creation_path(const char *name, char *path)
{
    if (!shmeter_segment_path(name, path))
        return 0;
    say_error("'%s' cannot name a segment: use at most 64 letters, digits and _ . -, or a path of at most 255 bytes "
              "with a /",
              name);
    return EXIT_FAILED;
}

int
creation_done(const char *name, const char *path, int result, const char *why)
{
    if (!result)
        say_created(name, path);
    else if (result == -EEXIST)
        say_taken(name, path);
    else
        say_failed(path, result, why);
    return result ? EXIT_FAILED : EXIT_GOOD;
}
