/*
 * Reads numbers, durations, maps and lists from a tree, and reports values of another kind. Durations are those of
 * Prometheus' configuration (its documentation, "Configuration", <duration>).
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings/yaml.h"

#define WORD_BYTES 40u /* longest key that is compared for similarity */

static int
is_blank(const struct yaml_value *value)
{
    return value->kind == YAML_SCALAR && !value->is_quoted && !*value->text;
}

/* ---- scalars ---- */

/* Reports the kind of value that is there, and the kind that is wanted. */
static int
fail_kind(struct yaml *yaml, const char *key, const struct yaml_value *value, const char *wanted)
{
    char text[YAML_SHOWN_BYTES];

    if (is_blank(value))
        return yaml_fail(yaml, value, "%s has no value; %s is wanted", key, wanted);
    if (value->kind != YAML_SCALAR)
        return yaml_fail(yaml, value, "%s is a %s; %s is wanted", key, value->kind == YAML_LIST ? "list" : "map",
                         wanted);
    return yaml_fail(yaml, value, "%s is %s; %s is wanted%s", key, yaml_shown(key, value, text), wanted,
                     value->is_quoted ? ", without quotes" : "");
}

int
yaml_string(struct yaml *yaml, const char *key, const struct yaml_value *value, const char **out)
{
    if (value->kind != YAML_SCALAR || is_blank(value))
        return fail_kind(yaml, key, value, "a text");
    *out = value->text;
    return 0;
}

int
yaml_bool(struct yaml *yaml, const char *key, const struct yaml_value *value, int *out)
{
    int is_true = value->kind == YAML_SCALAR && !strcmp(value->text, "true");

    if (value->kind != YAML_SCALAR || value->is_quoted || (!is_true && strcmp(value->text, "false") != 0))
        return fail_kind(yaml, key, value, "true or false");
    *out = is_true;
    return 0;
}

/* Parses a decimal number: no hexadecimal, no infinity, no blanks. */
static int
number_parse(const struct yaml_value *value, double *out)
{
    char *end;

    if (value->kind != YAML_SCALAR || value->is_quoted || !*value->text ||
        value->text[strspn(value->text, "0123456789.eE+-")])
        return -EINVAL;
    *out = strtod(value->text, &end);
    return *end || !isfinite(*out) ? -EINVAL : 0;
}

int
yaml_number(struct yaml *yaml, const char *key, const struct yaml_value *value, double least, double most, double *out)
{
    char wanted[96];

    snprintf(wanted, sizeof wanted, "a number from %g to %g", least, most);
    if (number_parse(value, out) || !(*out >= least && *out <= most))
        return fail_kind(yaml, key, value, wanted);
    return 0;
}

int
yaml_integer(struct yaml *yaml, const char *key, const struct yaml_value *value, int64_t least, int64_t most,
             int64_t *out)
{
    const char *digits = value->text;
    char wanted[96], *end;

    snprintf(wanted, sizeof wanted, "a whole number from %lld to %lld", (long long)least, (long long)most);
    if (value->kind != YAML_SCALAR || value->is_quoted)
        return fail_kind(yaml, key, value, wanted);
    digits += *digits == '-';
    /* 010 is ten in some versions of YAML and eight in others. */
    if (!*digits || digits[strspn(digits, "0123456789")] || (digits[0] == '0' && digits[1]))
        return fail_kind(yaml, key, value, wanted);
    errno = 0;
    *out = strtoll(value->text, &end, 10);
    if (errno || *out < least || *out > most)
        return fail_kind(yaml, key, value, wanted);
    return 0;
}

/* ---- durations ---- */

static const struct {
    char name[3];
    uint64_t ms;
} units[] = { { "y", 365 * 86400000ull },
              { "w", 7 * 86400000ull },
              { "d", 86400000 },
              { "h", 3600000 },
              { "m", 60000 },
              { "s", 1000 },
              { "ms", 1 } };
#define UNITS_N (sizeof units / sizeof *units)

/* Parses a duration: each unit at most once, the larger first. Returns 0 or -EINVAL. */
static int
duration_parse(const char *text, double *seconds)
{
    size_t unit = 0, digits, letters;

    *seconds = 0;
    if (!strcmp(text, "0"))
        return 0;
    do {
        digits = strspn(text, "0123456789");
        letters = strspn(text + digits, "ywdhms");
        while (unit < UNITS_N &&
               (strlen(units[unit].name) != letters || strncmp(units[unit].name, text + digits, letters) != 0))
            unit++;
        if (!digits || digits > 12 || unit == UNITS_N)
            return -EINVAL;
        *seconds += strtod(text, NULL) * (double)units[unit++].ms / 1000;
        text += digits + letters;
    } while (*text);
    return 0;
}

/* A duration as text, in the largest unit that divides it. */
static const char *
duration_text(double seconds, char out[32])
{
    uint64_t ms = (uint64_t)(seconds * 1000 + 0.5);
    size_t unit = 2; /* begin with days: weeks and years are unusual */

    while (ms % units[unit].ms)
        unit++;
    snprintf(out, 32, "%llu%s", (unsigned long long)(ms / units[unit].ms), ms ? units[unit].name : "");
    return out;
}

int
yaml_duration(struct yaml *yaml, const char *key, const struct yaml_value *value, double least, double most,
              double *out)
{
    char wanted[128], shown[YAML_SHOWN_BYTES], from[32], to[32];
    size_t digits;

    snprintf(wanted, sizeof wanted, "a duration from %s to %s, such as 500ms, 30s, 5m or 1h30m",
             duration_text(least, from), duration_text(most, to));
    if (value->kind != YAML_SCALAR || !*value->text)
        return fail_kind(yaml, key, value, wanted);
    if (!duration_parse(value->text, out) && *out >= least && *out <= most)
        return 0;
    digits = strspn(value->text, "0123456789.");
    if (digits && !value->text[digits])
        return yaml_fail(yaml, value, "%s is %s, without a unit; %s is wanted", key, yaml_shown(key, value, shown),
                         wanted);
    return yaml_fail(yaml, value, "%s is %s; %s is wanted", key, yaml_shown(key, value, shown), wanted);
}

/* ---- maps and lists ---- */

/*
 * The edit distance of two words: how many letters to insert, drop, replace or swap with their neighbour (optimal
 * string alignment).
 */
static uint32_t
distance(const char *a, const char *b)
{
    uint32_t rows[3][WORD_BYTES + 1], *before = rows[0], *last = rows[1], *row = rows[2], *swap, cost;
    size_t a_n = strlen(a), b_n = strlen(b), i, j;

    if (a_n > WORD_BYTES || b_n > WORD_BYTES)
        return UINT32_MAX;
    for (j = 0; j <= b_n; j++)
        last[j] = (uint32_t)j;
    for (i = 1; i <= a_n; i++) {
        row[0] = (uint32_t)i;
        for (j = 1; j <= b_n; j++) {
            cost = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < cost)
                cost = last[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < cost)
                cost = before[j - 2] + 1;
            row[j] = cost;
        }
        swap = before;
        before = last;
        last = row;
        row = swap;
    }
    return last[b_n];
}

/* The known key that was probably meant; NULL: none is similar. */
static const char *
likely_key(const char *key, const struct yaml_field *fields, uint32_t fields_n)
{
    uint32_t best = 3, i, d;
    const char *found = NULL;

    for (i = 0; i < fields_n; i++) {
        d = distance(key, fields[i].key);
        if (d < best && 2 * (size_t)d < strlen(fields[i].key)) {
            best = d;
            found = fields[i].key;
        }
    }
    return found;
}

static int
fail_unknown(struct yaml *yaml, const char *key, const struct yaml_value *map, uint32_t idx,
             const struct yaml_field *fields, uint32_t fields_n)
{
    const char *likely = likely_key(map->keys[idx], fields, fields_n), *in = key ? " in " : "";
    char known[400] = "";
    size_t used = 0;
    uint32_t i;

    key = key ? key : "";
    if (likely)
        return yaml_fail_line(yaml, map->key_lines[idx], "unknown key '%.60s'%s%s; did you mean '%s'?", map->keys[idx],
                              in, key, likely);
    for (i = 0; i < fields_n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", fields[i].key);
    return yaml_fail_line(yaml, map->key_lines[idx], "unknown key '%.60s'%s%s; known ones are %s", map->keys[idx], in,
                          key, known);
}

static int
take_item(struct yaml *yaml, const char *key, const struct yaml_value *map, uint32_t idx,
          const struct yaml_field *fields, uint32_t fields_n, void *into)
{
    uint32_t i;

    for (i = 0; i < fields_n; i++)
        if (!strcmp(map->keys[idx], fields[i].key))
            return fields[i].take(yaml, fields[i].key, &map->items[idx], into);
    return fail_unknown(yaml, key, map, idx, fields, fields_n);
}

static int
has_key(const struct yaml_value *map, const char *key)
{
    uint32_t i;

    for (i = 0; i < map->n && strcmp(map->keys[i], key) != 0; i++)
        ;
    return i < map->n;
}

int
yaml_map(struct yaml *yaml, const char *key, const struct yaml_value *value, const struct yaml_field *fields,
         uint32_t fields_n, void *into)
{
    const char *name = key ? key : "this file";
    uint32_t i;
    int result = 0;

    if (value->kind == YAML_LIST || (value->kind == YAML_SCALAR && !is_blank(value)))
        return yaml_fail(yaml, value, "%s holds a %s; lines of the form 'key: value' are wanted%s", name,
                         value->kind == YAML_LIST ? "list" : "text", key ? ", indented below it" : "");
    for (i = 0; !result && i < value->n; i++)
        result = take_item(yaml, key, value, i, fields, fields_n, into);
    for (i = 0; !result && i < fields_n; i++)
        if (fields[i].is_required && !has_key(value, fields[i].key))
            result = yaml_fail(yaml, value, "%s lacks the key '%s'", name, fields[i].key);
    return result;
}

int
yaml_list(struct yaml *yaml, const char *key, const struct yaml_value *value,
          int (*take)(struct yaml *yaml, const char *key, const struct yaml_value *item, void *into), void *into)
{
    uint32_t i;
    int result = 0;

    if (value->kind == YAML_MAP || (value->kind == YAML_SCALAR && !is_blank(value)))
        return yaml_fail(yaml, value, "%s holds a %s; a list is wanted: items that begin with '- ', or [one, two]", key,
                         value->kind == YAML_MAP ? "map" : "text");
    for (i = 0; !result && i < value->n; i++)
        result = take(yaml, key, &value->items[i], into);
    return result;
}
