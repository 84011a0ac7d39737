/*
 * The label values of a series as one text, and what becomes of those that cannot be stored as they are.
 */
#ifndef SHMETER_SHM_VALUES_H
#define SHMETER_SHM_VALUES_H

#include "machine/utf8.h"
#include "registry/told.h"

struct shmeter_values {
    uint32_t bytes;
    char text[SHMETER_MAX_VALUES_BYTES + 1];
};

#define SHMETER_OVERFLOW_VALUE "__overflow__"

/* Puts the values one after the other, each with its zero, which does not count. 0 when they are too long. */
SHMETER_INLINE int
shmeter_values_join(struct shmeter_values *out, const char *const *values, uint32_t values_n)
{
    uint32_t at = 0, i, end;
    for (i = 0; i < values_n; i++) {
        const char *value = values[i];
        end = SHMETER_MAX_TEXT_BYTES + 1 + i; /* of the text with i zeros in it, and one */
        if (end > at + SHMETER_MAX_VALUE_BYTES)
            end = at + SHMETER_MAX_VALUE_BYTES;
        do {
            if (at >= end)
                return 0;
            out->text[at] = *value;
            at++;
        } while (*value++);
    }
    out->bytes = at;
    return 1;
}

/* Repairs what is no UTF-8. Returns 1 when something was; *fits becomes 0 when it is too long then. */
SHMETER_LOCAL int
shmeter_values_repair(struct shmeter_values *values, uint32_t values_n, int *fits)
{
    return shmeter_utf8_repair(values->text, &values->bytes, SHMETER_MAX_TEXT_BYTES + values_n, fits);
}

SHMETER_LOCAL void
shmeter_values_overflow(struct shmeter_values *out, uint32_t values_n)
{
    uint32_t i;
    out->bytes = 0;
    for (i = 0; i < values_n; i++) {
        memcpy(out->text + out->bytes, SHMETER_OVERFLOW_VALUE, sizeof SHMETER_OVERFLOW_VALUE);
        out->bytes += (uint32_t)sizeof SHMETER_OVERFLOW_VALUE;
    }
}

#endif
