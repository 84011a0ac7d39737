/*
 * Makes a text from a reading of a segment: the families, each followed by its series. Of several definitions of a
 * name, the one in force comes last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/utf8.h"
#include "read/file/reader.h"
#include "read/snapshot/contents.h"
#include "saved/internal.h"

struct pick {
    uint32_t rank; /* of the series' family */
    uint32_t series;
};

struct writer {
    struct buffer *out;
    const struct snapshot *snapshot;
    struct snapshot_contents contents;
    uint32_t *ranks;  /* for each family */
    uint32_t *gauges; /* for each series: 1 + index of its gauge; 0 none */
    struct pick *picks;
    uint32_t picks_n;
    int failed; /* 1: there was no memory */
};

/* ---- words ---- */

static void
put(struct writer *writer, const char *text)
{
    writer->failed |= buffer_append_string(writer->out, text);
}

static void
put_u64(struct writer *writer, uint64_t value)
{
    char text[NUMBER_BYTES];

    writer->failed |= buffer_append(writer->out, text, number_u64(text, value));
}

static void
put_number(struct writer *writer, const char *before, uint64_t value)
{
    put(writer, before);
    put_u64(writer, value);
}

static void
put_f64(struct writer *writer, double value)
{
    char text[NUMBER_BYTES];

    put(writer, " ");
    writer->failed |= buffer_append(writer->out, text, number_f64(text, value));
}

static void
put_hex(struct writer *writer, uint64_t value)
{
    static const char digits[] = "0123456789abcdef";
    char text[17] = " ";
    uint32_t i;

    for (i = 0; i < 16; i++)
        text[1 + i] = digits[value >> (60 - 4 * i) & 15];
    writer->failed |= buffer_append(writer->out, text, sizeof text);
}

/* Writes a byte as \xHH. */
static void
put_byte(struct writer *writer, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char text[5] = { '\\', 'x', digits[byte >> 4], digits[byte & 15], 0 };

    put(writer, text);
}

/*
 * Writes a string in quotes. Control characters are written as \xHH, so that the string stays on one line, and a
 * terminal shows it.
 */
static void
put_string(struct writer *writer, const char *text)
{
    size_t left = strlen(text), bytes;

    put(writer, " \"");
    for (; left; text += bytes, left -= bytes) {
        const unsigned char *from = (const unsigned char *)text;
        const char pair[3] = { '\\', *text == '\n' ? 'n' : *text, 0 };
        size_t i;
        bytes = utf8_sequence(from, left);
        bytes = bytes ? bytes : 1;
        if (*text == '"' || *text == '\\' || *text == '\n')
            put(writer, pair);
        else if (!utf8_is_control(from, bytes))
            writer->failed |= buffer_append(writer->out, text, bytes);
        else
            for (i = 0; i < bytes; i++)
                put_byte(writer, from[i]);
    }
    put(writer, "\"");
}

static void
put_strings(struct writer *writer, const char *word, const char *const *strings, uint32_t n)
{
    uint32_t i;

    if (!n)
        return;
    put(writer, word);
    for (i = 0; i < n; i++)
        put_string(writer, strings[i]);
    put(writer, "\n");
}

/* ---- what is saved ---- */

/* Whether a series exists in its own definition, even if another definition is in force. */
static int
is_there(const struct snapshot_family *family, const struct snapshot_series *series)
{
    return !family->unknown && series->shown && (series->visible || (family->superseded && !series->twins));
}

static int
is_saved(const struct writer *writer, uint32_t number)
{
    const struct snapshot_contents *contents = &writer->contents;
    const struct snapshot_series *series = &contents->series[number];
    const struct snapshot_family *family = &contents->families[series->family];
    uint32_t gauge = writer->gauges[number];

    if (!is_there(family, series))
        return 0;
    if (shmeter_type_gauge(family->type))
        return gauge && contents->gauges[gauge - 1].any && saved_mode_stays(family->mode);
    if (!shmeter_type_counts(family->type) && !shmeter_type_histogram(family->type))
        return 0;
    if ((uint64_t)series->place + snapshot_sum_words(family) > contents->sums_n)
        return 0;
    return !shmeter_type_counter_f64(family->type) || snapshot_f64(contents->sums[series->place]) >= 0;
}

static int
by_rank(const void *a, const void *b)
{
    const struct pick *left = a, *right = b;

    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return left->series < right->series ? -1 : left->series > right->series;
}

/* Ranks the families, so that the definition in force of a name comes after the other definitions. */
static void
rank_families(struct writer *writer)
{
    const struct snapshot_contents *contents = &writer->contents;
    uint32_t pass, i, rank = 0;

    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < contents->families_n; i++) {
            const struct snapshot_family *family = &contents->families[i];
            const uint32_t is_last = !family->several || snapshot_definition(writer->snapshot, family->name) == family;
            if (is_last == pass)
                writer->ranks[i] = rank++;
        }
}

static int
choose(struct writer *writer)
{
    const struct snapshot_contents *contents = &writer->contents;
    uint32_t i;

    writer->ranks = calloc(contents->families_n + 1, sizeof *writer->ranks);
    writer->gauges = calloc(contents->series_n + 1, sizeof *writer->gauges);
    writer->picks = calloc(contents->series_n + 1, sizeof *writer->picks);
    if (!writer->ranks || !writer->gauges || !writer->picks)
        return -ENOMEM;
    rank_families(writer);
    for (i = 0; i < contents->gauges_n; i++)
        writer->gauges[contents->gauges[i].series] = i + 1;
    for (i = 0; i < contents->series_n; i++)
        if (is_saved(writer, i)) {
            writer->picks[writer->picks_n].rank = writer->ranks[contents->series[i].family];
            writer->picks[writer->picks_n++].series = i;
        }
    qsort(writer->picks, writer->picks_n, sizeof *writer->picks, by_rank);
    return 0;
}

/* ---- lines ---- */

static void
put_bounds(struct writer *writer, const struct snapshot_family *family)
{
    uint32_t i;

    if (family->exponential) { /* the last bound is in the last bucket, so it stands for the same range */
        put(writer, family->schema < 0 ? "exponential -" : "exponential ");
        put_u64(writer, (uint64_t)(family->schema < 0 ? -family->schema : family->schema));
        put_f64(writer, family->zero_threshold);
        put_f64(writer, family->bounds[family->bounds_n - 1]);
        put(writer, "\n");
        return;
    }
    put(writer, "bounds");
    for (i = 0; i < family->bounds_n; i++)
        put_f64(writer, family->bounds[i]);
    put(writer, "\n");
}

static void
put_family(struct writer *writer, const struct snapshot_family *family)
{
    char type[SAVED_TYPE_BYTES];

    saved_type_word(family->type, type);
    put(writer, "family ");
    put(writer, type);
    put_string(writer, family->name);
    put_number(writer, " ", family->created_ns);
    put(writer, "\n");
    if (*family->help)
        put_strings(writer, "help", &family->help, 1);
    if (*family->unit_text)
        put_strings(writer, "unit", &family->unit_text, 1);
    put_strings(writer, "labels", family->labels, family->labels_n);
    if (family->type == SHMETER_GAUGE) {
        put(writer, "mode ");
        put(writer, modes[family->mode].word);
        put(writer, "\n");
    }
    if (family->type == SHMETER_HISTOGRAM)
        put_bounds(writer, family);
    put_strings(writer, "states", family->states, family->states_n);
}

static void
put_value(struct writer *writer, const struct snapshot_family *family, uint32_t number)
{
    const struct snapshot_contents *contents = &writer->contents;
    const uint64_t *words;
    uint32_t i;

    if (shmeter_type_gauge(family->type)) {
        put_f64(writer, contents->gauges[writer->gauges[number] - 1].value);
        return;
    }
    words = contents->sums + contents->series[number].place;
    if (shmeter_type_counter(family->type)) {
        put_number(writer, " ", *words);
    } else {
        put_f64(writer, snapshot_f64(*words)); /* also the sum of a histogram */
        for (i = 1; i < snapshot_sum_words(family); i++)
            put_number(writer, " ", words[i]);
    }
}

static void
put_series(struct writer *writer, uint32_t number)
{
    const struct snapshot_series *series = &writer->contents.series[number];
    const struct snapshot_family *family = &writer->contents.families[series->family];
    uint32_t i;

    put(writer, "series");
    for (i = 0; i < family->labels_n; i++)
        put_string(writer, series->values[i]);
    put_number(writer, " ", series->created_ns);
    put_value(writer, family, number);
    put(writer, "\n");
}

static uint32_t
put_all(struct writer *writer)
{
    uint32_t i, families = 0;

    for (i = 0; i < writer->picks_n; i++) {
        const uint32_t number = writer->picks[i].series;
        if (!i || writer->picks[i].rank != writer->picks[i - 1].rank) {
            put_family(writer, &writer->contents.families[writer->contents.series[number].family]);
            families++;
        }
        put_series(writer, number);
    }
    return families;
}

static void
put_head(struct writer *writer, const struct shmeter_header *header, const struct segment_status *status,
         const struct saved_facts *facts)
{
    put_number(writer, "shmeter-saved ", SAVED_VERSION);
    put(writer, "\nsegment");
    put_string(writer, status->name);
    put_hex(writer, facts->nonce[0]);
    put_hex(writer, facts->nonce[1]);
    put_number(writer, "\nsaved ", facts->saved_ns);
    put_number(writer, " workers ", facts->workers);
    put_number(writer, "\nsizes lane-bytes ", UINT64_C(1) << header->lane_shift);
    put_number(writer, " max-series ", header->max_series);
    put_number(writer, " max-family-series ", header->max_family_series);
    put_number(writer, " max-slots ", header->slots_n);
    put_number(writer, " max-gauges ", header->gauges_n);
    put_number(writer, " ring-bytes ", header->ring_bytes);
    put(writer, "\n");
}

static int
write_all(struct writer *writer, const struct shmeter_header *header, struct saved_facts *facts)
{
    const struct segment_status *status = snapshot_status(writer->snapshot);
    const size_t begin = writer->out->len;
    uint64_t sum;

    if (choose(writer))
        return -ENOMEM;
    facts->nonce[0] = header->nonce[0];
    facts->nonce[1] = header->nonce[1];
    facts->saved_ns = clock_ns(CLOCK_REALTIME);
    facts->workers = status->slots_live + status->slots_unknown;
    facts->series = writer->picks_n;
    put_head(writer, header, status, facts);
    facts->families = put_all(writer);
    sum = writer->failed ? 0 : saved_sum(writer->out->data + begin, writer->out->len - begin);
    put_number(writer, "end ", writer->picks_n);
    put_hex(writer, sum);
    put(writer, "\n");
    return writer->failed ? -ENOMEM : 0;
}

int
saved_write(struct buffer *out, const char *name, struct saved_facts *facts, struct report *report)
{
    struct writer writer = { .out = out };
    struct shmeter_reader_error error;
    struct shmeter_header header;
    struct shmeter_reader *reader;
    struct snapshot *snapshot;
    int result = shmeter_reader_open(&reader, name, NULL, &error);

    if (result)
        return report_fail(report, result, "%s", error.text);
    header = reader->header;
    snapshot = snapshot_new(reader);
    result = snapshot ? snapshot_take(snapshot, SNAPSHOT_ALL) : -ENOMEM;
    if (result == -EFAULT)
        report_fail(report, result, "%s was truncated while it was read", name);
    if (!result && snapshot_status(snapshot)->series_over)
        result = report_fail(report, -EFBIG, "%s has more series than can be read", name);
    if (!result) {
        writer.snapshot = snapshot;
        writer.contents = snapshot_contents(snapshot);
        result = write_all(&writer, &header, facts);
    }
    free(writer.ranks);
    free(writer.gauges);
    free(writer.picks);
    snapshot_free(snapshot);
    return result ? report_fail(report, result, "out of memory") : 0;
}
