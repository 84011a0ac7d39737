/*
 * Walks once over a list of entries with parameters. The server limits the length of the header.
 */
#include "exporter/web/negotiate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_ONE  1000 /* weights have three decimals */
#define WEIGHT_NONE (-1)

struct word { /* a part of the header */
    const char *text;
    size_t len;
};

struct entry {
    struct word name; /* media range or coding */
    struct word parameters;
    int weight;
};

static int
word_is(struct word word, const char *wanted)
{
    return word.len == strlen(wanted) && !strncasecmp(word.text, wanted, word.len);
}

static int
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct word
trimmed(const char *from, const char *to)
{
    while (from < to && is_blank(*from))
        from++;
    while (to > from && is_blank(to[-1]))
        to--;
    return (struct word){ from, (size_t)(to - from) };
}

/* The next separator outside quotes, or the end. */
static const char *
until(const char *from, const char *to, char separator)
{
    int quoted = 0;

    for (; from < to; from++) {
        if (quoted && *from == '\\' && from + 1 < to)
            from++;
        else if (*from == '"')
            quoted = !quoted;
        else if (!quoted && *from == separator)
            break;
    }
    return from;
}

/* A weight in thousandths: 0, 1, 0.5, 0.125, 1.000. Anything else is WEIGHT_NONE. */
static int
weight_of(struct word text)
{
    int weight = 0, scale = WEIGHT_ONE;
    size_t i;

    if (!text.len || text.len > 5 || (text.text[0] != '0' && text.text[0] != '1') ||
        (text.len > 1 && text.text[1] != '.'))
        return WEIGHT_NONE;
    weight = (text.text[0] - '0') * WEIGHT_ONE;
    for (i = 2; i < text.len; i++) {
        if (text.text[i] < '0' || text.text[i] > '9')
            return WEIGHT_NONE;
        scale /= 10;
        weight += (text.text[i] - '0') * scale;
    }
    return weight > WEIGHT_ONE ? WEIGHT_NONE : weight;
}

/* The value of the first parameter with this name, without quotes around it; text NULL: there is none. */
static struct word
parameter(struct word parameters, const char *name)
{
    const char *at = parameters.text, *end = parameters.text + parameters.len, *stop, *equals;
    struct word value;

    for (; at < end; at = stop + 1) {
        stop = until(at, end, ';');
        equals = memchr(at, '=', (size_t)(stop - at));
        if (!equals || !word_is(trimmed(at, equals), name))
            continue;
        value = trimmed(equals + 1, stop);
        if (value.len >= 2 && value.text[0] == '"' && value.text[value.len - 1] == '"')
            value = (struct word){ value.text + 1, value.len - 2 };
        return value;
    }
    return (struct word){ NULL, 0 };
}

static struct word
list_of(const char *header)
{
    return (struct word){ header, header ? strlen(header) : 0 };
}

/*
 * Takes the first entry from a list. Returns 0 at the end of the list. An entry with an invalid weight has WEIGHT_NONE.
 */
static int
next_entry(struct word *list, struct entry *entry)
{
    const char *from = list->text, *end = list->text + list->len, *stop, *semicolon;
    struct word weight;

    if (!list->len)
        return 0;
    stop = until(from, end, ',');
    semicolon = until(from, stop, ';');
    list->text = stop < end ? stop + 1 : stop;
    list->len = (size_t)(end - list->text);
    entry->name = trimmed(from, semicolon);
    entry->parameters = semicolon < stop ? trimmed(semicolon + 1, stop) : (struct word){ stop, 0 };
    weight = parameter(entry->parameters, "q");
    entry->weight = weight.text ? weight_of(weight) : WEIGHT_ONE;
    return 1;
}

/* ---- formats ---- */

static int
parameter_is(const struct entry *entry, const char *name, const char *wanted)
{
    return word_is(parameter(entry->parameters, name), wanted);
}

/* The format for an entry; -1: none. An entry without a version accepts any version. */
static int
format_of(const struct entry *entry)
{
    struct word version = parameter(entry->parameters, "version");

    if (word_is(entry->name, "application/openmetrics-text"))
        return !version.text || word_is(version, "1.0.0") || word_is(version, "0.0.1") ? NEGOTIATE_OPENMETRICS : -1;
    if (word_is(entry->name, "application/vnd.google.protobuf"))
        return parameter_is(entry, "proto", "io.prometheus.client.MetricFamily") &&
                       parameter_is(entry, "encoding", "delimited")
                   ? NEGOTIATE_PROTOBUF
                   : -1;
    /* Text 1.0.0 is 0.0.4 with names in quotes. */
    if (word_is(entry->name, "text/plain"))
        return !version.text || word_is(version, "0.0.4") || word_is(version, "1.0.0") ? NEGOTIATE_TEXT : -1;
    if (word_is(entry->name, "text/*") || word_is(entry->name, "*/*"))
        return NEGOTIATE_TEXT;
    if (word_is(entry->name, "application/*"))
        return NEGOTIATE_OPENMETRICS;
    return -1;
}

static const char *
version_of(const struct entry *entry, enum negotiate_format format)
{
    const struct word version = parameter(entry->parameters, "version");

    if (format == NEGOTIATE_OPENMETRICS)
        return word_is(version, "0.0.1") ? "0.0.1" : "1.0.0";
    return word_is(version, "1.0.0") ? "1.0.0" : "0.0.4";
}

struct negotiated
negotiate_accept(const char *accept)
{
    struct negotiated best = { NEGOTIATE_TEXT, ESCAPE_UNDERSCORES, 0, "0.0.4" };
    struct word list = list_of(accept), escaping;
    struct entry entry;
    int best_weight = 0, format, scheme;

    while (next_entry(&list, &entry)) {
        format = format_of(&entry);
        if (format < 0 || entry.weight <= best_weight)
            continue;
        best_weight = entry.weight;
        escaping = parameter(entry.parameters, "escaping");
        for (scheme = 0; scheme < ESCAPINGS && !word_is(escaping, escape_words[scheme]); scheme++)
            ;
        best = (struct negotiated){ (enum negotiate_format)format,
                                    scheme < ESCAPINGS ? (enum escaping)scheme : ESCAPE_UNDERSCORES, scheme < ESCAPINGS,
                                    version_of(&entry, (enum negotiate_format)format) };
    }
    return best;
}

enum negotiate_format
negotiate_format(const char *accept)
{
    return negotiate_accept(accept).format;
}

void
negotiate_type(const struct negotiated *negotiated, char *out, size_t bytes)
{
    const char *scheme = negotiated->is_escaping_asked ? escape_words[negotiated->escaping] : "";
    const char *lead = *scheme ? "; escaping=" : "";

    if (negotiated->format == NEGOTIATE_PROTOBUF)
        snprintf(out, bytes,
                 "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited%s%s",
                 lead, scheme);
    else
        snprintf(out, bytes, "%s; version=%s; charset=utf-8%s%s",
                 negotiated->format == NEGOTIATE_OPENMETRICS ? "application/openmetrics-text" : "text/plain",
                 negotiated->version, lead, scheme);
}

/* ---- codings ---- */

int
negotiate_gzip(const char *accept_encoding)
{
    struct word list = list_of(accept_encoding);
    struct entry entry;
    int gzip = WEIGHT_NONE, identity = WEIGHT_NONE, any = WEIGHT_NONE;

    while (next_entry(&list, &entry)) {
        if (word_is(entry.name, "gzip") || word_is(entry.name, "x-gzip"))
            gzip = entry.weight > gzip ? entry.weight : gzip;
        else if (word_is(entry.name, "identity"))
            identity = entry.weight;
        else if (word_is(entry.name, "*"))
            any = entry.weight;
    }
    if (gzip == WEIGHT_NONE)
        gzip = any;
    return gzip > 0 && gzip >= identity;
}
