/*
 * One buffer of a fixed size, so that a mistake can be reported when memory has run out.
 */
#include "base/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static void
say(struct report *report, uint32_t field, uint32_t item, const char *format, va_list arguments)
{
    if (*report->text)
        return;
    vsnprintf(report->text, sizeof report->text, format, arguments);
    report->field = field;
    report->item = item;
}

int
report_fail(struct report *report, int result, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(report, 0, 0, format, arguments);
    va_end(arguments);
    return result;
}

int
report_field(struct report *report, uint32_t field, uint32_t item, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(report, field, item, format, arguments);
    va_end(arguments);
    return -EINVAL;
}
