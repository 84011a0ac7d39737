/*
 * What the OpenMetrics part of the plan says of a family besides its head; for its encoder.
 */
#ifndef SHMETER_FORMATS_PLAN_OPENMETRICS_H
#define SHMETER_FORMATS_PLAN_OPENMETRICS_H

/*
 * plan_family.kind. plan_family.name_len: bytes of the family's OpenMetrics name, which the model's name begins with.
 */
enum openmetrics_kind {
    OPENMETRICS_PLAIN, /* gauges, info, statesets, and whatever is exposed as unknown: lines as they are              */
    OPENMETRICS_COUNTER,   /* lines are NAME_total                                                           */
    OPENMETRICS_HISTOGRAM, /* summaries too                                                               */
    OPENMETRICS_APART      /* one whose name would clash: its buckets (no summary has them), sums and counts    */
                           /*   are families of type unknown. head has a head for each, the lengths are in lens */
};

#endif
