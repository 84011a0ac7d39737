/*
 * From a snapshot to the model: families and series are looked for once per epoch, values are added at each scrape.
 */
#include "read/filters/filters.h"
#include "read/snapshot/internal.h"

static const struct snapshot_part whole = { SNAPSHOT_NONE, NULL };

/* The same, at no cost when it was found before: *idx. */
static inline struct model_series *
find_series(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family,
            const struct snapshot_target *target, struct snapshot_part part, struct model *model, uint32_t *idx,
            int *error)
{
    if (*idx != SNAPSHOT_NONE)
        return &family->target->series[*idx];
    return snapshot_bind_series(snapshot, series, family, target, part, model, idx, error);
}

/* ---- counters, histograms, info ---- */

static void
add_f64(uint64_t *word, double value)
{
    value += snapshot_f64(*word);
    memcpy(word, &value, sizeof value);
}

static void
add_value(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family,
          uint64_t *words)
{
    const uint64_t *sums;
    uint32_t i;

    if (family->type == SHMETER_INFO) {
        words[0] = 1;
        return;
    }
    sums = snapshot->sums + series->place;
    if (shmeter_type_histogram(family->type)) {
        add_f64(words, snapshot_f64(sums[0]));
        for (i = 1; i <= family->buckets_n; i++)
            words[i] = model_add_held(words[i], sums[i]);
    } else if (shmeter_type_counter_f64(family->type)) {
        add_f64(words, snapshot_f64(sums[0]));
    } else if (family->shape->number == MODEL_F64) { /* fractional ones are added to it */
        add_f64(words, (double)sums[0]);
    } else {
        words[0] = model_add_held(words[0], sums[0]);
    }
}

static int
summed(const struct snapshot *snapshot, const struct snapshot_series *series, const struct snapshot_family *family)
{
    return family->type == SHMETER_INFO || series->place + snapshot_sum_words(family) <= snapshot->sums_words;
}

/* ---- families ---- */

/* Looks for the family in the model, at no cost when that was done. 0, also when it is refused; or -ENOMEM. */
static inline int
bind_family(const struct snapshot *snapshot, struct snapshot_family *family, const struct snapshot_target *target,
            struct model *model)
{
    return family->bound ? 0 : snapshot_bind_family(snapshot, family, target, model);
}

/* Whether the settings leave the family out. Their expressions are asked once for each family. */
static inline int
filtered(struct snapshot_family *family, const struct settings *settings)
{
    if (!settings)
        return 0;
    if (family->judged != settings->id) {
        int allowed = settings_allow(settings, family->name);
        family->filtered = allowed <= 0;
        family->judged = allowed < 0 ? 0 : settings->id; /* without memory: again in the next take */
    }
    return (int)family->filtered;
}

enum given { NOT_GIVEN, GIVEN, FILTERED };

/* What becomes of a family's series: enum given, or -ENOMEM. */
static int
give_family(const struct snapshot *snapshot, struct snapshot_family *family, struct model *model,
            const struct snapshot_target *target)
{
    if (family->visible && filtered(family, target->settings))
        return FILTERED;
    if (!family->visible || shmeter_type_gauge(family->type) || (target->newer && family->type == SHMETER_INFO) ||
        (target->newer && family->redefined))
        return 0;
    return bind_family(snapshot, family, target, model) ? -ENOMEM : GIVEN;
}

/* ---- idle series ---- */

static int
is_idle(const struct snapshot *snapshot, uint32_t number, const struct snapshot_family *family,
        const struct snapshot_target *target)
{
    return snapshot_idle(&snapshot->idle[number], snapshot_idle_token(snapshot, &snapshot->series[number], family),
                         target->now_ns, target->settings->idle_ns);
}

static int
is_gauge_idle(struct snapshot *snapshot, uint32_t number, uint32_t slot, double value,
              const struct snapshot_target *target)
{
    struct snapshot_idle *idle = snapshot->idle ? &snapshot->idle[number] : NULL;
    uint64_t token;

    if (!idle || !target->settings->idle_gauges)
        return 0;
    memcpy(&token, &value, sizeof token);
    if (slot != SNAPSHOT_NONE)
        idle = snapshot_idle_of_worker(snapshot, number, slot, &token);
    return idle && snapshot_idle(idle, token, target->now_ns, target->settings->idle_ns);
}

/* Marks a series whose value was added: present, or idle, and then it is counted as long as no other segment presents it. */
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
give_series(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target)
{
    struct snapshot_family *family = NULL;
    uint32_t i, number = SNAPSHOT_NONE;
    int error = 0, given = 0, idle;

    for (i = 0; i < snapshot->series_n && !error; i++) {
        struct snapshot_series *series = &snapshot->series[i];
        struct model_series *to;
        if (series->family != number) {
            number = series->family;
            family = &snapshot->families[number];
            given = give_family(snapshot, family, model, target);
            if (given < 0)
                return given;
        }
        if (given == FILTERED && !target->newer)
            target->counts->series_filtered += series->visible;
        if (given != GIVEN || !series->visible || !summed(snapshot, series, family))
            continue;
        if (family->refused) {
            model->conflicts++;
            continue;
        }
        to = find_series(snapshot, series, family, target, whole, model, &series->target, &error);
        if (!to)
            continue;
        add_value(snapshot, series, family, model->words + to->word);
        idle = snapshot->idle && family->type != SHMETER_INFO && is_idle(snapshot, i, family, target);
        mark(family->target, to, idle, target->counts);
    }
    return error;
}

/* ---- gauges, statesets ---- */

/* The family in the model: 0, *given 0 when it is not to be shown; or -ENOMEM. */
static int
gauge_family(const struct snapshot *snapshot, struct snapshot_family *family, struct model *model,
             const struct snapshot_target *target, int *given)
{
    *given = 0;
    if (filtered(family, target->settings))
        return 0;
    if (bind_family(snapshot, family, target, model))
        return -ENOMEM;
    *given = !family->refused;
    model->conflicts += family->refused;
    return 0;
}

/* Places for what the states' series in the model are. */
static int
state_targets(struct snapshot *snapshot, struct snapshot_series *series, uint32_t states_n)
{
    uint32_t first = snapshot->state_targets_n, i;

    if (series->target != SNAPSHOT_NONE)
        return 0;
    if (snapshot_room(&snapshot->state_targets, &snapshot->state_targets_capacity, first + states_n,
                      sizeof *snapshot->state_targets))
        return -ENOMEM;
    for (i = 0; i < states_n; i++)
        snapshot->state_targets[first + i] = SNAPSHOT_NONE;
    snapshot->state_targets_n += states_n;
    series->target = first;
    return 0;
}

/* A series for each state; the one that was set last is 1. Before a set it is the first one; a number that is no state's is damage. */
static int
give_states(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target,
            const struct snapshot_gauge *gauge)
{
    struct snapshot_series *series = &snapshot->series[gauge->series];
    struct snapshot_family *family = &snapshot->families[series->family];
    const double in_force = gauge->any ? gauge->value : 0;
    struct model_series *to;
    uint32_t i;
    int given, idle, error = gauge_family(snapshot, family, model, target, &given);

    if (error || !given || !(in_force >= 0 && in_force < family->states_n && in_force == (uint32_t)in_force))
        return error;
    if (state_targets(snapshot, series, family->states_n))
        return -ENOMEM;
    idle = is_gauge_idle(snapshot, gauge->series, SNAPSHOT_NONE, in_force, target);
    for (i = 0; i < family->states_n && !error; i++) {
        const struct snapshot_part part = { SNAPSHOT_NONE, family->states[i] };
        to = find_series(snapshot, series, family, target, part, model, &snapshot->state_targets[series->target + i],
                         &error);
        if (!to || (family->joins && (to->present || to->idle))) /* the one in force has its own state */
            continue;
        model->words[to->word] = i == (uint32_t)in_force;
        mark(family->target, to, idle, target->counts);
    }
    return error;
}

/*
 * Adds a value to that of another definition, as the mode of the one in force has it; the latest one is always its own.
 */
static void
join(const struct snapshot *snapshot, const struct snapshot_family *family, uint64_t *word, double value)
{
    const double other = snapshot_f64(*word);

    switch (family->joins ? modes[snapshot->families[family->joins - 1].mode].how : MODE_SUM) {
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
give_gauge(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target, uint32_t number,
           uint32_t slot, uint32_t *idx, double value)
{
    struct snapshot_series *series = &snapshot->series[number];
    struct snapshot_family *family = &snapshot->families[series->family];
    struct model_series *to;
    const struct snapshot_part part = { slot, NULL };
    int given, error = gauge_family(snapshot, family, model, target, &given);

    if (error || !given)
        return error;
    to = find_series(snapshot, series, family, target, part, model, idx, &error);
    if (!to)
        return error;
    if (to->present || to->idle)
        join(snapshot, family, model->words + to->word, value);
    else
        memcpy(model->words + to->word, &value, sizeof value); /* adding would lose the sign of -0 */
    mark(family->target, to, is_gauge_idle(snapshot, number, slot, value, target), target->counts);
    return 0;
}

/* joining: those of definitions that are added to the one in force, which is given first. */
static int
give_gauges(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target, int joining)
{
    uint32_t i, none;
    int error = 0;

    for (i = 0; i < snapshot->gauges_n && !error; i++) {
        const struct snapshot_gauge *gauge = &snapshot->gauges[i];
        const struct snapshot_series *series = &snapshot->series[gauge->series];
        if ((snapshot->families[series->family].joins != 0) != joining)
            continue;
        if (series->visible && snapshot->families[series->family].type == SHMETER_STATESET)
            error = give_states(snapshot, model, target, gauge);
        else if (gauge->any)
            error = give_gauge(snapshot, model, target, gauge->series, SNAPSHOT_NONE,
                               &snapshot->series[gauge->series].target, gauge->value);
        else if (snapshot->idle)
            snapshot->idle[gauge->series].since_ns = 0; /* unset: it comes back as something new */
    }
    for (i = 0; i < snapshot->samples_n && !error; i++) {
        const struct snapshot_sample *sample = &snapshot->samples[i];
        none = SNAPSHOT_NONE; /* a slot's worker changes */
        if ((snapshot->families[snapshot->series[sample->series].family].joins != 0) == joining)
            error = give_gauge(snapshot, model, target, sample->series, sample->slot, &none, sample->value);
    }
    return error;
}

/* Families in which a label of the settings gave way to their own. */
static void
count_labels(const struct snapshot *snapshot, const struct snapshot_target *target)
{
    uint32_t i;

    for (i = 0; target->settings && target->settings->labels_n && i < snapshot->families_n; i++) {
        const struct snapshot_family *family = &snapshot->families[i];
        if (family->visible && family->bound && !family->filtered)
            target->counts->labels_left_out += family->labels_left_out;
    }
}

int
snapshot_give(struct snapshot *snapshot, struct model *model, const struct snapshot_target *target)
{
    int error;

    snapshot_unbind(snapshot, model);
    error = snapshot_idle_room(snapshot, target->settings);
    if (!error)
        error = give_series(snapshot, model, target);
    if (!error && !target->newer)
        error = give_gauges(snapshot, model, target, 0);
    if (!error && !target->newer && snapshot->several_n)
        error = give_gauges(snapshot, model, target, 1);
    if (!target->newer)
        count_labels(snapshot, target);
    return model_settle(model) ? -ENOMEM : error;
}
