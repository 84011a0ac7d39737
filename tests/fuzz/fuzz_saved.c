/*
 * Any bytes as a saved text: refused with one sentence that names the line, and no segment is made; or loaded, and then
 * what is saved of the segment makes the same segment again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saved/saved.h"
#include "shm/layout/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *
path(uint32_t number)
{
    static char paths[2][64];

    snprintf(paths[number], sizeof paths[number], "/dev/shm/shmeter-fuzz-saved-%ld-%u", (long)getpid(), number);
    return paths[number];
}

/* Sizes of its own: those of the text cost what they say. */
static int
load(uint32_t number, const char *bytes, size_t len, struct report *report)
{
    const struct shmeter_options options = { .struct_bytes = sizeof options, .lane_bytes = 65536, .max_series = 64,
                                             .max_family_series = 8, .max_slots = 2, .max_gauges = 16,
                                             .ring_bytes = 4096, .cpu_lanes = 1, .shared_lanes = 1 };
    const struct saved_text text = { bytes, len, "text" };
    struct saved_facts facts;

    unlink(path(number));
    return saved_load(path(number), &options, &text, &facts, report);
}

static struct buffer
save(uint32_t number)
{
    struct buffer out = { NULL, 0, 0 };
    struct saved_facts facts;
    struct report report = { "", 0, 0 };

    if (saved_write(&out, path(number), &facts, &report))
        abort();
    return out;
}

static void
check_refused(const struct report *report, size_t bytes)
{
    unsigned line = 0;
    struct stat status;

    if (!stat(path(0), &status) || strpbrk(report->text, "\n\r\t"))
        abort();
    if (bytes && (sscanf(report->text, "text:%u: ", &line) != 1 || !line) && !strstr(report->text, "cannot be created"))
        abort();
}

/* From the first family to the last series. */
static struct buffer
body(const struct buffer *text)
{
    const char *from = memmem(text->data, text->len, "\nfamily ", 8), *to = memmem(text->data, text->len, "\nend ", 5);
    struct buffer part = { NULL, 0, 0 };

    if (from && to && from < to) {
        part.data = text->data + (from - text->data);
        part.len = (size_t)(to - from);
    }
    return part;
}

static void
check_loaded(void)
{
    struct report report = { "", 0, 0 };
    struct buffer first = save(0), second, bodies[2];

    if (load(1, first.data, first.len, &report))
        abort();
    second = save(1);
    bodies[0] = body(&first);
    bodies[1] = body(&second);
    if (bodies[0].len != bodies[1].len || (bodies[0].len && memcmp(bodies[0].data, bodies[1].data, bodies[0].len)))
        abort();
    buffer_free(&first);
    buffer_free(&second);
    unlink(path(1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct report report = { "", 0, 0 };

    if (load(0, (const char *)data, bytes, &report))
        check_refused(&report, bytes);
    else
        check_loaded();
    unlink(path(0));
    return 0;
}
