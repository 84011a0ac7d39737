/* Reads the words of a saved text one by one, and reports mistakes with the number of the line. */
#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "read/snapshot/modes.h"
#include "saved/internal.h"
#include "shm/layout/types.h"
#include "shm/machine/hash.h"

void
saved_type_word(uint32_t type, char *out)
{
    static const char *const names[] = {
#define STORED(name, ...) #name,
#include "model/types.def"
    };
    size_t i = 0;

    _Static_assert(sizeof names / sizeof *names == SHMETER_TYPES, "each type has a word");
    for (; type < SHMETER_TYPES && names[type][i] && i + 1 < SAVED_TYPE_BYTES; i++)
        out[i] = (char)(names[type][i] >= 'A' && names[type][i] <= 'Z' ? names[type][i] + 'a' - 'A' : names[type][i]);
    out[i] = 0;
}

uint64_t
saved_sum(const char *bytes, size_t len)
{
    return shmeter_hash_bytes(SAVED_VERSION, bytes, len);
}

int
saved_mode_stays(uint32_t mode)
{
    return mode < modes_n && modes[mode].whose == MODE_OF_ALL && modes[mode].how != MODE_ALL;
}

int
saved_words_next(struct saved_words *words)
{
    const char *end = words->text->bytes + words->text->len;

    words->at = words->line ? words->line_end + 1 : words->text->bytes;
    words->line++;
    if (words->at >= end)
        return saved_words_fail(words, "the file ends here, without its last line (end): it is not complete");
    words->line_end = memchr(words->at, '\n', (size_t)(end - words->at));
    if (!words->line_end)
        return saved_words_fail(words, "the file ends within this line: it is not complete");
    return 0;
}

int
saved_words_more(const struct saved_words *words)
{
    return words->at < words->line_end;
}

int
saved_words_begins(struct saved_words *words, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(words->line_end - words->at) < len || memcmp(words->at, word, len) ||
        (words->at + len < words->line_end && words->at[len] != ' '))
        return 0;
    words->at += len;
    return 1;
}

/* Takes the next word. Returns its length; 0: there is none. One blank separates words. */
static size_t
take(struct saved_words *words, const char **out)
{
    const char *from = words->at, *at;

    if (from < words->line_end && *from == ' ')
        from++;
    for (at = from; at < words->line_end && *at != ' '; at++)
        ;
    words->at = at;
    *out = from;
    return (size_t)(at - from);
}

int
saved_words_word(struct saved_words *words, char *out, size_t capacity)
{
    const char *from;
    size_t len = take(words, &from);

    if (!len || len >= capacity || memchr(from, 0, len))
        return saved_words_fail(words, "a word is missing, or is too long");
    memcpy(out, from, len);
    out[len] = 0;
    return 0;
}

int
words_u64(struct saved_words *words, uint64_t *out)
{
    const char *from;
    size_t len = take(words, &from), i;
    uint64_t value = 0;
    int wrong = !len || len > 20;

    for (i = 0; i < len && !wrong; i++) {
        wrong = from[i] < '0' || from[i] > '9' || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
                __builtin_add_overflow(value, (uint64_t)(from[i] - '0'), &value);
    }
    if (wrong)
        return saved_words_fail(words, "a whole number from 0 to 2^64 - 1 is expected");
    *out = value;
    return 0;
}

int
words_u32(struct saved_words *words, uint32_t *out)
{
    uint64_t value = 0;

    if (words_u64(words, &value))
        return -EINVAL;
    if (value > UINT32_MAX)
        return saved_words_fail(words, "a number is above 2^32 - 1");
    *out = (uint32_t)value;
    return 0;
}

int
words_i32(struct saved_words *words, int32_t *out)
{
    double value = 0;

    if (words_f64(words, &value))
        return -EINVAL;
    if (!(value >= -1000000 && value <= 1000000) || (double)(int32_t)value != value)
        return saved_words_fail(words, "a small whole number is expected");
    *out = (int32_t)value;
    return 0;
}

int
words_f64(struct saved_words *words, double *out)
{
    const char *from;
    size_t len = take(words, &from);

    if (!number_read_f64(from, len, out))
        return saved_words_fail(words, "a number is expected");
    return 0;
}

int
saved_words_hex(struct saved_words *words, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *from, *digit;
    size_t len = take(words, &from), i;
    uint64_t value = 0;

    for (i = 0; i < len && len == 16; i++) {
        digit = from[i] ? strchr(digits, from[i]) : NULL;
        if (!digit)
            break;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    if (len != 16 || i < len)
        return saved_words_fail(words, "16 hexadecimal digits are expected");
    *out = value;
    return 0;
}

/* Reads the escape behind a backslash in a string. Returns the number of bytes read; 0: it is not an escape. */
static size_t
unescape(const char *at, size_t left, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *high, *low;

    if (left && (*at == '\\' || *at == '"')) {
        *out = *at;
        return 1;
    }
    if (left && *at == 'n') {
        *out = '\n';
        return 1;
    }
    if (left < 3 || *at != 'x' || !at[1] || !at[2])
        return 0;
    high = strchr(digits, at[1]);
    low = strchr(digits, at[2]);
    if (!high || !low)
        return 0;
    *out = (char)((high - digits) << 4 | (low - digits));
    return 3;
}

int
saved_words_string(struct saved_words *words, char *out, size_t capacity, size_t *len)
{
    const char *at = words->at, *end = words->line_end;
    size_t n = 0, taken = 1;

    if (at < end && *at == ' ')
        at++;
    if (at >= end || *at != '"')
        return saved_words_fail(words, "a string in quotes is expected");
    for (at++; at < end && *at != '"' && n + 1 < capacity; n++) {
        out[n] = *at++;
        if (out[n] == '\\')
            at += taken = unescape(at, (size_t)(end - at), &out[n]);
        if (!taken)
            return saved_words_fail(words,
                                    "a backslash in a string is followed by something else than \\, \", n or xHH");
        if (!out[n])
            return saved_words_fail(words, "a string has a zero byte in it");
    }
    if (at < end && *at != '"')
        return saved_words_fail(words, "a string is longer than %zu bytes", capacity - 1);
    if (at >= end)
        return saved_words_fail(words, "a string has no quotation mark at its end");
    out[n] = 0;
    words->at = at + 1;
    if (words->at < end && *words->at != ' ')
        return saved_words_fail(words, "a blank is missing behind a string");
    if (!text_utf8_valid(out, n))
        return saved_words_fail(words, "a string is no UTF-8");
    if (len)
        *len = n;
    return 0;
}

int
saved_words_done(struct saved_words *words)
{
    if (words->at < words->line_end)
        return saved_words_fail(words, "there is more in this line than expected");
    return 0;
}
