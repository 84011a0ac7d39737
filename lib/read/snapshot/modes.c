#include "read/snapshot/modes.h"

#include "shm/layout/types.h"

const struct mode modes[SHMETER_MODES] = {
#define MODE(name, word, prometheus, how, whose) [SHMETER_##name] = { word, prometheus, MODE_##how, MODE_##whose },
#include "read/snapshot/modes.def"
};
const uint32_t modes_n = SHMETER_MODES;

enum {
#define MODE(name, ...) ROW_##name,
#include "read/snapshot/modes.def"
    ROWS
};
_Static_assert((int)ROWS == SHMETER_MODES, "each mode has its row");
