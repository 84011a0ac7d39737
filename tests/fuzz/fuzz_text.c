/*
 * Strings of strangers: whatever stands in a help text or a label value, a strict parser of the exposition finds the same again.
 * The input is three strings, apart by zero bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expo/encode.h"
#include "expo/text.h"
#include "tests/expo/strict.h"

#define STRING_BYTES 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* Cleans the string before the next zero byte into out. */
static void
take(const uint8_t **data, size_t *bytes, char out[TEXT_CLEAN_BYTES(STRING_BYTES)])
{
    const uint8_t *end = memchr(*data, 0, *bytes);
    size_t len = end ? (size_t)(end - *data) : *bytes;

    text_clean(out, (const char *)*data, len < STRING_BYTES ? len : STRING_BYTES, TEXT_LINES);
    *data += end ? len + 1 : len;
    *bytes -= end ? len + 1 : len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const labels[] = { "a", "b", NULL };
    static struct buffer out;
    char help[TEXT_CLEAN_BYTES(STRING_BYTES)], a[sizeof help], b[sizeof help], wanted[2 * sizeof help + 8];
    const struct model_metric metric = { .type = MODEL_COUNTER, .name = "x_total", .help = help, .labels = labels };
    const struct encoder *const encoders[] = { &encode_text, &encode_openmetrics, &encode_protobuf };
    const char *const values[] = { a, b };
    struct model *model = model_new();
    struct plan *plan = plan_new(model);
    struct strict parsed = { 0 };
    size_t i;

    take(&data, &bytes, help);
    take(&data, &bytes, a);
    take(&data, &bytes, b);
    must(plan && !model_put_u64(model, &metric, values, 7), "no memory for a model");
    for (i = 0; i < sizeof encoders / sizeof *encoders; i++) {
        out.len = 0;
        must(!plan_update(plan, encoders[i]->parts) && !encoders[i]->render(plan, &out), "no memory to render");
        if (encoders[i] == &encode_text)
            strict_parse(&parsed, out.data, out.len);
    }
    must(!*parsed.error, parsed.error);
    snprintf(wanted, sizeof wanted, "%s%s%s%s%s%s", *a ? "a=" : "", a, *a ? "\1" : "", *b ? "b=" : "", b,
             *b ? "\1" : "");
    must(parsed.samples_n == 1 && parsed.samples[0].value == 7, "not one sample");
    must(!strcmp(parsed.samples[0].labels, wanted), "other labels came back (an empty one is none)");
    strict_free(&parsed);
    plan_free(plan);
    model_free(model);
    return 0;
}
