/*
 * What the files of give/ share; no other file includes it.
 */
#ifndef SHMETER_READ_GIVE_INTERNAL_H
#define SHMETER_READ_GIVE_INTERNAL_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/containers/array.h"
#include "base/containers/hash_table.h"
#include "model/model.h"
#include "read/filters/filters.h"
#include "read/give/give.h"
#include "read/snapshot/contents.h"
#include "shm/layout/kinds.h"
#include "shm/layout/layout.h"

#define GIVING_NONE UINT32_MAX

struct giving_family { /* for the snapshot's family of the same number */
    /* The family and its shape in the model; valid in the epoch of the giving. */
    struct model_family *target;
    const struct model_shape *shape;
    uint32_t bound;                    /* 1: target and shape were looked up */
    uint32_t refused;                  /* 1: they do not exist, because another type has the name */
    uint8_t order[SHMETER_MAX_LABELS]; /* order[i]: index of the family's label that is the shape's i-th */
    uint32_t labels_added;             /* a bit for each label of the settings that its series get */
    uint32_t labels_left_out;          /* number of labels of the settings that it has itself */
    uint32_t later;                    /* 1 + number of the family of the newer segment that it is added to; 0 none */
    uint32_t redefined;                /* 1: the newer segment has a family of its name that it does not fit */
    uint32_t after_f64;                /* counters: 1: fractional counters of replaced segments are added to it */
    uint32_t filtered;                 /* 1: the settings leave it out. judged: id of the settings that were asked */
    uint64_t judged;
};

struct idle {          /* when a series was last seen to change */
    uint64_t token;    /* a hash of its value then */
    uint64_t since_ns; /* 0: not seen yet */
};

struct idle_worker { /* the same for one worker's series of a gauge */
    uint64_t which;  /* {cell:32 (high), slot:32} */
    struct idle idle;
};

struct giving {
    const struct snapshot *snapshot;
    struct snapshot_contents read; /* of the take that is being given */
    const struct model *model;     /* the model of the targets, ... */
    uint64_t epoch;                /* ... and its epoch */
    uint32_t chosen_n;             /* snapshot_chosen_n() when the targets were looked up */
    uint64_t newer_number;         /* number of the newer segment that was followed last, 0 none, ... */
    uint32_t newer_families_n, newer_chosen_n, newer_own_n; /* ... and how many families both had then */
    uint32_t followed_n;                                    /* see giving_followed_n() */
    uint32_t families_n, families_capacity;
    struct giving_family *families;
    uint32_t *targets; /* by series: index in the model's family; of a stateset: in state_targets */
    uint32_t targets_n, targets_capacity;
    uint32_t *binds; /* how often each series had become another one when it was given last */
    uint32_t binds_capacity;
    uint64_t binds_n;        /* and all together */
    uint32_t *state_targets; /* by state of each stateset: index in the model's family */
    uint32_t state_targets_n, state_targets_capacity;

    struct idle *idle; /* for each series; NULL: the settings have no time-out */
    uint32_t idle_capacity;
    struct idle_worker *idle_workers;
    uint32_t idle_workers_n, idle_workers_capacity;
    struct hash_table idle_places; /* cell and slot -> number + 1 */
};

/* exposed.c: the model type that the family's type is exposed as. */
enum model_type giving_model_type(const struct snapshot_family *family);

/* bind.c: loads the snapshot's contents and makes room for new families and series. 0 or -ENOMEM. */
int giving_look(struct giving *giving);
/* Forgets all targets when the model or its epoch is another one. */
void giving_unbind(struct giving *giving, const struct model *model);
/* Looks for a family in the model. 0, also when it is refused (another type or a reserved name); or -ENOMEM. */
int giving_bind_family(struct giving *giving, uint32_t number, const struct giving_target *target, struct model *model);
/* Which one of several series of one record is meant. */
struct giving_part {
    uint32_t slot;     /* of a gauge with a series per worker; else GIVING_NONE */
    const char *state; /* of a stateset; else NULL */
};
/* Looks for a series in the model, and sets *idx. NULL with *error 0 when another series has its labels. */
struct model_series *giving_bind_series(const struct giving *giving, uint32_t number,
                                        const struct giving_target *target, struct giving_part part,
                                        struct model *model, uint32_t *idx, int *error);

/*
 * idle.c: makes room for the time of each series' last change, if the settings have a time-out; else frees it. 0 or
 * -ENOMEM.
 */
int idle_room(struct giving *giving, const struct settings *settings);
void idle_free(struct giving *giving);
/* A word that changes when the value of a counter or histogram changes. */
uint64_t idle_token(const uint64_t *sums, const struct snapshot_family *family);
/*
 * The entry for one worker's gauge. *token is mixed with the worker's pid and generation, so that it changes with the
 * slot's owner. NULL: no memory. Valid until the next call.
 */
struct idle *idle_of_worker(struct giving *giving, uint32_t series, uint32_t slot, uint64_t *token);

/* Whether the series has not changed for idle_ns. The first call for a series counts as a change. */
static inline int
idle_is(struct idle *idle, uint64_t token, uint64_t now_ns, uint64_t idle_ns)
{
    if (idle->since_ns && idle->token == token)
        return now_ns - idle->since_ns >= idle_ns;
    idle->token = token;
    idle->since_ns = now_ns;
    return 0;
}

#endif
