/*
 * A YAML file as a tree of values. Each value has its line, for the sentence that reports a mistake: "FILE:LINE: what
 * is wrong". Read by libyaml; anchors, aliases, tags, merge keys, keys that are given twice and a second document are
 * refused. It knows no settings. Single-threaded.
 */
#ifndef SHMETER_DAEMON_SETTINGS_YAML_H
#define SHMETER_DAEMON_SETTINGS_YAML_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

#define YAML_FILE_BYTES  (1u << 20) /* a longer file is refused */
#define YAML_DEPTH       16u        /* nested lists and maps; deeper ones are refused */
#define YAML_SHOWN_BYTES 80u        /* at most so much of a value is shown in a sentence */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_value {
    enum yaml_kind kind;
    uint32_t line;           /* from 1 */
    uint32_t is_quoted;      /* scalars: 1: "5" or '5', which is not a number */
    uint32_t n;              /* items of a list or a map */
    const char *text;        /* scalars; "" for an empty value and for a plain ~ or null. UTF-8 without NUL */
    const char *const *keys; /* maps: n of them */
    const uint32_t *key_lines;
    const struct yaml_value *items; /* lists and maps: n of them */
};

struct yaml {
    const char *path;
    const struct yaml_value *root; /* NULL: the file holds nothing but comments */
    struct report *report;         /* the caller's; gets the first sentence */
};

/*
 * Reads a file, regular or a device that ends (/dev/null). Returns 0, or -errno (-EINVAL: no YAML; -EFBIG; -ENOMEM)
 * with one sentence in report, which was empty. The tree is valid until yaml_close(), and report is used until then.
 * After an error there is nothing to close.
 */
int yaml_open(struct yaml *yaml, const char *path, struct report *report);
void yaml_close(struct yaml *yaml);

/*
 * Writes "FILE:LINE: sentence" into the report, unless it has a sentence. It is always one line, whatever the arguments
 * have. Returns -EINVAL. value NULL: without a line. Pass values through yaml_shown().
 */
int yaml_fail(struct yaml *yaml, const struct yaml_value *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int yaml_fail_line(struct yaml *yaml, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * A scalar for a sentence, in quotes and cut short. Values of keys with password, secret, hash or auth in their names
 * are not shown.
 */
const char *yaml_shown(const char *key, const struct yaml_value *value, char out[YAML_SHOWN_BYTES]);

/* ---- typed values: 0, or -EINVAL with a sentence; key is for the sentence ---- */

int yaml_string(struct yaml *yaml, const char *key, const struct yaml_value *value, const char **out);
int yaml_bool(struct yaml *yaml, const char *key, const struct yaml_value *value, int *out); /* true, false */
int yaml_number(struct yaml *yaml, const char *key, const struct yaml_value *value, double least, double most,
                double *out);
int yaml_integer(struct yaml *yaml, const char *key, const struct yaml_value *value, int64_t least, int64_t most,
                 int64_t *out);

/* In seconds. Durations as in Prometheus' configuration (<duration>): 500ms, 30s, 5m, 1h30m, 1d; and a bare 0. */
int yaml_duration(struct yaml *yaml, const char *key, const struct yaml_value *value, double least, double most,
                  double *out);

/* ---- maps: a table of the keys that a map may have ---- */

struct yaml_field {
    const char *key;
    /* Takes the value into the caller's struct. Returns 0; -EINVAL after yaml_fail(); or -ENOMEM. */
    int (*take)(struct yaml *yaml, const char *key, const struct yaml_value *value, void *into);
    uint32_t is_required;
};

/*
 * Takes a map, by the table of its keys. Refuses other values, unknown keys (the sentence names the similar key, or all
 * known ones) and missing required keys. An empty value is an empty map. key NULL: the whole file.
 */
int yaml_map(struct yaml *yaml, const char *key, const struct yaml_value *value, const struct yaml_field *fields,
             uint32_t fields_n, void *into);

/* Calls take for each item of a list. An empty value is an empty list. */
int yaml_list(struct yaml *yaml, const char *key, const struct yaml_value *value,
              int (*take)(struct yaml *yaml, const char *key, const struct yaml_value *item, void *into), void *into);

#endif
