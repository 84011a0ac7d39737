/*
 * OpenMetrics 1.0.0 (the text format of the OpenMetrics specification): the lines of text 0.0.4 under OpenMetrics'
 * heads, without lines that the specification forbids, and with _created lines if they are wanted.
 */
#include <errno.h>

#include "base/text.h"
#include "formats/encode.h"
#include "formats/lines.h"
#include "formats/plan/openmetrics.h"

#define CREATED_BYTES (sizeof "_created" + LINE_BYTES) /* of a _created line, besides the piece of its series */

enum lines { LINES_BUCKET = 1, LINES_SUM = 2, LINES_COUNT = 4, LINES_ALL = 7 };

struct source {
    const struct model *model;
    const struct model_family *family;
    const struct plan_family *text, *head;
    int created; /* 1: _created lines are wanted */
    int is_utf8; /* 1: the family's name is escaped or in quotes: it has no _created lines */
};

/*
 * The line NAME_created{labels} SECONDS. piece: a line's `name{labels} `. Printed from integers, because a double has
 * too few digits for nanoseconds since 1970.
 */
static char *
put_created(char *out, const struct source *source, const struct model_series *series, const char *piece,
            size_t name_len, size_t len)
{
    uint64_t ns = series->created_ns % 1000000000;
    int i;

    if (!source->created || !series->created_ns || source->head->kind == OPENMETRICS_APART || source->is_utf8)
        return out;
    out = put_bytes(out, source->family->name, source->head->name_len);
    out = put_bytes(out, "_created", sizeof "_created" - 1);
    out = put_bytes(out, piece + name_len, len - name_len);
    out += number_u64(out, series->created_ns / 1000000000);
    *out = '.';
    for (i = 9; i > 0; i--, ns /= 10)
        out[i] = (char)('0' + ns % 10);
    out[10] = '\n';
    return out + 11;
}

/* ---- histograms, summaries ---- */

/*
 * Whether a sum may be shown. The specification allows it only where observations cannot be negative (section
 * "Histogram"): so not with a negative bound, nor when the sum is negative or NaN. A histogram's count is left out
 * together with its sum; a summary's count is not.
 */
static int
sum_allowed(const struct model_shape *shape, double sum)
{
    return !(shape->classic_n && shape->classic_bounds[0] < 0) && sum >= 0;
}

static char *
put_histogram(char *out, const struct source *source, uint32_t number, uint32_t lines)
{
    const struct model_series *series = &source->family->series[number];
    const struct plan_series *planned = &source->text->series[number];
    const int summary = model_is_summary(source->family->type);
    const uint32_t *lens = source->text->lens + planned->lens;
    const uint32_t *sum_lens = lens + (summary ? 0 : series->shape->classic_n + 1);
    const char *text = source->text->text.data + planned->off;
    const double sum = model_histogram_sum(source->model, series);
    uint64_t count;

    if (lines & LINES_BUCKET && !summary) {
        out = put_buckets(out, source->model, series, &text, lens, &count);
    } else {
        for (; lens < sum_lens; lens++)
            text += *lens;
        count = model_histogram_count(source->model, series);
    }
    if (lines == LINES_ALL && !sum_allowed(series->shape, sum))
        lines = summary ? LINES_COUNT : LINES_BUCKET;
    if (lines & LINES_SUM)
        out = put_f64(put_bytes(out, text, sum_lens[0]), sum);
    text += sum_lens[0];
    if (lines & LINES_COUNT)
        out = put_u64(put_bytes(out, text, sum_lens[1]), count);
    return put_created(out, source, series, text, source->head->name_len + sizeof "_count" - 1, sum_lens[1]);
}

static char *
put_histograms(char *out, const struct source *source, uint32_t lines)
{
    uint32_t i;

    for (i = 0; i < source->text->series_n; i++)
        if (source->family->series[i].present)
            out = put_histogram(out, source, i, lines);
    return out;
}

static char *
put_apart(char *out, const struct source *source)
{
    const char *head = source->head->head.data;
    const uint32_t first = source->head->lens_n == 3 ? LINES_BUCKET : LINES_SUM;
    uint32_t i;

    for (i = 0; i < source->head->lens_n; i++) {
        out = put_bytes(out, head, source->head->lens[i]);
        head += source->head->lens[i];
        out = put_histograms(out, source, first << i);
    }
    return out;
}

/* ---- counters, gauges, infos, statesets ---- */

/* Series of counters. A total must not be negative or NaN (section "Counter"), so such a series is left out. */
static char *
put_counters(char *out, const struct source *source)
{
    const struct plan_family *text = source->text;
    const size_t name_len = source->head->name_len + sizeof "_total" - 1;
    uint32_t i;

    for (i = 0; i < text->series_n; i++) {
        const struct model_series *series = &source->family->series[i];
        const char *piece = text->text.data + text->series[i].off;
        if (!series->present ||
            (series->shape->number == MODEL_F64 && !(model_f64_at(source->model, series->word) >= 0)))
            continue;
        out = put_number(out, source->model, series, piece, text->series[i].len);
        out = put_created(out, source, series, piece, name_len, text->series[i].len);
    }
    return out;
}

static char *
put_plain(char *out, const struct source *source)
{
    const struct plan_family *text = source->text;
    uint32_t i;

    for (i = 0; i < text->series_n; i++)
        if (source->family->series[i].present)
            out = put_number(out, source->model, &source->family->series[i], text->text.data + text->series[i].off,
                             text->series[i].len);
    return out;
}

/* ---- families ---- */

static int
render_family(struct buffer *out, const struct source *source)
{
    const struct plan_family *text = source->text, *head = source->head;
    const size_t lines = model_is_histogram(source->family->type) ? text->lens_n : text->series_n;
    const size_t created = source->created ? text->text.len + text->series_n * CREATED_BYTES : 0;
    char *at;

    if (!source->family->present_n || text->clashes)
        return 0;
    if (buffer_reserve(out, head->head.len + text->text.len + lines * LINE_BYTES + created))
        return -ENOMEM;
    at = out->data + out->len;
    if (head->kind == OPENMETRICS_APART) {
        at = put_apart(at, source);
    } else {
        at = put_bytes(at, head->head.data, head->head.len);
        at = head->kind == OPENMETRICS_HISTOGRAM ? put_histograms(at, source, LINES_ALL)
             : head->kind == OPENMETRICS_COUNTER ? put_counters(at, source)
                                                 : put_plain(at, source);
    }
    out->len = (size_t)(at - out->data);
    return 0;
}

static int
render_all(const struct plan *plan, struct buffer *out, int created)
{
    struct source source = { .model = plan->model, .created = created };
    uint32_t i;
    int result = 0;

    for (i = 0; i < plan->model->families_n && !result; i++) {
        source.family = plan->model->families[i];
        source.is_utf8 = plan->model->utf8 && !text_metric_legacy(source.family->name);
        source.text = plan_of(plan, PLAN_TEXT, source.family);
        source.head = plan_of(plan, PLAN_OPENMETRICS, source.family);
        result = render_family(out, &source);
    }
    return result ? result : buffer_append_string(out, "# EOF\n");
}

static int
render(const struct plan *plan, struct buffer *out)
{
    return render_all(plan, out, 0);
}

static int
render_created(const struct plan *plan, struct buffer *out)
{
    return render_all(plan, out, 1);
}

#define CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PARTS        (PLAN_BIT(PLAN_TEXT) | PLAN_BIT(PLAN_OPENMETRICS))

const struct encoder encode_openmetrics = { "openmetrics", CONTENT_TYPE, PARTS, render };
const struct encoder encode_openmetrics_created = { "openmetrics", CONTENT_TYPE, PARTS, render_created };
