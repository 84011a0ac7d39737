/*
 * Values of a YAML tree as what a setting wants: text, numbers, durations, maps of known keys.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/settings/yaml.h"

/* A plain or quoted scalar that is not empty. */
static int
scalar(struct yaml *yaml, const char *key, const struct yaml_value *value)
{
    if (value->kind != YAML_SCALAR)
        return yaml_fail(yaml, value, "%s wants one value, not a %s", key, value->kind == YAML_LIST ? "list" : "map");
    if (!*value->text && !value->is_quoted)
        return yaml_fail(yaml, value, "%s has no value", key);
    return 0;
}

int
yaml_string(struct yaml *yaml, const char *key, const struct yaml_value *value, const char **out)
{
    int result = scalar(yaml, key, value);

    if (!result)
        *out = value->text;
    return result;
}

int
yaml_bool(struct yaml *yaml, const char *key, const struct yaml_value *value, int *out)
{
    if (scalar(yaml, key, value))
        return -EINVAL;
    if (value->is_quoted || (strcmp(value->text, "true") && strcmp(value->text, "false")))
        return yaml_fail(yaml, value, "%s is true or false", key);
    *out = value->text[0] == 't';
    return 0;
}

int
yaml_number(struct yaml *yaml, const char *key, const struct yaml_value *value, double least, double most, double *out)
{
    char *end;

    if (scalar(yaml, key, value))
        return -EINVAL;
    *out = strtod(value->text, &end);
    if (value->is_quoted || end == value->text || *end || !isfinite(*out) || strpbrk(value->text, "xX \t\n"))
        return yaml_fail(yaml, value, "%s wants a number", key);
    if (*out < least || *out > most)
        return yaml_fail(yaml, value, "%s must be from %g to %g", key, least, most);
    return 0;
}

int
yaml_integer(struct yaml *yaml, const char *key, const struct yaml_value *value, int64_t least, int64_t most,
             int64_t *out)
{
    long long number;
    char *end;

    if (scalar(yaml, key, value))
        return -EINVAL;
    errno = 0;
    number = strtoll(value->text, &end, 10);
    if (value->is_quoted || end == value->text || *end || strpbrk(value->text, " \t\n+"))
        return yaml_fail(yaml, value, "%s wants a whole number", key);
    if (errno || number < least || number > most)
        return yaml_fail(yaml, value, "%s must be from %lld to %lld", key, (long long)least, (long long)most);
    *out = number;
    return 0;
}

/* ---- durations (prometheus.io/docs/prometheus/latest/configuration/configuration, <duration>) ---- */

static const struct {
    const char *word;
    double seconds;
} units[] = { { "y", 31536000 }, { "w", 604800 }, { "d", 86400 }, { "h", 3600 },
              { "m", 60 },       { "s", 1 },      { "ms", 0.001 } };
#define UNITS_N (sizeof units / sizeof *units)

/* Each unit at most once, the larger before the smaller. Negative: no duration. */
static double
duration_of(const char *text)
{
    size_t next = 0, digits, letters, i;
    double seconds = 0;

    if (!strcmp(text, "0"))
        return 0;
    do {
        digits = strspn(text, "0123456789");
        letters = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz");
        for (i = next; i < UNITS_N; i++)
            if (strlen(units[i].word) == letters && !strncmp(units[i].word, text + digits, letters))
                break;
        if (!digits || digits > 12 || i == UNITS_N)
            return -1;
        seconds += strtod(text, NULL) * units[i].seconds;
        next = i + 1;
        text += digits + letters;
    } while (*text);
    return seconds;
}

int
yaml_duration(struct yaml *yaml, const char *key, const struct yaml_value *value, double least, double most,
              double *out)
{
    if (scalar(yaml, key, value))
        return -EINVAL;
    *out = duration_of(value->text);
    if (*out < 0)
        return yaml_fail(yaml, value, "%s wants a duration such as 30s, 5m or 1h30m", key);
    if (*out < least || *out > most)
        return yaml_fail(yaml, value, "%s must be from %gs to %gs", key, least, most);
    return 0;
}

/* ---- maps and lists ---- */

/* Letters to be added, left out, changed or swapped with the next one. Long words are as far apart as can be. */
static uint32_t
distance(const char *a, const char *b)
{
    enum { MOST = 40 };
    uint32_t rows[3][MOST + 1], i, k, a_len = (uint32_t)strlen(a), b_len = (uint32_t)strlen(b);

    if (a_len > MOST || b_len > MOST)
        return MOST;
    for (k = 0; k <= b_len; k++)
        rows[0][k] = k;
    for (i = 1; i <= a_len; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (k = 1; k <= b_len; k++) {
            uint32_t best = above[k - 1] + (a[i - 1] != b[k - 1]);
            if (above[k] + 1 < best)
                best = above[k] + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && before[k - 2] + 1 < best)
                best = before[k - 2] + 1;
            row[k] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

static int
fail_unknown(struct yaml *yaml, const char *key, const struct yaml_value *value, uint32_t at,
             const struct yaml_field *fields, uint32_t fields_n)
{
    const struct yaml_value place = { .line = value->key_lines[at] };
    const char *word = value->keys[at];
    char known[256] = "";
    uint32_t i, nearest = 0, len = 0;

    for (i = 1; i < fields_n; i++)
        if (distance(word, fields[i].key) < distance(word, fields[nearest].key))
            nearest = i;
    if (distance(word, fields[nearest].key) <= 1 + strlen(fields[nearest].key) / 4)
        return yaml_fail(yaml, &place, "unknown key '%s' in %s; did you mean '%s'?", word, key, fields[nearest].key);
    for (i = 0; i < fields_n && len + strlen(fields[i].key) + 3 < sizeof known; i++) {
        memcpy(known + len, i ? ", " : "", i ? 2 : 0);
        len += i ? 2 : 0;
        memcpy(known + len, fields[i].key, strlen(fields[i].key) + 1);
        len += (uint32_t)strlen(fields[i].key);
    }
    return yaml_fail(yaml, &place, "unknown key '%s' in %s, which knows: %s", word, key, known);
}

int
yaml_map(struct yaml *yaml, const char *key, const struct yaml_value *value, const struct yaml_field *fields,
         uint32_t fields_n, void *into)
{
    uint32_t i, k;
    int result;

    if (value->kind != YAML_MAP)
        return yaml_fail(yaml, value, "%s wants keys with values (key: value)", key);
    for (i = 0; i < value->n; i++) {
        for (k = 0; k < fields_n && strcmp(fields[k].key, value->keys[i]); k++)
            ;
        result = k == fields_n ? fail_unknown(yaml, key, value, i, fields, fields_n)
                               : fields[k].take(yaml, value->keys[i], &value->items[i], into);
        if (result)
            return result;
    }
    for (k = 0; k < fields_n; k++) {
        for (i = 0; i < value->n && strcmp(fields[k].key, value->keys[i]); i++)
            ;
        if (fields[k].is_required && i == value->n)
            return yaml_fail(yaml, value, "%s lacks the key '%s'", key, fields[k].key);
    }
    return 0;
}

int
yaml_list(struct yaml *yaml, const char *key, const struct yaml_value *value,
          int (*take)(struct yaml *yaml, const char *key, const struct yaml_value *item, void *into), void *into)
{
    uint32_t i;
    int result = 0;

    if (value->kind != YAML_LIST)
        return yaml_fail(yaml, value, "%s wants a list (lines that begin with - )", key);
    for (i = 0; i < value->n && !result; i++)
        result = take(yaml, key, &value->items[i], into);
    return result;
}
