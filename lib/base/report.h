/*
 * A mistake in the caller's input: a sentence, and the field that has the mistake. The first mistake stays: a report
 * that has a sentence keeps it.
 */
#ifndef SHMETER_BASE_REPORT_H
#define SHMETER_BASE_REPORT_H

#include <stdint.h>

#define REPORT_BYTES 1024u

struct report {              /* zeroed to begin with                                                            */
    char text[REPORT_BYTES]; /* one sentence without a full stop; "": nothing is wrong; longer ones are cut off    */
    uint32_t field;          /* which part has the mistake, by an enum of the checking function; 0: the whole      */
    uint32_t item;           /* of a field that is a list: which one, from 0                                      */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Says it about the whole. Returns result. */
int report_fail(struct report *report, int result, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Says it about a field. Returns -EINVAL. */
int report_field(struct report *report, uint32_t field, uint32_t item, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif

#endif
