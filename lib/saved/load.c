/*
 * Makes a new segment from a text. The lines are read into a file that has no name yet, by the functions with which
 * producers register series. The file gets its name after the last line. So a load makes a complete segment or none,
 * and no other process writes to it meanwhile.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/containers/arena.h"
#include "saved/internal.h"
#include "shm/open.h"
#include "shm/series.h"

struct loader {
    const char *path;
    struct saved_words words;
    struct saved_facts facts;
    struct shmeter_attachment *attachment;
    uint64_t stamps; /* the last stamp of a LATEST gauge; stamps of workers are higher */
    /* the family under way */
    struct arena arena;
    struct shmeter_definition definition;
    struct shmeter_binding binding;
    int has_overflow;
};

/* Reports that the segment cannot be created, unless there is a report already. Returns result. */
static int
fail(struct loader *loader, int result, const char *why)
{
    if (result == -ENOSPC)
        why = "the filesystem is full: make room, or choose smaller sizes";
    return report_fail(loader->words.report, result, "%s cannot be created: %s", loader->path,
                       why && *why ? why : strerror(-result));
}

/* Reports that the new segment has no room for the present line. */
static int
no_room(struct loader *loader, int error)
{
    if (error == -ENOSPC)
        return fail(loader, error, NULL);
    saved_words_fail(&loader->words,
                     "the new segment has no room for this: choose larger sizes (max-series, max-gauges, "
                     "lane-bytes)");
    return -ENOMEM;
}

/* ---- values: no other process has the file, so these are plain stores ---- */

/* The address of a cell in the first shared lane. */
static void *
cell_of(const struct loader *loader, uint64_t cell)
{
    return loader->attachment->lanes.shared + 2 * cell;
}

static int
take_counter(struct loader *loader, uint64_t cell)
{
    double value = 0;

    if (shmeter_type_counter(loader->definition.type))
        return words_u64(&loader->words, cell_of(loader, cell));
    if (words_f64(&loader->words, &value))
        return -EINVAL;
    if (!(value >= 0))
        return saved_words_fail(&loader->words, "a counter is below 0, or no number");
    memcpy(cell_of(loader, cell), &value, sizeof value);
    return 0;
}

/* The whole sum goes into one bucket, so that it stays exact to the last bit. */
static int
take_histogram(struct loader *loader, uint64_t cell)
{
    struct shmeter_shared_bucket *buckets = cell_of(loader, cell + sizeof(struct shmeter_histogram_cell));
    uint32_t i;

    if (words_f64(&loader->words, &buckets[0].sum))
        return -EINVAL;
    for (i = 0; i < loader->definition.buckets_n; i++)
        if (words_u64(&loader->words, &buckets[i].count))
            return -EINVAL;
    return 0;
}

/*
 * The value goes to the first slot, as if a dead owner of it had left it there; that of a LATEST mode goes to the
 * common cell.
 */
static int
take_gauge(struct loader *loader, uint64_t number)
{
    struct shmeter_attachment *attachment = loader->attachment;
    const struct shmeter_header *header = &attachment->header;
    const uint32_t mode = loader->definition.mode;
    struct shmeter_gauge_cell *cell;
    unsigned char *from = attachment->base + header->common_off;
    double value = 0;

    if (words_f64(&loader->words, &value))
        return -EINVAL;
    if (loader->definition.type == SHMETER_STATESET &&
        !(value >= 0 && value < loader->definition.states_n && floor(value) == value))
        return saved_words_fail(&loader->words, "there is no state of this number");
    if (shmeter_gauge_extreme(mode) && isnan(value))
        return saved_words_fail(&loader->words, "a smallest or largest value is no number");
    if (!shmeter_gauge_latest(mode)) {
        struct shmeter_slot_word *word = shmeter_slot_word_at(attachment, 0);
        if (!word->backed && shmeter_back(attachment, header->slot_blocks_off, header->ring_off))
            return fail(loader, -ENOSPC, NULL);
        word->backed = header->ring_off;
        from = shmeter_slot_block_at(attachment, 0) + header->gauges_off;
    }
    cell = (struct shmeter_gauge_cell *)(void *)from + number;
    if (shmeter_gauge_latest(mode)) {
        cell->value = shmeter_gauge_encode(value);
        cell->aux = ++loader->stamps;
    } else {
        cell->aux = shmeter_gauge_encode(value);
    }
    return 0;
}

static int
take_value(struct loader *loader, uint64_t cell)
{
    if (shmeter_type_gauge(loader->definition.type))
        return take_gauge(loader, cell);
    return shmeter_type_counts(loader->definition.type) ? take_counter(loader, cell) : take_histogram(loader, cell);
}

/* ---- series ---- */

/* Reads the label values, and joins them as a series' record has them. */
static int
take_labels(struct loader *loader, struct shmeter_values *out)
{
    uint32_t i, text = 0;
    size_t len;

    out->bytes = 0;
    for (i = 0; i < loader->definition.labels_n; i++) {
        char value[SHMETER_MAX_VALUE_BYTES];
        if (saved_words_string(&loader->words, value, sizeof value, &len))
            return -EINVAL;
        text += (uint32_t)len;
        if (text > SHMETER_MAX_TEXT_BYTES)
            return saved_words_fail(&loader->words, "the label values are longer than %u bytes together",
                                    SHMETER_MAX_TEXT_BYTES);
        memcpy(out->text + out->bytes, value, len + 1);
        out->bytes += (uint32_t)len + 1;
    }
    return 0;
}

/* Whether these are the values of the overflow series, which does not count for the limits. */
static int
is_overflow(const struct loader *loader, const struct shmeter_values *values)
{
    struct shmeter_values overflow;

    shmeter_values_overflow(&overflow, loader->definition.labels_n);
    return overflow.bytes && overflow.bytes == values->bytes && !memcmp(overflow.text, values->text, values->bytes);
}

/*
 * Registers the series with these values. Returns its record; NULL: the text has the series twice, or there is no room.
 */
static struct shmeter_series_record *
make_series(struct loader *loader, const struct shmeter_values *values, int *result)
{
    struct shmeter_attachment *attachment = loader->attachment;
    const uint64_t before = shmeter_load_relaxed(&attachment->state->series_n.value);
    const int overflow = is_overflow(loader, values);
    int64_t unit = shmeter_series_have(&loader->binding, &loader->definition, values, !overflow, 1);

    *result = 0;
    if (unit < 0)
        *result = no_room(loader, (int)unit);
    else if (overflow ? loader->has_overflow++ : before == shmeter_load_relaxed(&attachment->state->series_n.value))
        *result = saved_words_fail(&loader->words, "a series of these label values stands there twice");
    return *result ? NULL : shmeter_arena_series(attachment, (uint64_t)unit);
}

static int
take_series(struct loader *loader)
{
    struct shmeter_series_record *record;
    struct shmeter_values values;
    uint64_t cell;
    int result = take_labels(loader, &values);

    if (result)
        return result;
    record = make_series(loader, &values, &result);
    if (!record)
        return result ? result : no_room(loader, -ENOMEM);
    cell = record->cell;
    result = words_u64(&loader->words, &record->created_real_ns);
    if (!result)
        result = take_value(loader, cell);
    if (!result)
        result = saved_words_done(&loader->words);
    loader->facts.series += !result;
    return result;
}

/* ---- families ---- */

/* Frees the memory of the last family. */
static void
end_family(struct loader *loader)
{
    shmeter_definition_drop(&loader->definition);
    memset(&loader->definition, 0, sizeof loader->definition);
    arena_free(&loader->arena);
    memset(&loader->arena, 0, sizeof loader->arena);
}

static int
bind_family(struct loader *loader, uint64_t created_ns)
{
    struct shmeter_attachment *attachment = loader->attachment;
    const uint64_t before = shmeter_load_relaxed(&attachment->state->families_n.value);
    int64_t unit = shmeter_family_record_of(attachment, &loader->definition);
    struct shmeter_family_record *record;

    if (unit < 0)
        return no_room(loader, (int)unit);
    record = shmeter_arena_family(attachment, (uint64_t)unit);
    if (!record || before == shmeter_load_relaxed(&attachment->state->families_n.value))
        return saved_words_fail(&loader->words, "a family of this name and definition stands there twice");
    record->created_real_ns = created_ns;
    record->opened = shmeter_add(&attachment->state->opens.value, 1) + 1; /* the last open is in force */
    shmeter_registry_show(&record->state);
    memset(&loader->binding, 0, sizeof loader->binding);
    loader->binding.attachment = attachment;
    loader->binding.record = record;
    loader->binding.unit = (uint32_t)unit;
    loader->binding.max_series = UINT32_MAX; /* the saved series were within the limit */
    loader->binding.hash = shmeter_hash_word(record->hash, attachment->header.nonce[1]);
    loader->has_overflow = 0;
    loader->facts.families++;
    return 0;
}

/* Reads the lines of a family and of its series. */
static int
take_family(struct loader *loader)
{
    struct shmeter_desc desc;
    uint64_t created_ns = 0;
    const char *why;
    const uint32_t line = loader->words.line;
    int result = saved_describe(&loader->words, &loader->arena, &desc, &created_ns);

    if (result)
        return result;
    why = shmeter_definition_check(&desc);
    if (why) {
        loader->words.line = line;
        return saved_words_fail(&loader->words, "the family %s %s", desc.name, why);
    }
    if (!saved_words_begins(&loader->words, "series"))
        return saved_words_fail(&loader->words, "a series of the family %s is expected", desc.name);
    if (shmeter_definition_make(&desc, &loader->definition))
        return report_fail(loader->words.report, -ENOMEM, "out of memory");
    result = bind_family(loader, created_ns);
    do {
        result = result ? result : take_series(loader);
        if (!result)
            result = saved_words_next(&loader->words);
    } while (!result && saved_words_begins(&loader->words, "series"));
    return result;
}

/* ---- the whole ---- */

/*
 * Reads "end SERIES SUM", and checks that nothing is missing and nothing follows. A text that was changed by hand may
 * have no sum.
 */
static int
take_end(struct loader *loader)
{
    struct saved_words *words = &loader->words;
    const struct saved_text *text = words->text;
    const char *line = words->at - strlen("end");
    uint64_t sum = 0;
    uint32_t series = 0;

    if (words_u32(words, &series))
        return -EINVAL;
    if (series != loader->facts.series)
        return saved_words_fail(words, "the file had %u series and has %u: it is damaged", (unsigned)series,
                                (unsigned)loader->facts.series);
    if (saved_words_more(words)) {
        if (saved_words_hex(words, &sum))
            return -EINVAL;
        if (sum != saved_sum(text->bytes, (size_t)(line - text->bytes)))
            return saved_words_fail(words, "the sum over the lines before is another one: the file is damaged (who has "
                                           "changed it on purpose removes the sum from this line)");
    }
    if (saved_words_done(words))
        return -EINVAL;
    return words->line_end + 1 == text->bytes + text->len
               ? 0
               : saved_words_fail(words, "more follows behind the last line");
}

static int
take_all(struct loader *loader)
{
    int result = saved_words_next(&loader->words);

    while (!result) {
        if (saved_words_begins(&loader->words, "end"))
            return take_end(loader);
        if (!saved_words_begins(&loader->words, "family"))
            return saved_words_fail(&loader->words, "a line 'family', 'series' or 'end' is expected");
        result = take_family(loader);
        end_family(loader);
    }
    return result;
}

/* Fills the file that is to become the segment: called by shmeter_segment_create_with(). */
static int
fill(void *argument, int fd, const struct shmeter_header *header)
{
    struct loader *loader = argument;
    const struct shmeter_file file = { .mode = 0 };
    const char *why = NULL;
    int result = shmeter_segment_attach_to(fd, NULL, header, &file, &loader->attachment, &why);

    if (result)
        return fail(loader, result, why);
    result = take_all(loader);
    end_family(loader);
    shmeter_attachment_give(loader->attachment);
    return result;
}

static uint32_t
size_or(uint32_t wanted, uint32_t saved)
{
    return wanted ? wanted : saved;
}

static struct shmeter_options
options_of(const struct shmeter_options *given, const struct shmeter_options *saved)
{
    struct shmeter_options options = shmeter_open_options(given);

    options.lane_bytes = options.lane_bytes ? options.lane_bytes : saved->lane_bytes;
    options.max_series = size_or(options.max_series, saved->max_series);
    options.max_family_series = size_or(options.max_family_series, saved->max_family_series);
    options.max_slots = size_or(options.max_slots, saved->max_slots);
    options.max_gauges = size_or(options.max_gauges, saved->max_gauges);
    options.ring_bytes = size_or(options.ring_bytes, saved->ring_bytes);
    return options;
}

int
saved_load(const char *path, const struct shmeter_options *given, const struct saved_text *text,
           struct saved_facts *facts, struct report *report)
{
    struct loader loader = { .path = path, .words = { .text = text, .report = report } };
    struct shmeter_options saved = { .struct_bytes = sizeof saved }, options;
    const char *why = NULL;
    int result = saved_head(&loader.words, &loader.facts, &saved);

    if (result)
        return result;
    options = options_of(given, &saved);
    result = shmeter_segment_create_with(path, &options, fill, &loader, &why);
    *facts = loader.facts;
    return result ? fail(&loader, result, why) : 0;
}
