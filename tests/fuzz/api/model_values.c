#include <math.h>
#include <string.h>

#include "tests/fuzz/api/model.h"

/* ---- counters and histograms ---- */

void
api_model_add_u64(struct api_handle handle, uint64_t n)
{
    if (handle.series)
        handle.series->count += n;
}

/* Whether sums of some hundred of such values are exact in any order: multiples of 2^-10 below 2^40. */
static int
is_short(double v)
{
    return fabs(v) < 0x1p40 && v * 1024 == rint(v * 1024);
}

static void
sum_up(struct api_series *series, double v)
{
    series->sum += v;
    series->magnitude += fabs(v);
    series->exact &= is_short(v) || isinf(v);
}

void
api_model_add_f64(struct api_model *model, struct api_handle handle, double v)
{
    if (!handle.family)
        return;
    if (!(v >= 0))
        api_model_lose(model, LOST_ADDS_REFUSED);
    else if (handle.series)
        sum_up(handle.series, v);
}

void
api_model_observe(struct api_model *model, struct api_handle handle, double v)
{
    const struct api_definition *definition = handle.family ? &handle.family->definition : NULL;
    uint32_t bucket = 0;

    if (!definition || !api_is_histogram(definition->type))
        return;
    if (isnan(v) || (definition->exponential && v < 0)) {
        api_model_lose(model, isnan(v) ? LOST_OBSERVATIONS_NAN : LOST_OBSERVATIONS_NEGATIVE);
        return;
    }
    while (bucket < definition->bounds_n && v > definition->bounds[bucket])
        bucket++;
    if (bucket == definition->buckets_n) {
        api_model_lose(model, LOST_OBSERVATIONS_CLAMPED);
        bucket--;
    }
    if (!handle.series)
        return;
    handle.series->buckets[bucket]++;
    handle.series->count++;
    if (!isinf(v))
        sum_up(handle.series, v);
}

int
api_model_is_close(struct api_handle handle, double v)
{
    const struct api_definition *definition = handle.family ? &handle.family->definition : NULL;
    uint32_t i;
    int exponent;

    if (!definition || !definition->exponential || !isfinite(v))
        return 0;
    for (i = 1; i < definition->bounds_n; i++)
        if (fabs(definition->bounds[i] - v) <= v * 1e-14 && frexp(definition->bounds[i], &exponent) != 0.5)
            return 1;
    return 0;
}

/* ---- gauges: what a worker does ---- */

static int
is_latest(int mode)
{
    return mode == SHMETER_LATEST || mode == SHMETER_LIVE_LATEST;
}

static int
is_extreme(int mode)
{
    return mode == SHMETER_MIN || mode == SHMETER_MAX || mode == SHMETER_LIVE_MIN || mode == SHMETER_LIVE_MAX;
}

static void
put(struct api_gauge *gauge, double v, uint64_t stamp)
{
    gauge->is_set = 1;
    gauge->value = v;
    gauge->stamp = stamp;
}

void
api_model_gauge_set(struct api_model *model, int process, struct api_handle handle, double v)
{
    struct api_block *block;
    struct api_gauge *own;
    int mode;

    if (!handle.series)
        return;
    mode = handle.family->definition.mode;
    block = api_model_block(model, process);
    own = &block->gauges[handle.series->gauge];
    if (isnan(v) && is_extreme(mode))
        api_model_lose(model, LOST_GAUGE_REFUSED);
    else if (mode == SHMETER_POOL && !model->processes[process].is_closed)
        put(&model->common[handle.series->gauge], v, model->common[handle.series->gauge].stamp + 1);
    else
        put(own, v, is_latest(mode) ? model->now : own->stamp);
}

void
api_model_gauge_add(struct api_model *model, int process, struct api_handle handle, double v)
{
    struct api_block *block;
    struct api_gauge *own;
    uint64_t epoch;
    double sum;
    int mode;

    if (!handle.series)
        return;
    mode = handle.family->definition.mode;
    block = api_model_block(model, process);
    own = &block->gauges[handle.series->gauge];
    sum = (own->is_set ? own->value : 0) + v;
    if (is_latest(mode) || (is_extreme(mode) && isnan(sum))) {
        api_model_lose(model, LOST_GAUGE_REFUSED);
    } else if (mode == SHMETER_POOL && !model->processes[process].is_closed) {
        epoch = model->common[handle.series->gauge].stamp;
        put(own, (own->is_set && own->stamp == epoch ? own->value : 0) + v, epoch);
    } else {
        put(own, sum, own->stamp);
    }
}

void
api_model_gauge_touch(struct api_model *model, int process, struct api_handle handle)
{
    struct api_gauge *own, *common;
    int mode;

    if (!handle.series)
        return;
    mode = handle.family->definition.mode;
    own = &api_model_block(model, process)->gauges[handle.series->gauge];
    common = &model->common[handle.series->gauge];
    if (mode == SHMETER_POOL && !model->processes[process].is_closed) {
        if (!common->is_set)
            put(common, 0, common->stamp);
    } else if (!is_latest(mode) && !own->is_set) {
        put(own, 0, own->stamp);
    }
}

void
api_model_state(struct api_model *model, int process, struct api_handle handle, uint32_t state)
{
    if (!handle.series)
        return;
    if (state < handle.family->definition.states_n)
        api_model_gauge_set(model, process, handle, state);
    else {
        api_model_block(model, process);
        api_model_lose(model, LOST_GAUGE_REFUSED);
    }
}

/* ---- gauges: what is seen ---- */

struct view {
    int any;
    double value;
    uint64_t stamp;
};

static void
see(struct view *view, int mode, int is_set, double value, uint64_t stamp)
{
    int better = 1;

    if (!is_set)
        return;
    if (mode == SHMETER_POOL || mode == SHMETER_SUM || mode == SHMETER_LIVE_SUM)
        value += view->any ? view->value : 0;
    else if (mode == SHMETER_MIN || mode == SHMETER_LIVE_MIN)
        better = !view->any || value < view->value;
    else if (mode == SHMETER_MAX || mode == SHMETER_LIVE_MAX)
        better = !view->any || value > view->value;
    else
        better = !view->any || stamp > view->stamp;
    if (better) {
        view->value = value;
        view->stamp = stamp;
    }
    view->any = 1;
}

int
api_model_gauge(const struct api_model *model, const struct api_series *series, double *out)
{
    const struct api_gauge *common = &model->common[series->gauge];
    struct view view = { 0 };
    int mode = model->records[series->record]->definition.mode;
    uint32_t i;

    if (mode == SHMETER_POOL && !api_model_has_left(model, series))
        see(&view, mode, common->is_set, common->value, 0);
    for (i = 0; i < API_SLOTS; i++) {
        const struct api_slot *slot = &model->slots[i];
        const struct api_gauge *gauge = &slot->block.gauges[series->gauge];
        int is_live = slot->state == SLOT_HELD && !slot->is_dead;
        if ((mode < SHMETER_SUM && !is_live) || (mode == SHMETER_POOL && gauge->stamp != common->stamp))
            continue;
        see(&view, mode, gauge->is_set, gauge->value, gauge->stamp);
        if (mode == SHMETER_SUM || mode == SHMETER_MIN || mode == SHMETER_MAX)
            see(&view, mode, gauge->base_is_set, gauge->base, 0);
    }
    *out = view.value;
    return view.any;
}
