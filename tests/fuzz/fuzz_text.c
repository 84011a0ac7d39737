/*
 * Strings of strangers: a help text and two label values, apart by zero bytes. Each comes back from text, OpenMetrics
 * and protobuf as it was, but that what is no UTF-8 and control characters are replaced: what is expected, and how it
 * is read back, is written from the formats' specifications and not from the encoders. A strict parser has no complaint
 * about the text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "formats/encode.h"
#include "formats/exposition.pb-c.h"
#include "tests/read/strict.h"

#define STRING_BYTES 512u

struct strings {
    char help[TEXT_CLEAN_BYTES(STRING_BYTES)], a[TEXT_CLEAN_BYTES(STRING_BYTES)], b[TEXT_CLEAN_BYTES(STRING_BYTES)];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* ---- what is expected ---- */

/* The code point at text and its bytes, RFC 3629; 0: there is none, and one byte. */
static uint32_t
code_point(const uint8_t *text, size_t len, size_t *bytes)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    size_t more = text[0] < 0x80   ? 0
                  : text[0] < 0xc0 ? 9
                  : text[0] < 0xe0 ? 1
                  : text[0] < 0xf0 ? 2
                  : text[0] < 0xf8 ? 3
                                   : 9;
    uint32_t code = more ? text[0] & (0x3fu >> more) : text[0];
    size_t i;

    *bytes = 1;
    if (more > 3 || more >= len)
        return 0;
    for (i = 1; i <= more; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    if (code < least[more] || code > 0x10ffff || code >> 11 == 0x1b)
        return 0;
    *bytes = more + 1;
    return code;
}

static void
replace(char *out, const uint8_t *text, size_t len)
{
    size_t at, bytes;

    for (at = 0; at < len; at += bytes) {
        uint32_t code = code_point(text + at, len - at, &bytes);
        int stays = code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && (code < 0x7f || code >= 0xa0));
        memcpy(out, stays ? (const char *)text + at : "\xef\xbf\xbd", stays ? bytes : 3);
        out += stays ? bytes : 3;
    }
    *out = 0;
}

/* Cleans the string before the next zero byte into out. */
static void
take(const uint8_t **data, size_t *bytes, char out[TEXT_CLEAN_BYTES(STRING_BYTES)])
{
    char expected[TEXT_CLEAN_BYTES(STRING_BYTES)];
    const uint8_t *end = memchr(*data, 0, *bytes);
    size_t whole = end ? (size_t)(end - *data) : *bytes, len = whole < STRING_BYTES ? whole : STRING_BYTES;

    text_clean(out, (const char *)*data, len, TEXT_LINES);
    replace(expected, *data, len);
    must(!strcmp(out, expected), "a string is cleaned otherwise than it should be");
    *data += end ? whole + 1 : whole;
    *bytes -= end ? whole + 1 : whole;
}

/* ---- what comes back ---- */

/*
 * Reads up to stop what was escaped by backslashes: n is a line end, others stand for themselves. Returns what is
 * behind stop.
 */
static const char *
unescape(const char *at, const char *end, char stop, const char *escaped, char *out)
{
    for (; at < end && *at != stop; at++) {
        must(*at != '\n', "a line ends in the midst of a string");
        if (*at == '\\') {
            must(++at < end && strchr(escaped, *at), "an escape that the format does not have");
            *out++ = *at == 'n' ? '\n' : *at;
        } else {
            *out++ = *at;
        }
    }
    must(at < end, "a string does not end");
    *out = 0;
    return at + 1;
}

static const char *
after(const char *at, const char *end, const char *word)
{
    size_t len = strlen(word);

    must((size_t)(end - at) >= len && !memcmp(at, word, len), word);
    return at + len;
}

static const char *
find(const struct buffer *text, const char *word)
{
    const char *found = memmem(text->data, text->len, word, strlen(word));

    must(found != NULL, word);
    return found + strlen(word);
}

static void
same(const struct strings *wanted, const char *help, const char *a, const char *b)
{
    must(!strcmp(wanted->help, help), "another help came back");
    must(!strcmp(wanted->a, a) && !strcmp(wanted->b, b), "other label values came back");
}

/* help_line: how the help begins, and escaped: what is escaped in it. Labels are alike in both text formats. */
static void
read_lines(const struct buffer *text, const struct strings *wanted, const char *help_line, const char *escaped)
{
    static struct strings back;
    const char *end = text->data + text->len, *at;

    *back.help = 0;
    if (*wanted->help)
        unescape(find(text, help_line), end, '\n', escaped, back.help);
    at = unescape(find(text, "\nx_total{a=\""), end, '"', "\\\"n", back.a);
    at = unescape(after(at, end, ",b=\""), end, '"', "\\\"n", back.b);
    after(at, end, "} 7\n");
    same(wanted, back.help, back.a, back.b);
}

static void
read_protobuf(const struct buffer *message, const struct strings *wanted)
{
    Io__Prometheus__Client__MetricFamily *family;
    const char *values[] = { "", "" };
    const uint8_t *bytes = (const uint8_t *)message->data;
    size_t len = 0, at = 0, shift, i;

    for (shift = 0; at < message->len; shift += 7) {
        len |= (size_t)(bytes[at] & 0x7f) << shift;
        if (bytes[at++] < 0x80)
            break;
    }
    must(len == message->len - at, "not one message");
    family = io__prometheus__client__metric_family__unpack(NULL, len, bytes + at);
    must(family && family->n_metric == 1, "not one metric");
    for (i = 0; i < family->metric[0]->n_label; i++) /* an empty value may be left out */
        values[!strcmp(family->metric[0]->label[i]->name, "b")] = family->metric[0]->label[i]->value;
    same(wanted, family->help ? family->help : "", values[0], values[1]);
    io__prometheus__client__metric_family__free_unpacked(family, NULL);
}

static void
parse_strictly(const struct buffer *text, const struct strings *wanted)
{
    char labels[2 * sizeof wanted->a + 8];
    struct strict parsed = { 0 };

    strict_parse(&parsed, text->data, text->len);
    must(!*parsed.error, parsed.error);
    snprintf(labels, sizeof labels, "%s%s%s%s%s%s", *wanted->a ? "a=" : "", wanted->a, *wanted->a ? "\377" : "",
             *wanted->b ? "b=" : "", wanted->b, *wanted->b ? "\377" : "");
    must(parsed.samples_n == 1 && parsed.samples[0].value == 7, "not one sample");
    must(!strcmp(parsed.samples[0].labels, labels), "other labels came back (an empty one is none)");
    strict_free(&parsed);
}

static void
render(struct plan *plan, const struct encoder *encoder, struct buffer *out)
{
    out->len = 0;
    must(!plan_update(plan, encoder->parts) && !encoder->render(plan, out), "no memory to render");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const labels[] = { "a", "b", NULL };
    static struct buffer out;
    static struct strings wanted;
    const struct model_metric metric = {
        .type = MODEL_COUNTER, .name = "x_total", .help = wanted.help, .labels = labels
    };
    const char *const values[] = { wanted.a, wanted.b };
    struct model *model = model_new();
    struct plan *plan = plan_new(model);

    take(&data, &bytes, wanted.help);
    take(&data, &bytes, wanted.a);
    take(&data, &bytes, wanted.b);
    must(plan && !model_put_u64(model, &metric, values, 7), "no memory for a model");
    render(plan, &encode_text, &out);
    parse_strictly(&out, &wanted);
    read_lines(&out, &wanted, "# HELP x_total ", "\\n");
    render(plan, &encode_openmetrics, &out);
    read_lines(&out, &wanted, "# HELP x ", "\\\"n");
    render(plan, &encode_protobuf, &out);
    read_protobuf(&out, &wanted);
    plan_free(plan);
    model_free(model);
    return 0;
}
