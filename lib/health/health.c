/* The checks, a function for each. The worst reason decides the verdict. */
#include "health/health.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "health/deaths.h"
#include "health/room.h"
#include "shm/layout/layout.h"

#define REFUSED_SECONDS 300.0 /* so long after a claim in vain its process is taken to want a slot still */

struct judge {
    struct health *health;
    uint32_t capacity;
    const struct segment_status *segment;
    struct health_limits limits;
    int result;
};

const char *
health_check_name(enum health_check check)
{
    static const char *const names[] = {
#define CHECK(name, word) word,
#include "health/checks.def"
    };

    return (uint32_t)check < HEALTH_CHECKS ? names[check] : "";
}

/* Adds a reason without value, threshold and message. NULL: no memory. */
static struct health_reason *
add_reason(struct judge *judge, enum health_check check, enum status_health severity, const char *what,
           const struct status_slot *slot)
{
    struct health *health = judge->health;
    struct health_reason *reason;

    if (health->reasons_n == judge->capacity) {
        uint32_t capacity = judge->capacity ? 2 * judge->capacity : 16;
        struct health_reason *reasons = realloc(health->reasons, capacity * sizeof *reasons);
        if (!reasons) {
            judge->result = -ENOMEM;
            return NULL;
        }
        health->reasons = reasons;
        judge->capacity = capacity;
    }
    reason = &health->reasons[health->reasons_n++];
    memset(reason, 0, sizeof *reason);
    reason->check = check;
    reason->severity = severity;
    reason->segment = judge->segment ? judge->segment->name : "";
    reason->what = what;
    reason->slot = slot;
    reason->value = reason->threshold = NAN;
    if (severity > health->verdict)
        health->verdict = severity;
    return reason;
}

static void say(struct health_reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct health_reason *reason, const char *format, ...)
{
    char text[sizeof reason->message];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    text_clip(reason->message, sizeof reason->message, text, TEXT_ONE_LINE); /* whole characters only */
}

/* ---- segment ---- */

static void
judge_segment(struct judge *judge)
{
    const struct segment_status *segment = judge->segment;
    struct health_reason *reason;

    if (!segment->readable) {
        reason = add_reason(judge, HEALTH_SEGMENT, STATUS_FAILING, "unreadable", NULL);
        if (reason)
            say(reason, "%.500s", *segment->error ? segment->error : "the segment cannot be read");
        return;
    }
    judge->health->segments_readable++;
    if (!segment->unlinked)
        return;
    reason = add_reason(judge, HEALTH_SEGMENT, STATUS_DEGRADED, "unlinked", NULL);
    if (reason)
        say(reason,
            "segment %.100s has lost its file name: running workers still count in it, new ones will not%s%.300s; "
            "restart the application",
            segment->name, *segment->error ? ", as " : "", segment->error);
}

static void
judge_level(struct judge *judge, const char *what, const char *words, uint64_t used, uint64_t capacity)
{
    double share = capacity ? (double)used / (double)capacity : 0;
    int failing = share > judge->limits.capacity_failing;
    struct health_reason *reason;

    if (share <= judge->limits.capacity_degraded && !failing)
        return;
    reason = add_reason(judge, HEALTH_CAPACITY, failing ? STATUS_FAILING : STATUS_DEGRADED, what, NULL);
    if (!reason)
        return;
    reason->value = share;
    reason->threshold = failing ? judge->limits.capacity_failing : judge->limits.capacity_degraded;
    say(reason, "segment %.100s has %.0f %% of its %s in use (%llu of %llu): create it larger, or use fewer series",
        judge->segment->name, 100 * share, words, (unsigned long long)used, (unsigned long long)capacity);
}

static void
judge_capacity(struct judge *judge)
{
    const struct segment_status *segment = judge->segment;

    judge_level(judge, "cells", "room for values", segment->cells_used, segment->cells_capacity);
    judge_level(judge, "records", "room for names and labels", segment->records_used, segment->records_capacity);
    judge_level(judge, "gauges", "gauges", segment->gauges_used, segment->gauges_capacity);
    judge_level(judge, "series", "series", segment->series_used, segment->series_capacity);
}

/*
 * Whether a worker may be without a slot now: one has found none lately, and none was had since. It looks again each
 * second in which it updates a gauge. Where it is not known when that was, it may have been just now.
 */
static int
is_slot_wanted(const struct segment_status *segment)
{
    const uint64_t age_ns = segment->slots_refused_age_ns;
    uint32_t i;

    if (!segment->losses[SHMETER_LOSS_SLOTS_EXHAUSTED] || age_ns == STATUS_NEVER)
        return segment->losses[SHMETER_LOSS_SLOTS_EXHAUSTED] != 0;
    for (i = 0; i < segment->slots_len; i++)
        if (segment->slots[i].claimed_age_ns < age_ns)
            return 0;
    return (double)age_ns / 1e9 <= REFUSED_SECONDS;
}

static void
judge_slots(struct judge *judge)
{
    const struct segment_status *segment = judge->segment;
    const int wanted = is_slot_wanted(segment);
    uint32_t held = segment->slots_live + segment->slots_unknown;
    struct health_reason *reason;
    char missed[64] = "";

    if (!segment->slots_n || held < segment->slots_n)
        return; /* a slot is free, or can be taken over from a dead worker */
    reason = add_reason(judge, HEALTH_SLOTS, wanted ? STATUS_FAILING : STATUS_DEGRADED, "exhausted", NULL);
    if (!reason)
        return;
    reason->value = held;
    reason->threshold = segment->slots_n;
    if (wanted)
        snprintf(missed, sizeof missed, ", and %llu claims found none",
                 (unsigned long long)segment->losses[SHMETER_LOSS_SLOTS_EXHAUSTED]);
    say(reason, "all %u worker slots of segment %.100s are in use%s: create it with more slots", segment->slots_n,
        segment->name, missed);
}

/* ---- workers ---- */

static const char *
worker_name(const struct status_slot *slot)
{
    return *slot->worker ? slot->worker : "?";
}

static void
judge_age(struct judge *judge, const struct status_slot *slot, const char *what, uint64_t age_ns, double limit,
          int *stuck)
{
    double seconds = (double)age_ns / 1e9;
    struct health_reason *reason;

    if (age_ns == STATUS_NEVER || limit < 0 || seconds <= limit)
        return;
    *stuck = 1;
    reason = add_reason(judge, HEALTH_WORKER_STUCK, STATUS_FAILING, what, slot);
    if (!reason)
        return;
    reason->value = seconds;
    reason->threshold = limit;
    if (!strcmp(what, "busy"))
        say(reason, "worker %.60s (pid %u) has been busy with one unit of work for %.0f s (limit %.0f s)",
            worker_name(slot), slot->pid, seconds, limit);
    else
        say(reason, "worker %.60s (pid %u) gave its last heartbeat %.0f s ago (limit %.0f s)", worker_name(slot),
            slot->pid, seconds, limit);
}

static void
judge_own_checks(struct judge *judge, const struct status_slot *slot)
{
    uint32_t i;

    for (i = 0; i < slot->checks_n; i++) {
        const struct status_check *check = &slot->checks[i];
        struct health_reason *reason;
        if (check->health == STATUS_OK)
            continue;
        reason = add_reason(judge, HEALTH_WORKER_CHECK, check->health, check->name, slot);
        if (reason)
            say(reason, "worker %.60s (pid %u): check %.100s is %s%s%.250s", worker_name(slot), slot->pid, check->name,
                status_health_word(check->health), *check->message ? ": " : "", check->message);
    }
}

static void
judge_unknown(struct judge *judge, const struct status_slot *slot)
{
    struct health_reason *reason = add_reason(judge, HEALTH_WORKER_UNKNOWN, STATUS_OK, "", slot);

    if (reason)
        say(reason,
            "worker %.60s (pid %u) runs in another namespace and holds no lock that could be asked: it counts "
            "as living",
            worker_name(slot), slot->pid);
}

static void
judge_worker(struct judge *judge, const struct status_slot *slot)
{
    struct health *health = judge->health;
    int stuck = 0;

    switch (slot->life) {
    case STATUS_DEAD:
        health->workers_dead++; /* its slot has its last words; deaths are judged together */
        return;
    case STATUS_UNKNOWN:
        health->workers_unknown++;
        judge_unknown(judge, slot);
        break;
    case STATUS_LIVE:
        health->workers_live++;
        break;
    default:
        return;
    }
    judge_age(judge, slot, "busy", slot->busy_age_ns, judge->limits.busy_seconds, &stuck);
    judge_age(judge, slot, "heartbeat", slot->heartbeat_age_ns, judge->limits.heartbeat_seconds, &stuck);
    health->workers_stuck += (uint32_t)stuck;
    judge_own_checks(judge, slot);
}

/* ---- deaths ---- */

#define NAMED_MOST 4u /* dead workers of a reason that are told by name */

/* "5 minutes" */
static void
say_duration(char *out, size_t bytes, double seconds)
{
    double minutes = seconds / 60;

    if (minutes >= 1 && minutes == floor(minutes))
        snprintf(out, bytes, "%.0f minute%s", minutes, minutes > 1 ? "s" : "");
    else
        snprintf(out, bytes, "%g second%s", seconds, seconds == 1 ? "" : "s");
}

static void
judge_deaths(struct judge *judge)
{
    const struct status_slot **dead;
    struct health_reason *reason;
    char names[256] = "", more[32] = "", duration[48];
    uint32_t n, i;
    size_t at = 0;

    if (deaths_find(judge->segment, judge->limits.died_seconds, &dead, &n)) {
        judge->result = -ENOMEM;
        return;
    }
    reason = n ? add_reason(judge, HEALTH_WORKER_DEAD, STATUS_DEGRADED, "", n == 1 ? dead[0] : NULL) : NULL;
    for (i = 0; reason && i < n && i < NAMED_MOST; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%.40s (pid %u)", i ? ", " : "", worker_name(dead[i]),
                               dead[i]->pid);
    free(dead);
    if (!reason)
        return;
    reason->value = n;
    say_duration(duration, sizeof duration, judge->limits.died_seconds);
    if (n > NAMED_MOST)
        snprintf(more, sizeof more, " and %u more", n - NAMED_MOST);
    say(reason, "%u worker%s died in the last %s and %s no successor yet: %s%s", n, n > 1 ? "s" : "", duration,
        n > 1 ? "have" : "has", names, more);
}

/* ---- room ---- */

static void
judge_room(struct judge *judge)
{
    const struct segment_status *segment = judge->segment;
    struct health_reason *reason;
    uint32_t n;

    if (segment->unlocked && (reason = add_reason(judge, HEALTH_ROOM, STATUS_OK, "unlocked", NULL)))
        say(reason, "%s: stop the application, remove the file of segment %.100s, and start it again",
            "no room of removed series is used again, because a process could lock nothing of the file", segment->name);
    if (segment->held_age_ns == STATUS_NEVER || segment->held_age_ns <= ROOM_SECONDS * UINT64_C(1000000000) ||
        !(reason = add_reason(judge, HEALTH_ROOM, STATUS_OK, "held", room_holder(segment, &n))))
        return;
    reason->value = (double)segment->held_age_ns / 1e9;
    reason->threshold = ROOM_SECONDS;
    room_say(segment, reason->message, sizeof reason->message);
}

/* ---- definitions ---- */

static const struct status_slot *
slot_of(const struct segment_status *segment, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < segment->slots_len; i++)
        if (segment->slots[i].slot == number)
            return &segment->slots[i];
    return NULL;
}

/*
 * Adds a reason for a definition that living workers have open while another one of its name is exposed. The reason
 * stays as long as that is so.
 */
static void
judge_superseded(struct judge *judge, const struct status_superseded *one)
{
    const struct status_slot *slot = slot_of(judge->segment, one->slot);
    const char *kind = status_loss_kind(SHMETER_LOSS_SUPERSEDED);
    struct health_reason *reason = add_reason(judge, HEALTH_LOSSES, STATUS_DEGRADED, kind, slot);
    char more[48] = "";

    if (!reason)
        return;
    reason->value = one->workers_n;
    if (one->workers_n > 1)
        snprintf(more, sizeof more, " and %u more", one->workers_n - 1);
    say(reason,
        "worker %.60s (pid %u)%s of segment %.60s: what is counted in %.200s is not exposed, as a definition with %s "
        "is "
        "in force: end the workers of the other release, or give two applications a segment each",
        slot ? worker_name(slot) : "?", slot ? slot->pid : 0, more, judge->segment->name, one->name, one->differs);
}

/* ---- */

static void
set_limits(struct health_limits *to, const struct health_limits *from)
{
    memset(to, 0, sizeof *to);
    if (from)
        *to = *from;
    if (to->capacity_degraded == 0)
        to->capacity_degraded = 0.80;
    if (to->capacity_failing == 0)
        to->capacity_failing = 0.95;
    if (to->busy_seconds == 0)
        to->busy_seconds = 60;
    if (to->heartbeat_seconds == 0)
        to->heartbeat_seconds = -1; /* who waits for work without a heartbeat is idle */
    if (to->died_seconds == 0)
        to->died_seconds = 300;
}

/* Sorts reasons: the worst first, those of one severity in the order in which they were found (qsort is not stable). */
static void
sort_reasons(struct health *health)
{
    struct health_reason *sorted;
    uint32_t n = 0, i;
    int severity;

    if (!health->reasons_n)
        return;
    sorted = malloc(health->reasons_n * sizeof *sorted);
    if (!sorted)
        return; /* without memory they stay unsorted */
    for (severity = STATUS_FAILING; severity >= STATUS_OK; severity--)
        for (i = 0; i < health->reasons_n; i++)
            if ((int)health->reasons[i].severity == severity)
                sorted[n++] = health->reasons[i];
    free(health->reasons);
    health->reasons = sorted;
}

int
health_judge(struct health *out, const struct segment_status *const *statuses, uint32_t statuses_n,
             const struct health_limits *limits)
{
    struct judge judge;
    struct health_reason *reason;
    uint32_t i, k;

    memset(out, 0, sizeof *out);
    memset(&judge, 0, sizeof judge);
    judge.health = out;
    set_limits(&judge.limits, limits);
    out->segments_n = statuses_n;
    if (!statuses_n && (reason = add_reason(&judge, HEALTH_SEGMENT, STATUS_FAILING, "none", NULL)))
        say(reason, "no segment matches: start the application, or give the name of its segment");
    for (i = 0; i < statuses_n; i++) {
        judge.segment = statuses[i];
        judge_segment(&judge);
        if (!statuses[i]->readable)
            continue;
        judge_capacity(&judge);
        judge_slots(&judge);
        for (k = 0; k < statuses[i]->slots_len; k++)
            judge_worker(&judge, &statuses[i]->slots[k]);
        judge_deaths(&judge);
        judge_room(&judge);
        for (k = 0; k < statuses[i]->superseded_len; k++)
            judge_superseded(&judge, &statuses[i]->superseded[k]);
    }
    if (judge.result)
        health_free(out);
    else
        sort_reasons(out);
    return judge.result;
}

int
health_add(struct health *health, const struct health_reason *reason)
{
    struct health_reason *reasons = realloc(health->reasons, (health->reasons_n + 1) * sizeof *reasons);
    uint32_t at = 0;

    if (!reasons)
        return -ENOMEM;
    while (at < health->reasons_n && reasons[at].severity >= reason->severity)
        at++;
    memmove(reasons + at + 1, reasons + at, (health->reasons_n - at) * sizeof *reasons);
    reasons[at] = *reason;
    text_clip(reasons[at].message, sizeof reasons[at].message, reason->message, TEXT_ONE_LINE);
    health->reasons = reasons;
    health->reasons_n++;
    if (reason->severity > health->verdict)
        health->verdict = reason->severity;
    return 0;
}

void
health_free(struct health *health)
{
    free(health->reasons);
    health->reasons = NULL;
    health->reasons_n = 0;
}
