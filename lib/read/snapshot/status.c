/* The words for losses, lives and verdicts: the rows of losses.def, life.def and verdicts.def; and times in seconds. */
#include "read/snapshot/status.h"

#include <errno.h>
#include <string.h>

#include "shm/layout/layout.h"
#include "shm/layout/types.h"

static const struct {
    const char *kind, *help, *advice;
    int is_reason;
} losses[] = {
#define LOSS(name, kind, help, advice, reason) [SHMETER_LOSS_##name] = { kind, help, advice, reason },
#include "read/snapshot/losses.def"
};

enum {
#define LOSS(name, ...) ROW_##name,
#include "read/snapshot/losses.def"
    ROWS
};

_Static_assert((int)ROWS == SHMETER_LOSSES, "each loss has its row");
_Static_assert(STATUS_LOSSES == SHMETER_LOSS_LINES, "room for all losses");
_Static_assert(STATUS_CHECKS == SHMETER_CHECKS, "room for all checks");

#define VERDICT(name, ...) _Static_assert((int)STATUS_##name == (int)SHMETER_##name, "verdicts have their numbers");
#include "read/snapshot/verdicts.def"
_Static_assert((int)STATUS_VERDICTS == SHMETER_FAILING + 1, "each verdict has its row");

const char *
status_loss_kind(uint32_t loss)
{
    return loss < SHMETER_LOSSES ? losses[loss].kind : NULL;
}

const char *
status_loss_help(uint32_t loss)
{
    return loss < SHMETER_LOSSES ? losses[loss].help : NULL;
}

const char *
status_loss_advice(uint32_t loss)
{
    return loss < SHMETER_LOSSES ? losses[loss].advice : NULL;
}

int
status_loss_is_reason(uint32_t loss)
{
    return loss < SHMETER_LOSSES && losses[loss].is_reason;
}

const char *
status_life_word(enum status_life life)
{
    static const char *const words[] = {
#define LIFE(name, word, slots) word,
#include "read/file/life.def"
    };

    return words[life];
}

const char *
status_life_slots(enum status_life life)
{
    static const char *const words[] = {
#define LIFE(name, word, slots) slots,
#include "read/file/life.def"
    };

    return words[life];
}

static const char *const verdicts[] = {
#define VERDICT(name, word) word,
#include "read/snapshot/verdicts.def"
};

const char *
status_health_word(enum status_health health)
{
    return verdicts[health];
}

int
status_health_of(const char *word, enum status_health *out)
{
    uint32_t i;

    for (i = 0; i < STATUS_VERDICTS; i++)
        if (!strcmp(verdicts[i], word)) {
            *out = (enum status_health)i;
            return 0;
        }
    return -EINVAL;
}

double
status_seconds(uint64_t ns)
{
    uint64_t ms = ns / 1000000;

    return (double)ms / 1e3;
}
