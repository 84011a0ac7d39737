#include <string.h>

#include "tests/fuzz/api/model.h"

/* ---- what processes have open ---- */

static void
list(struct api_slot *slot, const struct api_family *family)
{
    uint32_t i;

    for (i = 0; i < slot->open_n && slot->open[i].record != family->record; i++)
        ;
    slot->open[i].record = family->record;
    slot->open[i].number = family->opened;
    slot->open_n += i == slot->open_n;
    if (!slot->first || family->opened < slot->first)
        slot->first = family->opened;
}

int
api_model_has_left(const struct api_model *model, const struct api_series *series)
{
    const struct api_definition *definition = &model->records[series->record]->definition;
    uint64_t first = UINT64_MAX;
    uint32_t i, live_n = 0;

    if (definition->type != SHMETER_INFO && (definition->type != SHMETER_GAUGE || definition->mode != SHMETER_POOL))
        return 0;
    for (i = 0; i < API_SLOTS; i++) {
        const struct api_slot *slot = &model->slots[i];
        if (slot->state != SLOT_HELD || slot->is_dead)
            continue;
        live_n++;
        if (slot->first < first)
            first = slot->first;
    }
    return live_n && live_n < API_SLOTS && series->noted < first && series->noted && first;
}

void
api_model_opens(struct api_model *model, struct api_process *process, struct api_family *family)
{
    if (process->is_closed)
        return;
    if (!family->opened)
        family->opened = model->records[family->record]->opened = ++model->opens;
    if (process->slot >= 0)
        list(&model->slots[process->slot], family);
}

/* The newest first. */
void
api_model_lists(struct api_model *model, struct api_process *process)
{
    uint32_t i;

    for (i = process->families_n; i > 0; i--)
        if (process->families[i - 1]->is_accepted && process->families[i - 1]->record >= 0)
            api_model_opens(model, process, process->families[i - 1]);
}

void
api_model_ends(struct api_model *model, struct api_process *process, struct api_family *family)
{
    struct api_slot *slot = process->slot >= 0 ? &model->slots[process->slot] : NULL;
    uint32_t i;

    family->opened = 0;
    for (i = 0; slot && i < slot->open_n; i++)
        if (slot->open[i].record == family->record)
            slot->open[i] = slot->open[--slot->open_n];
}

/* Of the last of them is *number. */
static uint32_t
open_of(const struct api_model *model, int record, uint64_t *number)
{
    uint32_t i, k, n = 0;

    *number = 0;
    for (i = 0; i < API_SLOTS; i++)
        for (k = 0; model->slots[i].state == SLOT_HELD && !model->slots[i].is_dead && k < model->slots[i].open_n; k++)
            if (model->slots[i].open[k].record == record) {
                n++;
                if (model->slots[i].open[k].number > *number)
                    *number = model->slots[i].open[k].number;
            }
    return n;
}

uint32_t
api_model_open_n(const struct api_model *model, int record)
{
    uint64_t number;

    return open_of(model, record, &number);
}

/* ---- what is exposed ---- */

int
api_is_per_worker(const struct api_definition *definition)
{
    return definition->type == SHMETER_GAUGE &&
           (definition->mode == SHMETER_ALL || definition->mode == SHMETER_LIVE_ALL);
}

static int
has_label(const struct api_definition *definition, const char *label)
{
    uint32_t i;

    for (i = 0; i < definition->labels_n; i++)
        if (!strcmp(definition->labels[i], label))
            return 1;
    return 0;
}

static int
kind_of(const struct api_definition *definition)
{
    return definition->type == SHMETER_COUNTER_F64 ? SHMETER_COUNTER : definition->type;
}

/* Whether their samples have the same labels, and mean the same. */
static int
adds_up(const struct api_definition *a, const struct api_definition *b)
{
    uint32_t i;

    if (kind_of(a) != kind_of(b) || a->labels_n != b->labels_n || api_is_per_worker(a) != api_is_per_worker(b) ||
        a->by_pid != b->by_pid || a->states_n != b->states_n || a->exponential != b->exponential ||
        a->bounds_n != b->bounds_n || (a->exponential && a->schema != b->schema))
        return 0;
    for (i = 0; i < a->labels_n; i++)
        if (!has_label(b, a->labels[i]))
            return 0;
    for (i = 0; i < a->states_n; i++)
        if (strcmp(a->states[i], b->states[i]))
            return 0;
    return !memcmp(a->bounds, b->bounds, a->bounds_n * sizeof *a->bounds);
}

/* The one opened last, of those that are open; of all, when none is. */
static int
in_force_of(const struct api_model *model, const char *name)
{
    uint64_t best = 0, number;
    int chosen = -1, chosen_open = 0, i;

    for (i = 0; i < (int)model->records_n; i++) {
        int is_open = open_of(model, i, &number) > 0;
        if (strcmp(model->records[i]->definition.name, name))
            continue;
        if (!is_open)
            number = model->records[i]->opened;
        if (chosen < 0 || is_open > chosen_open || (is_open == chosen_open && number >= best)) {
            chosen = i;
            chosen_open = is_open;
            best = number;
        }
    }
    return chosen;
}

enum api_place
api_model_place(const struct api_model *model, int record, int *in_force)
{
    const struct api_definition *definition = &model->records[record]->definition, *other;

    *in_force = in_force_of(model, definition->name);
    other = &model->records[*in_force]->definition;
    if (*in_force == record)
        return PLACE_IN_FORCE;
    if (definition->type == SHMETER_INFO && other->type == SHMETER_INFO)
        return PLACE_BESIDE;
    if (!adds_up(definition, other) ||
        (definition->type == SHMETER_GAUGE && definition->mode == SHMETER_POOL && !api_model_open_n(model, record)))
        return PLACE_AWAY;
    return PLACE_JOINS;
}
