/*
 * Files of saved segments, for load and create.
 */
#ifndef SHMETER_CLI_SAVED_H
#define SHMETER_CLI_SAVED_H

#include "cli/arguments.h"

struct shmeter_options;

#define SAVED_REMOVE_OPTION                                                                                        \
    {                                                                                                              \
        "remove", NULL, "remove FILE when the segment has what it has: a\nlater load would bring old numbers back" \
    }

int saved_segment_exists(const char *path);

/* Whether FILE exists, or may exist because it cannot be examined. "-" exists. */
int saved_file_exists(const char *file);

/* Makes the segment from the file, and reports the result. Returns the exit code. */
int saved_create(const struct arguments *given, const char *name, const char *path, const char *file,
                 const struct shmeter_options *sizes);

/*
 * For a segment that exists, and stays as it is. With --remove, a file (NULL none) that was saved from this very
 * segment is removed, because the segment has higher values by now. Returns the exit code.
 */
int saved_keep(const struct arguments *given, const char *path, const char *file);

#endif
