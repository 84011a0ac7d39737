/*
 * The state is the time at which the bucket will be full. Each token that is taken moves that time one interval later,
 * so no fraction of a token is lost.
 */
#include "exporter/web/rate.h"

void
rate_configure(struct rate *rate, uint64_t interval_ns, uint64_t burst)
{
    if (rate->interval_ns == interval_ns && rate->burst == burst)
        return;
    *rate = (struct rate){ interval_ns, burst, 0 };
}

int
rate_take(struct rate *rate, uint64_t now_ns)
{
    uint64_t full_ns = rate->full_ns > now_ns ? rate->full_ns : now_ns;

    if (!rate->interval_ns)
        return 1;
    if (full_ns - now_ns > (rate->burst - 1) * rate->interval_ns)
        return 0;
    rate->full_ns = full_ns + rate->interval_ns;
    return 1;
}
