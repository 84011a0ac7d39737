/*
 * What the files of the model share; no other file includes it.
 */
#ifndef SHMETER_MODEL_INTERNAL_H
#define SHMETER_MODEL_INTERNAL_H

#include "base/containers/arena.h"
#include "model/model.h"

#define MODEL_SHAPE_CHAINS 256u
#define MODEL_RECENT       1024u

struct place { /* in a family's hash table; number 0 is empty */
    uint32_t hash;
    uint32_t number; /* 1 + the series' index */
};

struct family {
    struct model_family seen; /* first, so that a pointer to it is one to this struct */
    uint32_t series_capacity;
    uint32_t places_n; /* a power of two, at least twice the series */
    struct place *places;
};

struct shape {
    struct model_shape seen;
    struct shape *next;
    const double *bounds; /* all bounds as given */
    uint32_t bounds_n;
};

struct whole {
    struct model seen; /* first, likewise */
    uint64_t key;      /* of its hash tables */
    struct arena arena;
    struct shape *shapes[MODEL_SHAPE_CHAINS];
    uint64_t words_n, words_capacity;
    uint32_t families_capacity;
    struct model_family *recent[MODEL_RECENT]; /* added last, sorted; model_settle() merges them */
    uint32_t recent_n;
};

static inline struct whole *
whole_of(struct model *model)
{
    return (struct whole *)model;
}

static inline struct family *
family_of(struct model_family *family)
{
    return (struct family *)family;
}

#endif
