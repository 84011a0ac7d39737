/*
 * The loop is alive when it runs this code. The scraper's thread counts as alive unless a request has waited for a
 * reading for half the watchdog's time. So a reading that never ends makes the service manager restart the exporter.
 */
#include "exporter/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define STATUS_EVERY_NS 5000000000u

void
service_open(struct service *service)
{
    memset(service, 0, sizeof *service);
    notify_open(&service->notify);
}

void
service_close(struct service *service)
{
    notify_close(&service->notify);
}

static int
summary_same(const struct round_summary *a, const struct round_summary *b)
{
    return a->segments_n == b->segments_n && a->readable_n == b->readable_n && a->series_n == b->series_n;
}

static void
tell_status(struct service *service, const struct round_summary *summary, uint64_t now)
{
    char line[128];

    snprintf(line, sizeof line, "%" PRIu32 " of %" PRIu32 " segments readable, %" PRIu64 " series", summary->readable_n,
             summary->segments_n, summary->series_n);
    notify_status(&service->notify, line);
    service->told = *summary;
    service->status_at_ns = now + STATUS_EVERY_NS;
}

void
service_turn(struct service *service, struct scraper *scraper)
{
    uint64_t half_ns = service->notify.watchdog_ns / 2, now;
    struct scraper_state state;

    if (!notify_wanted(&service->notify))
        return;
    scraper_look(scraper, &state);
    now = clock_ns(CLOCK_MONOTONIC);
    if (!state.readings_n)
        return;
    if (!service->is_ready) {
        service->is_ready = 1;
        tell_status(service, &state.summary, now);
        notify_ready(&service->notify);
    } else if (now >= service->status_at_ns && !summary_same(&service->told, &state.summary)) {
        tell_status(service, &state.summary, now);
    }
    if (!half_ns || now < service->alive_at_ns)
        return;
    service->alive_at_ns = now + half_ns;
    if (state.waiting_ns <= half_ns)
        notify_alive(&service->notify);
}

int
service_timeout_ms(const struct service *service)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC), wait_ms;

    if (!service->notify.watchdog_ns || !service->is_ready)
        return -1;
    wait_ms = service->alive_at_ns > now ? (service->alive_at_ns - now) / 1000000u + 1 : 0;
    return wait_ms > 3600000u ? 3600000 : (int)wait_ms;
}

void
service_reloading(const struct service *service)
{
    if (service->is_ready)
        notify_reloading(&service->notify);
}

void
service_reloaded(const struct service *service)
{
    if (service->is_ready)
        notify_ready(&service->notify);
}

void
service_stopping(const struct service *service)
{
    notify_stopping(&service->notify);
}
