#include "cli/doctor/logind.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PATH_BYTES     1024u
#define SYSTEM_UID_MAX 999u

static const char *const folders[] = { "/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd",
                                       "/lib/systemd" };
#define FOLDERS_N (sizeof folders / sizeof *folders)

struct setting {
    enum logind_removal removal;
    char *where;
    size_t where_bytes;
};

static int
is_yes(const char *value)
{
    return !strcasecmp(value, "yes") || !strcasecmp(value, "true") || !strcasecmp(value, "on") ||
           !strcasecmp(value, "y") || !strcasecmp(value, "t") || !strcmp(value, "1");
}

static int
is_no(const char *value)
{
    return !strcasecmp(value, "no") || !strcasecmp(value, "false") || !strcasecmp(value, "off") ||
           !strcasecmp(value, "n") || !strcasecmp(value, "f") || !strcmp(value, "0");
}

/* Removes blanks at both ends. */
static char *
trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text))
        text++;
    len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = 0;
    return text;
}

static void
read_line(char *line, int *in_login, const char *path, struct setting *setting)
{
    char *key = trim(line), *value;

    if (*key == '[') {
        *in_login = !strcmp(key, "[Login]");
        return;
    }
    value = strchr(key, '=');
    if (!*in_login || !value || *key == '#' || *key == ';')
        return;
    *value++ = 0;
    value = trim(value);
    if (strcmp(trim(key), "RemoveIPC") || (*value && !is_yes(value) && !is_no(value)))
        return; /* systemd ignores values that it cannot parse; an empty value restores the default */
    setting->removal = is_no(value) ? LOGIND_KEEPS : LOGIND_REMOVES;
    snprintf(setting->where, setting->where_bytes, "%s", path);
}

/* Reads the setting from a file. Returns 1 when the file exists. */
static int
read_file(const char *path, struct setting *setting)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t bytes = 0;
    int in_login = 0;

    if (!file)
        return 0;
    while (getline(&line, &bytes, file) >= 0)
        read_line(line, &in_login, path, setting);
    free(line);
    fclose(file);
    return 1;
}

static const char *
base_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Drop-ins are sorted by file name; those of the same name stay in glob's order: earlier folders first. */
struct drop_in {
    const char *path;
    size_t order;
};

static int
by_base(const void *a, const void *b)
{
    const struct drop_in *one = a, *other = b;
    int order = strcmp(base_of(one->path), base_of(other->path));

    return order ? order : one->order < other->order ? -1 : one->order > other->order;
}

static void
read_drop_ins(const char *root, struct setting *setting)
{
    struct drop_in *all;
    char pattern[PATH_BYTES];
    glob_t found;
    size_t i;
    int flags = GLOB_NOSORT;

    memset(&found, 0, sizeof found);
    for (i = 0; i < FOLDERS_N; i++) {
        snprintf(pattern, sizeof pattern, "%s%s/logind.conf.d/*.conf", root, folders[i]);
        glob(pattern, flags, NULL, &found);
        flags |= GLOB_APPEND;
    }
    all = calloc(found.gl_pathc + 1, sizeof *all);
    for (i = 0; all && i < found.gl_pathc; i++)
        all[i] = (struct drop_in){ found.gl_pathv[i], i };
    if (all)
        qsort(all, found.gl_pathc, sizeof *all, by_base);
    for (i = 0; all && i < found.gl_pathc; i++)
        if (!i || strcmp(base_of(all[i - 1].path), base_of(all[i].path)))
            read_file(all[i].path, setting);
    free(all);
    globfree(&found);
}

/* systemd being installed is not enough: it has to run the machine, as sd_booted(3) finds out. */
static int
is_there(const char *root)
{
    char path[PATH_BYTES];
    size_t i;

    snprintf(path, sizeof path, "%s/run/systemd/system", root);
    if (access(path, F_OK))
        return 0;

    for (i = 0; i < FOLDERS_N; i++) {
        snprintf(path, sizeof path, "%s%s/systemd-logind", root, folders[i]);
        if (access(path, F_OK) == 0)
            return 1;
    }
    return 0;
}

enum logind_removal
logind_removal(const char *root, char *where, size_t where_bytes)
{
    struct setting setting = { LOGIND_REMOVES, where, where_bytes };
    char path[PATH_BYTES];
    size_t i;

    if (!is_there(root))
        return LOGIND_ABSENT;
    snprintf(where, where_bytes, "the default");
    for (i = 0; i < FOLDERS_N; i++) {
        snprintf(path, sizeof path, "%s%s/logind.conf", root, folders[i]);
        if (read_file(path, &setting))
            break;
    }
    read_drop_ins(root, &setting);
    return setting.removal;
}

int
logind_spares(uint32_t uid)
{
    return uid <= SYSTEM_UID_MAX;
}
