/* shmeter ls: prints a line for each segment. */
#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/watch.h"

static const struct argv_entry options[] = {
    { "json", NULL, "print an array of objects" },
};

static uint32_t
name_width(const struct watch *watch)
{
    uint32_t i, width = 4;

    for (i = 0; i < watch->statuses_n; i++)
        if (watch->statuses[i]->readable && strlen(watch->statuses[i]->name) > width)
            width = (uint32_t)strlen(watch->statuses[i]->name);
    return width;
}

static void
print_segment(const struct segment_status *status, uint32_t width)
{
    char used[32], size[32], age[32];

    say("%-*s  %9s  %9s  %8llu  %8llu  %4u  %4u  %7u  %8s", (int)width, status->name,
        say_size(used, status->backed_bytes), say_size(size, status->segment_bytes),
        (unsigned long long)status->series_used, (unsigned long long)status->families, status->slots_live,
        status->slots_dead, status->slots_unknown, say_age(age, say_age_since(status->created_real_ns)));
}

static void
print_table(const struct watch *watch)
{
    uint32_t i, width = name_width(watch), lines = 0;

    for (i = 0; i < watch->statuses_n; i++) {
        if (!watch->statuses[i]->readable)
            continue;
        if (!lines++)
            printf("%-*s  %9s  %9s  %8s  %8s  %4s  %4s  %7s  %8s\n", (int)width, "NAME", "USED", "SIZE", "SERIES",
                   "FAMILIES", "LIVE", "DEAD", "UNKNOWN", "AGE");
        print_segment(watch->statuses[i], width);
    }
}

static json_t *
unreadable_json(const struct segment_status *status)
{
    return json_pack("{s:o, s:o, s:b, s:o}", "name", say_json_string(status->name), "path",
                     say_json_string(status->path), "readable", 0, "error", say_json_string(status->error));
}

static json_t *
level_json(uint64_t used, uint64_t capacity)
{
    return json_pack("{s:I, s:I}", "used", (json_int_t)used, "capacity", (json_int_t)capacity);
}

static json_t *
workers_json(const struct segment_status *status)
{
    return json_pack("{s:i, s:i, s:i}", "live", (int)status->slots_live, "dead", (int)status->slots_dead, "unknown",
                     (int)status->slots_unknown);
}

static json_t *
age_json(const struct segment_status *status)
{
    uint64_t age = say_age_since(status->created_real_ns);

    return age == STATUS_NEVER ? json_null() : json_real(status_seconds(age));
}

static json_t *
segment_json(const struct segment_status *status)
{
    char mode[8], abi[24];

    snprintf(mode, sizeof mode, "%04o", status->mode & 07777u);
    snprintf(abi, sizeof abi, "%u.%u", status->abi_major, status->abi_minor);
    return json_pack(
        "{s:o, s:o, s:b, s:s, s:I, s:I, s:s, s:o, s:I, s:I, s:I, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        say_json_string(status->name), "path", say_json_string(status->path), "readable", 1, "mode", mode, "uid",
        (json_int_t)status->uid, "gid", (json_int_t)status->gid, "abi", abi, "age_seconds", age_json(status),
        "used_bytes", (json_int_t)status->backed_bytes, "size_bytes", (json_int_t)status->segment_bytes, "families",
        (json_int_t)status->families, "cpu_lanes", (int)status->cpu_lanes_n, "shared_lanes",
        (int)status->shared_lanes_n, "series", level_json(status->series_used, status->series_capacity), "cells",
        level_json(status->cells_used, status->cells_capacity), "records",
        level_json(status->records_used, status->records_capacity), "gauges",
        level_json(status->gauges_used, status->gauges_capacity), "slots",
        level_json(status->slots_n - status->slots_free, status->slots_n), "workers", workers_json(status));
}

static int
print_json(const struct watch *watch)
{
    json_t *all = json_array(), *one;
    uint32_t i;

    for (i = 0; i < watch->statuses_n && all; i++) {
        one = watch->statuses[i]->readable ? segment_json(watch->statuses[i]) : unreadable_json(watch->statuses[i]);
        if (json_array_append_new(all, one)) {
            json_decref(all);
            all = NULL;
        }
    }
    return say_json(all);
}

static int
ls_run(const struct arguments *given)
{
    struct watch watch;
    int result = watch_open(&watch, given, "*", SNAPSHOT_STATUS);

    if (result)
        return result;
    if (arguments_value(given, "json"))
        result = print_json(&watch);
    else
        print_table(&watch);
    fflush(stdout);
    if (watch_complain(&watch))
        result = EXIT_FAILED;
    if (!watch.statuses_n && given->names_n) {
        say_error("no segment matches '%s': shmeter ls lists all there are", given->names[0]);
        result = EXIT_FAILED;
    }
    watch_close(&watch);
    return result;
}

const struct command command_ls = {
    .name = "ls",
    .operands = "[NAME or PATTERN]...",
    .summary = "list segments, with their size, series and workers",
    .details = "Without a name: all segments in /dev/shm. A pattern with * ? [ ] wants quotes.\n\n"
               "Columns: memory in use, size when full, series, families, workers (live, dead without having said\n"
               "goodbye, and those of which nobody can tell), age.\n\n"
               "Exit codes: 0 listed, 1 a segment cannot be read or nothing matches, 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_most = -1,
    .run = ls_run,
};
