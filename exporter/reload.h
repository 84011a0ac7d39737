/*
 * A reload of the settings: both files are read and checked completely, then the scraper's thread and the HTTP side
 * apply the settings. When one file has a mistake, nothing changes. It belongs to the loop's thread and never blocks.
 */
#ifndef SHMETER_EXPORTER_RELOAD_H
#define SHMETER_EXPORTER_RELOAD_H

#include "exporter/scrape/scraper.h"
#include "exporter/service.h"
#include "exporter/settings/options.h"
#include "exporter/web/http.h"

struct reload {
    const struct options *options;
    struct scraper *scraper;
    struct http *http;
    const struct service *service;
    int is_wanted, is_underway;
    struct web_config *web; /* of the reload under way */
    double good_seconds;    /* time of the last successful reload, since 1970 */
};

/* To be called after the settings were read at the start. */
void reload_open(struct reload *reload, const struct options *options, struct scraper *scraper, struct http *http,
                 const struct service *service);
void reload_close(struct reload *reload);

/* Asks for a reload. Several requests that wait are one reload. */
void reload_ask(struct reload *reload);

/* To be called in each turn of the loop, after the HTTP side. */
void reload_turn(struct reload *reload);

#endif
