/*
 * A token bucket: requests at an average rate, with bursts. It knows no clock. Single-threaded.
 */
#ifndef SHMETER_EXPORTER_WEB_RATE_H
#define SHMETER_EXPORTER_WEB_RATE_H

#include <stdint.h>

struct rate {
    uint64_t interval_ns; /* in which one token comes; 0: there is no limit                                       */
    uint64_t burst;       /* tokens that there are at most                                                    */
    uint64_t full_ns;     /* when the bucket is full again                                                    */
};

/* Takes another rate, with a full bucket unless it is the one there is. */
void rate_configure(struct rate *rate, uint64_t interval_ns, uint64_t burst);

/* Takes a token; returns 0 when there is none. now_ns never goes back. */
int rate_take(struct rate *rate, uint64_t now_ns);

#endif
