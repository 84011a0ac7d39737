/*
 * What yaml.c and errors.c share; no other file includes it.
 */
#ifndef SHMETER_DAEMON_SETTINGS_INTERNAL_H
#define SHMETER_DAEMON_SETTINGS_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "daemon/settings/yaml.h"

struct pending;
struct tree;

struct reader {
    struct yaml *yaml;
    struct tree *tree;
    const char *text; /* the whole file */
    size_t len;
    yaml_parser_t parser;
    struct pending *pending; /* values of lists and maps that are not complete yet */
    uint32_t pending_n, pending_max;
    uint32_t depth;
};

uint32_t yaml_line_of(const yaml_mark_t *mark);

/* Reports libyaml's error. Returns -EINVAL or -ENOMEM. */
int yaml_fail_syntax(struct reader *reader);

/* Reports that there is no memory. Returns -ENOMEM. */
int yaml_no_memory(struct yaml *yaml);

#endif
