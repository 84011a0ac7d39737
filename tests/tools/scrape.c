#include "tests/tools/scrape.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition/exposition.h"

struct sample {
    const char *text; /* ended by a zero */
    double value;
};

struct scrape {
    struct exposition *store;
    struct buffer out;
    struct sample *samples; /* sorted by text */
    uint32_t samples_n, capacity;
};

static void
give_up(const char *what)
{
    fprintf(stderr, "scrape: %s\n", what);
    abort();
}

struct scrape *
scrape_open(const char *segment)
{
    struct store_options options = { .names = &segment, .names_n = 1, .label = STORE_LABEL_NEVER };
    struct scrape *scrape = calloc(1, sizeof *scrape);

    if (!scrape || !(scrape->store = exposition_new(&options)))
        give_up("no memory");
    return scrape;
}

void
scrape_close(struct scrape *scrape)
{
    exposition_free(scrape->store);
    buffer_free(&scrape->out);
    free(scrape->samples);
    free(scrape);
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->text, ((const struct sample *)b)->text);
}

static void
add_sample(struct scrape *scrape, char *line)
{
    char *space = strrchr(line, ' ');

    if (*line == '#' || !space)
        return;
    *space = 0;
    if (scrape->samples_n == scrape->capacity) {
        scrape->capacity = scrape->capacity ? 2 * scrape->capacity : 256;
        scrape->samples = realloc(scrape->samples, scrape->capacity * sizeof *scrape->samples);
        if (!scrape->samples)
            give_up("no memory");
    }
    scrape->samples[scrape->samples_n].text = line;
    scrape->samples[scrape->samples_n++].value = strtod(space + 1, NULL);
}

void
scrape_take(struct scrape *scrape)
{
    char *line, *rest;

    scrape->out.len = 0;
    scrape->samples_n = 0;
    if (exposition_read(scrape->store, NULL, NULL) || exposition_render(scrape->store, &encode_text, &scrape->out) ||
        buffer_append(&scrape->out, "", 1))
        give_up("no memory");
    if (!scrape_status(scrape)->readable)
        give_up(scrape_status(scrape)->error);
    for (line = strtok_r(scrape->out.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        add_sample(scrape, line);
    if (scrape->samples_n)
        qsort(scrape->samples, scrape->samples_n, sizeof *scrape->samples, by_text);
}

double
scrape_value(const struct scrape *scrape, const char *format, ...)
{
    char text[512];
    struct sample key = { text, 0 }, *found = NULL;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (scrape->samples_n)
        found = bsearch(&key, scrape->samples, scrape->samples_n, sizeof key, by_text);
    return found ? found->value : (double)NAN;
}

uint32_t
scrape_count(const struct scrape *scrape, const char *beginning)
{
    uint32_t i, n = 0;

    for (i = 0; i < scrape->samples_n; i++)
        n += !strncmp(scrape->samples[i].text, beginning, strlen(beginning));
    return n;
}

const struct segment_status *
scrape_status(const struct scrape *scrape)
{
    if (!store_status_n(scrape->store->store))
        give_up("no status of the segment");
    return store_status(scrape->store->store, 0);
}

int
scrape_slot(const struct scrape *scrape, uint32_t pid)
{
    const struct segment_status *status = scrape_status(scrape);
    uint32_t i;

    for (i = 0; i < status->slots_len; i++)
        if (status->slots[i].pid == pid && status->slots[i].life == STATUS_LIVE)
            return (int)status->slots[i].slot;
    return -1;
}
