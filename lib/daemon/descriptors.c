#include "daemon/descriptors.h"

#include <stdio.h>

#include "base/descriptors.h"
#include "base/log.h"

#define OTHERS 192u /* a few segments, listening sockets, the log, and connections that are being closed */
#define KEPT   128u /* of them for other files than segments */

struct descriptors
descriptors_divide(uint32_t connections_n)
{
    const uint32_t limit = descriptors_raise();
    struct descriptors out = { .connections_n = connections_n, .spare_n = connections_n + KEPT };
    char had[32], left[32];

    if (limit >= connections_n + OTHERS)
        return out;
    /* The limit cannot be raised: the descriptors that there are, are divided between connections and other files. */
    out.connections_n = limit > 2 * OTHERS ? limit - OTHERS : limit / 2;
    out.connections_n += !out.connections_n;
    out.spare_n = out.connections_n + (limit > 2 * OTHERS ? KEPT : limit / 4);
    snprintf(had, sizeof had, "%u", limit);
    snprintf(left, sizeof left, "%u", out.connections_n);
    log_event(LOG_LEVEL_WARN, "the limit of open files is low, so there may be fewer connections", "limit", had,
              "connections", left, NULL);
    return out;
}
