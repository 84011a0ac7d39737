/*
 * The words of a condition's text, and the sentence that reports a mistake. Only the files of the parser include it.
 */
#ifndef SHMETER_HEALTH_RULES_EXPRESSION_WORDS_H
#define SHMETER_HEALTH_RULES_EXPRESSION_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"

#define WORDS_STRING_BYTES 1024u

enum word_kind { WORD_END, WORD_NUMBER, WORD_NAME, WORD_STRING, WORD_SIGN };

struct words {
    const char *text;
    const char *next;      /* the text behind the present word */
    struct report *report; /* the caller's; gets the first mistake */
    enum word_kind kind;   /* of the present word */
    const char *at;        /* where it begins */
    size_t len;            /* of a name */
    int sign; /* of WORD_SIGN: its character; of two characters first * 256 + second, such as '=' * 256 + '~' */
    double number;
    char string[WORDS_STRING_BYTES]; /* without quotes and escapes */
};

/* Begins at the first word. report, which is empty, gets the first mistake; after a mistake every word is WORD_END. */
void words_begin(struct words *words, const char *text, struct report *report);
void words_next(struct words *words);

/* Whether the present word is this sign, name or keyword. words_take() skips the sign if it is. */
int words_is(const struct words *words, int sign);
int words_take(struct words *words, int sign);
int words_is_name(const struct words *words, const char *name);          /* in this spelling */
int words_is_call(const struct words *words);                            /* a "(" comes next */
int words_is_keyword(const struct words *words, const char *lower_case); /* in any case of letters */

/* Reads the duration behind the present word '[', and makes the ']' after it the present word. NaN after a mistake. */
double words_duration(struct words *words);

/* Reports a sentence and the place of the mistake. at: in the text; NULL: the present word. Returns -EINVAL. */
int words_fail(struct words *words, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
