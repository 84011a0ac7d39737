#include "tests/read/scene.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "exposition/own.h"

uint64_t scene_clock_ns = 1;

static uint64_t
clock_ns(void)
{
    return scene_clock_ns;
}

struct settings_list *
scene_settings(struct scene *scene, const struct settings_spec *specs, uint32_t n)
{
    struct settings_list *list = settings_new();
    struct report report = { 0 };
    uint32_t i;

    assert_true(list && scene->lists_n < SCENE_LISTS);
    scene->lists[scene->lists_n++] = list;
    for (i = 0; i < n; i++)
        if (settings_add(list, &specs[i], &report))
            fail_msg("%s", report.text);
    return list;
}

static struct store_options
options_of(struct scene *scene, const char *const *names, uint32_t names_n, const struct settings_spec *settings)
{
    return (struct store_options){ .names = names,
                                   .names_n = names_n,
                                   .settings = settings ? scene_settings(scene, settings, 1) : NULL,
                                   .clock_ns = clock_ns };
}

void
scene_open_as(struct scene *scene, const struct store_options *options)
{
    if (!options->settings)
        memset(scene, 0, sizeof *scene);
    scene->exposition = exposition_new(options);
    assert_non_null(scene->exposition);
    scene->store = scene->exposition->store;
}

void
scene_open_with(struct scene *scene, const char *const *names, uint32_t names_n, const struct settings_spec *settings)
{
    struct store_options options;

    memset(scene, 0, sizeof *scene);
    options = options_of(scene, names, names_n, settings);
    scene_open_as(scene, &options);
}

void
scene_configure(struct scene *scene, const char *const *names, uint32_t names_n, const struct settings_spec *settings)
{
    const struct store_options options = options_of(scene, names, names_n, settings);

    assert_int_equal(exposition_configure(scene->exposition, &options), 0);
}

void
scene_open(struct scene *scene, const char *const *names, uint32_t names_n)
{
    scene_open_with(scene, names, names_n, NULL);
}

void
scene_open_one(struct scene *scene, const char *name)
{
    scene_open(scene, &name, 1);
}

void
scene_scrape(struct scene *scene)
{
    assert_int_equal(exposition_read(scene->exposition, scene->with_own ? own_add : NULL, scene->store), 0);
    scene->text.len = 0;
    assert_int_equal(exposition_render(scene->exposition, &encode_text, &scene->text), 0);
    strict_free(&scene->parsed);
    strict_parse(&scene->parsed, scene->text.data ? scene->text.data : "", scene->text.len);
    if (*scene->parsed.error)
        fprintf(stderr, "%.*s\n", (int)scene->text.len, scene->text.data);
    assert_string_equal(scene->parsed.error, "");
}

void
scene_close(struct scene *scene)
{
    exposition_free(scene->exposition);
    while (scene->lists_n)
        settings_free(scene->lists[--scene->lists_n]);
    buffer_free(&scene->text);
    strict_free(&scene->parsed);
}

double
scene_value(const struct scene *scene, const char *name, const char *labels)
{
    return strict_value(&scene->parsed, name, labels);
}

void
scene_assert(const struct scene *scene, const char *name, const char *labels, double wanted, const char *file, int line)
{
    double value = scene_value(scene, name, labels);

    if (value == wanted || (isnan(value) && isnan(wanted)))
        return;
    print_error("%s{%s} is %.17g instead of %.17g\n", name, labels, value, wanted);
    _fail(file, line);
}
