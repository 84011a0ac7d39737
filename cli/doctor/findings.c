#include "cli/doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"

static const char *const words[] = { "ok", "warn", "fail" };

void
finding_add(struct findings *findings, enum finding_level level, const char *subject, const char *format, ...)
{
    struct finding *finding;
    va_list list;

    if (findings->n == findings->capacity) {
        uint32_t capacity = findings->capacity ? 2 * findings->capacity : 32;
        struct finding *all = realloc(findings->all, capacity * sizeof *all);
        if (!all) {
            findings->out_of_memory = 1;
            return;
        }
        findings->all = all;
        findings->capacity = capacity;
    }
    finding = &findings->all[findings->n++];
    finding->level = level;
    finding->advice[0] = 0;
    snprintf(finding->subject, sizeof finding->subject, "%s", subject);
    va_start(list, format);
    vsnprintf(finding->value, sizeof finding->value, format, list);
    va_end(list);
}

void
finding_advise(struct findings *findings, const char *format, ...)
{
    struct finding *finding;
    va_list list;

    if (!findings->n || findings->out_of_memory)
        return;
    finding = &findings->all[findings->n - 1];
    va_start(list, format);
    vsnprintf(finding->advice, sizeof finding->advice, format, list);
    va_end(list);
}

enum finding_level
findings_worst(const struct findings *findings)
{
    enum finding_level worst = findings->out_of_memory ? FINDING_FAIL : FINDING_OK;
    uint32_t i;

    for (i = 0; i < findings->n; i++)
        if (findings->all[i].level > worst)
            worst = findings->all[i].level;
    return worst;
}

void
findings_print(const struct findings *findings)
{
    uint32_t i;
    int width = 0;

    for (i = 0; i < findings->n; i++)
        if ((int)strlen(findings->all[i].subject) > width)
            width = (int)strlen(findings->all[i].subject);
    for (i = 0; i < findings->n; i++) {
        const struct finding *finding = &findings->all[i];
        say("%-4s  %-*s  %s", words[finding->level], width, finding->subject, finding->value);
        if (finding->advice[0])
            say("      %-*s  -> %s", width, "", finding->advice);
    }
}

json_t *
findings_json(const struct findings *findings)
{
    json_t *all = json_array();
    uint32_t i;
    int failed = !all;

    for (i = 0; i < findings->n && !failed; i++) {
        const struct finding *finding = &findings->all[i];
        failed = json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:o}", "level", words[finding->level], "what",
                                                      finding->subject, "value", say_json_string(finding->value),
                                                      "advice", say_json_string(finding->advice)));
    }
    if (!failed)
        return json_pack("{s:s, s:o}", "level", words[findings_worst(findings)], "findings", all);
    json_decref(all);
    return NULL;
}

void
findings_free(struct findings *findings)
{
    free(findings->all);
    memset(findings, 0, sizeof *findings);
}
