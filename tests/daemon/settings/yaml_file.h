/*
 * A YAML file in a folder of its own, for tests of what reads one: its path, and the sentence of the last reading.
 */
#ifndef SHMETER_TESTS_DAEMON_SETTINGS_YAML_FILE_H
#define SHMETER_TESTS_DAEMON_SETTINGS_YAML_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/settings/yaml.h"

static char yaml_folder[] = "/dev/shm/shmeter-yaml-XXXXXX";
static char yaml_path[64];
static struct report report;

static inline void
write_file(const char *text, size_t len)
{
    FILE *file = fopen(yaml_path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static inline int
read_path(struct yaml *yaml, const char *path)
{
    report = (struct report){ 0 };
    return yaml_open(yaml, path, &report);
}

static inline int
read_text(struct yaml *yaml, const char *text)
{
    write_file(text, strlen(text));
    return read_path(yaml, yaml_path);
}

/* The sentence is "FILE:LINE: " and has the words in it. */
static inline void
check_sentence(uint32_t line, const char *words)
{
    char begin[96];

    snprintf(begin, sizeof begin, "%s:%u: ", yaml_path, line);
    if (strncmp(report.text, begin, strlen(begin)) != 0 || !strstr(report.text, words))
        fail_msg("'%s' is not '%s...%s'", report.text, begin, words);
    assert_null(strchr(report.text, '\n'));
}

static inline const struct yaml_value *
item(const struct yaml_value *map, const char *key)
{
    uint32_t i;

    assert_int_equal(map->kind, YAML_MAP);
    for (i = 0; i < map->n; i++)
        if (!strcmp(map->keys[i], key))
            return &map->items[i];
    fail_msg("no key %s", key);
    return NULL;
}

static inline int
yaml_file_set_up(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8") || !mkdtemp(yaml_folder))
        return -1;
    snprintf(yaml_path, sizeof yaml_path, "%s/file.yml", yaml_folder);
    return 0;
}

static inline int
yaml_file_tear_down(void **state)
{
    (void)state;
    unlink(yaml_path);
    return rmdir(yaml_folder);
}

#endif
