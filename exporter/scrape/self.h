/*
 * The exporter's series about itself: version, start, the cost of a scrape, the resources of its process.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_SELF_H
#define SHMETER_EXPORTER_SCRAPE_SELF_H

#include <stdint.h>

#include "model/model.h"

#define SELF_FORMATS 8u /* at most */

struct self {
    double start_seconds;       /* since 1970 */
    int reload_good;            /* 1: the last reload succeeded */
    double reload_good_seconds; /* time of the last successful reload, since 1970 */
    double read_seconds;        /* time that this scrape took to read the segments */
    double render_seconds;      /* time that the scrape before took to make its documents */
    struct {
        const char *name;    /* points to the encoder's name; NULL ends the table */
        uint64_t answers[2]; /* plain, gzip */
    } formats[SELF_FORMATS + 1];
};

/* Counts an answered scrape. */
void self_count(struct self *self, const char *format, int gzip);

/*
 * Adds the series to a model. If the application has process_* series, the exporter's are left out. Returns 0 or
 * -ENOMEM.
 */
int self_put(const struct self *self, struct model *model);

#endif
