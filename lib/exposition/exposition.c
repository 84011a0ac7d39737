/*
 * Decides when the model is rebuilt: when most of its series are absent, or when a conflict may have gone away.
 */
#include "exposition/exposition.h"

#include <errno.h>
#include <stdlib.h>

#define ABSENT_SLACK   4096u /* so many absent series may be in the model before it is rebuilt */
#define FRUITLESS_MOST 255u  /* readings between two rebuilds because of conflicts that a rebuild does not remove */

/* ---- life ---- */

static void
spare(void *argument)
{
    const struct exposition *exposition = argument;

    model_clear(exposition->model);
}

static struct store_options
with_spare(const struct store_options *options, struct exposition *exposition)
{
    struct store_options all = *options;

    all.spare = spare;
    all.spare_argument = exposition;
    return all;
}

void
exposition_free(struct exposition *exposition)
{
    unsigned i;

    if (!exposition)
        return;
    store_free(exposition->store);
    for (i = 0; i < ESCAPINGS; i++)
        plan_free(exposition->plans[i]);
    model_free(exposition->model);
    free(exposition);
}

struct exposition *
exposition_new(const struct store_options *options)
{
    struct exposition *exposition = calloc(1, sizeof *exposition);
    struct store_options all;

    if (!exposition)
        return NULL;
    all = with_spare(options, exposition);
    exposition->model = model_new();
    exposition->plans[ESCAPE_UNDERSCORES] = exposition->model ? plan_new(exposition->model) : NULL;
    exposition->store = exposition->plans[ESCAPE_UNDERSCORES] ? store_new(&all) : NULL;
    if (exposition->store)
        return exposition;
    exposition_free(exposition);
    return NULL;
}

int
exposition_configure(struct exposition *exposition, const struct store_options *options)
{
    const struct store_options all = with_spare(options, exposition);
    int result = store_configure(exposition->store, &all);

    if (result)
        return result;
    model_clear(exposition->model);
    exposition->conflicts = exposition->fruitless_n = exposition->fruitless_now = 0;
    return 0;
}

/* ---- the model ---- */

static int
fill_once(const struct exposition *exposition)
{
    int result;

    model_begin(exposition->model);
    result = store_give(exposition->store, exposition->model);
    model_end(exposition->model);
    return result;
}

/*
 * Whether to rebuild the model because of conflicts. A family or series may be left out because it conflicts with one
 * that is absent by now, such as one of an earlier release; in a rebuilt model the absent ones are gone.
 */
static int
worth_clearing(struct exposition *exposition)
{
    const uint64_t conflicts = exposition->model->conflicts, definitions = store_definitions(exposition->store);
    const int defined_anew = definitions != exposition->definitions;

    exposition->definitions = definitions;
    if (!conflicts || (conflicts == exposition->conflicts && !defined_anew))
        return 0;
    if (!exposition->fruitless_now || defined_anew)
        return 1;
    exposition->fruitless_now--; /* their number may change with every scrape, and a rebuild is slow */
    return 0;
}

/* Rebuilds the model. If that does not reduce the conflicts, the next rebuild comes later. */
static int
fill_anew(struct exposition *exposition)
{
    const uint64_t conflicts = exposition->model->conflicts;
    int result;

    model_clear(exposition->model);
    result = fill_once(exposition);
    exposition->conflicts = exposition->model->conflicts;
    exposition->fruitless_n = exposition->conflicts < conflicts ? 0 : 2 * exposition->fruitless_n + 1;
    if (exposition->fruitless_n > FRUITLESS_MOST)
        exposition->fruitless_n = FRUITLESS_MOST;
    exposition->fruitless_now = exposition->fruitless_n;
    return result;
}

static int
fill(struct exposition *exposition)
{
    struct model *model = exposition->model;
    int result;

    if (model_series_n(model) > 2 * (model_present_n(model) + model_idle_n(model)) + ABSENT_SLACK)
        model_clear(model);
    result = fill_once(exposition);
    if (!result && worth_clearing(exposition))
        return fill_anew(exposition);
    if (!model->conflicts)
        exposition->conflicts = 0;
    return result;
}

/* ---- a scrape ---- */

static int
read_once(struct exposition *exposition, exposition_add_fn add, void *argument)
{
    int result = store_take(exposition->store, SNAPSHOT_ALL);

    if (!result)
        result = fill(exposition);
    return result || !add ? result : add(argument, exposition->model);
}

int
exposition_read(struct exposition *exposition, exposition_add_fn add, void *argument)
{
    int result;

    do
        result = read_once(exposition, add, argument);
    while (result == -ENOMEM && store_relieve(exposition->store));
    return result;
}

int
exposition_render(struct exposition *exposition, const struct encoder *encoder, struct buffer *out)
{
    return exposition_render_escaped(exposition, encoder, ESCAPE_UNDERSCORES, out);
}

int
exposition_render_escaped(struct exposition *exposition, const struct encoder *encoder, enum escaping escaping,
                          struct buffer *out)
{
    struct plan **plan = &exposition->plans[exposition->model->utf8 ? escaping : ESCAPE_UNDERSCORES];
    int result;

    if (!*plan) {
        *plan = plan_new(exposition->model);
        if (!*plan)
            return -ENOMEM;
        plan_escape(*plan, escaping);
    }
    result = plan_update(*plan, encoder->parts);
    return result ? result : encoder->render(*plan, out);
}
