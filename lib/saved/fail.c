/*
 * What is wrong with a line of a saved text, in one sentence.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "saved/internal.h"

int
saved_words_fail(struct saved_words *words, const char *format, ...)
{
    char sentence[REPORT_BYTES], harmless[REPORT_BYTES]; /* it may quote what stands in the file */
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof sentence, format, list);
    va_end(list);
    text_clip(harmless, sizeof harmless, sentence, TEXT_ONE_LINE);
    return report_fail(words->report, -EINVAL, "%s:%u: %s", words->text->file, (unsigned)words->line, harmless);
}
