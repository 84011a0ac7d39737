/*
 * Rules and summaries: what an operator asks of the values, once a second, on a history of at most an hour. It belongs to the
 * scraper's thread; it knows the model, and neither segments nor HTTP.
 */
#ifndef SHMETER_EXPORTER_RULES_RULES_H
#define SHMETER_EXPORTER_RULES_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "expo/health.h"
#include "expo/model.h"

#define RULES_MOST          1000u
#define RULES_GROUPS        100u    /* of one summary                                                         */
#define RULES_BY_MOST       8u      /* labels                                                                 */
#define RULES_FOR_MOST      86400.0 /* seconds                                                                */
#define RULES_OVER_LEAST    5.0     /* seconds                                                                */
#define RULES_NAME_BYTES    128u
#define RULES_MESSAGE_BYTES 256u

struct rule_spec {
    const char *name;            /* unique; printable, not empty                                              */
    const char *expression;      /* see expression.h                                                          */
    double for_seconds;          /* so long it must hold without a break; 0: at once                           */
    enum status_health severity; /* STATUS_DEGRADED or STATUS_FAILING                                         */
    const char *message;         /* NULL or "": none                                                          */
};

struct summary_spec {
    const char *histogram; /* the family's name                                                         */
    const char *const *by; /* labels whose values make groups; by_n 0: one group of all series             */
    uint32_t by_n;
    double over_seconds;  /* RULES_OVER_LEAST to an hour                                               */
    double apdex_seconds; /* target, in the histogram's unit; 0: no Apdex                               */
};

struct rules_spec {
    const struct rule_spec *rules;
    uint32_t rules_n;
    const struct summary_spec *summaries;
    uint32_t summaries_n;
};

/* For whoever reads a configuration: 0, or -EINVAL and one sentence. That names are unique is for the caller to see. */
int rules_check_rule(const struct rule_spec *spec, char *why, size_t why_bytes);
int rules_check_summary(const struct summary_spec *spec, char *why, size_t why_bytes);

struct rules;

/*
 * Copies the spec, which was checked. What is the same in former (NULL: none) goes on with its history and its state; former is to be
 * freed afterwards. NULL: no memory; then former is as it was.
 */
struct rules *rules_new(const struct rules_spec *spec, struct rules *former);
void rules_free(struct rules *rules);

#endif
