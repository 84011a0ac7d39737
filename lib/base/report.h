/*
 * A mistake in the caller's input: a sentence, and the field that has the mistake. The first mistake stays: a report
 * that has a sentence keeps it.
 */
#ifndef SHMETER_BASE_REPORT_H
#define SHMETER_BASE_REPORT_H

#include <stdint.h>

#define REPORT_BYTES 1024u

struct report {              /* zeroed to begin with */
    char text[REPORT_BYTES]; /* one sentence without a full stop; "": nothing is wrong; longer ones are cut off */
    uint32_t field; /* the part that has the mistake, from an enum of the checking function; 0: the whole input */
    uint32_t item;  /* index of the item, if the field is a list */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Reports a mistake in the whole input. Returns result. */
int report_fail(struct report *report, int result, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Reports a mistake in a field. Returns -EINVAL. */
int report_field(struct report *report, uint32_t field, uint32_t item, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif

#endif
