/*
 * What the modes of gauges are called and mean: the rows of modes.def, by enum shmeter_mode.
 */
#ifndef SHMETER_READ_SNAPSHOT_MODES_H
#define SHMETER_READ_SNAPSHOT_MODES_H

#include <stdint.h>

enum mode_how {
    MODE_SUM,
    MODE_MIN,
    MODE_MAX,
    MODE_LATEST, /* the value that was set last */
    MODE_ALL     /* values are not combined: a series for each worker */
};

enum mode_whose {
    MODE_OF_POOL,   /* the pool's, and the living workers' shares of it */
    MODE_OF_LIVING, /* the living workers' */
    MODE_OF_ALL     /* the dead ones' last values too */
};

struct mode {
    const char *word, *prometheus;
    enum mode_how how;
    enum mode_whose whose;
};

extern const struct mode modes[];
extern const uint32_t modes_n;

#endif
