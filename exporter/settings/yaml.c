/*
 * libyaml's document, checked and copied into a tree in one arena. The whole file is read before anything is looked at, so a file that
 * changes meanwhile is a file of one moment or no YAML.
 */
#include "exporter/settings/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "expo/arena.h"
#include "expo/text.h"

#define YAML_DEPTH 16

struct tree { /* what yaml_close() gives back */
    struct yaml_value root;
    struct arena arena;
};

struct builder {
    struct yaml *yaml;
    struct tree *tree;
    yaml_document_t *document;
};

/* ---- sentences ---- */

static int
fail_at(struct yaml *yaml, uint32_t line, const char *format, va_list arguments)
{
    char sentence[512], clean[512];

    if (!yaml->error_bytes || yaml->error[0])
        return -EINVAL;
    vsnprintf(sentence, sizeof sentence, format, arguments);
    text_clip(clean, sizeof clean, sentence, TEXT_ONE_LINE); /* it may quote what stands in the file */
    if (line)
        snprintf(yaml->error, yaml->error_bytes, "%s:%u: %s", yaml->path, line, clean);
    else
        snprintf(yaml->error, yaml->error_bytes, "%s: %s", yaml->path, clean);
    return -EINVAL;
}

static int fail_line(struct yaml *yaml, uint32_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int
fail_line(struct yaml *yaml, uint32_t line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail_at(yaml, line, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int
yaml_fail(struct yaml *yaml, const struct yaml_value *value, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fail_at(yaml, value ? value->line : 0, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

/* ---- the file ---- */

/* Returns the bytes, to be freed, or NULL with *result -errno and a sentence. */
static char *
file_read(struct yaml *yaml, size_t *len, int *result)
{
    int fd = open(yaml->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat file;
    char *bytes = NULL;
    ssize_t got = -1;

    *result = fd < 0 || fstat(fd, &file) ? -errno : 0;
    if (!*result && !S_ISREG(file.st_mode))
        *result = S_ISDIR(file.st_mode) ? -EISDIR : -EINVAL;
    if (!*result && !(bytes = malloc(YAML_FILE_BYTES + 1)))
        *result = -ENOMEM;
    for (*len = 0; !*result && got && *len <= YAML_FILE_BYTES; *len += (size_t)got)
        if ((got = read(fd, bytes + *len, YAML_FILE_BYTES + 1 - *len)) < 0) {
            *result = -errno;
            break;
        }
    if (!*result && *len > YAML_FILE_BYTES)
        *result = -EFBIG;
    if (fd >= 0)
        close(fd);
    if (!*result)
        return bytes;
    free(bytes);
    fail_line(yaml, 0, "%s",
              *result == -EFBIG    ? "the file is larger than 1 MiB"
              : *result == -EINVAL ? "this is no ordinary file"
                                   : strerror(-*result));
    return NULL;
}

/* ---- from libyaml's nodes to values ---- */

static int build(struct builder *builder, const yaml_node_t *node, int depth, struct yaml_value *out);

static int
build_text(struct builder *builder, const yaml_node_t *node, const char **out)
{
    const char *text = (const char *)node->data.scalar.value;

    if (memchr(text, 0, node->data.scalar.length))
        return fail_line(builder->yaml, (uint32_t)node->start_mark.line + 1, "a zero byte stands here");
    *out = arena_bytes(&builder->tree->arena, text, node->data.scalar.length + 1);
    return *out ? 0 : -ENOMEM;
}

static int
build_list(struct builder *builder, const yaml_node_t *node, int depth, struct yaml_value *out)
{
    const yaml_node_item_t *item = node->data.sequence.items.start;
    uint32_t n = (uint32_t)(node->data.sequence.items.top - item), i;
    struct yaml_value *items = arena_take(&builder->tree->arena, n * sizeof *items);
    int result = items ? 0 : -ENOMEM;

    for (i = 0; i < n && !result; i++)
        result = build(builder, yaml_document_get_node(builder->document, item[i]), depth + 1, &items[i]);
    out->kind = YAML_LIST;
    out->items = items;
    out->n = n;
    return result;
}

static int
build_key(struct builder *builder, const yaml_node_t *node, const char **keys, uint32_t *lines, uint32_t i)
{
    uint32_t line = (uint32_t)node->start_mark.line + 1, k;
    int result;

    if (node->type != YAML_SCALAR_NODE)
        return fail_line(builder->yaml, line, "a key must be a word");
    lines[i] = line;
    result = build_text(builder, node, &keys[i]);
    for (k = 0; k < i && !result; k++)
        if (!strcmp(keys[k], keys[i]))
            return fail_line(builder->yaml, line, "key '%s' was given in line %u already", keys[i], lines[k]);
    if (!result && !strcmp(keys[i], "<<") && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_line(builder->yaml, line, "merge keys (<<) are not taken");
    return result;
}

static int
build_map(struct builder *builder, const yaml_node_t *node, int depth, struct yaml_value *out)
{
    const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
    uint32_t n = (uint32_t)(node->data.mapping.pairs.top - pair), i;
    struct yaml_value *items = arena_take(&builder->tree->arena, n * sizeof *items);
    const char **keys = arena_take(&builder->tree->arena, n * sizeof *keys);
    uint32_t *lines = arena_take(&builder->tree->arena, n * sizeof *lines);
    int result = items && keys && lines ? 0 : -ENOMEM;

    for (i = 0; i < n && !result; i++) {
        result = build_key(builder, yaml_document_get_node(builder->document, pair[i].key), keys, lines, i);
        if (!result)
            result = build(builder, yaml_document_get_node(builder->document, pair[i].value), depth + 1, &items[i]);
    }
    out->kind = YAML_MAP;
    out->items = items;
    out->keys = keys;
    out->key_lines = lines;
    out->n = n;
    return result;
}

static int
has_own_tag(const yaml_node_t *node)
{
    const char *tag = (const char *)node->tag;

    return tag && strcmp(tag, node->type == YAML_SCALAR_NODE     ? YAML_STR_TAG
                              : node->type == YAML_SEQUENCE_NODE ? YAML_SEQ_TAG
                                                                 : YAML_MAP_TAG) != 0;
}

static int
build(struct builder *builder, const yaml_node_t *node, int depth, struct yaml_value *out)
{
    out->line = (uint32_t)node->start_mark.line + 1;
    if (depth > YAML_DEPTH)
        return fail_line(builder->yaml, out->line, "this is nested too deeply");
    if (has_own_tag(node))
        return fail_line(builder->yaml, out->line, "tags (!...) are not taken");
    if (node->type == YAML_SEQUENCE_NODE)
        return build_list(builder, node, depth, out);
    if (node->type == YAML_MAPPING_NODE)
        return build_map(builder, node, depth, out);
    out->kind = YAML_SCALAR;
    out->is_quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return build_text(builder, node, &out->text);
}

/* ---- the parser ---- */

/* An alias would make a value of a few lines stand in many places, and a billion of places out of a few lines. */
static int
refuse_aliases(struct yaml *yaml, const char *bytes, size_t len)
{
    yaml_parser_t parser;
    yaml_token_t token;
    int result = 0, more = 1;

    if (!yaml_parser_initialize(&parser))
        return -ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
    while (more && !result && yaml_parser_scan(&parser, &token)) {
        more = token.type != YAML_STREAM_END_TOKEN;
        if (token.type == YAML_ALIAS_TOKEN || token.type == YAML_ANCHOR_TOKEN)
            result = fail_line(yaml, (uint32_t)token.start_mark.line + 1,
                               "anchors and aliases (& and *) are not taken: put "
                               "quotes around a value that begins so");
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
    return result; /* of what is no YAML, the other pass tells */
}

static int
fail_parser(struct yaml *yaml, const yaml_parser_t *parser)
{
    size_t line = parser->error == YAML_READER_ERROR ? 0 : parser->problem_mark.line + 1;

    if (parser->error == YAML_MEMORY_ERROR)
        return -ENOMEM;
    if (parser->error == YAML_READER_ERROR)
        return fail_line(yaml, 0, "byte %zu: this is no UTF-8 text (%s)", parser->problem_offset,
                         parser->problem ? parser->problem : "unreadable");
    return fail_line(yaml, (uint32_t)line, "this is no YAML: %s%s%s", parser->context ? parser->context : "",
                     parser->context ? ", " : "", parser->problem ? parser->problem : "it cannot be read");
}

static int
load(struct yaml *yaml, yaml_parser_t *parser, struct tree *tree)
{
    yaml_document_t document;
    struct builder builder = { yaml, tree, &document };
    const yaml_node_t *root;
    int result = 0;

    if (!yaml_parser_load(parser, &document))
        return fail_parser(yaml, parser);
    root = yaml_document_get_root_node(&document);
    if (root)
        result = build(&builder, root, 0, &tree->root);
    yaml_document_delete(&document);
    if (!root || result)
        return result;
    yaml->root = &tree->root;
    if (!yaml_parser_load(parser, &document))
        return fail_parser(yaml, parser);
    root = yaml_document_get_root_node(&document);
    if (root)
        result = fail_line(yaml, (uint32_t)root->start_mark.line + 1,
                           "a second document begins here: one is all there may be");
    yaml_document_delete(&document);
    return result;
}

static int
parse(struct yaml *yaml, const char *bytes, size_t len)
{
    struct tree *tree = calloc(1, sizeof *tree);
    yaml_parser_t parser;
    int result;

    if (!tree || !yaml_parser_initialize(&parser)) {
        free(tree);
        return -ENOMEM;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, len);
    result = load(yaml, &parser, tree);
    yaml_parser_delete(&parser);
    if (!result && yaml->root)
        return 0;
    yaml->root = NULL;
    arena_free(&tree->arena);
    free(tree);
    return result;
}

int
yaml_open(struct yaml *yaml, const char *path, char *error, size_t error_bytes)
{
    size_t len;
    char *bytes;
    int result;

    *yaml = (struct yaml){ .path = path, .error = error, .error_bytes = error_bytes };
    if (error_bytes)
        error[0] = 0;
    bytes = file_read(yaml, &len, &result);
    if (!bytes)
        return result;
    result = refuse_aliases(yaml, bytes, len);
    if (!result)
        result = parse(yaml, bytes, len);
    if (result == -ENOMEM)
        fail_line(yaml, 0, "no memory to read it");
    explicit_bzero(bytes, len); /* there may be secrets in it */
    free(bytes);
    return result;
}

void
yaml_close(struct yaml *yaml)
{
    struct tree *tree = (struct tree *)(uintptr_t)yaml->root; /* its first member */

    if (tree) {
        arena_free(&tree->arena);
        free(tree);
    }
    yaml->root = NULL;
}
