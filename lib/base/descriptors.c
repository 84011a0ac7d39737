#include "base/descriptors.h"

#include <sys/resource.h>

#define MOST ((rlim_t)1 << 20)

uint32_t
descriptors_raise(void)
{
    struct rlimit limit, wanted;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return UINT32_MAX;
    wanted = limit;
    wanted.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > MOST ? MOST : limit.rlim_max;
    if (limit.rlim_cur < wanted.rlim_cur && !setrlimit(RLIMIT_NOFILE, &wanted))
        limit = wanted;
    return limit.rlim_cur < UINT32_MAX ? (uint32_t)limit.rlim_cur : UINT32_MAX;
}

int
descriptors_spare(int fd, uint32_t spare)
{
    struct rlimit limit;

    return !spare || getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY ||
           (rlim_t)fd + spare < limit.rlim_cur;
}
