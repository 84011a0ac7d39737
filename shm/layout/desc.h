/*
 * A family as a program describes it.
 */
#ifndef SHMETER_SHM_DESC_H
#define SHMETER_SHM_DESC_H

#include <stdint.h>

#include "../machine/linkage.h"
#include "types.h"

/*
 * Describes a family, for shmeter_family, after which it may go away. Zeroed members are defaults,
 * in C++ from the start. Name members by designators in this order, which C++20 asks for; in C++17
 * assign them.
 */
struct shmeter_desc {
    enum shmeter_type type SHMETER_INIT(SHMETER_COUNTER);
    const char *name SHMETER_INIT(nullptr); /* full Prometheus name; counters end in _total */
    const char *help SHMETER_INIT(nullptr);
    const char *unit SHMETER_INIT(nullptr);          /* OpenMetrics unit, or NULL */
    const char *const *labels SHMETER_INIT(nullptr); /* label names and a NULL behind them, or NULL */
    union {
        const double *bounds SHMETER_INIT(nullptr); /* histograms: ascending, without +Inf; NULL: .005 ... 10 */
        const char *const *states;                  /* statesets: the states' names, a NULL behind them */
    };
    uint32_t bounds_len SHMETER_INIT(0);
    uint32_t max_series SHMETER_INIT(0);               /* 0: the segment's default */
    enum shmeter_mode mode SHMETER_INIT(SHMETER_POOL); /* gauges */
    /* Exponential histograms, chosen when max_value > 0: bounds 2^(2^-schema) times the one before, -4..8 */
    int32_t schema SHMETER_INIT(0);
    double min_value SHMETER_INIT(0), max_value SHMETER_INIT(0); /* the range that they cover */
    uint32_t by_pid SHMETER_INIT(0); /* ALL modes: 1: the label pid in the place of worker and slot */
    /*
     * A series whose value has stayed the same for so long is removed, as by shmeter_hide_v; 0: none is,
     * at most 67108864. See shmeter_expire.
     */
    uint32_t idle_seconds SHMETER_INIT(0);
    /*
     * 1: at max_series a new series does not go to __overflow__: the one that is idle for longest is removed, and
     * counted as the loss series_evicted. One that was updated since the last look goes only where all were. Each look
     * at all series of the family serves 32 new ones.
     */
    uint32_t evict SHMETER_INIT(0);
};

#endif
