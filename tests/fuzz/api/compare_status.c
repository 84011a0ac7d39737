/*
 * What the segment says of itself, against the model: losses, levels, workers.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/api/compare.h"

static uint64_t
losses_of(const struct api_model *model, const char *kind)
{
    uint32_t i;

    for (i = 0; i < LOST_KINDS; i++)
        if (!strcmp(api_loss_words[i], kind))
            return model->losses[i];
    return 0; /* what no call can cause here */
}

/* ---- what readers count ---- */

/* By how much a series has grown since the last take. */
static uint64_t
growth(struct api_reader *reader, const struct api_model *model, uint32_t number)
{
    const struct api_series *series = model->series[number];
    double more = series->sum - reader->before[number];

    if (model->records[series->record]->definition.type != SHMETER_COUNTER_F64)
        return series->count > reader->count[number] ? series->count - reader->count[number] : 0;
    reader->slack += series->exact ? 0 : 1 + 1e-12 * series->magnitude;
    return !(more > 0) ? 0 : more >= 0x1p63 ? UINT64_C(1) << 63 : (uint64_t)ceil(more);
}

void
api_reader_looks(struct api_reader *reader, const struct api_model *model)
{
    uint32_t i;
    int in_force;

    for (i = 0; i < model->series_n; i++) {
        const struct api_series *series = model->series[i];
        int is_away = api_model_place(model, series->record, &in_force) == PLACE_AWAY;
        uint64_t grown = growth(reader, model, i);
        if (is_away && series->visible && !api_is_gauge(model->records[series->record]->definition.type) &&
            model->records[series->record]->definition.type != SHMETER_INFO &&
            (reader->was_away[series->record] || api_model_open_n(model, series->record)))
            reader->lost = reader->lost + grown < grown ? UINT64_MAX : reader->lost + grown;
        reader->before[i] = series->sum;
        reader->count[i] = series->count;
    }
    for (i = 0; i < model->records_n; i++)
        reader->was_away[i] = api_model_place(model, (int)i, &in_force) == PLACE_AWAY;
}

static void
check_superseded(const struct api_reader *reader, double value)
{
    if (fabs(value - (double)reader->lost) > reader->slack + 1e-15 * (double)reader->lost)
        api_differ("%.17g updates are superseded, not %" PRIu64, value, reader->lost);
}

void
api_compare_loss(const struct api_model *model, const struct api_reader *reader, const char *labels, double value)
{
    const char *kind = strstr(labels, "kind=");
    char word[64];

    if (!kind || snprintf(word, sizeof word, "%.*s", (int)strcspn(kind + 5, "\377"), kind + 5) >= (int)sizeof word)
        api_differ("a loss has the labels %s", labels);
    if (!strcmp(word, "superseded"))
        check_superseded(reader, value);
    else if (value != (double)losses_of(model, word))
        api_differ("%s of lost things are %.17g", labels, value);
}

/* ---- */

static void
check_level(const char *what, uint64_t is, uint64_t wanted)
{
    if (is != wanted)
        api_differ("%s is %" PRIu64 ", not %" PRIu64, what, is, wanted);
}

static void
check_losses(const struct api_model *model, const struct api_reader *reader, const struct segment_status *status)
{
    uint32_t i;

    for (i = 0; status_loss_kind(i); i++)
        if (!strcmp(status_loss_kind(i), "superseded"))
            check_superseded(reader, (double)status->losses[i]);
        else
            check_level(status_loss_kind(i), status->losses[i], losses_of(model, status_loss_kind(i)));
}

static void
check_levels(const struct api_model *model, uint32_t series_n, const struct segment_status *status)
{
    uint32_t i, names_n = 0, away_n = 0, told_n = 0;
    int in_force;

    for (i = 0; i < model->records_n; i++) {
        enum api_place place = api_model_place(model, (int)i, &in_force);
        int is_open = api_model_open_n(model, (int)i) > 0;
        names_n += place == PLACE_IN_FORCE || place == PLACE_BESIDE;
        away_n += place == PLACE_AWAY;
        told_n += place == PLACE_AWAY && is_open;
    }
    check_level("families_damaged", status->families_damaged, 0);
    check_level("series_damaged", status->series_damaged, 0);
    check_level("families", status->families, names_n);
    check_level("families_superseded", status->families_superseded, away_n);
    check_level("superseded_n", status->superseded_n, told_n);
    check_level("families_unknown", status->families_unknown, 0);
    check_level("torn", status->torn, 0);
    check_level("series_used", status->series_used, model->limited_n);
    check_level("series_visible", status->series_visible, series_n);
    check_level("gauges_used", status->gauges_used, model->gauges_n);
    check_level("cells_used", status->cells_used, model->cells_bytes ? 256 + model->cells_bytes : 0);
}

static void
check_worker(const struct api_slot *slot, const struct status_slot *seen)
{
    const struct api_block *block = &slot->block;
    uint32_t i;

    if (seen->life != (slot->is_dead ? STATUS_DEAD : STATUS_LIVE) || (int)seen->pid != slot->pid || seen->foreign ||
        seen->generation != slot->generation || strcmp(seen->worker, block->worker) || seen->work_n != block->work_n ||
        (seen->heartbeat_age_ns != STATUS_NEVER) != block->has_beaten ||
        (seen->busy_age_ns != STATUS_NEVER) != block->is_busy || seen->checks_n != block->checks_n)
        api_differ("slot %u: worker %s, pid %u, generation %u, %u checks", seen->slot, seen->worker, seen->pid,
                   seen->generation, seen->checks_n);
    for (i = 0; i < block->checks_n; i++)
        if ((int)seen->checks[i].health != block->checks[i].health ||
            strcmp(seen->checks[i].name, block->checks[i].name) ||
            strcmp(seen->checks[i].message, block->checks[i].message))
            api_differ("slot %u: check %s is %d: %s", seen->slot, seen->checks[i].name, (int)seen->checks[i].health,
                       seen->checks[i].message);
}

static void
check_workers(const struct api_model *model, const struct segment_status *status)
{
    uint32_t i, n = 0;

    for (i = 0; i < API_SLOTS; i++) {
        if (model->slots[i].state != SLOT_HELD)
            continue;
        if (n == status->slots_len || status->slots[n].slot != i)
            api_differ("slot %u is not held", i);
        check_worker(&model->slots[i], &status->slots[n++]);
    }
    check_level("slots held", status->slots_len, n);
}

void
api_compare_status(const struct api_model *model, const struct api_reader *reader, uint32_t series_n,
                   const struct segment_status *status)
{
    check_losses(model, reader, status);
    check_levels(model, series_n, status);
    check_workers(model, status);
}
