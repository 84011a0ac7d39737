#include "tests/crash/reading.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exposition/exposition.h"

static void
add_sample(struct reading *reading, const struct model *model, const struct model_family *family,
           const struct model_series *series)
{
    struct reading_sample *sample = &reading->samples[reading->samples_n++];
    char name[2048];
    int at = snprintf(name, sizeof name, "%s{", family->name);
    uint32_t i;

    for (i = 0; i < series->shape->labels_n; i++)
        at += snprintf(name + at, sizeof name - (size_t)at, "%s%s", i ? "," : "", series->values[i]);
    snprintf(name + at, sizeof name - (size_t)at, "}");
    sample->name = strdup(name);
    sample->words_n = 1 + series->shape->buckets_n;
    sample->integer = family->type != MODEL_HISTOGRAM && series->shape->number == MODEL_U64;
    sample->words = malloc(sample->words_n * sizeof *sample->words);
    if (!sample->name || !sample->words)
        abort();
    memcpy(sample->words, model->words + series->word, sample->words_n * sizeof *sample->words);
}

/* What a live worker says of itself counts as a sample: check{slot,name,message}. */
static void
add_checks(struct reading *reading, const struct status_slot *slot)
{
    struct reading_sample *sample;
    uint32_t i;

    for (i = 0; i < slot->checks_n && slot->life == STATUS_LIVE; i++) {
        sample = &reading->samples[reading->samples_n++];
        sample->words_n = sample->integer = 1;
        sample->words = malloc(sizeof *sample->words);
        if (!sample->words ||
            asprintf(&sample->name, "check{%u,%s,%s}", slot->slot, slot->checks[i].name, slot->checks[i].message) < 0)
            abort();
        *sample->words = (uint64_t)slot->checks[i].health;
    }
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct reading_sample *)a)->name, ((const struct reading_sample *)b)->name);
}

static void
take_samples(struct reading *reading, const struct model *model, const struct segment_status *status)
{
    uint32_t i, k;

    reading->samples = calloc(model_present_n(model) + status->slots_len * STATUS_CHECKS + 1, sizeof *reading->samples);
    if (!reading->samples)
        abort();
    for (i = 0; i < model->families_n; i++)
        for (k = 0; k < model->families[i]->series_n; k++)
            if (model->families[i]->series[k].present)
                add_sample(reading, model, model->families[i], &model->families[i]->series[k]);
    for (i = 0; i < status->slots_len; i++)
        add_checks(reading, &status->slots[i]);
    qsort(reading->samples, reading->samples_n, sizeof *reading->samples, by_name);
}

static void
take_status(struct reading *reading, const struct segment_status *status, const struct model *model)
{
    if (!status->readable)
        snprintf(reading->complaint, sizeof reading->complaint, "unreadable: %.150s", status->error);
    else if (status->families_damaged || status->series_damaged || status->torn || model->conflicts)
        snprintf(reading->complaint, sizeof reading->complaint,
                 "%llu families and %llu series are damaged, %llu histograms torn, %llu series in conflict",
                 (unsigned long long)status->families_damaged, (unsigned long long)status->series_damaged,
                 (unsigned long long)status->torn, (unsigned long long)model->conflicts);
    reading->torn = status->torn;
    memcpy(reading->losses, status->losses, sizeof reading->losses);
    reading->live = status->slots_live;
    reading->dead = status->slots_dead;
    reading->unknown = status->slots_unknown;
}

void
reading_follow(struct reading *reading, struct exposition **reader, const char *path)
{
    struct store_options options = { .names = &path, .names_n = 1, .label = STORE_LABEL_NEVER };

    memset(reading, 0, sizeof *reading);
    if (access(path, F_OK)) {
        reading->absent = 1;
        return;
    }
    if (!*reader)
        *reader = exposition_new(&options);
    if (!*reader || exposition_read(*reader, NULL, NULL))
        abort();
    take_samples(reading, (*reader)->model, store_status((*reader)->store, 0));
    take_status(reading, store_status((*reader)->store, 0), (*reader)->model);
}

void
reading_leave(struct exposition *reader)
{
    exposition_free(reader);
}

void
reading_take(struct reading *reading, const char *path)
{
    struct exposition *reader = NULL;

    reading_follow(reading, &reader, path);
    reading_leave(reader);
}

void
reading_free(struct reading *reading)
{
    uint32_t i;

    for (i = 0; i < reading->samples_n; i++) {
        free(reading->samples[i].name);
        free(reading->samples[i].words);
    }
    free(reading->samples);
    memset(reading, 0, sizeof *reading);
}

const struct reading_sample *
reading_find(const struct reading *reading, const char *name)
{
    struct reading_sample key = { .name = (char *)(uintptr_t)name };

    return reading->samples_n ? bsearch(&key, reading->samples, reading->samples_n, sizeof *reading->samples, by_name)
                              : NULL;
}

static double
number_of(const struct reading_sample *sample, uint32_t word)
{
    double number;

    if (!sample || word >= sample->words_n)
        return NAN;
    if (sample->integer || word)
        return (double)sample->words[word];
    memcpy(&number, &sample->words[word], sizeof number);
    return number;
}

double
reading_number(const struct reading *reading, const char *name, uint32_t word)
{
    return number_of(reading_find(reading, name), word);
}

int
reading_samples_equal(const struct reading_sample *a, const struct reading_sample *b)
{
    return (!a && !b) || (a && b && a->words_n == b->words_n && a->integer == b->integer &&
                          !memcmp(a->words, b->words, a->words_n * sizeof *a->words));
}

/* The first sample of one that is another in the other; NULL none. */
static const char *
missing(const struct reading *a, const struct reading *b)
{
    uint32_t i;

    for (i = 0; i < a->samples_n; i++)
        if (!reading_samples_equal(&a->samples[i], reading_find(b, a->samples[i].name)))
            return a->samples[i].name;
    return NULL;
}

int
reading_equal(const struct reading *a, const struct reading *b)
{
    return a->absent == b->absent && !missing(a, b) && !missing(b, a);
}

const char *
reading_difference(const struct reading *a, const struct reading *b)
{
    static char text[400];
    const char *name = missing(a, b) ? missing(a, b) : missing(b, a);
    const struct reading_sample *left = name ? reading_find(a, name) : NULL,
                                *right = name ? reading_find(b, name) : NULL;
    uint32_t word = 0;

    if (!name)
        return a->absent == b->absent ? "nowhere" : "one is absent";
    while (left && right && word + 1 < left->words_n && left->words[word] == right->words[word])
        word++;
    snprintf(text, sizeof text, "%.200s word %u: %.17g and %.17g", name, word, number_of(left, word),
             number_of(right, word));
    return text;
}
