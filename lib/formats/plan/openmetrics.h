/* What the OpenMetrics part of the plan has for a family besides its head. */
#ifndef SHMETER_FORMATS_PLAN_OPENMETRICS_H
#define SHMETER_FORMATS_PLAN_OPENMETRICS_H

/*
 * plan_family.kind. plan_family.name_len: bytes of the family's OpenMetrics name, which the model's name begins with.
 */
enum openmetrics_kind {
    OPENMETRICS_PLAIN,     /* gauges, infos, statesets, and families of type unknown: lines as in text 0.0.4 */
    OPENMETRICS_COUNTER,   /* the samples are NAME_total */
    OPENMETRICS_HISTOGRAM, /* histograms and summaries */
    OPENMETRICS_APART /* a histogram or summary whose names would clash: buckets (of a histogram), sums and counts */
                      /* are families of type unknown. head has the heads of all, lens their lengths */
};

#endif
