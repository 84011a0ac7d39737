/*
 * Messages to the service manager: ready after the first reading, alive as long as both threads are, and a status line
 * with numbers. It belongs to the loop's thread. Without a service manager it does nothing, and sets no timer.
 */
#ifndef SHMETER_EXPORTER_SERVICE_H
#define SHMETER_EXPORTER_SERVICE_H

#include <stdint.h>

#include "daemon/notify.h"
#include "exporter/scrape/scraper.h"

struct service {
    struct notify notify;
    int is_ready;
    uint64_t alive_at_ns;  /* CLOCK_MONOTONIC; when the next alive message is due */
    uint64_t status_at_ns; /* no status line is sent before that time */
    struct round_summary told;
};

/* Reads the environment. To be called before there are threads. */
void service_open(struct service *service);
void service_close(struct service *service);

/* To be called in each turn of the loop. */
void service_turn(struct service *service, struct scraper *scraper);

/* Milliseconds until the watchdog needs the next turn; -1: never. */
int service_timeout_ms(const struct service *service);

/* To be called before and after a reload, whether it succeeds or not; and when the exporter stops. */
void service_reloading(const struct service *service);
void service_reloaded(const struct service *service);
void service_stopping(const struct service *service);

#endif
