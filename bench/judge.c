/*
 * Compares values with targets. A target that needs contention is judged only if this run has contention: an atomic add
 * of two processes on one word must be clearly slower than that of one, and two processes on words of their own must
 * not be slower.
 */
#include <stdio.h>

#include "bench/bench.h"

const char *const judge_words[] = {
    [JUDGE_NONE] = "",
    [JUDGE_OK] = "ok",
    [JUDGE_MISS] = "miss",
    [JUDGE_SKIPPED] = "not judged",
    [JUDGE_ABSENT] = "not measured",
};

#define CONTENDED_AT_LEAST 2.0 /* shared xadd of two processes / xadd alone */
#define PRIVATE_AT_MOST    1.3 /* plain add of two processes / plain add alone */

static double
value_of(const struct bench_report *report, const char *name)
{
    size_t row = row_find(name);
    return row < rows_n() && report->values[row].present ? report->values[row].median : 0;
}

static double
ratio_of(const struct bench_report *report, const char *name, const char *floor)
{
    double below = value_of(report, floor);
    return below > 0 ? value_of(report, name) / below : 0;
}

static int
contention_shows(const struct bench_report *report)
{
    double apart = ratio_of(report, "add-two", "add");
    return ratio_of(report, "xadd-two-shared", "xadd") >= CONTENDED_AT_LEAST && apart > 0 && apart <= PRIVATE_AT_MOST;
}

struct judge_line
judge_row(const struct bench_report *report, size_t idx)
{
    const struct bench_row *row = row_at(idx);
    const struct bench_value *value = &report->values[idx];
    struct judge_line line = { JUDGE_NONE, 0, 0 };
    if (!value->present) {
        line.verdict = JUDGE_ABSENT;
        return line;
    }
    if (row->floor)
        line.floor = value_of(report, row->floor);
    if (line.floor > 0)
        line.ratio = value->median / line.floor;
    if (row->max_ratio <= 0 && row->max_value <= 0)
        return line;
    if (((row->flags & BENCH_TWO) && !contention_shows(report)) || ((row->flags & BENCH_PEER) && line.floor <= 0)) {
        line.verdict = JUDGE_SKIPPED;
        return line;
    }
    int missed = (row->max_ratio > 0 && (line.ratio <= 0 || line.ratio > row->max_ratio)) ||
                 (row->max_value > 0 && value->median > row->max_value);
    line.verdict = missed ? JUDGE_MISS : JUDGE_OK;
    return line;
}

unsigned
judge_missed(const struct bench_report *report)
{
    unsigned missed = 0;
    for (size_t i = 0; i < rows_n(); i++)
        missed += report->wanted[i] && judge_row(report, i).verdict == JUDGE_MISS;
    return missed;
}

int
judge_status(const struct bench_report *report, int strict)
{
    return strict && judge_missed(report) ? 1 : 0;
}

void
judge_notes(struct bench_report *report)
{
    char text[256];
    double shared = ratio_of(report, "xadd-two-shared", "xadd"), apart = ratio_of(report, "add-two", "add");
    if (shared <= 0 || apart <= 0)
        return;
    snprintf(text, sizeof text,
             "Contention: two processes slow an xadd on one shared word by x%.1f, and plain adds on words of their own "
             "by x%.2f; "
             "two-process targets are %s.",
             shared, apart,
             contention_shows(report) ? "judged"
                                      : "NOT judged, because it takes x2.0 or more and x1.3 or less to see anything");
    report_note(report, text);
}
