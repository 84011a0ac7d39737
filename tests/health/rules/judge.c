/*
 * Conditions over values that are read from standard input, for tests that compare with Prometheus. One reading a
 * second.
 *
 *     expr CONDITION                               as many as one likes
 *     counter|gauge NAME A VALUE...                a series with the label a, and its value at each second; - absent
 *     bounds B... | schema SCHEMA FIRST LOG_N      of the histograms that follow
 *     histogram NAME A COUNT/COUNT/... ...         counts of all buckets, at each second
 *     at SECOND...                                 after which the conditions' results are printed
 *
 * Prints for each second of "at" and each condition a line: SECOND NUMBER STATE LEFT RIGHT, with 17 digits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

#define MOST 2048u

struct line {
    enum model_type type;
    char *name, *a, *at; /* at: the next value */
    double bounds[64];
    uint32_t bounds_n, log_n;
    int32_t schema, first_index;
};

static struct line lines[MOST];
static struct rule_spec specs[MOST];
static uint32_t lines_n, specs_n, at[MOST], at_n;

static uint32_t
numbers(char *text, double *out)
{
    uint32_t n = 0;
    char *word;

    for (word = strtok(text, " \n"); word && n < 64; word = strtok(NULL, " \n"))
        out[n++] = strtod(word, NULL);
    return n;
}

static void
add_series(struct line *form, enum model_type type, char *rest)
{
    form->type = type;
    form->name = strdup(strtok(rest, " \n"));
    form->a = strdup(strtok(NULL, " \n"));
    form->at = strdup(strtok(NULL, "\n"));
    lines[lines_n++] = *form;
}

static void
take_line(struct line *form, char *text)
{
    char *rest = strchr(text, ' ') + 1;
    double three[64] = { 0 };
    uint32_t i, n;

    if (!strncmp(text, "expr ", 5)) {
        rest[strcspn(rest, "\n")] = 0;
        specs[specs_n].name = "r";
        specs[specs_n].severity = STATUS_DEGRADED;
        specs[specs_n++].expression = strdup(rest);
    } else if (!strncmp(text, "counter ", 8)) {
        add_series(form, MODEL_COUNTER, rest);
    } else if (!strncmp(text, "gauge ", 6)) {
        add_series(form, MODEL_GAUGE, rest);
    } else if (!strncmp(text, "histogram ", 10)) {
        add_series(form, MODEL_HISTOGRAM, rest);
    } else if (!strncmp(text, "bounds ", 7)) {
        form->bounds_n = numbers(rest, form->bounds);
        form->log_n = 0;
    } else if (!strncmp(text, "schema ", 7)) {
        numbers(rest, three);
        form->schema = (int32_t)three[0];
        form->first_index = (int32_t)three[1];
        form->log_n = (uint32_t)three[2];
    } else if (!strncmp(text, "at ", 3)) {
        n = numbers(rest, three);
        for (i = 0; i < n; i++)
            at[at_n++] = (uint32_t)three[i];
    }
}

/* The series' value of the next second into the model. Returns 0 at the end. */
static int
put_next(struct scene *scene, struct line *line)
{
    uint64_t counts[512];
    uint32_t n = 0;
    char *end;

    line->at += strspn(line->at, " ");
    if (!*line->at)
        return 0;
    if (*line->at == '-' && (line->at[1] == ' ' || !line->at[1])) {
        line->at++;
        return 1;
    }
    if (line->type == MODEL_COUNTER)
        scene_u64(scene, line->type, line->name, line->a, strtoull(line->at, &end, 10));
    else if (line->type == MODEL_GAUGE)
        scene_f64(scene, line->type, line->name, line->a, strtod(line->at, &end));
    else {
        counts[n++] = strtoull(line->at, &end, 10);
        while (*end == '/' && n < 512)
            counts[n++] = strtoull(end + 1, &end, 10);
        if (line->log_n)
            scene_exponential(scene, line->name, line->a, line->schema, line->first_index, line->log_n, 0, counts);
        else
            scene_histogram(scene, line->name, line->a, line->bounds, line->bounds_n, 0, counts);
    }
    line->at = end;
    return 1;
}

static void
print_results(const struct scene *scene, uint32_t second)
{
    struct rule_status status;
    uint32_t i;

    for (i = 0; i < specs_n; i++) {
        rules_status(scene->rules, i, &status);
        printf("%u %u %s %.17g %.17g\n", second, i, status.problem ? "none" : rule_state_word(status.state),
               status.value, status.threshold);
    }
}

int
main(void)
{
    static char text[1 << 20];
    struct rules_spec spec = { specs, 0, NULL, 0 };
    struct line form = { .type = MODEL_COUNTER };
    struct scene scene;
    uint32_t second, i, k;
    int more = 1;

    while (fgets(text, sizeof text, stdin))
        take_line(&form, text);
    spec.rules_n = specs_n;
    scene_begin(&scene);
    scene.now = 1000;
    scene_rules(&scene, &spec);
    for (second = 0; more; second++) {
        model_begin(scene.model);
        for (i = 0; i < lines_n; i++)
            more &= put_next(&scene, &lines[i]);
        if (!more)
            break;
        scene_tick(&scene, 1);
        for (k = 0; k < at_n; k++)
            if (at[k] == second)
                print_results(&scene, second);
    }
    scene_end(&scene);
    return 0;
}
