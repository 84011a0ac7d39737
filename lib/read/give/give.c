/*
 * Adds values to the model at each scrape. bind.c finds the places of families and series in the model, once per epoch;
 * idle.c remembers when values have changed.
 */
#include "read/give/give.h"

#include <stdlib.h>

#include "base/saturate.h"
#include "read/give/internal.h"

static const struct giving_part whole = { GIVING_NONE, NULL };

struct giving *
giving_new(const struct snapshot *snapshot)
{
    struct giving *giving = calloc(1, sizeof *giving);

    if (giving)
        giving->snapshot = snapshot;
    return giving;
}

void
giving_free(struct giving *giving)
{
    if (!giving)
        return;
    free(giving->families);
    free(giving->targets);
    free(giving->binds);
    free(giving->state_targets);
    idle_free(giving);
    free(giving);
}

/* The series in the model. *idx keeps its index, so that it is looked up once. */
static inline struct model_series *
find_series(const struct giving *giving, uint32_t number, const struct giving_family *given,
            const struct giving_target *target, struct giving_part part, struct model *model, uint32_t *idx, int *error)
{
    if (*idx != GIVING_NONE)
        return &given->target->series[*idx];
    return giving_bind_series(giving, number, target, part, model, idx, error);
}

/* ---- counters, histograms, info ---- */

static void
add_f64(uint64_t *word, double value)
{
    value += snapshot_f64(*word);
    memcpy(word, &value, sizeof value);
}

static void
add_value(const struct giving *giving, const struct snapshot_series *series, const struct snapshot_family *family,
          enum model_number number, uint64_t *words)
{
    const uint64_t *sums;
    uint32_t i;

    if (family->type == SHMETER_INFO) {
        words[0] = 1;
        return;
    }
    sums = giving->read.sums + series->place;
    if (shmeter_type_histogram(family->type)) {
        add_f64(words, snapshot_f64(sums[0]));
        for (i = 1; i <= family->buckets_n; i++)
            words[i] = saturate_add(words[i], sums[i]);
    } else if (shmeter_type_counter_f64(family->type)) {
        add_f64(words, snapshot_f64(sums[0]));
    } else if (number == MODEL_F64) { /* a fractional counter is added to it, so its values are doubles */
        add_f64(words, (double)sums[0]);
    } else {
        words[0] = saturate_add(words[0], sums[0]);
    }
}

static int
summed(const struct giving *giving, const struct snapshot_series *series, const struct snapshot_family *family)
{
    return family->type == SHMETER_INFO || series->place + snapshot_sum_words(family) <= giving->read.sums_n;
}

/* ---- families ---- */

/* Binds the family if it is not bound. 0, also when it is refused; or -ENOMEM. */
static inline int
bind_family(struct giving *giving, uint32_t number, const struct giving_target *target, struct model *model)
{
    return giving->families[number].bound ? 0 : giving_bind_family(giving, number, target, model);
}

/* Whether the settings leave the family out. The expressions are tried once for each family. */
static inline int
filtered(struct giving *giving, uint32_t number, const struct settings *settings)
{
    struct giving_family *given = &giving->families[number];

    if (!settings)
        return 0;
    if (given->judged != settings->id) {
        int allowed = settings_allow(settings, giving->read.families[number].name);
        given->filtered = allowed <= 0;
        given->judged = allowed < 0 ? 0 : settings->id; /* without memory: to be tried again at the next take */
    }
    return (int)given->filtered;
}

enum fate { NOT_GIVEN, GIVEN, FILTERED };

/* Whether a family's series are given to the model: enum fate, or -ENOMEM. */
static int
give_family(struct giving *giving, uint32_t number, struct model *model, const struct giving_target *target)
{
    const struct snapshot_family *family = &giving->read.families[number];

    if (family->visible && filtered(giving, number, target->settings))
        return FILTERED;
    if (!family->visible || shmeter_type_gauge(family->type) || (target->newer && family->type == SHMETER_INFO) ||
        (target->newer && giving->families[number].redefined))
        return NOT_GIVEN;
    return bind_family(giving, number, target, model) ? -ENOMEM : GIVEN;
}

/* ---- idle series ---- */

static int
is_idle(struct giving *giving, uint32_t number, const struct snapshot_family *family,
        const struct giving_target *target)
{
    return giving->idle && family->type != SHMETER_INFO &&
           idle_is(&giving->idle[number], idle_token(giving->read.sums + giving->read.series[number].place, family),
                   target->now_ns, target->settings->idle_ns);
}

static int
is_gauge_idle(struct giving *giving, uint32_t number, uint32_t slot, double value, const struct giving_target *target)
{
    struct idle *idle = giving->idle ? &giving->idle[number] : NULL;
    uint64_t token;

    if (!idle || !target->settings->idle_gauges)
        return 0;
    memcpy(&token, &value, sizeof token);
    if (slot != GIVING_NONE)
        idle = idle_of_worker(giving, number, slot, &token);
    return idle && idle_is(idle, token, target->now_ns, target->settings->idle_ns);
}

/*
 * Marks a series whose value was added as present or idle. It is counted as idle as long as no other segment makes it
 * present.
 */
static inline void
mark(struct model_family *family, struct model_series *series, int idle, struct segment_status *counts)
{
    if (idle) {
        counts->series_idle += !series->present && !series->idle;
        model_idle(family, series);
    } else {
        counts->series_idle -= series->idle && counts->series_idle;
        model_present(family, series);
    }
}

static int
give_series(struct giving *giving, struct model *model, const struct giving_target *target)
{
    const struct snapshot_contents *read = &giving->read;
    const struct snapshot_family *family = NULL;
    const struct giving_family *given = NULL;
    uint32_t i, number = GIVING_NONE;
    int error = 0, fate = NOT_GIVEN;

    for (i = 0; i < read->series_n && !error; i++) {
        const struct snapshot_series *series = &read->series[i];
        struct model_series *to;
        if (series->family != number) {
            number = series->family;
            family = &read->families[number];
            given = &giving->families[number];
            fate = give_family(giving, number, model, target);
            if (fate < 0)
                return fate;
        }
        if (fate == FILTERED && !target->newer)
            target->counts->series_filtered += series->visible;
        if (fate != GIVEN || !series->visible || series->left || !summed(giving, series, family))
            continue;
        if (given->refused) {
            model->conflicts++;
            continue;
        }
        to = find_series(giving, i, given, target, whole, model, &giving->targets[i], &error);
        if (!to)
            continue;
        model_created(given->target, to, series->created_ns);
        add_value(giving, series, family, given->shape->number, model->words + to->word);
        mark(given->target, to, is_idle(giving, i, family, target), target->counts);
    }
    return error;
}

/* ---- gauges, statesets ---- */

/* Binds a gauge's family. 0, with *given NULL when the family is not exposed; or -ENOMEM. */
static int
gauge_family(struct giving *giving, uint32_t number, struct model *model, const struct giving_target *target,
             const struct giving_family **given)
{
    *given = NULL;
    if (filtered(giving, number, target->settings))
        return 0;
    if (bind_family(giving, number, target, model))
        return -ENOMEM;
    if (giving->families[number].refused)
        model->conflicts++;
    else
        *given = &giving->families[number];
    return 0;
}

/* Makes room for the indexes of a stateset's series in the model, one for each state. 0 or -ENOMEM. */
static int
state_targets(struct giving *giving, uint32_t number, uint32_t states_n)
{
    const uint32_t first = giving->state_targets_n;
    uint32_t i;

    if (giving->targets[number] != GIVING_NONE)
        return 0;
    if (array_room(&giving->state_targets, &giving->state_targets_capacity, first + states_n,
                   sizeof *giving->state_targets))
        return -ENOMEM;
    for (i = 0; i < states_n; i++)
        giving->state_targets[first + i] = GIVING_NONE;
    giving->state_targets_n += states_n;
    giving->targets[number] = first;
    return 0;
}

/*
 * Gives a series for each state. The state that was set last has the value 1; before the first set that is the first
 * state. A number beyond the states is damage, and gives nothing.
 */
static int
give_states(struct giving *giving, struct model *model, const struct giving_target *target,
            const struct snapshot_gauge *gauge)
{
    const struct snapshot_series *series = &giving->read.series[gauge->series];
    const struct snapshot_family *family = &giving->read.families[series->family];
    const struct giving_family *given;
    const double in_force = gauge->any ? gauge->value : 0;
    struct model_series *to;
    uint32_t i;
    int idle, error = gauge_family(giving, series->family, model, target, &given);

    if (error || !given || !(in_force >= 0 && in_force < family->states_n && in_force == (uint32_t)in_force))
        return error;
    if (state_targets(giving, gauge->series, family->states_n))
        return -ENOMEM;
    idle = is_gauge_idle(giving, gauge->series, GIVING_NONE, in_force, target);
    for (i = 0; i < family->states_n && !error; i++) {
        const struct giving_part part = { GIVING_NONE, family->states[i] };
        to = find_series(giving, gauge->series, given, target, part, model,
                         &giving->state_targets[giving->targets[gauge->series] + i], &error);
        if (!to || (family->joins && (to->present || to->idle))) /* the definition in force has given its own state */
            continue;
        model->words[to->word] = i == (uint32_t)in_force;
        mark(given->target, to, idle, target->counts);
    }
    return error;
}

/*
 * Combines a value with that of another definition by the mode of the definition in force. In mode LATEST the value of
 * the definition in force stays.
 */
static void
join(const struct giving *giving, const struct snapshot_family *family, uint64_t *word, double value)
{
    const double other = snapshot_f64(*word);

    switch (family->joins ? modes[giving->read.families[family->joins - 1].mode].how : MODE_SUM) {
    case MODE_MIN:
        if (value < other)
            memcpy(word, &value, sizeof value);
        break;
    case MODE_MAX:
        if (value > other)
            memcpy(word, &value, sizeof value);
        break;
    case MODE_LATEST:
        break;
    default:
        add_f64(word, value);
        break;
    }
}

static int
give_gauge(struct giving *giving, struct model *model, const struct giving_target *target, uint32_t number,
           uint32_t slot, uint32_t *idx, double value)
{
    const uint32_t of = giving->read.series[number].family;
    const struct giving_part part = { slot, NULL };
    const struct giving_family *given;
    struct model_series *to;
    int error = gauge_family(giving, of, model, target, &given);

    if (error || !given)
        return error;
    to = find_series(giving, number, given, target, part, model, idx, &error);
    if (!to)
        return error;
    if (to->present || to->idle)
        join(giving, &giving->read.families[of], model->words + to->word, value);
    else
        memcpy(model->words + to->word, &value, sizeof value); /* 0 + -0 would lose the sign */
    mark(given->target, to, is_gauge_idle(giving, number, slot, value, target), target->counts);
    return 0;
}

/*
 * Gives gauges and samples. joining 0: of definitions in force; 1: of definitions that join one, which is given before.
 */
static int
give_gauges(struct giving *giving, struct model *model, const struct giving_target *target, int joining)
{
    const struct snapshot_contents *read = &giving->read;
    uint32_t i, none;
    int error = 0;

    for (i = 0; i < read->gauges_n && !error; i++) {
        const struct snapshot_gauge *gauge = &read->gauges[i];
        const struct snapshot_series *series = &read->series[gauge->series];
        if ((read->families[series->family].joins != 0) != joining)
            continue;
        if (series->visible && read->families[series->family].type == SHMETER_STATESET)
            error = give_states(giving, model, target, gauge);
        else if (gauge->any)
            error = give_gauge(giving, model, target, gauge->series, GIVING_NONE, &giving->targets[gauge->series],
                               gauge->value);
        else if (giving->idle)
            giving->idle[gauge->series].since_ns = 0; /* unset: its next value counts as a change */
    }
    for (i = 0; i < read->samples_n && !error; i++) {
        const struct snapshot_sample *sample = &read->samples[i];
        none = GIVING_NONE; /* not kept, because the slot's worker may change */
        if ((read->families[read->series[sample->series].family].joins != 0) == joining)
            error = give_gauge(giving, model, target, sample->series, sample->slot, &none, sample->value);
    }
    return error;
}

/* Counts the labels of the settings that families have themselves. */
static void
count_labels(const struct giving *giving, const struct giving_target *target)
{
    uint32_t i;

    for (i = 0; target->settings && target->settings->labels_n && i < giving->families_n; i++) {
        const struct giving_family *given = &giving->families[i];
        if (giving->read.families[i].visible && given->bound && !given->filtered)
            target->counts->labels_left_out += given->labels_left_out;
    }
}

int
giving_give(struct giving *giving, struct model *model, const struct giving_target *target)
{
    int error;

    error = giving_look(giving);
    if (!error)
        giving_unbind(giving, model);
    if (!error)
        error = idle_room(giving, target->settings);
    if (!error)
        error = give_series(giving, model, target);
    if (!error && !target->newer)
        error = give_gauges(giving, model, target, 0);
    if (!error && !target->newer && giving->read.several_n)
        error = give_gauges(giving, model, target, 1);
    if (!error && !target->newer)
        count_labels(giving, target);
    return model_settle(model) ? -ENOMEM : error;
}
