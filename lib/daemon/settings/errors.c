/*
 * Sentences about mistakes in a file, each on one line, whatever bytes the file has. libyaml's messages are replaced by
 * plainer ones.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "daemon/settings/internal.h"

/* ---- sentences ---- */

static int
fail(struct yaml *yaml, uint32_t line, const char *format, va_list arguments)
{
    char sentence[REPORT_BYTES], clean[REPORT_BYTES], at[16] = "";
    size_t used;

    if (line)
        snprintf(at, sizeof at, ":%u", line);
    used = (size_t)snprintf(sentence, sizeof sentence, "%s%s: ", yaml->path, at);
    if (used < sizeof sentence)
        vsnprintf(sentence + used, sizeof sentence - used, format, arguments);
    text_clip(clean, sizeof clean, sentence, TEXT_ONE_LINE); /* the sentence may quote bytes of the file */
    return report_fail(yaml->report, -EINVAL, "%s", clean);
}

int
yaml_fail(struct yaml *yaml, const struct yaml_value *value, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail(yaml, value ? value->line : 0, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int
yaml_fail_line(struct yaml *yaml, uint32_t line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail(yaml, line, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

const char *
yaml_shown(const char *key, const struct yaml_value *value, char out[YAML_SHOWN_BYTES])
{
    static const char *const secrets[] = { "password", "secret", "hash", "auth" };
    char clean[YAML_SHOWN_BYTES - 5];
    size_t i;

    for (i = 0; key && i < sizeof secrets / sizeof *secrets; i++)
        if (strcasestr(key, secrets[i]))
            return "(not shown)";
    text_clip(clean, sizeof clean, value->text, TEXT_ONE_LINE);
    snprintf(out, YAML_SHOWN_BYTES, "'%s%s'", clean, strlen(value->text) >= sizeof clean ? "..." : "");
    return out;
}

int
yaml_no_memory(struct yaml *yaml)
{
    yaml_fail(yaml, NULL, "cannot be read: no memory");
    return -ENOMEM;
}

/* ---- libyaml's errors ---- */

uint32_t
yaml_line_of(const yaml_mark_t *mark)
{
    return (uint32_t)mark->line + 1;
}

/* The byte at a mark; 0 behind the end. Marks count characters, not bytes. */
static char
byte_at(const struct reader *reader, const yaml_mark_t *mark)
{
    size_t i, characters = 0;

    for (i = 0; i < reader->len; i++)
        if (((unsigned char)reader->text[i] & 0xc0) != 0x80 && characters++ == mark->index)
            return reader->text[i];
    return 0;
}

/* For errors in the encoding, for which libyaml gives an offset and no line. */
static int
fail_bytes(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t end = parser->problem_offset < reader->len ? parser->problem_offset : reader->len, i;
    uint32_t line = 1;

    for (i = 0; i < end; i++)
        line += reader->text[i] == '\n';
    if (parser->problem && strstr(parser->problem, "control"))
        return yaml_fail_line(reader->yaml, line, "there is a control character (0x%02x), which YAML has no use for",
                              (unsigned)parser->problem_value);
    return yaml_fail_line(reader->yaml, line, "this is not UTF-8: %s", parser->problem);
}

/* The mistake that usually makes libyaml report this problem; NULL: libyaml's own words are used. */
static const char *
likely_mistake(const char *problem, const char *context, char byte)
{
    if (byte == '\t' || strstr(problem, "tab character"))
        return "a tab stands where YAML wants blanks";
    if (context && strstr(context, "quoted scalar"))
        return "the quote that opens here is not closed";
    if (!strcmp(problem, "found character that cannot start any token"))
        return "a value that begins with one of @ % ` has to stand in quotes";
    if (strstr(problem, "mapping values are not allowed"))
        return "a ':' stands where no key can be; a value with ': ' in it has to stand in quotes, and keys of one "
               "map have to begin in the same column";
    if (strstr(problem, "could not find expected ':'"))
        return "a key has no ':' behind it";
    if (strstr(problem, "expected ',' or"))
        return "a '[' or '{' is not closed, a ',' is missing, or a text that has one of them is not in quotes";
    if (strstr(problem, "did not find expected key") || strstr(problem, "did not find expected '-'"))
        return "another key or item is wanted here; the line is indented otherwise than those that it belongs to, or "
               "text "
               "follows a closing quote";
    return NULL;
}

int
yaml_fail_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "unknown", *likely;
    const yaml_mark_t *mark = &parser->problem_mark;

    if (parser->error == YAML_MEMORY_ERROR)
        return yaml_no_memory(reader->yaml);
    if (parser->error == YAML_READER_ERROR)
        return fail_bytes(reader);
    likely = likely_mistake(problem, parser->context, byte_at(reader, mark));
    /*
     * A quote or bracket that is not closed is noticed at the end of the file; the line of its beginning is more
     * useful.
     */
    if (parser->context && (strstr(parser->context, "quoted scalar") || strstr(parser->context, "flow")))
        mark = &parser->context_mark;
    return yaml_fail_line(reader->yaml, yaml_line_of(mark), "not YAML: %s%s%s%s", likely ? likely : "",
                          likely ? " (libyaml: " : "", problem, likely ? ")" : "");
}
