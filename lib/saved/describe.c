/*
 * The lines that describe a family: "family TYPE NAME CREATED", and then a line for each of its parts, in the order of
 * the table below. Descriptions are validated by the producers' code (shm/lanes/definition.h).
 */
#include <errno.h>
#include <string.h>

#include "base/containers/arena.h"
#include "read/snapshot/modes.h"
#include "saved/internal.h"
#include "shm/layout/desc.h"
#include "shm/layout/limits.h"

struct describing {
    struct saved_words *words;
    struct arena *arena;
    struct shmeter_desc *desc;
};

static int
no_memory(const struct describing *describing)
{
    return report_fail(describing->words->report, -ENOMEM, "out of memory");
}

static int
take_string(const struct describing *describing, const char **out)
{
    char text[SHMETER_MAX_HELP_BYTES];

    if (saved_words_string(describing->words, text, sizeof text, NULL))
        return -EINVAL;
    *out = arena_string(describing->arena, text);
    return *out ? 0 : no_memory(describing);
}

/* Reads the strings up to the line's end, and puts a NULL behind them. */
static int
take_strings(const struct describing *describing, uint32_t most, const char *const **out)
{
    const char **all = arena_take(describing->arena, (most + 1) * sizeof *all);
    uint32_t n;

    if (!all)
        return no_memory(describing);
    for (n = 0; saved_words_more(describing->words); n++) {
        if (n == most)
            return saved_words_fail(describing->words, "there are more than %u strings", (unsigned)most);
        if (take_string(describing, &all[n]))
            return -EINVAL;
    }
    *out = all;
    return 0;
}

static int
take_help(const struct describing *describing)
{
    return take_string(describing, &describing->desc->help);
}

static int
take_unit(const struct describing *describing)
{
    return take_string(describing, &describing->desc->unit);
}

static int
take_labels(const struct describing *describing)
{
    return take_strings(describing, SHMETER_MAX_LABELS, &describing->desc->labels);
}

static int
take_states(const struct describing *describing)
{
    return take_strings(describing, SHMETER_MAX_STATES, &describing->desc->states);
}

static int
take_mode(const struct describing *describing)
{
    char word[32];
    uint32_t i;

    if (saved_words_word(describing->words, word, sizeof word))
        return -EINVAL;
    for (i = 0; i < modes_n; i++)
        if (saved_mode_stays(i) && !strcmp(modes[i].word, word)) {
            describing->desc->mode = (enum shmeter_mode)i;
            return 0;
        }
    return saved_words_fail(describing->words, "'%s' is no mode of a gauge that is saved", word);
}

static int
take_bounds(const struct describing *describing)
{
    double *bounds = arena_take(describing->arena, SHMETER_MAX_BOUNDS * sizeof *bounds);
    uint32_t n;

    if (!bounds)
        return no_memory(describing);
    for (n = 0; saved_words_more(describing->words); n++) {
        if (n == SHMETER_MAX_BOUNDS)
            return saved_words_fail(describing->words, "there are more than %u bounds", SHMETER_MAX_BOUNDS);
        if (words_f64(describing->words, &bounds[n]))
            return -EINVAL;
    }
    describing->desc->bounds = bounds;
    describing->desc->bounds_len = n;
    return 0;
}

static int
take_exponential(const struct describing *describing)
{
    struct saved_words *words = describing->words;
    struct shmeter_desc *desc = describing->desc;

    return words_i32(words, &desc->schema) || words_f64(words, &desc->min_value) || words_f64(words, &desc->max_value)
               ? -EINVAL
               : 0;
}

#define ANY_TYPE SHMETER_TYPES
static const struct part {
    const char *word;
    uint32_t type; /* the only type that has this part, or ANY_TYPE */
    int (*take)(const struct describing *describing);
} parts[] = {
    { "help", ANY_TYPE, take_help },
    { "unit", ANY_TYPE, take_unit },
    { "labels", ANY_TYPE, take_labels },
    { "mode", SHMETER_GAUGE, take_mode },
    { "bounds", SHMETER_HISTOGRAM, take_bounds },
    { "exponential", SHMETER_HISTOGRAM, take_exponential },
    { "states", SHMETER_STATESET, take_states },
};
#define PARTS_N (sizeof parts / sizeof *parts)

static int
take_parts(const struct describing *describing)
{
    struct saved_words *words = describing->words;
    size_t i, least = 0;

    for (;;) {
        if (saved_words_next(words))
            return -EINVAL;
        for (i = 0; i < PARTS_N && !saved_words_begins(words, parts[i].word); i++)
            ;
        if (i == PARTS_N)
            return 0;
        if (i < least)
            return saved_words_fail(words, "'%s' stands twice, or not in its place", parts[i].word);
        if (parts[i].type != ANY_TYPE && parts[i].type != (uint32_t)describing->desc->type)
            return saved_words_fail(words, "a family of this type has no '%s'", parts[i].word);
        if (parts[i].take(describing) || saved_words_done(words))
            return -EINVAL;
        least = i + 1;
    }
}

static int
take_type(struct saved_words *words, enum shmeter_type *out)
{
    char word[SAVED_TYPE_BYTES], type[SAVED_TYPE_BYTES];
    uint32_t i;

    if (saved_words_word(words, word, sizeof word))
        return -EINVAL;
    for (i = 0; i < SHMETER_TYPES; i++) {
        saved_type_word(i, type);
        if (!strcmp(type, word) && i != SHMETER_INFO) {
            *out = (enum shmeter_type)i;
            return 0;
        }
    }
    return saved_words_fail(words, "'%s' is no type of a family that is saved", word);
}

int
saved_describe(struct saved_words *words, struct arena *arena, struct shmeter_desc *desc, uint64_t *created_ns)
{
    const struct describing describing = { words, arena, desc };
    const uint32_t line = words->line;

    memset(desc, 0, sizeof *desc);
    if (take_type(words, &desc->type) || take_string(&describing, &desc->name) || words_u64(words, created_ns) ||
        saved_words_done(words) || take_parts(&describing))
        return -EINVAL;
    if (desc->type == SHMETER_GAUGE && !saved_mode_stays(desc->mode)) {
        words->line = line;
        return saved_words_fail(words, "the gauge has no line 'mode'");
    }
    if (desc->type == SHMETER_HISTOGRAM && !desc->bounds && !(desc->max_value > 0)) {
        words->line = line;
        return saved_words_fail(words, "the histogram has no line 'bounds', and none 'exponential'");
    }
    return 0;
}
