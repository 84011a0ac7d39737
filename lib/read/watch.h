/*
 * One name that a store watches: its current segment, and the replaced ones that had the name before. Their counters
 * and histograms are added up for as long as the watch lives, so that totals do not drop.
 */
#ifndef SHMETER_READ_WATCH_H
#define SHMETER_READ_WATCH_H

#include "read/file/reader.h"
#include "read/snapshot/snapshot.h"

struct model;

struct store_reading {
    struct snapshot *snapshot; /* NULL: there is none */
    struct giving *giving;     /* of this snapshot; NULL: it was never given to a model */
};

struct store_watch {
    char *name;
    const struct settings *settings; /* NULL: none */
    uint32_t plain;                  /* 1: the options have this name, not only a pattern */
    uint32_t listed;                 /* 1: the name was found, or is in the options, in this take */
    uint32_t keep_removed;           /* as in struct store_options */
    uint64_t generation;
    uint64_t torn; /* torn reads of the earlier segments */
    struct store_reading current;
    uint64_t installed_n;         /* how often a segment was opened */
    struct store_reading *before; /* the newest last */
    uint32_t before_n;
    uint64_t refused_bytes;      /* of address space that its mapping needs and could not get, 0 none */
    uint32_t starved_n;          /* how often in a row there was not enough memory for it */
    uint32_t starved_rest;       /* takes until it is tried again */
    uint32_t given_up;           /* 1: given up for lack of memory in the take under way */
    uint64_t starved_of[4];      /* device, inode and nonce of the segment that was given up */
    struct segment_status fault; /* the status while the segment cannot be read */
};

struct store_watch *store_watch_new(const char *name); /* NULL: no memory */
void store_watch_free(struct store_watch *watch);

/*
 * Reads the segment again; opens another one when the name leads to another file. 0; or -ENOMEM: it may be called again
 * in the same take when there is more memory.
 */
int store_watch_take(struct store_watch *watch, const struct shmeter_reader_options *options,
                     enum snapshot_depth depth);

/*
 * Gives the values of the last take to the model. labelled 1: with the label segment. now_ns: the time by the clock for
 * idle series. 0 or -ENOMEM.
 */
int store_watch_give(struct store_watch *watch, struct model *model, int labelled, uint64_t now_ns);

/*
 * Gives up the segment because memory ran out: frees its memory and says so in its status. After some takes, more each
 * time, it is opened again; its totals are not lost, because they are in the file.
 */
void store_watch_starve(struct store_watch *watch);

/* Forgets the replaced segments' totals: the last resort. Returns 1, or 0 when there were none. */
int store_watch_forget(struct store_watch *watch);

/* How much memory the watch takes, by an estimate; with_mappings: address space included. */
uint64_t store_watch_weight(const struct store_watch *watch, int with_mappings);

/* Whether the owners of all files that were read are accepted. */
int store_watch_accepted(const struct store_watch *watch, const struct shmeter_reader_options *options);

const struct segment_status *store_watch_status(const struct store_watch *watch);

#endif
