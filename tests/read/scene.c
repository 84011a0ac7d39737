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

static struct store_options
options_of(const char *const *names, uint32_t names_n, const struct store_segment *settings)
{
    return (struct store_options){
        .names = names, .names_n = names_n, .segments = settings, .segments_n = settings != NULL, .clock_ns = clock_ns
    };
}

void
scene_open_as(struct scene *scene, const struct store_options *options)
{
    memset(scene, 0, sizeof *scene);
    scene->exposition = exposition_new(options);
    assert_non_null(scene->exposition);
    scene->store = scene->exposition->store;
}

void
scene_open_with(struct scene *scene, const char *const *names, uint32_t names_n, const struct store_segment *settings)
{
    const struct store_options options = options_of(names, names_n, settings);

    scene_open_as(scene, &options);
}

void
scene_configure(struct scene *scene, const char *const *names, uint32_t names_n, const struct store_segment *settings)
{
    const struct store_options options = options_of(names, names_n, settings);

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
