/* getrlimit(2) and setrlimit(2). A limit above 1023 would harm a program that uses select(2); this one does not. */
#include "daemon/descriptors.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"

#define OTHERS ((rlim_t)192) /* segments, listening sockets, the log, and connections that are being closed */

uint32_t
descriptors_for(uint32_t connections_n)
{
    const rlim_t wanted = (rlim_t)connections_n + OTHERS;
    struct rlimit limit;
    uint32_t fit;
    char had[32], left[32];

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
        return connections_n;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= wanted ? wanted : limit.rlim_max;
    if (!setrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur == wanted)
        return connections_n;
    /* The limit cannot be raised: the descriptors that there are, are divided between connections and other files. */
    fit = (uint32_t)(limit.rlim_cur > 2 * OTHERS ? limit.rlim_cur - OTHERS : limit.rlim_cur / 2);
    fit += !fit;
    snprintf(had, sizeof had, "%llu", (unsigned long long)limit.rlim_cur);
    snprintf(left, sizeof left, "%u", fit);
    log_event(LOG_LEVEL_WARN, "the limit of open files is low, so there may be fewer connections", "limit", had,
              "connections", left, NULL);
    return fit;
}
