#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/command.h"
#include "read/snapshot/status.h"

static void
put(FILE *file, const char *before, const char *format, va_list list)
{
    char text[SAY_BYTES], clean[TEXT_CLEAN_BYTES(SAY_BYTES)];

    vsnprintf(text, sizeof text, format, list);
    text_clean(clean, text, strlen(text), TEXT_ONE_LINE);
    fprintf(file, "%s%s\n", before, clean);
}

void
say_error(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    put(stderr, "shmeter: ", format, list);
    va_end(list);
}

void
say(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    put(stdout, "", format, list);
    va_end(list);
}

const char *
say_size(char *out, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1023.95 && unit < 4) {
        size /= 1024;
        unit++;
    }
    if (size == (double)(uint64_t)size)
        snprintf(out, 32, "%llu %s", (unsigned long long)size, units[unit]);
    else
        snprintf(out, 32, "%.1f %s", size, units[unit]);
    return out;
}

const char *
say_age(char *out, uint64_t age_ns)
{
    unsigned long long s = age_ns / 1000000000u;

    if (age_ns == STATUS_NEVER)
        snprintf(out, 32, "-");
    else if (s >= 86400)
        snprintf(out, 32, "%llud %lluh", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(out, 32, "%lluh %llum", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(out, 32, "%llum %llus", s / 60, s % 60);
    else
        snprintf(out, 32, "%llus", s);
    return out;
}

uint64_t
say_age_since(uint64_t created_ns)
{
    const uint64_t now_ns = clock_ns(CLOCK_REALTIME);

    return !created_ns || created_ns > now_ns ? STATUS_NEVER : now_ns - created_ns;
}

json_t *
say_json_string(const char *text)
{
    size_t len = strlen(text);
    char *clean = malloc(TEXT_CLEAN_BYTES(len));
    json_t *json;

    if (!clean)
        return NULL;
    text_clean(clean, text, len, TEXT_LINES);
    json = json_string(clean);
    free(clean);
    return json;
}

int
say_text(const char *text, size_t len)
{
    char *clean;

    if (!isatty(STDOUT_FILENO)) {
        fwrite(text, 1, len, stdout);
        return 0;
    }
    clean = malloc(TEXT_CLEAN_BYTES(len));
    if (!clean) {
        say_error("out of memory");
        return -ENOMEM;
    }
    fwrite(clean, 1, text_clean(clean, text, len, TEXT_LINES), stdout);
    free(clean);
    return 0;
}

int
say_json(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    int result = 0;

    json_decref(json);
    if (!text)
        say_error("out of memory");
    else
        result = say_text(text, strlen(text));
    if (text && !result)
        putchar('\n');
    free(text);
    return text && !result ? EXIT_GOOD : EXIT_FAILED;
}
