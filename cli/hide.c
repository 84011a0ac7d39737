/* shmeter hide: takes series out of what is exposed, for a label that has exploded. */
#include <stdio.h>

#include "cli/say.h"
#include "cli/series.h"

static const struct argv_entry options[] = {
    { "dry-run", NULL, "print the series, and hide none" },
};

struct hiding {
    int dry;
    uint32_t hidden;
};

static void
hide(const struct series_found *found, void *argument)
{
    struct hiding *hiding = argument;

    hiding->hidden++;
    if (hiding->dry)
        series_print(found);
    else
        shmeter_series_hide(&found->binding, &found->definition, found->unit);
}

static int
hide_run(const struct arguments *given)
{
    struct hiding hiding = { arguments_value(given, "dry-run") != NULL, 0 };
    struct series_walk walk;
    uint32_t i;
    int result;

    if (given->names_n < 2)
        return arguments_wrong(given->command, "which series? METRIC, or METRIC{label=\"value\"}");
    result = series_open(&walk, given);
    if (!result && series_each(&walk, hide, &hiding))
        result = EXIT_FAILED;
    for (i = 0; !result && i < walk.selectors_n; i++)
        if (!walk.hits[i]) {
            say_error("segment %s has no series %s", given->names[0], given->names[1 + i]);
            result = EXIT_FAILED;
            break;
        }
    if (!hiding.dry && hiding.hidden)
        say("hid %u series of %s", hiding.hidden, given->names[0]);
    series_close(&walk);
    return result;
}

const struct command command_hide = {
    .name = "hide",
    .operands = "NAME SELECTOR...",
    .summary = "take series out, such as those of a label that exploded",
    .details =
        "SELECTOR is METRIC, which is all of its series, or METRIC{label=\"value\"}, as in PromQL, also with != =~ "
        "!~;\n"
        "in quotes, for the shell. What was counted in the series is gone. Their places are free for others, and "
        "their\n"
        "room too, once the workers that may know them have moved on. A worker that updates such a series by\n"
        "a handle it has kept counts unseen; one that asks for it again begins it anew, from 0.\n\n"
        "Exit codes: 0 hidden, 1 not (a SELECTOR that chooses nothing, no segment, no permission), 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_least = 1,
    .operands_most = -1,
    .run = hide_run,
};
