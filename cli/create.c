/*
 * shmeter create: creates a segment with sizes of the operator's choice, before the application creates it with its
 * own.
 */
#include "cli/creation.h"
#include "cli/saved.h"
#include "shm/segment/segment.h"

static const struct argv_entry options[] = {
    CREATION_OPTIONS,
    { "load", "FILE",
      "with what shmeter save has put into FILE; sizes that\nare not given are those of the segment that was saved.\n"
      "Without FILE the segment is empty" },
    { "if-missing", NULL, "nothing is to be done when the segment exists" },
    SAVED_REMOVE_OPTION,
};

static int
create_run(const struct arguments *given)
{
    struct shmeter_options sizes = { .struct_bytes = sizeof sizes };
    const char *name = given->names[0], *file = arguments_value(given, "load"), *why = NULL;
    char path[256];
    int result = creation_take(given, &sizes);

    if (!result && arguments_value(given, "remove") && !file)
        result = arguments_wrong(given->command, "--remove is for the FILE of --load");
    if (!result)
        result = creation_path(name, path);
    if (result)
        return result;
    if (arguments_value(given, "if-missing") && saved_segment_exists(path))
        return saved_keep(given, path, file);
    if (file && saved_file_exists(file))
        return saved_create(given, name, path, file, &sizes);
    result = shmeter_segment_create(path, &sizes, &why);
    return creation_done(name, path, result, why);
}

const struct command command_create = {
    .name = "create",
    .operands = "NAME",
    .summary = "create a segment, with sizes",
    .details = "An application that opens the segment afterwards takes it as it is. Sizes are limits: memory is used\n"
               "as series and workers appear. BYTES may end in K, M or G.\n\n"
               "Exit codes: 0 created, 1 not created (it exists already, no room, no permission), 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_least = 1,
    .operands_most = 1,
    .run = create_run,
};
