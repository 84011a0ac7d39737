#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "health/health.h"

int
health_add(struct health *health, const struct health_reason *reason)
{
    struct health_reason *reasons = realloc(health->reasons, (health->reasons_n + 1) * sizeof *reasons);
    uint32_t at = 0;

    if (!reasons)
        return -ENOMEM;
    while (at < health->reasons_n && reasons[at].severity >= reason->severity)
        at++;
    memmove(reasons + at + 1, reasons + at, (health->reasons_n - at) * sizeof *reasons);
    reasons[at] = *reason;
    text_clip(reasons[at].message, sizeof reasons[at].message, reason->message, TEXT_ONE_LINE);
    health->reasons = reasons;
    health->reasons_n++;
    if (reason->severity > health->verdict)
        health->verdict = reason->severity;
    return 0;
}

void
health_free(struct health *health)
{
    free(health->reasons);
    health->reasons = NULL;
    health->reasons_n = 0;
}
