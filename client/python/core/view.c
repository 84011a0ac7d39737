/*
 * A meter's segment, read as the exporter reads it: a snapshot in a model. The thread that holds the GIL may take;
 * without a GIL, the one that holds the meter's lock.
 */
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/saturate.h"
#include "exposition/exposition.h"
#include "process/pool.h"
#include "read/file/reader.h"

struct view {
    struct exposition *exposition;
    struct pieces_all pieces;
    struct process_pool *processes;      /* made at the first question                                           */
    struct shmeter_reader_memory memory; /* what this process has mapped, for when the file cannot be opened */
};

void
view_free(struct view *view)
{
    if (!view)
        return;
    pieces_free(&view->pieces);
    process_pool_free(view->processes);
    exposition_free(view->exposition);
    free(view);
}

/* The path, as a pattern that it alone fits where it would be taken for one. */
static char *
pattern_of(const char *path)
{
    const int escapes = shmeter_reader_is_pattern(path);
    char *out = malloc(2 * strlen(path) + 1), *at = out;

    for (; out && *path; path++) {
        if (escapes && strchr("*?[\\", *path))
            *at++ = '\\';
        *at++ = *path;
    }
    if (out)
        *at = 0;
    return out;
}

/* Where the segment is, for a reader. */
static struct view *
view_new(const char *path, int alone)
{
    struct view *view = calloc(1, sizeof *view);
    char *name = alone ? strdup("own") : pattern_of(path);
    struct store_options options = {
        .names = (const char *const *)&name,
        .names_n = 1,
        .label = STORE_LABEL_NEVER,
        .keep_removed = 1,
    };

    if (view && name) {
        options.memory = &view->memory;
        view->memory.alone = (uint32_t)alone;
        view->exposition = exposition_new(&options);
    }
    free(name);
    if (view && view->exposition)
        return view;
    free(view);
    return NULL;
}

static void
note_memory(struct shmeter_reader_memory *memory, const struct shmeter_attachment *attachment)
{
    memory->base = attachment ? attachment->base : NULL;
    if (!memory->base)
        return;
    memory->header = &attachment->header;
    memory->device = makedev((unsigned)(attachment->device >> 32), (unsigned)attachment->device);
    memory->inode = attachment->inode;
}

/* The meter's view, which knows where the segment is by now. NULL: no memory. */
static struct view *
view_of(struct meter_object *meter)
{
    const int alone = nameless_is(meter);

    if (meter->view && meter->view->memory.alone != (uint32_t)alone) { /* it has got the shared segment since */
        view_free(meter->view);
        meter->view = NULL;
    }
    if (!meter->view && meter->meter)
        meter->view = view_new(meter->meter->path, alone);
    if (meter->view)
        note_memory(&meter->view->memory, shmeter_meter_attachment(meter->meter));
    return meter->view;
}

/* The segment of the moment. Returns 0, or -1 with an exception. */
int
view_take(struct meter_object *meter)
{
    const struct view *view = view_of(meter);
    int result;

    held_acknowledge(meter->core, meter->meter);
    result = view ? exposition_read(view->exposition, NULL, NULL) : -ENOMEM;

    if (result)
        PyErr_NoMemory();
    return result ? -1 : 0;
}

struct process_pool *
view_processes(struct meter_object *meter)
{
    struct view *view = view_of(meter);
    const struct segment_status *status;
    int result = -ENOMEM;

    if (view && !view->processes)
        view->processes = process_pool_new(0);
    if (view && view->processes)
        result = store_take(view->exposition->store, SNAPSHOT_STATUS);
    if (!result) {
        status = store_status(view->exposition->store, 0);
        result = process_pool_read(view->processes, &status, 1);
    }
    if (!result)
        return view->processes;
    PyErr_NoMemory();
    return NULL;
}

struct pieces_all *
view_pieces(const struct meter_object *meter)
{
    return meter->view ? &meter->view->pieces : NULL;
}

const struct store *
view_store(const struct meter_object *meter)
{
    return meter->view ? meter->view->exposition->store : NULL;
}

/* Of the last take; NULL: there was none. */
const struct model *
view_model(const struct meter_object *meter)
{
    return meter->view ? meter->view->exposition->model : NULL;
}

PyObject *
meter_take(PyObject *self, PyObject *Py_UNUSED(unused))
{
    int result;

    CORE_LOCK(self)
    result = view_take((struct meter_object *)self);
    CORE_UNLOCK()
    return result ? NULL : Py_NewRef(Py_None);
}

const char *
view_short_name(const struct model_family *family, char out[VIEW_NAME_BYTES])
{
    const char *suffix = model_kinds[family->type].suffix;
    size_t len = strlen(family->name), n = strlen(suffix);

    if (len > n && !strcmp(family->name + len - n, suffix))
        len -= n;
    snprintf(out, VIEW_NAME_BYTES, "%.*s", (int)len, family->name);
    return out;
}

static int
histogram_samples(const struct model *model, const struct model_series *series, view_sample_fn *fn, void *argument)
{
    const struct model_shape *shape = series->shape;
    const uint64_t *buckets = model_histogram_buckets(model, series);
    const double infinity = Py_HUGE_VAL, count = (double)model_histogram_count(model, series);
    uint64_t below = 0;
    uint32_t i, k = 0;
    int result = 0;

    for (i = 0; i < shape->classic_n && !result; i++) {
        for (; k < shape->classic_ends[i]; k++)
            below = saturate_add(below, buckets[k]);
        result = fn(argument, "_bucket", &shape->classic_bounds[i], (double)below);
    }
    result = result ? result : fn(argument, "_bucket", &infinity, count);
    result = result ? result : fn(argument, "_count", NULL, count);
    if (result || (shape->classic_n && shape->classic_bounds[0] < 0))
        return result;
    return fn(argument, "_sum", NULL, model_histogram_sum(model, series));
}

int
view_samples(const struct model *model, const struct model_family *family, const struct model_series *series,
             view_sample_fn *fn, void *argument)
{
    const struct model_kind *kind = &model_kinds[family->type];
    int result;

    switch (kind->value) {
    case MODEL_VALUE_HISTOGRAM:
        return histogram_samples(model, series, fn, argument);
    case MODEL_VALUE_SUMMARY:
        result = fn(argument, "_count", NULL, (double)model_histogram_count(model, series));
        return result ? result : fn(argument, "_sum", NULL, model_histogram_sum(model, series));
    default:
        return fn(argument, kind->suffix, NULL, model_number(model, series));
    }
}
