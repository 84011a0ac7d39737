/* Builds the tree from a file, by libyaml's events. take.c knows types and keys, errors.c the sentences. */
#include "daemon/settings/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/containers/arena.h"
#include "daemon/settings/internal.h"

struct tree { /* what yaml_close() frees */
    struct yaml_value root;
    struct arena arena;
};

/* A value that was read and whose list or map is not complete. Only values of maps have keys. */
struct pending {
    const char *key;
    uint32_t key_line;
    struct yaml_value value;
};

/* ---- the tree ---- */

static int
next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) ? 0 : yaml_fail_syntax(reader);
}

static int read_node(struct reader *reader, const yaml_event_t *event, struct yaml_value *out);

static int
push(struct reader *reader, const struct pending *pending)
{
    struct pending *grown;
    uint32_t max = reader->pending_max ? reader->pending_max * 2 : 64;

    if (reader->pending_n == reader->pending_max) {
        grown = realloc(reader->pending, max * sizeof *grown);
        if (!grown)
            return yaml_no_memory(reader->yaml);
        reader->pending = grown;
        reader->pending_max = max;
    }
    reader->pending[reader->pending_n++] = *pending;
    return 0;
}

static int
compare_keys(const void *a, const void *b)
{
    const struct pending *one = *(const struct pending *const *)a, *other = *(const struct pending *const *)b;
    int order = strcmp(one->key, other->key);

    return order ? order : (one > other) - (one < other);
}

/* Refuses a key that the map has already. */
static int
check_keys(struct reader *reader, const struct pending *from, uint32_t n)
{
    const struct pending **sorted = n ? malloc(n * sizeof *sorted) : NULL, *second = NULL, *first = NULL;
    uint32_t i;

    if (n && !sorted)
        return yaml_no_memory(reader->yaml);
    for (i = 0; i < n; i++)
        sorted[i] = &from[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, compare_keys);
    for (i = 1; i < n; i++)
        if (!strcmp(sorted[i - 1]->key, sorted[i]->key) && (!second || sorted[i] < second)) {
            first = sorted[i - 1];
            second = sorted[i];
        }
    free(sorted);
    if (second)
        return yaml_fail_line(reader->yaml, second->key_line,
                              "key '%.60s' is given twice, here and in line %u; remove one", second->key,
                              first->key_line);
    return 0;
}

/* Moves the pending values from index from on into a list or a map. */
static int
complete(struct reader *reader, uint32_t from, struct yaml_value *out)
{
    uint32_t n = reader->pending_n - from, i;
    const struct pending *pending = n ? reader->pending + from : NULL;
    struct yaml_value *items = arena_take(&reader->tree->arena, n * sizeof *items);
    const char **keys = arena_take(&reader->tree->arena, n * sizeof *keys);
    uint32_t *lines = arena_take(&reader->tree->arena, n * sizeof *lines);

    if (!items || !keys || !lines)
        return yaml_no_memory(reader->yaml);
    for (i = 0; i < n; i++) {
        items[i] = pending[i].value;
        keys[i] = pending[i].key;
        lines[i] = pending[i].key_line;
    }
    out->n = n;
    out->items = items;
    if (out->kind == YAML_MAP) {
        out->keys = keys;
        out->key_lines = lines;
    }
    reader->pending_n = from;
    return 0;
}

static int
take_key(struct reader *reader, const yaml_event_t *event, struct pending *pending)
{
    struct yaml_value key;
    int result;

    pending->key_line = yaml_line_of(&event->start_mark);
    if (event->type != YAML_SCALAR_EVENT)
        return yaml_fail_line(reader->yaml, pending->key_line, "a key has to be a word, and no list or map");
    result = read_node(reader, event, &key);
    if (result)
        return result;
    if (!key.is_quoted && !strcmp(key.text, "<<"))
        return yaml_fail_line(reader->yaml, pending->key_line, "merge keys ('<<') are not taken; write the keys out");
    if (!*key.text)
        return yaml_fail_line(reader->yaml, pending->key_line, "a key is missing before the ':'");
    pending->key = key.text;
    return 0;
}

static int
take_value(struct reader *reader, const yaml_event_t *event, struct pending *pending)
{
    int result = read_node(reader, event, &pending->value);

    if (result)
        return result;
    if (pending->key && pending->value.kind == YAML_SCALAR && !*pending->value.text)
        pending->value.line = pending->key_line; /* libyaml places an empty value at the next token */
    result = push(reader, pending);
    memset(pending, 0, sizeof *pending);
    return result;
}

static int
read_items(struct reader *reader, yaml_event_type_t end, struct yaml_value *out)
{
    const uint32_t from = reader->pending_n;
    struct pending pending = { 0 };
    yaml_event_t event;
    int result, ended = 0;

    do {
        result = next_event(reader, &event);
        if (result)
            return result;
        ended = event.type == end;
        if (!ended && out->kind == YAML_MAP && !pending.key)
            result = take_key(reader, &event, &pending);
        else if (!ended)
            result = take_value(reader, &event, &pending);
        yaml_event_delete(&event);
    } while (!result && !ended);
    if (!result && out->kind == YAML_MAP && reader->pending_n > from)
        result = check_keys(reader, reader->pending + from, reader->pending_n - from);
    return result ? result : complete(reader, from, out);
}

static int
read_scalar(struct reader *reader, const yaml_event_t *event, struct yaml_value *out)
{
    static const char *const nulls[] = { "~", "null", "Null", "NULL" };
    const char *from = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length, i;

    out->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(from, 0, len))
        return yaml_fail(reader->yaml, out, "a value with a NUL byte is not taken");
    for (i = 0; !out->is_quoted && i < sizeof nulls / sizeof *nulls; i++)
        if (!strcmp(from, nulls[i]))
            len = 0;
    out->text = arena_bytes(&reader->tree->arena, len ? from : "", len + 1);
    return out->text ? 0 : yaml_no_memory(reader->yaml);
}

static int
refuse_extras(struct reader *reader, const struct yaml_value *value, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor)
        return yaml_fail(reader->yaml, value,
                         "anchors ('&%.40s') are not taken; write the value out where it is needed",
                         (const char *)anchor);
    if (tag)
        return yaml_fail(reader->yaml, value,
                         "tags ('!') are not taken; a text that begins with ! has to stand in quotes");
    return 0;
}

static int
read_node(struct reader *reader, const yaml_event_t *event, struct yaml_value *out)
{
    int result;

    memset(out, 0, sizeof *out);
    out->line = yaml_line_of(&event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        result = refuse_extras(reader, out, event->data.scalar.anchor, event->data.scalar.tag);
        return result ? result : read_scalar(reader, event, out);
    case YAML_SEQUENCE_START_EVENT:
        out->kind = YAML_LIST;
        result = refuse_extras(reader, out, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        out->kind = YAML_MAP;
        result = refuse_extras(reader, out, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        break;
    default:
        return yaml_fail(reader->yaml, out,
                         "aliases ('*') are not taken; write the value out, and a text that begins with * "
                         "in quotes");
    }
    if (result)
        return result;
    if (++reader->depth > YAML_DEPTH)
        result = yaml_fail(reader->yaml, out, "lists and maps are nested more than %u deep", YAML_DEPTH);
    else
        result = read_items(reader, out->kind == YAML_LIST ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT, out);
    reader->depth--;
    return result;
}

/* ---- the file ---- */

/*
 * Reads everything between the stream's start and its end. Returns 0 also when there is no document: the root is then
 * an empty text.
 */
static int
read_stream(struct reader *reader)
{
    int result = 0, documents_n = 0, ended = 0;
    yaml_event_t event;

    while (!result && !ended) {
        result = next_event(reader, &event);
        if (result)
            return result;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            ended = 1;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (documents_n++)
                result = yaml_fail_line(reader->yaml, yaml_line_of(&event.start_mark),
                                        "a second document begins here ('---'); a file has one");
            break;
        default:
            result = read_node(reader, &event, &reader->tree->root);
        }
        yaml_event_delete(&event);
    }
    return result;
}

static int
read_text(struct yaml *yaml, const char *text, size_t len)
{
    struct reader reader = { .yaml = yaml, .tree = calloc(1, sizeof *reader.tree), .text = text, .len = len };
    const struct yaml_value *root;
    int result;

    if (!reader.tree || !yaml_parser_initialize(&reader.parser)) {
        free(reader.tree);
        return yaml_no_memory(yaml);
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
    result = read_stream(&reader);
    yaml_parser_delete(&reader.parser);
    free(reader.pending);
    root = yaml->root = &reader.tree->root;
    if (result || (root->kind == YAML_SCALAR && (!root->text || !*root->text)))
        yaml_close(yaml);
    return result;
}

void
yaml_close(struct yaml *yaml)
{
    struct tree *tree = (struct tree *)(uintptr_t)yaml->root; /* root is its first member */

    if (tree)
        arena_free(&tree->arena);
    free(tree);
    yaml->root = NULL;
}

static int
unreadable(struct yaml *yaml, int error)
{
    yaml_fail(yaml, NULL, "cannot be read: %s; correct the option or the file's permissions", strerror(error));
    return -error;
}

/* Returns the length, or -errno. A pipe is refused because it could not be read again. */
static ssize_t
read_bytes(struct yaml *yaml, int fd, char *text)
{
    struct stat status;
    size_t len = 0;
    ssize_t got;

    if (fstat(fd, &status))
        return unreadable(yaml, errno);
    if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
        return yaml_fail(yaml, NULL, "is a pipe or a socket, which cannot be read again at a reload; give a file");
    while (len <= YAML_FILE_BYTES && (got = read(fd, text + len, YAML_FILE_BYTES + 1 - len)) != 0) {
        if (got > 0)
            len += (size_t)got;
        else if (errno != EINTR)
            return unreadable(yaml, errno);
    }
    if (len <= YAML_FILE_BYTES)
        return (ssize_t)len;
    yaml_fail(yaml, NULL, "is larger than %u KiB, which no settings are", YAML_FILE_BYTES >> 10);
    return -EFBIG;
}

int
yaml_open(struct yaml *yaml, const char *path, struct report *report)
{
    char *text = malloc(YAML_FILE_BYTES + 1);
    ssize_t len;
    int fd, result;

    *yaml = (struct yaml){ .path = path, .report = report };
    if (!text)
        return yaml_no_memory(yaml);
    /* NONBLOCK: opening a FIFO without a writer must not block. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    len = fd < 0 ? unreadable(yaml, errno) : read_bytes(yaml, fd, text);
    if (fd >= 0)
        close(fd);
    result = len < 0 ? (int)len : read_text(yaml, text, (size_t)len);
    explicit_bzero(text, len < 0 ? 0 : (size_t)len); /* the file may have secrets */
    free(text);
    return result;
}
