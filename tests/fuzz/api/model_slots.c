#include <stdio.h>
#include <string.h>

#include "tests/fuzz/api/model.h"

/* Never-used slots first, then the one whose last words are oldest. -1: each has a living holder. */
static int
choose_slot(const struct api_model *model)
{
    int i, chosen = -1;

    for (i = 0; i < API_SLOTS; i++)
        if (model->slots[i].state == SLOT_NEVER_USED)
            return i;
    for (i = 0; i < API_SLOTS; i++)
        if ((model->slots[i].state == SLOT_RELEASED || model->slots[i].is_dead) &&
            (chosen < 0 || model->slots[i].since < model->slots[chosen].since))
            chosen = i;
    return chosen;
}

static int
mode_of_gauge(const struct api_model *model, int gauge)
{
    uint32_t i;

    for (i = 0; i < model->series_n; i++)
        if (model->series[i]->gauge == gauge)
            return model->records[model->series[i]->record]->definition.mode;
    return -1;
}

/* What becomes of the last owner's value: sums and extremes go on without it, the latest stays, others leave with it. */
static void
inherit(struct api_gauge *gauge, int mode)
{
    struct api_gauge before = *gauge;

    if (mode == SHMETER_LATEST)
        return;
    memset(gauge, 0, sizeof *gauge);
    if (mode != SHMETER_SUM && mode != SHMETER_MIN && mode != SHMETER_MAX)
        return;
    gauge->base_is_set = before.is_set || before.base_is_set;
    gauge->base = before.base;
    if (!before.base_is_set)
        gauge->base = before.value;
    else if (before.is_set && mode == SHMETER_SUM)
        gauge->base = before.value + before.base;
    else if (before.is_set && (mode == SHMETER_MIN ? before.value < before.base : before.value > before.base))
        gauge->base = before.value;
}

static void
claim(struct api_model *model, int number)
{
    struct api_process *process = &model->processes[number];
    int chosen = process->is_closed ? -1 : choose_slot(model), i;
    struct api_slot *slot;

    if (chosen < 0) {
        process->slot = SLOT_PRIVATE;
        if (!process->is_closed)
            api_model_lose(model, LOST_SLOTS_EXHAUSTED);
        return;
    }
    slot = &model->slots[chosen];
    slot->state = SLOT_HELD;
    slot->pid = process->pid;
    slot->is_dead = 0;
    slot->generation++;
    slot->since = model->now;
    for (i = 0; i < API_GAUGES; i++)
        inherit(&slot->block.gauges[i], mode_of_gauge(model, i));
    slot->block.checks_n = 0;
    slot->block.work_n = 0;
    slot->block.has_beaten = slot->block.is_busy = 0;
    memcpy(slot->block.worker, process->block.worker, sizeof slot->block.worker);
    process->slot = chosen;
    slot->open_n = 0;
    api_model_lists(model, process);
}

struct api_block *
api_model_block(struct api_model *model, int number)
{
    struct api_process *process = &model->processes[number];

    if (process->slot == SLOT_NONE)
        claim(model, number);
    return process->slot >= 0 ? &model->slots[process->slot].block : &process->block;
}

void
api_model_open(struct api_model *model, int number, int pid, const char *worker)
{
    struct api_process *process = &model->processes[number];

    if (!process->pid) {
        memset(process, 0, sizeof *process);
        process->pid = pid;
        process->slot = SLOT_NONE;
        snprintf(process->block.worker, sizeof process->block.worker, "%s", worker);
    }
    process->opened_n++;
    if (process->is_closed) {
        process->is_closed = 0;
        process->slot = SLOT_NONE;
    }
    api_model_block(model, number);
}

void
api_model_close(struct api_model *model, int number)
{
    struct api_process *process = &model->processes[number];
    uint32_t i;

    if (!process->opened_n || --process->opened_n)
        return;
    process->is_closed = 1;
    for (i = 0; i < process->families_n; i++)
        process->families[i]->opened = 0;
    if (process->slot >= 0) {
        model->slots[process->slot].state = SLOT_RELEASED;
        model->slots[process->slot].since = model->now;
    }
    process->slot = SLOT_PRIVATE;
}

void
api_model_attach_worker(struct api_model *model, int number)
{
    struct api_process *process = &model->processes[number];

    if (!process->pid)
        return;
    if (process->slot == SLOT_PRIVATE)
        process->slot = SLOT_NONE;
    api_model_block(model, number);
}

void
api_model_check(struct api_model *model, int number, const char *name, int health, const char *message)
{
    struct api_block *block;
    struct api_check *check = NULL;
    char cut[48];
    uint32_t i;

    if (!model->processes[number].pid || !name || !*name)
        return;
    block = api_model_block(model, number);
    snprintf(cut, sizeof cut, "%s", name);
    for (i = 0; i < block->checks_n && !check; i++)
        if (!strcmp(block->checks[i].name, cut))
            check = &block->checks[i];
    if (!check && block->checks_n == API_CHECKS) {
        api_model_lose(model, LOST_CHECKS_REFUSED);
        return;
    }
    if (!check)
        check = &block->checks[block->checks_n++];
    memcpy(check->name, cut, sizeof cut);
    snprintf(check->message, 96, "%s", message ? message : "");
    check->health = health > SHMETER_FAILING || health < 0 ? SHMETER_FAILING : health;
}

void
api_model_dies(struct api_model *model, int pid)
{
    uint32_t i;

    for (i = 0; i < API_SLOTS; i++)
        if (model->slots[i].state == SLOT_HELD && model->slots[i].pid == pid)
            model->slots[i].is_dead = 1;
    for (i = 0; i < API_PROCESSES; i++)
        if (model->processes[i].pid == pid)
            memset(&model->processes[i], 0, sizeof model->processes[i]);
}

void
api_model_forks(struct api_model *model, int number, int pid)
{
    model->processes[number].pid = pid;
    model->processes[number].slot = SLOT_NONE;
}
