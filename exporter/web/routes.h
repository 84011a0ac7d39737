/*
 * What a request is about, and whether it is refused: decided from its head alone.
 */
#ifndef SHMETER_EXPORTER_WEB_ROUTES_H
#define SHMETER_EXPORTER_WEB_ROUTES_H

#include <microhttpd.h>

#include "exporter/scrape/document.h"
#include "exporter/web/responses.h"

struct route {
    int is_fixed; /* 1: fixed is the answer; 0: what is wanted has to be made                         */
    enum fixed_response fixed;
    int is_reload; /* 1: a reload of the settings is wanted                                                 */
    struct wanted wanted;
};

/* url: the path as it was sent, or a whole http://host/path. */
struct route route_of(struct MHD_Connection *connection, const char *method, const char *url,
                      const char *telemetry_path);

#endif
