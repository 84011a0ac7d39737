/* shmeter save and shmeter load: carry a segment's values over a reboot or into a new pod. */
#include "cli/saved.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/creation.h"
#include "cli/say.h"
#include "cli/watch.h"
#include "read/file/reader.h"
#include "saved/saved.h"
#include "shm/layout/options.h"

/* ---- save ---- */

static const char *
name_of(const struct arguments *given)
{
    return given->names_n > 1 ? given->names[1] : watch_standard_name();
}

static void
say_saved(const char *name, const char *file, const struct saved_facts *facts)
{
    if (facts->workers)
        say("saved %s: %u series of %u families in %s; %u worker%s alive, and what %s from now on is not in it", name,
            (unsigned)facts->series, (unsigned)facts->families, file, (unsigned)facts->workers,
            facts->workers == 1 ? " is" : "s are", facts->workers == 1 ? "it counts" : "they count");
    else
        say("saved %s: %u series of %u families in %s", name, (unsigned)facts->series, (unsigned)facts->families, file);
}

static int
save_run(const struct arguments *given)
{
    const char *file = given->names[0], *name = name_of(given);
    struct buffer text = { NULL, 0, 0 };
    struct saved_facts facts = { { 0, 0 }, 0, 0, 0, 0 };
    struct report report = { "", 0, 0 };
    int result = saved_write(&text, name, &facts, &report);

    if (!result)
        result = saved_file_write(file, &text, &report);
    buffer_free(&text);
    if (result) {
        say_error("%s", report.text);
        return EXIT_FAILED;
    }
    if (strcmp(file, "-"))
        say_saved(name, file, &facts);
    return EXIT_GOOD;
}

const struct command command_save = {
    .name = "save",
    .operands = "FILE [NAME]",
    .summary = "save what a segment has counted in a file",
    .details = "Counters, histograms, summaries and gauges whose mode keeps the values of the dead, with their\n"
               "definitions and creation times, as a text. FILE is replaced as a whole or stays as it was; - is\n"
               "standard output. Save when the workers have ended: what they count afterwards is not in the file.\n\n"
               "Exit codes: 0 saved, 1 not saved (FILE stays as it was), 2 wrong usage.\n",
    .operands_least = 1,
    .operands_most = 2,
    .run = save_run,
};

/* ---- load ---- */

int
saved_segment_exists(const char *path)
{
    struct stat status;

    return !lstat(path, &status);
}

int
saved_file_exists(const char *file)
{
    struct stat status;

    return !strcmp(file, "-") || !stat(file, &status) || errno != ENOENT;
}

static int
remove_file(const struct arguments *given, const char *file)
{
    struct report report = { "", 0, 0 };

    if (!arguments_value(given, "remove") || !strcmp(file, "-") || !saved_file_remove(file, &report))
        return EXIT_GOOD;
    say_error("%s", report.text);
    return EXIT_FAILED;
}

int
saved_create(const struct arguments *given, const char *name, const char *path, const char *file,
             const struct shmeter_options *sizes)
{
    struct buffer bytes = { NULL, 0, 0 };
    struct saved_facts facts = { { 0, 0 }, 0, 0, 0, 0 };
    struct report report = { "", 0, 0 };
    int result = saved_file_read(file, &bytes, &report);

    int is_of_file = result != 0;

    if (!result) {
        const struct saved_text text = { bytes.data, bytes.len, file };
        result = saved_load(path, sizes, &text, &facts, &report);
        is_of_file = result == -EINVAL || result == -ENOMEM;
    }
    buffer_free(&bytes);
    if (result && !is_of_file)
        return creation_done(name, path, result, NULL);
    if (result) {
        say_error("%s", report.text);
        return EXIT_FAILED;
    }
    creation_done(name, path, 0, NULL);
    say("loaded %s: %u series of %u families", file, (unsigned)facts.series, (unsigned)facts.families);
    return remove_file(given, file);
}

int
saved_keep(const struct arguments *given, const char *path, const char *file)
{
    struct buffer bytes = { NULL, 0, 0 };
    struct saved_facts facts = { { 0, 0 }, 0, 0, 0, 0 };
    struct report report = { "", 0, 0 };
    struct shmeter_reader_error error;
    struct shmeter_reader *reader = NULL;
    int is_old = 0;

    if (shmeter_reader_open(&reader, path, NULL, &error)) {
        say_error("%s", error.text);
        return EXIT_FAILED;
    }
    if (file && strcmp(file, "-") && arguments_value(given, "remove") && !saved_file_read(file, &bytes, &report)) {
        const struct saved_text text = { bytes.data, bytes.len, file };
        is_old = !saved_facts_of(&text, &facts, &report) && facts.nonce[0] == reader->header.nonce[0] &&
                 facts.nonce[1] == reader->header.nonce[1];
    }
    buffer_free(&bytes);
    shmeter_reader_close(reader);
    return is_old ? remove_file(given, file) : EXIT_GOOD;
}

static const struct argv_entry options[] = {
    CREATION_OPTIONS,
    SAVED_REMOVE_OPTION,
};

static int
load_run(const struct arguments *given)
{
    struct shmeter_options sizes = { .struct_bytes = sizeof sizes };
    const char *name = name_of(given);
    char path[256];
    int result = creation_take(given, &sizes);

    if (!result)
        result = creation_path(name, path);
    return result ? result : saved_create(given, name, path, given->names[0], &sizes);
}

const struct command command_load = {
    .name = "load",
    .operands = "FILE [NAME]",
    .summary = "create a segment with what was saved",
    .details = "The segment is new, and has all that shmeter save has put into FILE (- is standard input), or is not\n"
               "created at all. A segment that exists stays as it is: nothing is ever added to it. Sizes that are not\n"
               "given are those of the segment that was saved. BYTES may end in K, M or G.\n\n"
               "Exit codes: 0 created, 1 not created (it exists already, FILE is damaged, no room), 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_least = 1,
    .operands_most = 2,
    .run = load_run,
};
