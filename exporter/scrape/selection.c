/* Groups are told by the beginning of a family's name, which the application cannot use: see text_metric_reserved(). */
#include "exporter/scrape/selection.h"

#include <errno.h>
#include <string.h>

enum group { APPLICATION, SEGMENTS, HEALTH, PROCESSES, EXPORTER, GROUPS };

#define BIT(group) (1u << (group))

static const char *const words[GROUPS] = { "application", "segments", "health", "processes", "exporter" };

static const struct beginning {
    const char *text;
    uint32_t groups;
} beginnings[] = { /* the first that fits counts */
                   { "shmeter_exporter_", BIT(EXPORTER) },
                   { "shmeter_config_", BIT(EXPORTER) },
                   { "shmeter_scrape_", BIT(EXPORTER) },
                   { "shmeter_health_", BIT(HEALTH) },
                   { "shmeter_pool_process", BIT(PROCESSES) },
                   { "shmeter_worker_process", BIT(PROCESSES) },
                   { "shmeter_", BIT(SEGMENTS) },
                   { "process_", BIT(APPLICATION) | BIT(EXPORTER) }, /* of either of them */
                   { "", BIT(APPLICATION) }
};

int
selection_add_name(struct selection *selection, const char *name)
{
    const size_t bytes = strlen(name) + 1;

    if (bytes > sizeof selection->names - selection->len)
        return -E2BIG;
    memcpy(selection->names + selection->len, name, bytes);
    selection->len += (uint32_t)bytes;
    return 0;
}

int
selection_add_group(struct selection *selection, const char *group)
{
    unsigned i;

    for (i = 0; i < GROUPS; i++)
        if (!strcmp(group, words[i])) {
            selection->groups |= BIT(i);
            return 0;
        }
    return -EINVAL;
}

int
selection_same(const struct selection *a, const struct selection *b)
{
    return a->groups == b->groups && a->len == b->len && !memcmp(a->names, b->names, a->len);
}

/* Whether one is the other with a suffix that names of samples, or of families in OpenMetrics, lack or have. */
static int
differ_by_suffix(const char *family, const char *name)
{
    static const char *const of_samples[] = { "", "_bucket", "_sum", "_count", "_created" };
    static const char *const of_families[] = { "_total", "_info" };
    const size_t family_len = strlen(family), name_len = strlen(name);
    unsigned i;

    for (i = 0; i < sizeof of_samples / sizeof *of_samples; i++)
        if (!strncmp(name, family, family_len) && !strcmp(name + family_len, of_samples[i]))
            return 1;
    for (i = 0; i < sizeof of_families / sizeof *of_families; i++)
        if (!strncmp(family, name, name_len) && !strcmp(family + name_len, of_families[i]))
            return 1;
    return 0;
}

int
selection_has(const struct selection *selection, const char *family)
{
    const struct beginning *beginning = beginnings;
    uint32_t at;

    while (strncmp(family, beginning->text, strlen(beginning->text)))
        beginning++;
    if (selection->groups & beginning->groups)
        return 1;
    for (at = 0; at < selection->len; at += (uint32_t)strlen(selection->names + at) + 1)
        if (differ_by_suffix(family, selection->names + at))
            return 1;
    return 0;
}

static int
hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int
selection_decode(char *text)
{
    char *out = text;
    int high, low;

    for (; *text; text++) {
        if (*text != '%') {
            *out++ = *text == '+' ? ' ' : *text;
            continue;
        }
        high = hex_of(text[1]);
        low = high < 0 ? -1 : hex_of(text[2]);
        if (low < 0 || !(high | low))
            return -EINVAL;
        *out++ = (char)(high << 4 | low);
        text += 2;
    }
    *out = 0;
    return 0;
}
