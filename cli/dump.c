/*
 * shmeter dump: the values of a segment, as the exporter would serve them, or as JSON.
 */
#include <stdio.h>

#include "cli/dump_json.h"
#include "cli/say.h"
#include "cli/watch.h"

static const struct command_option options[] = {
    { "json", NULL, "print families, series and values as JSON" },
};

static int
print_text(struct store *store)
{
    struct buffer out = { NULL, 0, 0 };
    int result = store_render(store, &encode_text, &out);

    if (result)
        say_error("out of memory");
    else
        fwrite(out.data, 1, out.len, stdout);
    buffer_free(&out);
    return result ? EXIT_FAILED : EXIT_GOOD;
}

static int
dump_run(const struct arguments *given)
{
    struct watch watch;
    int result = watch_open(&watch, given, watch_standard_name(), SNAPSHOT_ALL);

    if (result)
        return result;
    if (!watch.statuses_n) {
        say_error("no segment matches '%s': shmeter ls lists all there are", given->names[0]);
        result = EXIT_FAILED;
    } else if (watch_complain(&watch)) {
        result = EXIT_FAILED;
    }
    if (!result)
        result = arguments_value(given, "json") ? say_json(dump_json(store_model(watch.store)))
                                                : print_text(watch.store);
    watch_close(&watch);
    return result;
}

const struct command command_dump = {
    .name = "dump",
    .operands = "[NAME]...",
    .summary = "print the metrics of a segment (exposition text or JSON)",
    .details =
        "What the exporter serves of the segment, without its shmeter_* series. With several names, or a pattern,\n"
        "each series gets the label segment.\n\n"
        "Exit codes: 0 printed, 1 a segment cannot be read (then nothing is printed), 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_most = -1,
    .run = dump_run,
};
