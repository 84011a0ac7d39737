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

struct giving_family { /* of the snapshot's family of the same number */
    /* In the model, valid in the epoch that the giving remembers. */
    struct model_family *target;
    const struct model_shape *shape;
    uint32_t bound;                    /* target and shape were looked for                                      */
    uint32_t refused;                  /* and cannot be had: another type has the name                          */
    uint8_t order[SHMETER_MAX_LABELS]; /* which of its labels is the shape's first, second, ...                  */
    uint32_t labels_added;             /* a bit for each label of the settings that its series get              */
    uint32_t labels_left_out;          /* labels of the settings whose names it has itself                       */
    uint32_t later;     /* number + 1 of the one that it is added to in the segment that has its name now; 0 none */
    uint32_t redefined; /* that one has the name, and is something else                                         */
    uint32_t after_f64; /* counters: fractional ones of replaced segments are added to it                       */
    uint32_t filtered;  /* the settings leave it out, found out for those with the id judged                     */
    uint64_t judged;
};

struct idle {          /* when a series was last seen to change */
    uint64_t token;    /* stands for its value then */
    uint64_t since_ns; /* 0: not seen yet */
};

struct idle_worker { /* the same of a gauge with a series per worker */
    uint64_t which;  /* its cell and the slot */
    struct idle idle;
};

struct giving {
    const struct snapshot *snapshot;
    struct snapshot_contents read; /* of the take that is given */
    const struct model *model;     /* that targets are of, ... */
    uint64_t epoch;                /* ... and its epoch */
    uint32_t chosen_n;             /* of the snapshot, when they were looked for */
    uint64_t newer_number;         /* of what has taken its name, 0 nothing, when it was followed last, ... */
    uint32_t newer_families_n, newer_chosen_n, newer_own_n; /* ... and how many families there were, here too */
    uint32_t followed_n; /* how often those that follow were added to something else */
    uint32_t families_n, families_capacity;
    struct giving_family *families;
    uint32_t *targets; /* of each series: its number in the model's family; of statesets, place in state_targets    */
    uint32_t targets_n, targets_capacity;
    uint32_t *binds; /* how often each series had become another one when it was given last                   */
    uint32_t binds_capacity;
    uint64_t binds_n;        /* and all together                                                                   */
    uint32_t *state_targets; /* of each stateset's states: number in the model's family                          */
    uint32_t state_targets_n, state_targets_capacity;

    struct idle *idle; /* of each series; NULL: settings have no time-out                                       */
    uint32_t idle_capacity;
    struct idle_worker *idle_workers;
    uint32_t idle_workers_n, idle_workers_capacity;
    struct hash_table idle_places; /* cell and slot -> number + 1                                                     */
};

/* exposed.c: as what the family's type is exposed. */
enum model_type giving_model_type(const struct snapshot_family *family);

/* bind.c: what the snapshot has by now, and room for it. 0 or -ENOMEM. */
int giving_look(struct giving *giving);
/* Forgets all of another model or epoch. */
void giving_unbind(struct giving *giving, const struct model *model);
/* Looks for a family in the model. 0, also when it is refused (another type or a reserved name); or -ENOMEM. */
int giving_bind_family(struct giving *giving, uint32_t number, const struct giving_target *target, struct model *model);
/* What tells several series of one record apart. */
struct giving_part {
    uint32_t slot;     /* of a series per worker; GIVING_NONE */
    const char *state; /* of a stateset's; NULL */
};
/* Looks for a series in the model, and sets *idx. NULL with *error 0 when another series has its labels. */
struct model_series *giving_bind_series(const struct giving *giving, uint32_t number,
                                        const struct giving_target *target, struct giving_part part,
                                        struct model *model, uint32_t *idx, int *error);

/* idle.c: room for what is remembered of each series, as the settings want it. 0 or -ENOMEM. */
int idle_room(struct giving *giving, const struct settings *settings);
void idle_free(struct giving *giving);
/* What changes when a counter or histogram does. */
uint64_t idle_token(const uint64_t *sums, const struct snapshot_family *family);
/*
 * What is remembered of one worker's gauge, whose token becomes another worker's when the slot does. NULL: no memory.
 * Until the next one is asked for.
 */
struct idle *idle_of_worker(struct giving *giving, uint32_t series, uint32_t slot, uint64_t *token);

/* Whether nothing has changed for idle_ns. To be seen for the first time is a change. */
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
