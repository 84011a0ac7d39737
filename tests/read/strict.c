#include "tests/read/strict.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct strict *out;
    const char *at, *end; /* of the line */
    size_t line;
    int open; /* the family of the last lines, -1 none */
};

static void fail(struct parser *parser, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
fail(struct parser *parser, const char *format, ...)
{
    va_list arguments;
    size_t n;

    if (*parser->out->error)
        return;
    n = (size_t)snprintf(parser->out->error, sizeof parser->out->error, "line %zu: ", parser->line);
    va_start(arguments, format);
    vsnprintf(parser->out->error + n, sizeof parser->out->error - n, format, arguments);
    va_end(arguments);
}

static int
utf8_good(const unsigned char *s, size_t len)
{
    size_t i = 0;

    while (i < len) {
        uint32_t code, least;
        size_t more, k;
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        more = s[i] >= 0xf0 ? 3 : s[i] >= 0xe0 ? 2 : 1;
        if (s[i] < 0xc0 || s[i] >= 0xf8 || i + more >= len)
            return 0;
        least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
        code = s[i] & (0x3fu >> more);
        for (k = 1; k <= more; k++) {
            if ((s[i + k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (s[i + k] & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return 0;
        i += more + 1;
    }
    return 1;
}

static char *
take_name(struct parser *parser, int colon)
{
    const char *from = parser->at;

    while (parser->at < parser->end &&
           (isalpha((unsigned char)*parser->at) || *parser->at == '_' || (colon && *parser->at == ':') ||
            (parser->at > from && isdigit((unsigned char)*parser->at))))
        parser->at++;
    if (parser->at == from)
        fail(parser, "a name is missing");
    return strndup(from, (size_t)(parser->at - from));
}

static int
take(struct parser *parser, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(parser->end - parser->at) < n || memcmp(parser->at, word, n))
        return 0;
    parser->at += n;
    return 1;
}

/* ---- families ---- */

static int
find_family(struct strict *out, const char *name)
{
    size_t i;

    for (i = 0; i < out->families_n; i++)
        if (!strcmp(out->families[i].name, name))
            return (int)i;
    return -1;
}

static int
add_family(struct strict *out, const char *name)
{
    out->families = realloc(out->families, (out->families_n + 1) * sizeof *out->families);
    out->families[out->families_n].name = strdup(name);
    out->families[out->families_n].type = NULL;
    return (int)out->families_n++;
}

static void
parse_comment(struct parser *parser)
{
    int help = take(parser, "# HELP "), known;
    char *name;

    if (!help && !take(parser, "# TYPE ")) {
        fail(parser, "a comment that is neither HELP nor TYPE");
        return;
    }
    name = take_name(parser, 1);
    known = find_family(parser->out, name);
    if (known >= 0 && (help || known != parser->open || parser->out->families[known].type))
        fail(parser, "%s is described twice, or not in one place", name);
    if (known < 0)
        known = add_family(parser->out, name);
    parser->open = known;
    free(name);
    if (!take(parser, " ")) {
        fail(parser, "a blank is missing");
        return;
    }
    if (help) {
        for (; parser->at < parser->end; parser->at++)
            if (*parser->at == '\\' && (++parser->at == parser->end || (*parser->at != '\\' && *parser->at != 'n')))
                fail(parser, "bad escape in HELP");
        return;
    }
    free(parser->out->families[known].type);
    parser->out->families[known].type = strndup(parser->at, (size_t)(parser->end - parser->at));
    if (strcmp(parser->out->families[known].type, "counter") && strcmp(parser->out->families[known].type, "gauge") &&
        strcmp(parser->out->families[known].type, "histogram") && strcmp(parser->out->families[known].type, "summary"))
        fail(parser, "type %s", parser->out->families[known].type);
}

/* ---- samples ---- */

static char *
take_value(struct parser *parser)
{
    char *value = calloc(1, (size_t)(parser->end - parser->at) + 1), *to = value;

    if (!take(parser, "\""))
        fail(parser, "a quote is missing");
    while (parser->at < parser->end && *parser->at != '"') {
        char c = *parser->at++;
        if (c == '\\') {
            c = parser->at < parser->end ? *parser->at++ : 0;
            if (c != '\\' && c != '"' && c != 'n')
                fail(parser, "bad escape in a label value");
            c = c == 'n' ? '\n' : c;
        }
        *to++ = c;
    }
    if (!take(parser, "\""))
        fail(parser, "a quote does not end");
    return value;
}

static int
by_string(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Elsewhere le is a label like others. */
static int
in_histogram(const struct parser *parser)
{
    const char *type = parser->open < 0 ? NULL : parser->out->families[parser->open].type;

    return type && !strcmp(type, "histogram");
}

static void
parse_labels(struct parser *parser, struct strict_sample *sample)
{
    char *pairs[64] = { NULL }, *end;
    size_t n = 0, i, bytes = 1;

    while (!*parser->out->error && n < 64) {
        char *name = take_name(parser, 0), *value = NULL;
        if (!take(parser, "="))
            fail(parser, "= is missing");
        else
            value = take_value(parser);
        if (value && !strcmp(name, "le") && in_histogram(parser))
            sample->le = strdup(value);
        else if (value && *value && asprintf(&pairs[n], "%s=%s\377", name, value) > 0)
            n++; /* an empty value is no label */
        if (!strncmp(name, "__", 2))
            fail(parser, "reserved label %s", name);
        free(name);
        free(value);
        if (take(parser, "}"))
            break;
        if (!take(parser, ","))
            fail(parser, ", is missing");
    }
    qsort(pairs, n, sizeof *pairs, by_string);
    for (i = 0; i < n; i++) {
        bytes += strlen(pairs[i]);
        if (i && !strncmp(pairs[i - 1], pairs[i], (size_t)(strchr(pairs[i], '=') - pairs[i]) + 1))
            fail(parser, "a label twice");
    }
    sample->labels = end = calloc(1, bytes);
    for (i = 0; i < n; i++) {
        end = stpcpy(end, pairs[i]);
        free(pairs[i]);
    }
}

static int
belongs(const struct strict_family *family, const char *name)
{
    size_t n = strlen(family->name);

    if (family->type && !strcmp(family->type, "histogram"))
        return !strncmp(name, family->name, n) &&
               (!strcmp(name + n, "_bucket") || !strcmp(name + n, "_sum") || !strcmp(name + n, "_count"));
    if (family->type && !strcmp(family->type, "summary")) /* those here have no quantiles */
        return !strncmp(name, family->name, n) && (!strcmp(name + n, "_sum") || !strcmp(name + n, "_count"));
    return !strcmp(name, family->name);
}

static void
parse_number(struct parser *parser, struct strict_sample *sample)
{
    char *end;

    sample->text = strndup(parser->at, (size_t)(parser->end - parser->at));
    sample->value = strtod(sample->text, &end);
    if (!*sample->text || *end || isspace((unsigned char)*sample->text) || strpbrk(sample->text, "xXpP"))
        fail(parser, "bad number %.40s", sample->text);
    if (isalpha((unsigned char)sample->text[strspn(sample->text, "+-")]) && strcmp(sample->text, "NaN") &&
        strcmp(sample->text, "+Inf") && strcmp(sample->text, "-Inf"))
        fail(parser, "bad word for a number %.40s", sample->text);
}

static void
parse_sample(struct parser *parser)
{
    struct strict *out = parser->out;
    struct strict_sample *sample;

    if (!(out->samples_n & (out->samples_n - 1))) /* full at each power of two */
        out->samples = realloc(out->samples, (2 * out->samples_n + 1) * sizeof *out->samples);
    sample = &out->samples[out->samples_n++];
    memset(sample, 0, sizeof *sample);
    sample->name = take_name(parser, 1);
    if (take(parser, "{"))
        parse_labels(parser, sample);
    else
        sample->labels = strdup("");
    if (!take(parser, " "))
        fail(parser, "a blank is missing");
    parse_number(parser, sample);
    if (parser->open < 0 || !out->families[parser->open].type || !belongs(&out->families[parser->open], sample->name))
        fail(parser, "sample %.80s stands outside of its family", sample->name);
    sample->family = (size_t)parser->open;
    if (!*out->error && !strcmp(out->families[parser->open].type, "counter") && !(sample->value >= 0))
        fail(parser, "a counter below 0");
}

/* ---- all lines together ---- */

static int
by_identity(const void *a, const void *b)
{
    const struct strict_sample *left = *(struct strict_sample *const *)a, *right = *(struct strict_sample *const *)b;
    int order = strcmp(left->name, right->name);

    order = order ? order : strcmp(left->labels, right->labels);
    return order ? order : strcmp(left->le ? left->le : "", right->le ? right->le : "");
}

static void
check_unique(struct parser *parser)
{
    struct strict *out = parser->out;
    struct strict_sample **sorted = calloc(out->samples_n + 1, sizeof *sorted);
    size_t i;

    for (i = 0; i < out->samples_n; i++)
        sorted[i] = &out->samples[i];
    qsort(sorted, out->samples_n, sizeof *sorted, by_identity);
    for (i = 1; i < out->samples_n; i++)
        if (!by_identity(&sorted[i - 1], &sorted[i]))
            fail(parser, "%.80s{%.80s} is there twice", sorted[i]->name, sorted[i]->labels);
    free(sorted);
}

static int
ends(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && !strcmp(name + n - m, suffix);
}

/* One series' lines stand together: buckets, sum, count. */
static void
check_histogram(struct parser *parser, size_t *at)
{
    const struct strict_sample *samples = parser->out->samples, *first = &samples[*at];
    double le = -INFINITY, count = 0;
    size_t i = *at;

    for (; i < parser->out->samples_n && samples[i].le; i++) {
        double bound = strtod(samples[i].le, NULL);
        if (!ends(samples[i].name, "_bucket") || strcmp(samples[i].labels, first->labels) ||
            !(bound > le || (bound == le && i == *at)) || samples[i].value < count ||
            strspn(samples[i].text, "0123456789") != strlen(samples[i].text))
            fail(parser, "bucket %.80s{%.80s le=%.20s} is out of order", samples[i].name, samples[i].labels,
                 samples[i].le);
        le = bound;
        count = samples[i].value;
    }
    if (le != INFINITY || i + 1 >= parser->out->samples_n || !ends(samples[i].name, "_sum") ||
        !ends(samples[i + 1].name, "_count") || strcmp(samples[i].labels, first->labels) ||
        strcmp(samples[i + 1].labels, first->labels) || samples[i + 1].value != count)
        fail(parser, "histogram %.80s{%.80s} is not whole", first->name, first->labels);
    *at = i + 2;
}

static void
check_summary(struct parser *parser, size_t *at)
{
    const struct strict_sample *sum = &parser->out->samples[*at], *count = sum + 1;

    if (*at + 1 >= parser->out->samples_n || !ends(sum->name, "_sum") || !ends(count->name, "_count") || sum->le ||
        count->le || strcmp(sum->labels, count->labels) || strspn(count->text, "0123456789") != strlen(count->text))
        fail(parser, "summary %.80s{%.80s} is not whole", sum->name, sum->labels);
    *at += 2;
}

static void
check_histograms(struct parser *parser)
{
    const struct strict *out = parser->out;
    size_t i = 0;

    while (i < out->samples_n && !*out->error)
        if (!strcmp(out->families[out->samples[i].family].type, "histogram"))
            check_histogram(parser, &i);
        else if (!strcmp(out->families[out->samples[i].family].type, "summary"))
            check_summary(parser, &i);
        else
            i++;
}

void
strict_parse(struct strict *out, const char *text, size_t len)
{
    struct parser parser = { out, text, text, 0, -1 };
    const char *end = text + len;

    memset(out, 0, sizeof *out);
    if (!utf8_good((const unsigned char *)text, len) || memchr(text, 0, len))
        fail(&parser, "not UTF-8");
    if (len && text[len - 1] != '\n')
        fail(&parser, "the last line does not end");
    while (text < end && !*out->error) {
        parser.line++;
        parser.at = text;
        parser.end = memchr(text, '\n', (size_t)(end - text));
        text = parser.end + 1;
        if (parser.at == parser.end)
            fail(&parser, "an empty line");
        else if (*parser.at == '#')
            parse_comment(&parser);
        else
            parse_sample(&parser);
    }
    if (!*out->error)
        check_unique(&parser);
    check_histograms(&parser);
}

void
strict_free(struct strict *parsed)
{
    size_t i;

    for (i = 0; i < parsed->samples_n; i++) {
        free(parsed->samples[i].name);
        free(parsed->samples[i].labels);
        free(parsed->samples[i].le);
        free(parsed->samples[i].text);
    }
    for (i = 0; i < parsed->families_n; i++) {
        free(parsed->families[i].name);
        free(parsed->families[i].type);
    }
    free(parsed->samples);
    free(parsed->families);
}

double
strict_value(const struct strict *parsed, const char *name, const char *labels)
{
    size_t i, k;

    for (i = 0; i < parsed->samples_n; i++) {
        const struct strict_sample *sample = &parsed->samples[i];
        char *plain = NULL;
        double value = sample->value;
        int same;
        if (strcmp(sample->name, name) || asprintf(&plain, "%s%s%s%s", sample->labels, sample->le ? "le=" : "",
                                                   sample->le ? sample->le : "", sample->le ? "," : "") < 0)
            continue;
        for (k = 0; plain[k]; k++)
            if (plain[k] == (char)0xff) /* which no UTF-8 has */
                plain[k] = ',';
        same = !strcmp(plain, labels);
        free(plain);
        if (same)
            return value;
    }
    return NAN;
}
