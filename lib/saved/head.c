/*
 * The first lines of a saved text: its version, where and when it was made, and the sizes of the segment.
 */
#include <errno.h>
#include <string.h>

#include "read/snapshot/status.h"
#include "saved/internal.h"
#include "shm/layout/options.h"

/* Reads "NAME VALUE". */
static int
read_size(struct saved_words *words, const char *name, uint64_t most, uint64_t *out)
{
    char word[32];

    if (saved_words_word(words, word, sizeof word))
        return -EINVAL;
    if (strcmp(word, name))
        return saved_words_fail(words, "'%s' is expected", name);
    if (words_u64(words, out))
        return -EINVAL;
    return *out <= most ? 0 : saved_words_fail(words, "%s is out of range", name);
}

static int
read_u32(struct saved_words *words, const char *name, uint32_t *out)
{
    uint64_t value = 0;
    int result = read_size(words, name, UINT32_MAX, &value);

    *out = (uint32_t)value;
    return result;
}

/* Goes to the next line, which has to begin with this word. */
static int
next_begins(struct saved_words *words, const char *word)
{
    if (saved_words_next(words))
        return -EINVAL;
    return saved_words_begins(words, word) ? 0 : saved_words_fail(words, "a line '%s' is expected", word);
}

static int
read_version(struct saved_words *words)
{
    uint32_t version = 0;

    if (!words->text->len)
        return report_fail(words->report, -EINVAL, "%s is empty", words->text->file);
    if (saved_words_next(words))
        return -EINVAL;
    if (!saved_words_begins(words, "shmeter-saved"))
        return saved_words_fail(words, "this is nothing that shmeter save has made: that begins with 'shmeter-saved'");
    if (words_u32(words, &version) || saved_words_done(words))
        return -EINVAL;
    if (version != SAVED_VERSION)
        return saved_words_fail(
            words, "the file has format %u, and this release reads format %u: use the release that saved it",
            (unsigned)version, SAVED_VERSION);
    return 0;
}

static int
read_origin(struct saved_words *words, struct saved_facts *facts)
{
    char name[STATUS_SEGMENT_BYTES];

    if (next_begins(words, "segment") || saved_words_string(words, name, sizeof name, NULL) ||
        saved_words_hex(words, &facts->nonce[0]) || saved_words_hex(words, &facts->nonce[1]) || saved_words_done(words))
        return -EINVAL;
    if (next_begins(words, "saved") || words_u64(words, &facts->saved_ns) ||
        read_u32(words, "workers", &facts->workers) || saved_words_done(words))
        return -EINVAL;
    return 0;
}

int
saved_head(struct saved_words *words, struct saved_facts *facts, struct shmeter_options *sizes)
{
    memset(facts, 0, sizeof *facts);
    if (read_version(words) || read_origin(words, facts) || next_begins(words, "sizes") ||
        read_size(words, "lane-bytes", UINT64_MAX, &sizes->lane_bytes) ||
        read_u32(words, "max-series", &sizes->max_series) ||
        read_u32(words, "max-family-series", &sizes->max_family_series) ||
        read_u32(words, "max-slots", &sizes->max_slots) || read_u32(words, "max-gauges", &sizes->max_gauges) ||
        read_u32(words, "ring-bytes", &sizes->ring_bytes) || saved_words_done(words))
        return -EINVAL;
    return 0;
}

int
saved_facts_of(const struct saved_text *text, struct saved_facts *out, struct report *report)
{
    struct saved_words words = { .text = text, .report = report };
    struct shmeter_options sizes = { .struct_bytes = sizeof sizes };

    return saved_head(&words, out, &sizes);
}
