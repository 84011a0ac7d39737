/*
 * Health, readiness, and the page for people. The page is one HTML document without scripts; everything that comes from
 * a segment is escaped.
 */
#include "exporter/scrape/documents.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/settings/version.h"
#include "health/json.h"
#include "health/rules/json.h"
#include "health/rules/rules.h"

#define PAGE_WORKERS 256u /* rows on the page at most */

/* Appends JSON and frees it. json NULL: there was no memory for it. */
static int
append_json(struct buffer *out, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    int result = text ? buffer_append_string(out, text) | buffer_append_string(out, "\n") : -ENOMEM;

    json_decref(json);
    free(text);
    return result ? -ENOMEM : 0;
}

int
document_health(const struct documents_context *context, struct buffer *out, int *good)
{
    json_t *json = health_json(context->health, context->statuses, context->statuses_n);

    if (json && (json_object_set_new(json, "rules", rules_json(context->rules)) |
                 json_object_set_new(json, "summaries", rules_summaries_json(context->rules)))) {
        json_decref(json);
        json = NULL;
    }
    *good = context->health->verdict != STATUS_FAILING;
    return append_json(out, json);
}

int
document_summary(const struct documents_context *context, struct buffer *out, int *good)
{
    (void)good;
    return append_json(out, json_pack("{s:s, s:{s:o}}", "status", "success", "data", "summaries",
                                      rules_summaries_json(context->rules)));
}

int
document_ready(const struct documents_context *context, struct buffer *out, int *good)
{
    uint32_t i;
    int result;

    *good = context->health->segments_readable > 0;
    if (*good)
        return buffer_append_string(out, "ready: segments are read\n");
    result = buffer_append_string(out, "not ready: no segment can be read\n");
    for (i = 0; !result && i < context->statuses_n; i++) {
        result |= buffer_append_string(out, context->statuses[i]->error);
        result |= buffer_append_string(out, "\n");
    }
    return result ? -ENOMEM : 0;
}

/* ---- the page ---- */

static int
page_escape(struct buffer *out, const char *text)
{
    int result = 0;
    size_t plain;

    for (; *text && !result; text++) {
        plain = strcspn(text, "<>&\"'");
        result = buffer_append(out, text, plain);
        text += plain;
        if (!*text)
            break;
        result |= buffer_append_string(out, *text == '<'   ? "&lt;"
                                            : *text == '>' ? "&gt;"
                                            : *text == '&' ? "&amp;"
                                            : *text == '"' ? "&quot;"
                                                           : "&#39;");
    }
    return result;
}

static int page_format(struct buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends numbers and constants. Other text must go through page_escape(). */
static int
page_format(struct buffer *out, const char *format, ...)
{
    char text[512];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return buffer_append(out, text, len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static int
page_cell(struct buffer *out, const char *text)
{
    int result = buffer_append_string(out, "<td>");

    result |= page_escape(out, text);
    result |= buffer_append_string(out, "</td>");
    return result;
}

static int
page_age(struct buffer *out, uint64_t age_ns)
{
    if (age_ns == STATUS_NEVER)
        return buffer_append_string(out, "<td>-</td>");
    return page_format(out, "<td>%.1f s</td>", (double)age_ns / 1e9);
}

static int
page_segment(struct buffer *out, const struct segment_status *status)
{
    int result = buffer_append_string(out, "<tr>");

    result |= page_cell(out, status->name);
    result |= page_cell(out, status->readable ? status->unlinked ? "removed, still read" : "read" : status->error);
    result |= page_format(out, "<td>%llu of %llu</td>", (unsigned long long)status->series_used,
                          (unsigned long long)status->series_capacity);
    result |= page_format(out, "<td>%.0f%%</td>",
                          status->cells_capacity ? 100.0 * (double)status->cells_used / (double)status->cells_capacity
                                                 : 0.0);
    result |= page_format(out, "<td>%u live, %u dead, %u unknown, of %u</td><td>%u</td>", status->slots_live,
                          status->slots_dead, status->slots_unknown, status->slots_n, status->uid);
    result |= page_cell(out, status->path);
    result |= buffer_append_string(out, "</tr>\n");
    return result;
}

static int
page_segments(struct buffer *out, const struct documents_context *context)
{
    uint32_t i;
    int result = buffer_append_string(
        out, "<h2>Segments</h2>\n<table><tr><th>segment</th><th>state</th><th>series</th><th>cells used</th>"
             "<th>workers</th><th>user</th><th>file</th></tr>\n");

    for (i = 0; i < context->statuses_n; i++)
        result |= page_segment(out, context->statuses[i]);
    result |= buffer_append_string(out, context->statuses_n ? "</table>\n" : "</table>\n<p>No segment matches.</p>\n");
    return result;
}

static int
page_worker(struct buffer *out, const struct segment_status *status, const struct status_slot *slot)
{
    int result = buffer_append_string(out, "<tr>");
    uint32_t i;

    result |= page_cell(out, status->name);
    result |= page_format(out, "<td>%u</td><td>%u</td>", slot->slot, slot->pid);
    result |= page_cell(out, slot->worker);
    result |= page_cell(out, status_life_word(slot->life));
    result |= page_age(out, slot->busy_age_ns);
    result |= page_age(out, slot->heartbeat_age_ns);
    result |= buffer_append_string(out, "<td>");
    for (i = 0; i < slot->checks_n; i++) {
        result |= page_escape(out, slot->checks[i].name);
        result |= page_format(out, ": %s ", status_health_word(slot->checks[i].health));
        result |= page_escape(out, slot->checks[i].message);
        result |= buffer_append_string(out, "<br>");
    }
    result |= buffer_append_string(out, "</td></tr>\n");
    return result;
}

static int
page_workers(struct buffer *out, const struct documents_context *context)
{
    uint32_t i, j, rows = 0, left_out = 0;
    int result = buffer_append_string(
        out, "<h2>Workers</h2>\n<table><tr><th>segment</th><th>slot</th><th>pid</th><th>worker</th><th>state</th>"
             "<th>busy for</th><th>last heartbeat</th><th>checks</th></tr>\n");

    for (i = 0; i < context->statuses_n; i++)
        for (j = 0; j < context->statuses[i]->slots_len; j++) {
            if (rows == PAGE_WORKERS) {
                left_out++;
                continue;
            }
            rows++;
            result |= page_worker(out, context->statuses[i], &context->statuses[i]->slots[j]);
        }
    result |= buffer_append_string(out, "</table>\n");
    if (left_out)
        result |= page_format(out, "<p>And %u more.</p>\n", left_out);
    return result;
}

static int
page_health(struct buffer *out, const struct health *health)
{
    uint32_t i;
    int result = page_format(out, "<p>Health: <strong class=\"%s\">%s</strong></p>\n<ul>\n",
                             status_health_word(health->verdict), status_health_word(health->verdict));

    for (i = 0; i < health->reasons_n; i++) {
        result |= page_format(out, "<li><span class=\"%s\">%s</span> ", status_health_word(health->reasons[i].severity),
                              status_health_word(health->reasons[i].severity));
        result |= page_escape(out, health->reasons[i].message);
        result |= buffer_append_string(out, "</li>\n");
    }
    result |= buffer_append_string(out, "</ul>\n");
    return result;
}

static int
page_number(struct buffer *out, double value)
{
    return isfinite(value) ? page_format(out, "<td>%.6g</td>", value) : buffer_append_string(out, "<td>-</td>");
}

static int
page_rule(struct buffer *out, const struct rule_status *rule)
{
    const char *state = rule->state == RULE_FIRING ? status_health_word(rule->severity) : "ok";
    int result = page_format(out, "<tr><td class=\"%s\">%s</td>", state, rule_state_word(rule->state));

    result |= page_cell(out, rule->name);
    result |= page_cell(out, rule->expression);
    result |= page_number(out, rule->value);
    result |= page_number(out, rule->threshold);
    result |= page_cell(out, rule->problem ? rule->problem : rule->message);
    result |= buffer_append_string(out, "</tr>\n");
    return result;
}

static int
page_rules(struct buffer *out, const struct rules *rules)
{
    struct rule_status rule;
    uint32_t i;
    int result = 0;

    if (!rules || !rules_n(rules))
        return 0;
    result |= buffer_append_string(out, "<h2>Rules</h2>\n<table><tr><th>state</th><th>rule</th><th>condition</th>"
                                        "<th>value</th><th>threshold</th><th></th></tr>\n");
    for (i = 0; i < rules_n(rules); i++) {
        rules_status(rules, i, &rule);
        result |= page_rule(out, &rule);
    }
    return result | buffer_append_string(out, "</table>\n");
}

int
document_page(const struct documents_context *context, struct buffer *out, int *good)
{
    int result = buffer_append_string(
        out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>shmeter-exporter</title>\n"
             "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
             "td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left}"
             ".ok{color:#060}.degraded{color:#950}.failing{color:#b00}</style></head>\n"
             "<body><h1>shmeter-exporter</h1>\n");

    (void)good;
    result |= page_format(out, "<p>Version %s, %s</p>\n<ul><li><a href=\"", version_of_exporter(),
                          version_of_platform());
    result |= page_escape(out, context->telemetry_path);
    result |= buffer_append_string(out, "\">Metrics</a></li><li><a href=\"/health\">Health as JSON</a></li>"
                                        "<li><a href=\"/api/v1/summary\">Summaries as JSON</a></li>"
                                        "<li><a href=\"/-/healthy\">Alive</a></li>"
                                        "<li><a href=\"/-/ready\">Ready</a></li></ul>\n");
    result |= page_health(out, context->health);
    result |= page_rules(out, context->rules);
    result |= page_segments(out, context);
    result |= page_workers(out, context);
    result |= buffer_append_string(out, "</body></html>\n");
    return result ? -ENOMEM : 0;
}
