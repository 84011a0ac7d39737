#include "health/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *
number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *
seconds_or_null(uint64_t age_ns)
{
    return age_ns == STATUS_NEVER ? json_null() : json_real(status_seconds(age_ns));
}

static json_t *
reason_json(const struct health_reason *reason)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s}", "check", health_check_name(reason->check), "status",
                             status_health_word(reason->severity), "segment", reason->segment, "what", reason->what,
                             "value", number_or_null(reason->value), "threshold", number_or_null(reason->threshold),
                             "message", reason->message);

    if (json && reason->slot &&
        (json_object_set_new(json, "worker", json_string(reason->slot->worker)) |
         json_object_set_new(json, "slot", json_integer(reason->slot->slot)) |
         json_object_set_new(json, "pid", json_integer(reason->slot->pid)))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *
check_json(const struct status_check *check)
{
    return json_pack("{s:s, s:s, s:o, s:s}", "check", check->name, "status", status_health_word(check->health),
                     "seconds", seconds_or_null(check->age_ns), "message", check->message);
}

static json_t *
worker_json(const struct status_slot *slot)
{
    json_t *checks = json_array();
    uint32_t i;
    int failed = !checks;

    for (i = 0; i < slot->checks_n && !failed; i++)
        failed = json_array_append_new(checks, check_json(&slot->checks[i]));
    if (failed) {
        json_decref(checks);
        return NULL;
    }
    return json_pack(
        "{s:s, s:i, s:i, s:s, s:b, s:o, s:o, s:o, s:I, s:o}", "worker", slot->worker, "slot", (int)slot->slot, "pid",
        (int)slot->pid, "life", status_life_word(slot->life), "died", (int)(slot->died || slot->killed), "age_seconds",
        seconds_or_null(slot->claimed_age_ns), "busy_seconds", seconds_or_null(slot->busy_age_ns), "heartbeat_seconds",
        seconds_or_null(slot->heartbeat_age_ns), "work", (json_int_t)(slot->work_n & INT64_MAX), "checks", checks);
}

static json_t *
level_json(uint64_t used, uint64_t capacity)
{
    return json_pack("{s:I, s:I}", "used", (json_int_t)(used & INT64_MAX), "capacity",
                     (json_int_t)(capacity & INT64_MAX));
}

static json_t *
segment_json(const struct segment_status *segment)
{
    json_t *workers = json_array();
    uint32_t i;
    int failed = !workers;

    for (i = 0; i < segment->slots_len && !failed && segment->readable; i++)
        failed = json_array_append_new(workers, worker_json(&segment->slots[i]));
    if (failed) {
        json_decref(workers);
        return NULL;
    }
    if (!segment->readable)
        return json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", segment->name, "path", segment->path, "readable", 0,
                         "error", segment->error, "workers", workers);
    return json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "name", segment->name, "path", segment->path,
                     "readable", 1, "unlinked", (int)segment->unlinked, "cells",
                     level_json(segment->cells_used, segment->cells_capacity), "records",
                     level_json(segment->records_used, segment->records_capacity), "gauges",
                     level_json(segment->gauges_used, segment->gauges_capacity), "series",
                     level_json(segment->series_used, segment->series_capacity), "slots",
                     level_json(segment->slots_n - segment->slots_free, segment->slots_n), "workers", workers);
}

json_t *
health_json(const struct health *health, const struct segment_status *const *statuses, uint32_t statuses_n)
{
    json_t *segments = json_array(), *reasons = json_array();
    uint32_t i;
    int failed = !segments || !reasons;

    for (i = 0; i < statuses_n && !failed; i++)
        failed = json_array_append_new(segments, segment_json(statuses[i]));
    for (i = 0; i < health->reasons_n && !failed; i++)
        failed = json_array_append_new(reasons, reason_json(&health->reasons[i]));
    if (failed) {
        json_decref(segments);
        json_decref(reasons);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:{s:i, s:i}, s:{s:i, s:i, s:i, s:i}, s:o}", "status",
                     status_health_word(health->verdict), "reasons", reasons, "segment_counts", "watched",
                     (int)health->segments_n, "readable", (int)health->segments_readable, "worker_counts", "live",
                     (int)health->workers_live, "dead", (int)health->workers_dead, "unknown",
                     (int)health->workers_unknown, "stuck", (int)health->workers_stuck, "segments", segments);
}

char *
health_json_text(const struct health *health, const struct segment_status *const *statuses, uint32_t statuses_n)
{
    json_t *json = health_json(health, statuses, statuses_n);
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL, *whole;
    size_t bytes;

    json_decref(json);
    if (!text)
        return NULL;
    bytes = strlen(text);
    whole = realloc(text, bytes + 2);
    if (!whole) {
        free(text);
        return NULL;
    }
    memcpy(whole + bytes, "\n", 2);
    return whole;
}
