#include "tests/fuzz/segment/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/encode.h"
#include "formats/plan/plan.h"
#include "read/file/reader.h"
#include "read/filters/filters.h"
#include "read/give/give.h"
#include "read/snapshot/snapshot.h"
#include "tests/fuzz/segment/backed.h"
#include "tests/fuzz/segment/lies.h"
#include "tests/read/strict.h"

static const char *const label_names[] = { "method", "pool" }, *const label_values[] = { "x", "\"y" };
static const struct settings settings[] = {
    { .id = 1, .match = "", .prefix = "", .idle_ns = 1, .idle_gauges = 1 },
    { .id = 2, .match = "", .prefix = "p_", .label_names = label_names, .label_values = label_values, .labels_n = 2 },
    { .id = 3,
      .match = "",
      .prefix = "",
      .idle_ns = 1,
      .label_names = label_names,
      .label_values = label_values,
      .labels_n = 2 },
};

struct reading {
    struct edit_head head;
    struct snapshot *snapshot, *older; /* older: of a segment that was replaced                                  */
    struct giving *giving, *older_giving;
    struct model *model;
    struct plan *plan;
    uint32_t lies_n;
    int strictly;
};

static void
must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* 1, or 0 when memory was refused, which is the one way to fail. */
static int
worked(int result)
{
    must(!result || (result == -ENOMEM && heap_starved()), "an error that is none of memory");
    return !result;
}

/* NULL: refused, with a reason. */
static struct snapshot *
open_image(struct reading *reading)
{
    struct shmeter_reader_error error;
    struct shmeter_reader *reader;
    struct snapshot *snapshot;
    int result = shmeter_reader_open(&reader, "/image", NULL, &error);

    must(!result == (error.fault == SHMETER_READER_FINE) && !result == !*error.text, "an error without a reason");
    if (result)
        return NULL;
    backed_begin(&reader->header, !reading->lies_n);
    snapshot = snapshot_new(reader);
    must(snapshot || heap_starved(), "no memory for a snapshot");
    return snapshot;
}

static int
has_giving(struct giving **giving, const struct snapshot *snapshot)
{
    if (!*giving)
        *giving = giving_new(snapshot);
    must(*giving || heap_starved(), "no memory for a giving");
    return *giving != NULL;
}

static int
give(struct reading *reading)
{
    struct segment_status counts = { 0 };
    struct giving_target target = {
        .segment = reading->head.labelled & 1 ? "image" : NULL,
        .settings = reading->head.settings & 3 ? &settings[(reading->head.settings & 3) - 1] : NULL,
        .now_ns = kernel.now_ns,
        .counts = &counts,
    };

    if (!has_giving(&reading->giving, reading->snapshot) ||
        (reading->older && !has_giving(&reading->older_giving, reading->older)))
        return 0;
    model_begin(reading->model);
    if (reading->older && !worked(giving_follow(reading->older_giving, reading->giving, 1)))
        return 0;
    if (!worked(giving_give(reading->giving, reading->model, &target)))
        return 0;
    target.newer = reading->giving;
    return !reading->older || worked(giving_give(reading->older_giving, reading->model, &target));
}

static void
check_text(const struct buffer *text, int strictly)
{
    struct strict parsed = { 0 };

    must(!text->len || text->data[text->len - 1] == '\n', "a line without an end");
    if (!strictly)
        return;
    strict_parse(&parsed, text->data ? text->data : "", text->len);
    must(!*parsed.error, parsed.error);
    strict_free(&parsed);
}

static void
render(struct reading *reading)
{
    struct buffer text = { 0 };

    if (worked(plan_update(reading->plan, encode_text.parts)) && worked(encode_text.render(reading->plan, &text)))
        check_text(&text, reading->strictly);
    buffer_free(&text);
}

static void
take(struct reading *reading)
{
    kernel.now_ns += 1000;
    backed_forbid();
    if (worked(snapshot_take(reading->snapshot, SNAPSHOT_ALL)) && give(reading))
        render(reading);
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
    reading->older_giving = reading->giving;
    reading->giving = NULL;
    reading->snapshot = open_image(reading);
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

static void
read_image(struct reading *reading, struct edits *edits, const struct edit *all, uint32_t n)
{
    reading->snapshot = open_image(reading);
    if (!reading->snapshot)
        return;
    reading->model = model_new();
    reading->plan = reading->model ? plan_new(reading->model) : NULL;
    must(reading->plan || heap_starved(), "no memory for a model");
    if (!reading->plan)
        return;
    take(reading);
    backed_allow();
    if (edits_apply(edits, all, n, EDIT_LATER) && come_back(reading))
        take(reading);
}

void
reading_run(struct edits *edits, const uint8_t *data, size_t bytes, uint32_t strictly)
{
    struct reading reading = { .strictly = chosen(data, bytes, strictly) };
    struct edit all[EDITS_MOST];
    uint32_t n = edits_read(all, &reading.head, data, bytes);

    kernel = (struct kernel){ edits->image.base, edits->image.bytes, 1000000, 1, reading.head.settings >> 2 & 1 };
    edits_apply(edits, all, n, 0);
    reading.lies_n = lies_begin(edits, all, n);
    heap_starve(reading.head.starve);
    read_image(&reading, edits, all, n);
    giving_free(reading.giving);
    giving_free(reading.older_giving);
    snapshot_free(reading.snapshot);
    snapshot_free(reading.older);
    plan_free(reading.plan);
    model_free(reading.model);
    backed_allow();
    edits_undo(edits);
    heap_end();
}
