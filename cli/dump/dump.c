/* shmeter dump: prints the values of a segment in the exporter's formats, or as JSON. */
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/dump/json.h"
#include "cli/say.h"
#include "cli/watch.h"

static const struct argv_entry options[] = {
    { "format", "FORMAT",
      "text (Prometheus text 0.0.4, the default), openmetrics\n(1.0.0), openmetrics-created (with _created lines),\nor "
      "protobuf (delimited MetricFamily messages)" },
    { "json", NULL, "print families, series and values as JSON" },
};

static const struct {
    const char *name;
    const struct encoder *encoder;
} formats[] = {
    { "text", &encode_text },
    { "openmetrics", &encode_openmetrics },
    { "openmetrics-created", &encode_openmetrics_created },
    { "protobuf", &encode_protobuf },
};

/* The encoder of --format. Returns 0, or EXIT_USAGE after a sentence. */
static int
find_encoder(const struct arguments *given, const struct encoder **out)
{
    const char *name = arguments_value(given, "format");
    uint32_t i;

    *out = &encode_text;
    if (!name)
        return 0;
    if (arguments_value(given, "json"))
        return arguments_wrong(given->command, "--format and --json exclude each other");
    for (i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!strcmp(formats[i].name, name)) {
            *out = formats[i].encoder;
            if (*out == &encode_protobuf && isatty(STDOUT_FILENO))
                return arguments_wrong(given->command, "protobuf is no text for a terminal: redirect the output");
            return 0;
        }
    return arguments_wrong(given->command, "--format is text, openmetrics, openmetrics-created or protobuf, not '%s'",
                           name);
}

static int
print_format(struct exposition *exposition, const struct encoder *encoder)
{
    struct buffer out = { NULL, 0, 0 };
    int result = exposition_render(exposition, encoder, &out);

    if (result)
        say_error("out of memory");
    else
        result = say_text(out.data ? out.data : "", out.len);
    buffer_free(&out);
    return result ? EXIT_FAILED : EXIT_GOOD;
}

static int
dump_run(const struct arguments *given)
{
    const struct encoder *encoder;
    struct watch watch;
    int result = find_encoder(given, &encoder);

    if (!result)
        result = watch_open(&watch, given, watch_standard_name(), SNAPSHOT_ALL);
    if (result)
        return result;
    if (!watch.statuses_n) {
        say_error("no segment matches '%s': shmeter ls lists all there are", given->names[0]);
        result = EXIT_FAILED;
    } else if (watch_complain(&watch)) {
        result = EXIT_FAILED;
    }
    if (!result)
        result = arguments_value(given, "json") ? say_json(dump_json(watch.exposition->model))
                                                : print_format(watch.exposition, encoder);
    watch_close(&watch);
    return result;
}

const struct command command_dump = {
    .name = "dump",
    .operands = "[NAME]...",
    .summary = "print the metrics of a segment (exposition or JSON)",
    .details =
        "What the exporter serves of the segment, without its shmeter_* series. With several names, or a pattern,\n"
        "each series gets the label segment.\n\n"
        "Exit codes: 0 printed, 1 a segment cannot be read (then nothing is printed), 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_most = -1,
    .run = dump_run,
};
