/*
 * Rules and summaries: an operator's conditions over the values, and quantiles, evaluated once a second on a history of
 * at most an hour. It belongs to the scraper's thread; it knows the model, and neither segments nor HTTP.
 */
#ifndef SHMETER_HEALTH_RULES_RULES_H
#define SHMETER_HEALTH_RULES_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "health/health.h"
#include "model/model.h"

#define RULES_MOST          1000u
#define RULES_GROUPS        100u    /* of one summary */
#define RULES_BY_MOST       8u      /* labels */
#define RULES_FOR_MOST      86400.0 /* seconds */
#define RULES_OVER_LEAST    5.0     /* seconds */
#define RULES_NAME_BYTES    128u
#define RULES_MESSAGE_BYTES 256u

struct rule_spec {
    const char *name;            /* unique; printable, not empty */
    const char *expression;      /* see expression.h */
    double for_seconds;          /* how long it has to hold without a break; 0: fires at once */
    enum status_health severity; /* STATUS_DEGRADED or STATUS_FAILING */
    const char *message;         /* NULL or "": none */
};

struct summary_spec {
    const char *histogram; /* the family's name */
    const char *const *by; /* labels whose values make groups; by_n 0: one group of all series */
    uint32_t by_n;
    double over_seconds;  /* RULES_OVER_LEAST to an hour */
    double apdex_seconds; /* target, in the histogram's unit; 0: no Apdex */
};

/* The fields that a report may name. */
enum rules_field {
    RULES_WHOLE,
    RULES_NAME,
    RULES_EXPRESSION,
    RULES_FOR,
    RULES_SEVERITY,
    RULES_MESSAGE,
    RULES_HISTOGRAM,
    RULES_BY, /* the report's item is the index of the label */
    RULES_OVER,
    RULES_APDEX
};

struct rules;

/* Rules and summaries, at first none. NULL: no memory. */
struct rules *rules_new(void);

/*
 * Adds a rule or a summary, before the first reading: checks it, parses its condition, and copies the rest. Returns 0;
 * -EINVAL with a sentence and the field in report, which was empty; or -ENOMEM, after which rules can only be freed.
 * The caller checks that names are unique.
 */
int rules_add(struct rules *rules, const struct rule_spec *spec, struct report *report);
int rules_add_summary(struct rules *rules, const struct summary_spec *spec, struct report *report);
void rules_free(struct rules *rules); /* NULL is fine */

/*
 * Moves the history and state of rules and summaries that are the same in both from former (NULL: none) to rules.
 * Afterwards former can only be freed.
 */
void rules_take(struct rules *rules, struct rules *former);

/*
 * Reads the model's values and evaluates the rules; to be called once a second. now: in seconds, of a clock that never
 * goes back; real_ns: since 1970. A call that comes less than 0.9 s after the last one does nothing. 0; or -ENOMEM:
 * some values of this second are missing.
 */
int rules_read(struct rules *rules, const struct model *model, double now, uint64_t real_ns);

/* ---- results of the last rules_read() ---- */

enum rule_state {
    RULE_INACTIVE,
    RULE_PENDING, /* the condition holds, but not for long enough */
    RULE_FIRING
};

struct rule_status {
    const char *name, *expression, *message; /* message "" none */
    enum status_health severity;
    double for_seconds;
    enum rule_state state;
    double since_seconds;    /* seconds since the condition began to hold; NaN: it does not hold */
    double value, threshold; /* the two sides of the comparison; NaN: none */
    const char *comparison;  /* between value and threshold: ">" */
    const char *problem;     /* NULL, or why there is no value */
};

uint32_t rules_n(const struct rules *rules);
void rules_status(const struct rules *rules, uint32_t idx, struct rule_status *out);
const char *rule_state_word(enum rule_state state); /* "inactive" "pending" "firing" */

/* Adds a reason for each firing rule. 0 or -ENOMEM. */
int rules_judge(const struct rules *rules, struct health *health);

/* ---- summaries ---- */

struct summary_row {
    const char *const *values; /* of the labels in the spec's by */
    double count, rate, mean;  /* observations in the window; per second; their mean (NaN: none) */
    double p50, p95, p99, apdex;
    const char *problem; /* NULL, or why quantiles or Apdex are NaN though there are observations */
};

struct summary_result {
    const struct summary_spec *spec;
    double covered_seconds;
    uint32_t left_out_n; /* series without a group, because there are too many groups */
    const char *problem; /* NULL, or why there are no rows */
    struct summary_row *rows;
    uint32_t rows_n;
};

uint32_t rules_summaries_n(const struct rules *rules);

/* 0 or -ENOMEM; free with summary_free(). */
int rules_summary(const struct rules *rules, uint32_t idx, struct summary_result *out);
void summary_free(struct summary_result *summary);

#endif
