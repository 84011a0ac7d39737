/*
 * Any bytes in a segment. The input is a list of writes to a specimen that has something of everything: five bytes say
 * where and what kind, up to eight more the value. Every format is rendered and the text held against a strict parser.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition/exposition.h"
#include "exposition/own.h"
#include "formats/encode.h"
#include "health/json.h"
#include "tests/read/specimen.h"
#include "tests/read/strict.h"

#define WRITES 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct specimen specimen;
static unsigned char *pristine;

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void
set_up(void)
{
    if (pristine)
        return;
    specimen_make(&specimen);
    pristine = malloc(specimen.image.bytes);
    must(pristine != NULL, "no memory");
    memcpy(pristine, specimen.image.base, specimen.image.bytes);
}

static void
tear_down(void)
{
    memcpy(specimen.image.base, pristine, specimen.image.bytes);
}

struct input {
    const uint8_t *data;
    size_t left;
};

static uint64_t
take(struct input *input, size_t bytes)
{
    uint64_t value = 0;

    if (bytes > input->left)
        bytes = input->left;
    memcpy(&value, input->data, bytes);
    input->data += bytes;
    input->left -= bytes;
    return value;
}

/* Returns 0 at the end of the input. */
static int
damage(struct input *input)
{
    uint64_t area = take(input, 1), at = take(input, 3), kind = take(input, 1), value;
    unsigned char *place = specimen.image.base + specimen_spot(&specimen, area, at);
    size_t width = (size_t)1 << kind % 4;

    memcpy(&value, place, sizeof value);
    switch (kind / 4 % 8) {
    case 0:
        value = take(input, width);
        break;
    case 1:
        value += take(input, 1) - 128;
        break;
    case 2:
        value ^= UINT64_C(1) << take(input, 1) % 64;
        break;
    case 3:
        value = UINT64_C(1) << take(input, 1) % 64;
        break;
    case 4:
        value = (UINT64_C(1) << take(input, 1) % 64) - 1;
        break;
    case 5:
        value = 0;
        break;
    case 6:
        specimen_rehash(&specimen, (uint32_t)at);
        return input->left > 0;
    default: /* somebody else's bytes */
        memcpy(&value, pristine + specimen_spot(&specimen, take(input, 1), take(input, 3)), sizeof value);
        break;
    }
    memcpy(place, &value, width);
    return input->left > 0;
}

static void
render(struct exposition *exposition, const struct encoder *encoder, struct buffer *out)
{
    out->len = 0;
    must(!exposition_render(exposition, encoder, out), "no memory to render");
}

static void
check_text(const struct buffer *text)
{
    struct strict parsed = { 0 };

    strict_parse(&parsed, text->data ? text->data : "", text->len);
    must(!*parsed.error, parsed.error);
    strict_free(&parsed);
}

static void
check_health(const struct exposition *exposition)
{
    const struct segment_status *status = store_status(exposition->store, 0);
    struct health health;
    char *json;

    must(!health_judge(&health, &status, 1, NULL), "no memory to judge");
    json = health_json_text(&health, &status, 1); /* fails where anything is not UTF-8 */
    must(json != NULL, "a status that is no JSON");
    free(json);
    health_free(&health);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct buffer text, other;
    struct input input = { data, bytes };
    struct store_options options = { .label = STORE_LABEL_ALWAYS, .names_n = 1 };
    struct exposition *exposition;
    const char *path;
    uint32_t i, takes = 1 + (uint32_t)(take(&input, 1) % 2);

    set_up();
    path = specimen.image.path;
    options.names = &path;
    exposition = exposition_new(&options);
    must(exposition != NULL, "no memory for a store");
    for (; takes; takes--) { /* a second time: damage to what the reader knows already */
        for (i = 0; i < WRITES && damage(&input); i++)
            ;
        must(!exposition_read(exposition, own_add, exposition->store), "no memory to read");
        render(exposition, &encode_text, &text);
        check_text(&text);
        render(exposition, &encode_openmetrics_created, &other);
        render(exposition, &encode_protobuf, &other);
        check_health(exposition);
    }
    exposition_free(exposition);
    tear_down();
    return 0;
}
