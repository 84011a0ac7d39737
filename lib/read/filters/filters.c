/* Settings of segments: copies the operator's strings, compiles expressions, and answers questions about names. */
#include "read/filters/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/containers/arena.h"
#include "base/regex.h"
#include "read/file/reader.h"

struct settings_expressions {
    uint32_t n;
    struct regex *compiled[];
};

struct settings_list {
    struct arena arena;
    struct settings *entries;
    uint32_t n;
};

/* ---- expressions ---- */

static void
expressions_free(const struct settings_expressions *constant)
{
    struct settings_expressions *expressions = (struct settings_expressions *)constant;
    uint32_t i;

    for (i = 0; expressions && i < expressions->n; i++)
        regex_free(expressions->compiled[i]);
    free(expressions);
}

/* Compiles a list. field: SETTINGS_ALLOW or SETTINGS_DENY. 0, -ENOMEM or -EINVAL. */
static int
expressions_new(const struct settings_expressions **out, const char *const *texts, uint32_t n, uint32_t field,
                struct report *report)
{
    struct settings_expressions *expressions;
    int result = 0;

    if (n > SETTINGS_EXPRESSIONS)
        return report_fail(report, -EINVAL, "%s has more than %u expressions; join some with |",
                           field == SETTINGS_ALLOW ? "allow" : "deny", SETTINGS_EXPRESSIONS);
    if (!n)
        return 0;
    expressions = calloc(1, sizeof *expressions + n * sizeof *expressions->compiled);
    if (!expressions)
        return -ENOMEM;
    *out = expressions;
    for (; expressions->n < n && !result; expressions->n += !result) {
        const char *text = texts[expressions->n];
        result = *text ? regex_new(&expressions->compiled[expressions->n], text, report)
                       : report_fail(report, -EINVAL, "an expression is empty, and no name matches it");
        if (result) {
            report->field = field;
            report->item = expressions->n;
        }
    }
    return result;
}

/* Whether one of the expressions matches: 1, 0 or -ENOMEM. expressions NULL: there is none. */
static int
expressions_match(const struct settings_expressions *expressions, const char *name)
{
    uint32_t i;
    int result = 0;

    for (i = 0; expressions && i < expressions->n && !result; i++)
        result = regex_matches(expressions->compiled[i], name);
    return result;
}

int
settings_allow(const struct settings *settings, const char *name)
{
    int allowed = settings->allow ? expressions_match(settings->allow, name) : 1;
    int denied = allowed > 0 ? expressions_match(settings->deny, name) : 0;

    return allowed < 0 ? allowed : denied < 0 ? denied : allowed && !denied;
}

/* ---- copies ---- */

static int
copy_strings(struct arena *arena, const char *const **out, const char *const *strings, uint32_t n)
{
    const char **copies = arena_take(arena, n * sizeof *copies);
    uint32_t i;

    if (!copies)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        if (!(copies[i] = arena_string(arena, strings[i])))
            return -ENOMEM;
    *out = copies;
    return 0;
}

static int
make(struct settings *to, const struct settings_spec *from, struct arena *arena, struct report *report)
{
    int result = settings_check(from, report);

    if (result)
        return result;
    to->match = arena_string(arena, from->match);
    to->prefix = arena_string(arena, from->prefix ? from->prefix : "");
    to->labels_n = from->labels_n;
    to->idle_ns = (uint64_t)(from->idle_seconds * 1e9);
    to->idle_gauges = from->idle_gauges;
    if (!to->match || !to->prefix || copy_strings(arena, &to->label_names, from->label_names, from->labels_n) ||
        copy_strings(arena, &to->label_values, from->label_values, from->labels_n))
        return -ENOMEM;
    result = expressions_new(&to->allow, from->allow, from->allow_n, SETTINGS_ALLOW, report);
    return result ? result : expressions_new(&to->deny, from->deny, from->deny_n, SETTINGS_DENY, report);
}

int
settings_add(struct settings_list *list, const struct settings_spec *spec, struct report *report)
{
    struct settings *entries = realloc(list->entries, (list->n + 1) * sizeof *entries), *made;
    int result;

    if (!entries)
        return -ENOMEM;
    list->entries = entries;
    made = &entries[list->n];
    *made = (struct settings){ .id = list->n + 1 };
    result = make(made, spec, &list->arena, report);
    if (result) {
        expressions_free(made->allow);
        expressions_free(made->deny);
    }
    list->n += !result;
    return result;
}

void
settings_number(struct settings_list *list, uint32_t number)
{
    uint32_t i;

    for (i = 0; list && i < list->n; i++)
        list->entries[i].id = (uint64_t)number << 32 | (i + 1);
}

struct settings_list *
settings_new(void)
{
    return calloc(1, sizeof(struct settings_list));
}

void
settings_free(struct settings_list *list)
{
    uint32_t i;

    if (!list)
        return;
    for (i = 0; i < list->n; i++) {
        expressions_free(list->entries[i].allow);
        expressions_free(list->entries[i].deny);
    }
    arena_free(&list->arena);
    free(list->entries);
    free(list);
}

/* ---- which segment ---- */

int
settings_match(const char *match, const char *name)
{
    char path[SHMETER_READER_PATH_BYTES];

    if (shmeter_reader_lists(match, name))
        return 1;
    return strchr(match, '/') && shmeter_reader_path(name, path, sizeof path) == 0 && shmeter_reader_lists(match, path);
}

const struct settings *
settings_of(const struct settings_list *list, const char *name)
{
    uint32_t i;

    for (i = 0; list && i < list->n; i++)
        if (settings_match(list->entries[i].match, name))
            return &list->entries[i];
    return NULL;
}
