/* Summaries: a term of a histogram in groups, and the quantiles of each group. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "health/rules/distribution.h"
#include "health/rules/internal.h"

void
rules_summary_free(struct rules_summary *summary)
{
    uint32_t i;

    for (i = 0; summary->spec.by && i < summary->spec.by_n; i++)
        free((char *)summary->spec.by[i]);
    free((void *)summary->spec.by);
    free((char *)summary->spec.histogram);
    selector_free(summary->selector);
}

static int
summary_make(struct rules *rules, struct rules_summary *to, const struct summary_spec *from)
{
    const char **by = calloc(from->by_n + 1, sizeof *by);
    struct term_want want = { .le = NAN, .kind = TERM_HISTOGRAM, .window_seconds = from->over_seconds };
    int64_t term;

    to->spec = *from;
    to->spec.by = by;
    to->spec.by_n = 0;
    to->spec.histogram = strdup(from->histogram);
    to->selector = selector_new(from->histogram, strlen(from->histogram));
    if (!by || !to->spec.histogram || !to->selector)
        return -ENOMEM;
    for (; to->spec.by_n < from->by_n; to->spec.by_n++)
        if (!(by[to->spec.by_n] = strdup(from->by[to->spec.by_n])))
            return -ENOMEM;
    want.selector = to->selector;
    want.by = to->spec.by;
    want.by_n = to->spec.by_n;
    term = terms_add(&rules->terms, &want);
    to->term = (uint32_t)term;
    return term < 0 ? -ENOMEM : 0;
}

int
rules_add_summary(struct rules *rules, const struct summary_spec *spec, struct report *report)
{
    struct rules_summary *grown, *summary;
    int result = rules_check_summary(spec, report);

    if (result)
        return result;
    grown = realloc(rules->summaries, (rules->summaries_n + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    rules->summaries = grown;
    summary = &grown[rules->summaries_n++];
    memset(summary, 0, sizeof *summary);
    return summary_make(rules, summary, spec);
}

/* ---- results ---- */

uint32_t
rules_summaries_n(const struct rules *rules)
{
    return rules->summaries_n;
}

void
summary_free(struct summary_result *summary)
{
    free(summary->rows);
    memset(summary, 0, sizeof *summary);
}

static int
same_values(const struct term *term, const struct term_group *a, const struct term_group *b)
{
    uint32_t i;

    for (i = 0; i < term->want.by_n; i++)
        if (strcmp(a->values[i], b->values[i]))
            return 0;
    return 1;
}

static void
fill_row(struct summary_row *row, const struct summary_result *summary, const struct distribution *distribution)
{
    const char *problem = NULL, *apdex_problem = NULL;

    row->count = distribution->count;
    row->rate = distribution->count / summary->covered_seconds;
    row->mean = distribution->count > 0 ? distribution->sum / distribution->count : NAN;
    row->p50 = distribution_quantile(distribution, 0.50, DISTRIBUTION_OWN, &problem);
    row->p95 = distribution_quantile(distribution, 0.95, DISTRIBUTION_OWN, &problem);
    row->p99 = distribution_quantile(distribution, 0.99, DISTRIBUTION_OWN, &problem);
    row->apdex = NAN;
    if (summary->spec->apdex_seconds > 0)
        row->apdex = distribution_apdex(distribution, summary->spec->apdex_seconds, &apdex_problem);
    row->problem = problem ? problem : apdex_problem;
}

/* Adds the row of a group, together with later groups that have the same labels and other buckets. */
static int
add_row(struct summary_result *summary, const struct term *term, const struct history *history, uint32_t group)
{
    struct distribution distribution;
    uint32_t i;
    int result = 0;

    for (i = 0; i < group; i++)
        if (same_values(term, &term->groups[i], &term->groups[group]))
            return 0;
    distribution_begin(&distribution);
    for (i = group; i < term->groups_n && !result; i++)
        if (same_values(term, &term->groups[i], &term->groups[group]))
            result = distribution_add(&distribution, term, history, &term->groups[i]);
    if (!result) {
        struct summary_row *row = &summary->rows[summary->rows_n++];
        row->values = (const char *const *)term->groups[group].values;
        fill_row(row, summary, &distribution);
    }
    distribution_free(&distribution);
    return result;
}

int
rules_summary(const struct rules *rules, uint32_t idx, struct summary_result *out)
{
    const struct rules_summary *summary = &rules->summaries[idx];
    const struct term *term = rules->terms.list[summary->term];
    uint32_t i;
    int result = 0;

    memset(out, 0, sizeof *out);
    out->spec = &summary->spec;
    out->covered_seconds = term->window.covered_seconds;
    out->left_out_n = term->left_out_n;
    out->problem = term->problem;
    if (!out->problem && !(out->covered_seconds > 0))
        out->problem = "it has just begun";
    out->rows = calloc(term->groups_n + 1, sizeof *out->rows);
    if (!out->rows)
        return -ENOMEM;
    for (i = 0; i < term->groups_n && out->covered_seconds > 0 && !result; i++)
        result = add_row(out, term, rules->history, i);
    if (result)
        summary_free(out);
    return result;
}
