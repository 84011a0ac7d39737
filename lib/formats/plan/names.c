/* Names in a plan: those in quotes have the escapes of label values. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "formats/plan/internal.h"

int
plan_is_quoted(const char *name, enum escaping escaping)
{
    return escaping == ESCAPE_NOTHING && !text_metric_legacy(name);
}

int
plan_add_name(struct buffer *out, const char *name, size_t cut, const char *suffix, enum escaping escaping)
{
    const int quoted = plan_is_quoted(name, escaping);
    struct buffer whole = { NULL, 0, 0 };
    int result;

    if (text_metric_legacy(name))
        return buffer_append(out, name, strlen(name) - cut) | buffer_append_string(out, suffix);
    result = escape_name(&whole, name, escaping);
    if (!result) {
        whole.len -= cut;
        result = buffer_append(&whole, "", 1);
    }
    if (!result)
        result = quoted ? buffer_append(out, "\"", 1) | text_escape_value(out, whole.data)
                        : buffer_append_string(out, whole.data);
    buffer_free(&whole);
    result |= buffer_append_string(out, suffix);
    return quoted ? result | buffer_append(out, "\"", 1) : result;
}

/* Whether the escaped label is another label's name of the shape, escaped or not. */
static int
is_taken(const struct model_shape *shape, uint32_t number, const char *text, enum escaping escaping, int *taken)
{
    struct buffer other = { NULL, 0, 0 };
    uint32_t i;
    int result = 0;

    *taken = 0;
    for (i = 0; i < shape->labels_n && !result && !*taken; i++) {
        if (i == number || (i > number && !text_metric_legacy(shape->labels[i])))
            continue;
        other.len = 0;
        result = escape_name(&other, shape->labels[i], escaping) | buffer_append(&other, "", 1);
        *taken = !result && !strcmp(other.data, text);
    }
    buffer_free(&other);
    return result;
}

int
plan_add_label(struct buffer *out, const struct model_shape *shape, uint32_t number, enum escaping escaping)
{
    const char *name = shape->labels[number];
    struct buffer text = { NULL, 0, 0 };
    int taken = 1, result;

    if (text_metric_legacy(name) || escaping == ESCAPE_NOTHING)
        return buffer_append_string(out, name);
    result = escape_name(&text, name, escaping) | buffer_append(&text, "", 1);
    while (!result && !(result = is_taken(shape, number, text.data, escaping, &taken)) && taken) {
        text.len--;
        result = buffer_append(&text, "_", 2);
    }
    if (!result)
        result = buffer_append_string(out, text.data);
    buffer_free(&text);
    return result ? -ENOMEM : 0;
}
