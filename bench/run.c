/* One measuring process: runs rows and writes their values, one line of text for each. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"

static void
hand_over(struct bench_run *run, const char *line, int len)
{
    if (len < 0 || write(run->out, line, (size_t)len) != len) /* shorter than PIPE_BUF: whole or not at all */
        bench_fail("a value could not be handed over: %s", strerror(errno));
}

void
run_put(struct bench_run *run, const char *name, double value)
{
    char line[256];
    size_t row = row_find(name);
    if (row == rows_n())
        bench_fail("there is no row named %s", name);
    run->have[row] = 1;
    if (run->wanted[row])
        hand_over(run, line, snprintf(line, sizeof line, "value %s %.9g\n", name, value));
}

void
run_note(struct bench_run *run, const char *format, ...)
{
    char text[200], line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    hand_over(run, line, snprintf(line, sizeof line, "note %s\n", text));
}

void
run_rows(struct bench_run *run, int shared_lane, int heavy)
{
    for (size_t i = 0; i < rows_n(); i++) {
        const struct bench_row *row = row_at(i);
        if (!run->wanted[i] || run->have[i] || !row->measure)
            continue;
        if (!!(row->flags & BENCH_SHARED_LANE) != shared_lane || ((row->flags & BENCH_HEAVY) && !heavy))
            continue;
        row->measure(run, row);
    }
}

const char *
run_segment(const struct bench_run *run, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%ld-%s", run->directory, (long)getpid(), name);
    return path;
}

void
run_segment_remove(const struct bench_run *run, const char *name)
{
    unlink(run_segment(run, name));
}
