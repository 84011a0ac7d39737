/* Finds segments by name or pattern. Files are found by their names alone, and not opened. */
#include "read/file/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
    char **names;
    uint32_t n, capacity;
};

static int
list_add(struct list *list, const char *name, size_t bytes)
{
    char *copy;

    if (list->n == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 16;
        char **names = realloc(list->names, capacity * sizeof *names);
        if (!names)
            return -ENOMEM;
        list->names = names;
        list->capacity = capacity;
    }
    copy = strndup(name, bytes);
    if (!copy)
        return -ENOMEM;
    list->names[list->n++] = copy;
    return 0;
}

int
shmeter_reader_is_pattern(const char *name)
{
    return strpbrk(name, "*?[") != NULL;
}

/* The NAME in "shmeter.NAME.v1". Returns its length, 0 when file is named otherwise. */
static size_t
name_in(const char *file, const char **name)
{
    char path[SHMETER_READER_PATH_BYTES], end[16];
    size_t bytes = strlen(file), end_bytes = (size_t)snprintf(end, sizeof end, ".v%u", SHMETER_ABI_MAJOR);
    char *copy;
    int usable;

    if (strncmp(file, "shmeter.", 8) || bytes <= 8 + end_bytes || strcmp(file + bytes - end_bytes, end))
        return 0;
    copy = strndup(file + 8, bytes - 8 - end_bytes);
    usable = copy && shmeter_reader_path(copy, path, sizeof path) == 0;
    free(copy);
    *name = file + 8;
    return usable ? bytes - 8 - end_bytes : 0;
}

static int
list_names(struct list *list, const char *pattern)
{
    DIR *directory = opendir("/dev/shm");
    struct dirent *entry;
    const char *name;
    size_t bytes;
    int result = 0;

    if (!directory)
        return 0;
    while (!result && (entry = readdir(directory))) {
        char copy[sizeof entry->d_name];
        bytes = name_in(entry->d_name, &name);
        if (!bytes)
            continue;
        memcpy(copy, name, bytes);
        copy[bytes] = 0;
        if (!pattern || fnmatch(pattern, copy, 0) == 0)
            result = list_add(list, copy, bytes);
    }
    closedir(directory);
    return result;
}

static int
list_paths(struct list *list, const char *pattern)
{
    glob_t found;
    size_t i;
    int result = glob(pattern, GLOB_NOSORT, NULL, &found);

    if (result)
        return result == GLOB_NOSPACE ? -ENOMEM : 0;
    for (i = 0; i < found.gl_pathc && !result; i++)
        result = list_add(list, found.gl_pathv[i], strlen(found.gl_pathv[i]));
    globfree(&found);
    return result;
}

static int
list_one(struct list *list, const char *pattern)
{
    if (!shmeter_reader_is_pattern(pattern))
        return list_add(list, pattern, strlen(pattern));
    return strchr(pattern, '/') ? list_paths(list, pattern) : list_names(list, pattern);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_sort(struct list *list)
{
    uint32_t i, kept = 0;

    if (list->n)
        qsort(list->names, list->n, sizeof *list->names, by_name);
    for (i = 0; i < list->n; i++)
        if (kept && !strcmp(list->names[kept - 1], list->names[i]))
            free(list->names[i]);
        else
            list->names[kept++] = list->names[i];
    list->n = kept;
}

int
shmeter_reader_list(struct shmeter_reader_names *out, const char *const *patterns, uint32_t patterns_n)
{
    struct list list = { NULL, 0, 0 };
    uint32_t i;
    int result = patterns ? 0 : list_names(&list, NULL);

    for (i = 0; patterns && i < patterns_n && !result; i++)
        result = list_one(&list, patterns[i]);
    list_sort(&list);
    out->names = list.names;
    out->names_n = list.n;
    if (result)
        shmeter_reader_list_free(out);
    return result;
}

void
shmeter_reader_list_free(struct shmeter_reader_names *names)
{
    uint32_t i;

    for (i = 0; i < names->names_n; i++)
        free(names->names[i]);
    free(names->names);
    names->names = NULL;
    names->names_n = 0;
}

int
shmeter_reader_lists(const char *pattern, const char *name)
{
    const int path = strchr(pattern, '/') != NULL;

    if (!shmeter_reader_is_pattern(pattern))
        return !strcmp(pattern, name);
    return path == (strchr(name, '/') != NULL) && !fnmatch(pattern, name, path ? FNM_PATHNAME | FNM_PERIOD : 0);
}
