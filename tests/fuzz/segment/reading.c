#include "tests/fuzz/segment/reading.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expo/encode.h"
#include "expo/plan.h"
#include "expo/settings.h"
#include "expo/snapshot.h"
#include "shm/reader.h"
#include "tests/expo/strict.h"
#include "tests/fuzz/segment/lies.h"

static const struct settings idle_settings = {
    .id = 1,
    .match = "",
    .prefix = "",
    .idle_ns = 1,
    .idle_gauges = 1,
};

struct reading {
    struct edit_head head;
    struct snapshot *snapshot, *older; /* older: of a segment that was replaced                                  */
    struct model *model;
    struct plan *plan;
};

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* NULL: refused, with a reason. */
static struct snapshot *
open_image(void)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    struct snapshot *snapshot;
    int result = shmeter_reader_open(&reader, "/image", NULL, &error);

    must(!result == (error.fault == SHMETER_READER_FINE) && !result == !*error.text, "an error without a reason");
    if (result)
        return NULL;
    /* Of a smaller segment that the header may speak of, what is behind it is not its own. */
    ASAN_POISON_MEMORY_REGION(kernel.base + reader->bytes, kernel.bytes - reader->bytes);
    snapshot = snapshot_new(reader);
    must(snapshot != NULL, "no memory for a snapshot");
    return snapshot;
}

static void
give(struct reading *reading)
{
    struct segment_status counts = { 0 };
    struct snapshot_target target = {
        .segment = reading->head.labelled & 1 ? "image" : NULL,
        .settings = reading->head.idle & 1 ? &idle_settings : NULL,
        .now_ns = kernel.now_ns,
        .counts = &counts,
    };

    model_begin(reading->model);
    must(!snapshot_give(reading->snapshot, reading->model, &target), "no memory for a model");
    target.newer = reading->snapshot;
    if (reading->older)
        must(!snapshot_give(reading->older, reading->model, &target), "no memory for a model");
}

static void
render(struct reading *reading, int strictly)
{
    struct buffer text = { 0 };
    struct strict parsed = { 0 };

    must(!plan_update(reading->plan, encode_text.parts) && !encode_text.render(reading->plan, &text),
         "no memory to render");
    must(!text.len || text.data[text.len - 1] == '\n', "a line without an end");
    if (strictly) {
        strict_parse(&parsed, text.data ? text.data : "", text.len);
        must(!*parsed.error, parsed.error);
        strict_free(&parsed);
    }
    buffer_free(&text);
}

static void
take(struct reading *reading, int strictly)
{
    kernel.now_ns += 1000;
    must(!snapshot_take(reading->snapshot, SNAPSHOT_ALL), "no memory to read");
    give(reading);
    render(reading, strictly);
}

/* The segment again after more damage, or another one in its place. Returns 0 when there is none that can be read. */
static int
come_back(struct reading *reading)
{
    if (!(reading->head.replaced & 1))
        return 1;
    kernel.inode++;
    snapshot_freeze(reading->snapshot);
    reading->older = reading->snapshot;
    reading->snapshot = open_image();
    return reading->snapshot != NULL;
}

/* Of so many inputs, one. */
static int
chosen(const uint8_t *data, size_t bytes, uint32_t of)
{
    uint32_t sum = 0;

    while (bytes)
        sum = sum * 31 + data[--bytes];
    return sum % of == 0;
}

void
reading_run(struct edits *edits, const uint8_t *data, size_t bytes, uint32_t strictly)
{
    struct reading reading = { 0 };
    struct edit all[EDITS_MOST];
    uint32_t n = edits_read(all, &reading.head, data, bytes);
    int strict = chosen(data, bytes, strictly);

    kernel = (struct kernel){ edits->image.base, edits->image.bytes, 1000000, 1 };
    edits_apply(edits, all, n, 0);
    lies_begin(edits, all, n);
    reading.snapshot = open_image();
    if (reading.snapshot) {
        reading.model = model_new();
        reading.plan = reading.model ? plan_new(reading.model) : NULL;
        must(reading.plan != NULL, "no memory for a model");
        take(&reading, strict);
        ASAN_UNPOISON_MEMORY_REGION(kernel.base, kernel.bytes);
        if (edits_apply(edits, all, n, EDIT_LATER) && come_back(&reading))
            take(&reading, strict);
        snapshot_free(reading.snapshot);
        snapshot_free(reading.older);
        plan_free(reading.plan);
        model_free(reading.model);
    }
    ASAN_UNPOISON_MEMORY_REGION(kernel.base, kernel.bytes);
    edits_undo(edits);
    heap_end();
}
