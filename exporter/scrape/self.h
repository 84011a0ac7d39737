/*
 * The exporter's series about itself: version, start, the cost of a scrape, the resources of its process.
 */
#ifndef SHMETER_EXPORTER_SCRAPE_SELF_H
#define SHMETER_EXPORTER_SCRAPE_SELF_H

#include <stdint.h>

#include "model/model.h"

#define SELF_FORMATS 8u /* at most */

struct self {
    double start_seconds;       /* real time, since 1970                                                         */
    int reload_good;            /* whether the last reading of the settings was                                  */
    double reload_good_seconds; /* when the last good one was, since 1970                                      */
    double read_seconds;        /* reading the segments, in this scrape                                          */
    double render_seconds;      /* making the text, in the scrape before                                         */
    struct {
        const char *name;    /* a constant of its encoder; NULL ends the table                                  */
        uint64_t answers[2]; /* plain, gzip                                                                 */
    } formats[SELF_FORMATS + 1];
};

/* Counts an answer in a format. */
void self_count(struct self *self, const char *format, int gzip);

/* Adds them to a model. process_* series of an application go before the exporter's own. Returns 0 or -ENOMEM. */
int self_put(const struct self *self, struct model *model);

#endif
