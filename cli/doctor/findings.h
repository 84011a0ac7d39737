/* The doctor's findings: a list of lines, each with a level, a subject, what was found, and advice. */
#ifndef SHMETER_CLI_DOCTOR_FINDINGS_H
#define SHMETER_CLI_DOCTOR_FINDINGS_H

#include <jansson.h>
#include <stdint.h>

#define FINDING_SUBJECT_BYTES 64u
#define FINDING_TEXT_BYTES    1280u

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
    enum finding_level level;
    char subject[FINDING_SUBJECT_BYTES];
    char value[FINDING_TEXT_BYTES];  /* what was found */
    char advice[FINDING_TEXT_BYTES]; /* what to do; "": nothing */
};

struct findings {
    struct finding *all;
    uint32_t n, capacity;
    int out_of_memory;
};

/* Adds a finding; its advice is "" until finding_advise(). */
void finding_add(struct findings *findings, enum finding_level level, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets the advice of the last finding. */
void finding_advise(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum finding_level findings_worst(const struct findings *findings);
void findings_print(const struct findings *findings);
json_t *findings_json(const struct findings *findings); /* a new reference, or NULL: no memory */
void findings_free(struct findings *findings);

#endif
