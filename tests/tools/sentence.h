/*
 * What an error must be: one sentence that names the thing. Include cmocka.h and shmeter.h before.
 */
#ifndef SHMETER_TESTS_TOOLS_SENTENCE_H
#define SHMETER_TESTS_TOOLS_SENTENCE_H

#include <string.h>

/* One sentence: names the thing, tells something, and no more than a line. */
static inline void
expect_sentence(const struct shmeter *meter, const char *thing, const char *words)
{
    const char *error = shmeter_error(meter);
    if (!strstr(error, thing) || !strstr(error, words) || strchr(error, '\n') || strlen(error) > 500)
        fail_msg("\"%s\" has not the words \"%s\" and \"%s\"", error, thing, words);
}

#endif
