/* Creates a segment from a command line. For the subcommands create and load. */
#ifndef SHMETER_CLI_CREATION_H
#define SHMETER_CLI_CREATION_H

#include "cli/arguments.h"

struct shmeter_options;

/* The common rows of the tables of options. */
#define CREATION_OPTIONS                                                                                              \
    { "mode", "MODE", "0600, 0640 or 0660: who may read and write the\nsegment (default: 0600, with --group 0640)" }, \
        { "group", "GROUP", "group of the file, name or number" },                                                    \
        { "lane-bytes", "BYTES",                                                                                      \
          "room for counters and histograms, per CPU;\nrounded up to a power of two (default: 1M)" },                 \
        { "max-series", "N", "series in all (default: 16384)" },                                                      \
        { "max-family-series", "N", "series of one family (default: 1000)" },                                         \
        { "max-slots", "N", "workers at one time (default: 256)" },                                                   \
        { "max-gauges", "N", "gauge series (default: 1024)" },                                                        \
        { "ring-bytes", "BYTES", "room for events, per worker (default: 256K)" },                                     \
        { "cpu-lanes", "N", "CPUs that get a lane (default: the highest that is\npresent, plus 1)" },                 \
    {                                                                                                                 \
        "shared-lanes", "N",                                                                                          \
            "1, 2, 4 or 8 lanes for threads without restartable\nsequences (default: after the CPU lanes)"            \
    }

/* Reads these options into out, which is zeroed except struct_bytes. 0, or EXIT_USAGE after a sentence. */
int creation_take(const struct arguments *given, struct shmeter_options *out);

/* The path of a segment's file. path: 256 bytes. 0, or EXIT_FAILED after a sentence. */
int creation_path(const char *name, char *path);

/* Reports the result. result: 0, or the -errno of shmeter_segment_create() with its why. Returns the exit code. */
int creation_done(const char *name, const char *path, int result, const char *why);

#endif
