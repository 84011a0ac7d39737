/* What a request asks for, or with which response it is refused; decided by its head alone. */
#ifndef SHMETER_EXPORTER_WEB_ROUTES_H
#define SHMETER_EXPORTER_WEB_ROUTES_H

#include <microhttpd.h>

#include "exporter/scrape/document.h"
#include "exporter/web/responses.h"

struct route {
    int is_fixed; /* 1: the answer is fixed; 0: wanted has to be made */
    enum fixed_response fixed;
    int is_reload; /* 1: the request asks for a reload */
    struct wanted wanted;
};

/* url: the path as it was sent, or a whole http://host/path. */
struct route route_of(struct MHD_Connection *connection, const char *method, const char *url, const char *version,
                      const char *telemetry_path);

#endif
