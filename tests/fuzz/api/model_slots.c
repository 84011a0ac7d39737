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

/*
 * What becomes of the last owner's value: sums and extremes go on without it, the latest stays, others leave with it.
 */
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

/* What was said and set without a slot goes into it. */
static void
carry(const struct api_model *model, struct api_block *from, struct api_block *to)
{
    int i;

    for (i = 0; i < API_GAUGES; i++) {
        int mode = mode_of_gauge(model, i);
        if (!from->gauges[i].is_set ||
            (mode == SHMETER_LATEST && to->gauges[i].is_set && to->gauges[i].stamp > from->gauges[i].stamp))
            continue;
        to->gauges[i].is_set = 1;
        to->gauges[i].value = from->gauges[i].value;
        to->gauges[i].stamp = from->gauges[i].stamp;
    }
    memcpy(to->checks, from->checks, sizeof to->checks);
    to->checks_n = from->checks_n;
    to->work_n = from->work_n;
    to->has_beaten = from->has_beaten;
    to->is_busy = from->is_busy;
}

/* Nothing but its name. */
static void
clear(struct api_block *block)
{
    struct api_block empty = { 0 };

    memcpy(empty.worker, block->worker, sizeof empty.worker);
    *block = empty;
}

static void
claim(struct api_model *model, int number, int asks)
{
    struct api_process *process = &model->processes[number];
    int chosen = choose_slot(model), i;
    struct api_slot *slot;

    if (chosen < 0) {
        process->slot = SLOT_PRIVATE;
        if (asks || !process->was_refused)
            api_model_lose(model, LOST_SLOTS_EXHAUSTED);
        process->was_refused = 1;
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
    carry(model, &process->block, &slot->block);
    memcpy(slot->block.worker, process->block.worker, sizeof slot->block.worker);
    clear(&process->block);
    process->slot = chosen;
    slot->open_n = 0;
    slot->first = 0;
    api_model_lists(model, process);
    process->was_refused = 0;
}

static struct api_block *
block_of(struct api_model *model, int number, int asks)
{
    static struct api_block unseen;
    struct api_process *process = &model->processes[number];

    if (process->is_closed) {
        memset(&unseen, 0, sizeof unseen);
        return &unseen;
    }
    if (process->slot < 0)
        claim(model, number, asks);
    return process->slot >= 0 ? &model->slots[process->slot].block : &process->block;
}

struct api_block *
api_model_block(struct api_model *model, int number)
{
    return block_of(model, number, 0);
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
    process->is_closed = 0;
    block_of(model, number, 1);
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
    process->slot = SLOT_NONE;
}

void
api_model_attach_worker(struct api_model *model, int number)
{
    struct api_process *process = &model->processes[number];

    if (!process->pid)
        return;
    block_of(model, number, 1);
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
    model->processes[number].was_refused = 0;
    clear(&model->processes[number].block);
}
