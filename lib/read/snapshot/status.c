/*
 * The words for losses, in the order of enum shmeter_loss (shm/layout.h), and times for people.
 */
#include "read/snapshot/status.h"

#include "shm/layout.h"

static const struct {
    const char *kind, *help;
} losses[] = {
    [SHMETER_LOSS_SERIES_REFUSED] = { "series_refused",
                                      "series that did not fit the store any more; counted under __overflow__" },
    [SHMETER_LOSS_SERIES_OVERFLOWED] = { "series_overflowed",
                                         "series past their family's limit; counted under __overflow__" },
    [SHMETER_LOSS_FAMILIES_REFUSED] = { "families_refused",
                                        "families that could not be registered; not counted at all" },
    [SHMETER_LOSS_FAMILY_CONFLICTS] = { "family_conflicts",
                                        "second definitions of a name in one process; not counted at all" },
    [SHMETER_LOSS_VALUES_REPAIRED] = { "values_repaired", "label values with invalid UTF-8, which became U+FFFD" },
    [SHMETER_LOSS_OBSERVATIONS_NAN] = { "observations_nan", "observations of NaN, refused" },
    [SHMETER_LOSS_OBSERVATIONS_NEGATIVE] = { "observations_negative",
                                             "negative observations, refused by an exponential histogram" },
    [SHMETER_LOSS_OBSERVATIONS_CLAMPED] = { "observations_clamped", "observations above an exponential histogram's "
                                                                    "range; counted in its last bucket" },
    [SHMETER_LOSS_ADDS_REFUSED] = { "adds_refused", "negative or NaN increments of counters, refused" },
    [SHMETER_LOSS_GAUGE_REFUSED] = { "gauge_refused", "gauge operations that the gauge's mode does not have" },
    [SHMETER_LOSS_SLOTS_EXHAUSTED] = { "slots_exhausted", "workers that found no free slot; their gauges are missing" },
    [SHMETER_LOSS_SLOTS_ROBBED] = { "slots_robbed",
                                    "slots taken over from a process of another namespace, as the last resort" },
    [SHMETER_LOSS_BACKING_FAILED] = { "backing_failed", "times the filesystem had no memory left for the store" },
    [SHMETER_LOSS_SERIES_RENEWED] = { "series_renewed",
                                      "hidden counters and histograms that came back, using new capacity" },
    [SHMETER_LOSS_HANDLES_REFUSED] = { "handles_refused",
                                       "handles asked for with a wrong number of labels or type; not counted at all" },
    [SHMETER_LOSS_CHECKS_REFUSED] = { "checks_refused", "health checks beyond a worker's places" },
    [SHMETER_LOSS_SUPERSEDED] = { "superseded",
                                  "updates in definitions that are not exposed, as another one of their name is" },
};

_Static_assert(sizeof losses / sizeof *losses == SHMETER_LOSSES, "each loss has its word");
_Static_assert(STATUS_LOSSES == SHMETER_LOSS_LINES, "room for all losses");
_Static_assert(STATUS_CHECKS == SHMETER_CHECKS, "room for all checks");

const char *
status_loss_kind(uint32_t loss)
{
    return loss < SHMETER_LOSSES ? losses[loss].kind : NULL;
}

const char *
status_loss_help(uint32_t loss)
{
    return loss < SHMETER_LOSSES ? losses[loss].help : NULL;
}

double
status_seconds(uint64_t ns)
{
    uint64_t ms = ns / 1000000;

    return (double)ms / 1e3;
}
