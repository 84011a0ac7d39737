/*
 * Which model type each type of a segment is exposed as: the second table of lib/model/types.def.
 */
#include "read/give/internal.h"

static const uint8_t exposed[SHMETER_TYPES] = {
#define STORED(name, type) [SHMETER_##name] = MODEL_##type,
#include "model/types.def"
};

/* The numbers of the rows, to check that none is missing. */
enum {
#define STORED(name, type) ROW_##name,
#include "model/types.def"
    ROWS
};
#define STORED(name, type) _Static_assert((int)ROW_##name == (int)SHMETER_##name, "types.def is in order");
#include "model/types.def"
_Static_assert((int)ROWS == SHMETER_TYPES, "each type of a segment is exposed as one of the model");

enum model_type
giving_model_type(const struct snapshot_family *family)
{
    return family->unknown ? MODEL_GAUGE : (enum model_type)exposed[family->type];
}
