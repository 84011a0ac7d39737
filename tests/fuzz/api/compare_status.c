/*
 * What the segment says of itself, against the model: losses, levels, workers.
 */
#include <inttypes.h>
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

void
api_compare_loss(const struct api_model *model, const char *labels, double value)
{
    const char *kind = strstr(labels, "kind=");
    char word[64];

    if (!kind || snprintf(word, sizeof word, "%.*s", (int)strcspn(kind + 5, "\1"), kind + 5) >= (int)sizeof word ||
        value != (double)losses_of(model, word))
        api_differ("%s of lost things are %.17g", labels, value);
}

static void
check_level(const char *what, uint64_t is, uint64_t wanted)
{
    if (is != wanted)
        api_differ("%s is %" PRIu64 ", not %" PRIu64, what, is, wanted);
}

static void
check_losses(const struct api_model *model, const struct segment_status *status)
{
    uint32_t i;

    for (i = 0; status_loss_kind(i); i++)
        check_level(status_loss_kind(i), status->losses[i], losses_of(model, status_loss_kind(i)));
}

static void
check_levels(const struct api_model *model, uint32_t series_n, const struct segment_status *status)
{
    uint32_t i, names_n = 0;

    for (i = 0; i < model->records_n; i++)
        names_n += (uint32_t)api_is_newest(model, model->records[i]);
    check_level("families_damaged", status->families_damaged, 0);
    check_level("series_damaged", status->series_damaged, 0);
    check_level("families", status->families, names_n);
    check_level("families_superseded", status->families_superseded, model->records_n - names_n);
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
api_compare_status(const struct api_model *model, uint32_t series_n, const struct segment_status *status)
{
    check_losses(model, status);
    check_levels(model, series_n, status);
    check_workers(model, status);
}
