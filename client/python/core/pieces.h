/*
 * The parts of a family's lines that stay from one rendering to the next: each series' labels, in order and escaped,
 * and its time of creation.
 */
#ifndef SHMETER_PYTHON_PIECES_H
#define SHMETER_PYTHON_PIECES_H

#include "view.h"

#include "base/containers/buffer.h"
#include "base/number.h"

struct piece {          /* of one series */
    size_t off;         /* of its labels in the family's text */
    uint32_t len;       /* of all of them */
    uint32_t before;    /* of those that come before the line's own label, with a comma if there are more */
    uint32_t created_n; /* bytes; 0: not known */
    char created[NUMBER_BYTES];
};

struct pieces {            /* of one family */
    char *name;            /* as it is shown: a stateset's label */
    const char *own_label; /* le; NULL none */
    struct buffer text;
    struct piece *list; /* of the family's series, the first n */
    uint32_t n, capacity;
    uint32_t renewed_n; /* the family's, when the times of creation were written */
};

struct pieces_all { /* of a model, by the families' idx */
    uint64_t epoch;
    struct pieces *families;
    uint32_t families_n;
};

/* All pieces of the family. NULL: no memory. */
const struct pieces *pieces_of(struct pieces_all *all, const struct model *model, const struct model_family *family,
                               const char *name, const char *own_label);
void pieces_free(struct pieces_all *all);

#endif
