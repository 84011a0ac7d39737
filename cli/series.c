/* Walks over a segment's records, of which nothing is believed that was not checked. */
#include "cli/series.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/say.h"
#include "health/rules/expression/expression.h"
#include "read/file/reader.h"
#include "shm/segment/segment.h"

#define FAMILY_TEXT_BYTES (SHMETER_MAX_NAME_BYTES * (2u + SHMETER_MAX_LABELS) + SHMETER_MAX_HELP_BYTES)

struct texts {
    char family[FAMILY_TEXT_BYTES], values[SHMETER_MAX_VALUES_BYTES];
};

/* ---- attaching ---- */

static int
attach(struct series_walk *walk, const char *name)
{
    const struct shmeter_options options = { .struct_bytes = sizeof options, .any_owner = 1 };
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    char path[SHMETER_READER_PATH_BYTES];
    const char *why = NULL;
    int result;

    if (shmeter_reader_open(&reader, name, NULL, &error)) {
        say_error("%s", error.text);
        return EXIT_FAILED;
    }
    snprintf(path, sizeof path, "%s", reader->path);
    shmeter_reader_close(reader);
    result = shmeter_segment_attach(path, &options, &walk->attachment, &why);
    if (result == -EACCES || (result == -EPERM && !why))
        say_error("%s cannot be written by user %u: run as its owner", path, (unsigned)geteuid());
    else if (result)
        say_error("%s cannot be used: it %s", path, why && *why ? why : strerror(-result));
    return result ? EXIT_FAILED : 0;
}

int
series_open(struct series_walk *walk, const struct arguments *given)
{
    struct report report;
    uint32_t i;

    memset(walk, 0, sizeof *walk);
    if (given->names_n - 1 > SERIES_SELECTORS)
        return arguments_wrong(given->command, "more than %u selectors", SERIES_SELECTORS);
    for (i = 1; i < given->names_n; i++) {
        memset(&report, 0, sizeof report);
        walk->selectors[walk->selectors_n] = expression_selector(given->names[i], &report);
        if (!walk->selectors[walk->selectors_n])
            return arguments_wrong(given->command, "'%s': %s", given->names[i], report.text);
        walk->selectors_n++;
    }
    return attach(walk, given->names[0]);
}

void
series_close(struct series_walk *walk)
{
    uint32_t i;

    for (i = 0; i < walk->selectors_n; i++)
        selector_free(walk->selectors[i]);
    if (walk->attachment)
        shmeter_attachment_give(walk->attachment);
}

/* ---- records ---- */

/* Where n strings are that stand one behind the other, each with its zero. NULL: they are damaged; else behind them. */
static const char *
take_strings(const char *at, const char *end, const char **out, uint32_t n)
{
    const char *zero;

    for (; n; n--, at = zero + 1) {
        zero = memchr(at, 0, (size_t)(end - at));
        if (!zero)
            return NULL;
        *out++ = at;
    }
    return at;
}

/* Copies what the family's record says. 0: it is damaged. */
static int
copy_family(const struct shmeter_attachment *attachment, struct series_found *out, struct texts *texts)
{
    const struct shmeter_family_record *record = out->binding.record;
    uint64_t bounds = (uint64_t)record->bounds_n * sizeof(double);
    uint64_t bytes = (uint64_t)record->name_bytes + record->help_bytes + record->unit_bytes + record->labels_bytes;
    const char *words[3] = { NULL };
    const char *at;

    if (bytes > sizeof texts->family || record->labels_n > SHMETER_MAX_LABELS ||
        !shmeter_arena_at(attachment, out->binding.unit, sizeof *record + bounds + bytes))
        return 0;
    memcpy(texts->family, (const char *)(record + 1) + bounds, bytes);
    out->labels_n = record->labels_n;
    out->definition.type = record->type;
    out->definition.cell_bytes = record->cell_bytes;
    at = take_strings(texts->family, texts->family + bytes, words, 3);
    out->name = words[0];
    return at && take_strings(at, texts->family + bytes, out->labels, out->labels_n) != NULL;
}

/* Copies what the record says. 0: it is no visible series, or is damaged. */
static int
copy_series(const struct shmeter_attachment *attachment, uint32_t unit, struct series_found *out, struct texts *texts)
{
    struct shmeter_series_record *record = shmeter_arena_series(attachment, unit);
    uint32_t bytes = record ? record->values_bytes : 0;
    /* pairs with shmeter_reuse_ready */
    uint32_t kind = record ? SHMETER_STATE_KIND(shmeter_load_acquire(&record->state)) : SHMETER_UNPUBLISHED;

    memset(out, 0, sizeof *out);
    if ((kind != SHMETER_VISIBLE && kind != SHMETER_LEAVING) || bytes > sizeof texts->values ||
        !shmeter_arena_at(attachment, unit, sizeof *record + bytes))
        return 0;
    out->binding.attachment = attachment;
    out->binding.unit = record->family;
    out->binding.record = shmeter_arena_family(attachment, record->family);
    out->record = record;
    out->unit = unit;
    if (!out->binding.record || !copy_family(attachment, out, texts))
        return 0;
    memcpy(texts->values, record + 1, bytes);
    return take_strings(texts->values, texts->values + bytes, out->values, out->labels_n) != NULL;
}

/* ---- choice ---- */

/* Whether the selector has the family's name, or that of one of a histogram's samples. */
static int
is_named(const struct selector *selector, const struct series_found *found)
{
    static const char *const suffixes[] = { "", "_bucket", "_count", "_sum" };
    const char *wanted = selector_name(selector);
    size_t len = strlen(found->name), i;

    if (strncmp(wanted, found->name, len))
        return 0;
    for (i = 0; i < (shmeter_type_histogram(found->definition.type) ? 4 : 1); i++)
        if (!strcmp(wanted + len, suffixes[i]))
            return 1;
    return 0;
}

/* 1, 0, or -ENOMEM. */
static int
is_chosen(struct series_walk *walk, const struct series_found *found)
{
    uint32_t i;
    int chosen = !walk->selectors_n, fits;

    for (i = 0; i < walk->selectors_n; i++) {
        if (!is_named(walk->selectors[i], found))
            continue;
        fits = selector_matches_labels(walk->selectors[i], found->labels, found->values, found->labels_n);
        if (fits < 0)
            return fits;
        walk->hits[i] += (uint32_t)fits;
        chosen |= fits;
    }
    return chosen;
}

int
series_each(struct series_walk *walk, void (*act)(const struct series_found *found, void *argument), void *argument)
{
    struct series_found found;
    struct texts texts;
    uint64_t unit = 0, at;
    int kind, chosen;

    while ((kind = shmeter_arena_next(walk->attachment, &unit, &at)) >= 0) {
        if (kind != SHMETER_KIND_SERIES || !copy_series(walk->attachment, (uint32_t)at, &found, &texts))
            continue;
        chosen = is_chosen(walk, &found);
        if (chosen < 0) {
            say_error("out of memory");
            return chosen;
        }
        if (chosen)
            act(&found, argument);
    }
    return 0;
}

/* A label value with what the exposition escapes. */
static void
print_value(const char *text)
{
    for (; *text; text++)
        if (*text == '\n')
            fputs("\\n", stdout);
        else if ((unsigned char)*text < 0x20 || *text == 0x7f)
            putchar('?');
        else
            printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

void
series_print(const struct series_found *found)
{
    uint32_t i;

    fputs(found->name, stdout);
    for (i = 0; i < found->labels_n; i++) {
        printf("%s%s=\"", i ? "," : "{", found->labels[i]);
        print_value(found->values[i]);
        putchar('"');
    }
    puts(found->labels_n ? "}" : "");
}
