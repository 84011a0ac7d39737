/*
 * A token bucket: requests at an average rate, with bursts. It knows no clock. Single-threaded.
 */
#ifndef SHMETER_EXPORTER_WEB_RATE_H
#define SHMETER_EXPORTER_WEB_RATE_H

#include <stdint.h>

struct rate {
    uint64_t interval_ns; /* time for one token; 0: there is no limit */
    uint64_t burst;       /* most tokens in the bucket */
    uint64_t full_ns;     /* when the bucket is full again */
};

/* Sets the rate. If it differs from the present one, the bucket is full. */
void rate_configure(struct rate *rate, uint64_t interval_ns, uint64_t burst);

/* Takes a token; returns 0 when there is none. now_ns never goes back. */
int rate_take(struct rate *rate, uint64_t now_ns);

#endif
