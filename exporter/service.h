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
    uint64_t alive_at_ns;  /* CLOCK_MONOTONIC; when it is due to be said again                                */
    uint64_t status_at_ns; /* before that, another line is not worth a message                                */
    struct round_summary told;
};

/* Reads the environment; before there are threads. */
void service_open(struct service *service);
void service_close(struct service *service);

/* To be called in each turn of the loop. */
void service_turn(struct service *service, struct scraper *scraper);

/* When the next turn is due for the watchdog's sake, in milliseconds from now; -1: never. */
int service_timeout_ms(const struct service *service);

/* Around a change of settings, whatever comes of it; and when the end begins. */
void service_reloading(const struct service *service);
void service_reloaded(const struct service *service);
void service_stopping(const struct service *service);

#endif
