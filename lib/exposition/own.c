/*
 * The series about segments, from their statuses: most are one field of the status, in a table.
 */
#include "exposition/own.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/saturate.h"
#include "model/model.h"
#include "read/store.h"

static const char *const by_segment[] = { "segment", NULL };
static const char *const by_state[] = { "segment", "state", NULL };
static const char *const by_kind[] = { "segment", "kind", NULL };
static const char *const by_file[] = { "segment", "path", "abi", NULL };

#define GAUGE(name, help)                                    \
    {                                                        \
        MODEL_GAUGE, "shmeter_" name, help, NULL, by_segment \
    }

static const struct model_metric segments = { MODEL_GAUGE, "shmeter_segments", "Segments that are watched.", NULL,
                                              NULL };
static const struct model_metric conflicts = {
    MODEL_GAUGE, "shmeter_conflicting_series",
    "Series left out of this scrape, because their name or labels already stand for something else.", NULL, NULL
};
static const struct model_metric readable = GAUGE("segment_readable",
                                                  "1 when the segment could be read in this scrape, else 0.");
static const struct model_metric info = { MODEL_INFO, "shmeter_segment_info", "File and version of the segment.", NULL,
                                          by_file };
static const struct model_metric slots = {
    MODEL_GAUGE, "shmeter_slots",
    "Worker slots: used by living workers, free, held by dead workers, or by workers of which nobody can tell.", NULL,
    by_state
};
static const struct model_metric lost = { MODEL_COUNTER, "shmeter_lost_total",
                                          "Updates, series and definitions that were refused or changed, by kind: "
                                          "whatever is not 0 here is missing elsewhere.",
                                          NULL, by_kind };
static const struct model_metric died = {
    MODEL_COUNTER, "shmeter_workers_died_total",
    "Workers that ended in the middle of something: a unit of work, a failing check, a share of a gauge.", NULL,
    by_segment
};
static const struct model_metric killed = {
    MODEL_COUNTER, "shmeter_workers_killed_total",
    "Workers that a signal ended with nothing under way, as this program has seen; signals that ask for an end do not "
    "count.",
    NULL, by_segment
};
static const struct model_metric damaged = { MODEL_GAUGE, "shmeter_damaged_records",
                                             "Records in the segment that do not fit together and are left out.", NULL,
                                             by_kind };
static const struct model_metric torn = {
    MODEL_COUNTER, "shmeter_torn_reads_total",
    "Reads of a histogram or gauge that were taken as they were, after too many tries against a busy writer.", NULL,
    by_segment
};

/* Gauges that are one field of the status. */
static const struct {
    struct model_metric metric;
    size_t field;
} levels[] = {
    { GAUGE("segment_generation", "How often a segment of this name was created while this program watched."),
      offsetof(struct segment_status, generation) },
    { GAUGE("segment_memory_bytes", "Memory that the segment's file takes up."),
      offsetof(struct segment_status, backed_bytes) },
    { GAUGE("series", "Series in the store."), offsetof(struct segment_status, series_used) },
    { GAUGE("series_capacity", "Series that the store has room for."),
      offsetof(struct segment_status, series_capacity) },
    { GAUGE("series_hidden",
            "Series that are not exposed: hidden, or of another definition of their name than the one in force."),
      offsetof(struct segment_status, series_hidden) },
    { GAUGE("series_idle", "Series that this scrape leaves out, because they have not changed for the time that the "
                           "settings say."),
      offsetof(struct segment_status, series_idle) },
    { GAUGE("series_filtered", "Series that are not exposed, because the settings leave their names out."),
      offsetof(struct segment_status, series_filtered) },
    { GAUGE("series_over_memory",
            "Series that are not exposed, because with them all the segment's series would take more of "
            "this program's memory than the segment's file may ask for."),
      offsetof(struct segment_status, series_over) },
    { GAUGE("labels_left_out", "Labels of the settings that were not added, because a metric has a label of that name "
                               "itself; summed over metric names."),
      offsetof(struct segment_status, labels_left_out) },
    { GAUGE("families", "Metric names in the store that are not hidden."), offsetof(struct segment_status, families) },
    { GAUGE("families_superseded",
            "Definitions of metric names that are not exposed, as another one of their name is."),
      offsetof(struct segment_status, families_superseded) },
    { GAUGE("families_unknown",
            "Metric names of types that a later version of this program knows, which are not exposed."),
      offsetof(struct segment_status, families_unknown) },
    { GAUGE("cells_used_bytes", "Bytes in use for the values of counters and histograms, per lane."),
      offsetof(struct segment_status, cells_used) },
    { GAUGE("cells_capacity_bytes", "Bytes that there are for the values of counters and histograms, per lane."),
      offsetof(struct segment_status, cells_capacity) },
    { GAUGE("records_used_bytes", "Bytes in use for names and labels."),
      offsetof(struct segment_status, records_used) },
    { GAUGE("records_capacity_bytes", "Bytes that there are for names and labels."),
      offsetof(struct segment_status, records_capacity) },
    { GAUGE("gauges_used", "Gauge series in the store."), offsetof(struct segment_status, gauges_used) },
    { GAUGE("gauges_capacity", "Gauge series that each worker has room for."),
      offsetof(struct segment_status, gauges_capacity) },
    { GAUGE(
          "leaked_bytes",
          "Bytes of names and labels that no series has: of workers that died while they registered one, spare ones of "
          "workers that registered one at the same moment as another, or being registered right now."),
      offsetof(struct segment_status, leaked_bytes) },
};
static const struct model_metric created = GAUGE("segment_created_timestamp_seconds",
                                                 "When the segment was created, in seconds since 1970.");

static int
own_slots(struct model *model, const struct segment_status *status)
{
    const uint32_t counts[STATUS_LIVES] = {
        [STATUS_FREE] = status->slots_free,
        [STATUS_LIVE] = status->slots_live,
        [STATUS_DEAD] = status->slots_dead,
        [STATUS_UNKNOWN] = status->slots_unknown,
    };
    uint32_t life;
    int result = 0;

    for (life = 0; life < STATUS_LIVES; life++) {
        const char *values[] = { status->name, status_life_slots((enum status_life)life) };
        result |= model_put_u64(model, &slots, values, counts[life]);
    }
    return result;
}

static int
own_losses(struct model *model, const struct segment_status *status)
{
    uint32_t i;
    int result = 0;

    for (i = 0; i < status->losses_n && status_loss_kind(i); i++) {
        const char *values[] = { status->name, status_loss_kind(i) };
        result |= model_put_u64(model, &lost, values, saturate_add(status->losses[i], status->losses_before[i]));
    }
    return result;
}

static int
own_damage(struct model *model, const struct segment_status *status)
{
    const char *families[] = { status->name, "family" }, *series[] = { status->name, "series" };

    return model_put_u64(model, &damaged, families, status->families_damaged) |
           model_put_u64(model, &damaged, series, status->series_damaged);
}

static int
own_info(struct model *model, const struct segment_status *status)
{
    char abi[32];
    const char *values[] = { status->name, status->path, abi };

    snprintf(abi, sizeof abi, "%u.%u", status->abi_major, status->abi_minor);
    return model_put_u64(model, &info, values, 1);
}

static int
own_segment(struct model *model, const struct segment_status *status)
{
    const char *values[] = { status->name };
    uint32_t i;
    int result = model_put_u64(model, &readable, values, status->readable);

    if (!status->readable)
        return result ? -ENOMEM : 0;
    for (i = 0; i < sizeof levels / sizeof *levels; i++) {
        const uint64_t *field = (const uint64_t *)(const void *)((const char *)status + levels[i].field);
        result |= model_put_u64(model, &levels[i].metric, values, *field);
    }
    result |= model_put_f64(model, &created, values, status_seconds(status->created_real_ns));
    result |= model_put_u64(model, &torn, values, status->torn);
    result |= model_put_u64(model, &died, values, saturate_add(status->died, status->died_before));
    result |= model_put_u64(model, &killed, values, saturate_add(status->killed, status->killed_before));
    result |= own_info(model, status) | own_slots(model, status) | own_losses(model, status) |
              own_damage(model, status);
    return result ? -ENOMEM : 0;
}

int
own_add(void *store, struct model *model)
{
    const uint32_t n = store_status_n(store);
    uint32_t i;
    int result = 0;

    for (i = 0; i < n && !result; i++)
        result = own_segment(model, store_status(store, i));
    if (result)
        return result;
    result = model_put_u64(model, &segments, NULL, n);
    result |= model_put_u64(model, &conflicts, NULL, model->conflicts);
    return result ? -ENOMEM : 0;
}
