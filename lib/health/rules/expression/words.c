/* Splits a condition into the words of PromQL that conditions have. */
#include "health/rules/expression/words.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_BYTES 24u /* how much of the text behind a mistake is shown */

/* ---- mistakes ---- */

static unsigned
character_of(const struct words *words, const char *at)
{
    const char *step;
    unsigned n = 1;

    for (step = words->text; step < at; step++)
        n += ((unsigned char)*step & 0xc0) != 0x80;
    return n;
}

static int
shown_len(const char *at)
{
    size_t len = strcspn(at, "\r\n");

    if (len > SHOWN_BYTES)
        for (len = SHOWN_BYTES; len && ((unsigned char)at[len] & 0xc0) == 0x80; len--)
            ;
    return (int)len;
}

int
words_fail(struct words *words, const char *at, const char *format, ...)
{
    char sentence[512];
    va_list arguments;

    if (!at)
        at = words->at;
    words->kind = WORD_END;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return *at ? report_fail(words->report, -EINVAL, "%s, at character %u, before \"%.*s\"", sentence,
                             character_of(words, at), shown_len(at), at)
               : report_fail(words->report, -EINVAL, "%s, at the end", sentence);
}

/* ---- words ---- */

static int
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static int
is_name_byte(char byte)
{
    return is_digit(byte) || ((byte | 32) >= 'a' && (byte | 32) <= 'z') || byte == '_' || byte == ':';
}

static const char *
skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (*at != '#')
            return at;
        at += strcspn(at, "\n");
    }
}

/* Takes a decimal number: digits, a point, an exponent. strtod would also take hexadecimal numbers and words. */
static void
take_number(struct words *words)
{
    const char *end = words->at;

    while (is_digit(*end))
        end++;
    if (*end == '.')
        for (end++; is_digit(*end); end++)
            ;
    if ((*end | 32) == 'e') {
        const char *exponent = end + 1 + (end[1] == '+' || end[1] == '-');
        if (is_digit(*exponent))
            for (end = exponent; is_digit(*end); end++)
                ;
    }
    if (is_name_byte(*end) || *end == '.' || end == words->at + (*words->at == '.')) {
        words_fail(words, NULL, "this is no number");
        return;
    }
    words->kind = WORD_NUMBER;
    words->number = strtod(words->at, NULL);
    words->next = end;
}

static void
take_name(struct words *words)
{
    const char *end = words->at;

    while (is_name_byte(*end))
        end++;
    words->kind = WORD_NAME;
    words->len = (size_t)(end - words->at);
    words->next = end;
    if (!words_is_keyword(words, "inf") && !words_is_keyword(words, "nan"))
        return;
    words->kind = WORD_NUMBER;
    words->number = (*words->at | 32) == 'i' ? INFINITY : NAN;
}

/* The byte that an escape stands for; -1: it is none. The escapes of Go's strings that stand for one byte. */
static int
escaped(char byte, char quote)
{
    static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
    const char *found = byte ? strchr(letters, byte) : NULL;

    return found ? bytes[found - letters] : byte == quote ? quote : -1;
}

static void
take_string(struct words *words)
{
    const char *at = words->at + 1;
    char quote = *words->at;
    size_t len = 0;
    int byte;

    for (; *at != quote; at++) {
        byte = (unsigned char)*at;
        if (!byte || (byte == '\n' && quote != '`')) {
            words_fail(words, NULL, "this text has no end");
            return;
        }
        if (byte == '\\' && quote != '`' && (byte = escaped(*++at, quote)) < 0) {
            words_fail(words, at - 1, "this is no escape; write a backslash as \\\\");
            return;
        }
        if (len + 1 == sizeof words->string) {
            words_fail(words, NULL, "this text is longer than %u bytes", WORDS_STRING_BYTES - 1);
            return;
        }
        words->string[len++] = (char)byte;
    }
    words->string[len] = 0;
    words->kind = WORD_STRING;
    words->next = at + 1;
}

static void
take_sign(struct words *words)
{
    static const char *const twos[] = { ">=", "<=", "==", "!=", "=~", "!~" };
    size_t i;

    words->kind = WORD_SIGN;
    words->sign = (unsigned char)*words->at;
    words->next = words->at + 1;
    for (i = 0; i < sizeof twos / sizeof *twos; i++)
        if (!strncmp(words->at, twos[i], 2)) {
            words->sign = twos[i][0] * 256 + twos[i][1];
            words->next = words->at + 2;
            return;
        }
    if (!strchr("+-*/(){}[],=<>", *words->at))
        words_fail(words, NULL, "this is not understood");
}

void
words_next(struct words *words)
{
    if (*words->report->text)
        return;
    words->at = words->next = skip_blanks(words->next);
    if (!*words->at)
        words->kind = WORD_END;
    else if (is_digit(*words->at) || *words->at == '.')
        take_number(words);
    else if (is_name_byte(*words->at))
        take_name(words);
    else if (strchr("\"'`", *words->at))
        take_string(words);
    else
        take_sign(words);
}

void
words_begin(struct words *words, const char *text, struct report *report)
{
    words->text = words->at = words->next = text;
    words->report = report;
    words->kind = WORD_END;
    words_next(words);
}

int
words_is(const struct words *words, int sign)
{
    return words->kind == WORD_SIGN && words->sign == sign;
}

int
words_take(struct words *words, int sign)
{
    if (!words_is(words, sign))
        return 0;
    words_next(words);
    return 1;
}

int
words_is_name(const struct words *words, const char *name)
{
    return words->kind == WORD_NAME && strlen(name) == words->len && !memcmp(words->at, name, words->len);
}

int
words_is_keyword(const struct words *words, const char *lower_case)
{
    return words->kind == WORD_NAME && strlen(lower_case) == words->len &&
           !strncasecmp(words->at, lower_case, words->len);
}

int
words_is_call(const struct words *words)
{
    return words->kind == WORD_NAME && *skip_blanks(words->next) == '(';
}

/* ---- durations ---- */

/* A duration such as 1h30m: each unit at most once, the larger first; ms is a unit of its own. */
double
words_duration(struct words *words)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = { { "y", 31536000 }, { "w", 604800 }, { "d", 86400 }, { "h", 3600 },
                  { "m", 60 },       { "s", 1 },      { "ms", 1e-3 } };
    const size_t units_n = sizeof units / sizeof *units;
    const char *begin = skip_blanks(words->next), *at = begin, *unit;
    double seconds = 0, number;
    size_t i, least = 0, len;

    if (*words->report->text)
        return NAN;
    while (is_digit(*at)) {
        for (number = 0; is_digit(*at); at++)
            number = number * 10 + (*at - '0');
        for (unit = at, len = 0; (unit[len] | 32) >= 'a' && (unit[len] | 32) <= 'z'; len++)
            ;
        for (i = least; i < units_n; i++)
            if (strlen(units[i].name) == len && !memcmp(units[i].name, unit, len))
                break;
        if (i == units_n)
            break;
        seconds += number * units[i].seconds;
        least = i + 1;
        at = unit + len;
    }
    words->next = at;
    words_next(words);
    if (at > begin && !is_digit(at[-1]) && words_is(words, ']'))
        return seconds;
    words_fail(words, begin, "between [ and ] belongs a duration like 5m, 90s or 1h");
    return NAN;
}
