/* shmeter expire: removes the series that nobody has updated for a time. */
#include <stdio.h>

#include "cli/say.h"
#include "cli/series.h"

static const struct argv_entry options[] = {
    { "after", "SECONDS", "for so long, whatever their families say; those of\nall families" },
};

struct expiry {
    const struct shmeter_attachment *attachment;
    uint64_t now, after;
    uint32_t looked, removed;
};

static void
look(const struct series_found *found, void *argument)
{
    struct expiry *expiry = argument;
    uint64_t of_family = (uint32_t)shmeter_lifetime_of(expiry->attachment, found->binding.record, found->binding.unit);
    uint64_t after = expiry->after ? expiry->after : of_family;
    struct shmeter_look look;

    if (!after ||
        !shmeter_idle_look(expiry->attachment, found->binding.record, found->record, found->unit, expiry->now, &look))
        return;
    expiry->looked++;
    expiry->removed += look.idle > after && shmeter_reuse_remove(expiry->attachment, found->record, found->unit);
}

static int
expire(struct series_walk *walk, const char *name, uint64_t after)
{
    struct expiry expiry = { walk->attachment, shmeter_idle_now(walk->attachment), after, 0, 0 };

    if (!shmeter_attachment_reuses(walk->attachment) || !expiry.now) {
        say_error("in segment %s nothing expires: it was made %s; create it again", name,
                  expiry.now ? "by an earlier release" : "before this machine was started");
        return EXIT_FAILED;
    }
    if (series_each(walk, look, &expiry))
        return EXIT_FAILED;
    say("removed %u series of %s, %u stay", expiry.removed, name, expiry.looked - expiry.removed);
    return EXIT_GOOD;
}

static int
expire_run(const struct arguments *given)
{
    struct series_walk walk;
    uint64_t after = 0;
    int result = arguments_number(given, "after", 0, 1, SHMETER_IDLE_MOST_SECONDS, &after);

    if (result)
        return result;
    result = series_open(&walk, given);
    if (!result)
        result = expire(&walk, given->names[0], after);
    series_close(&walk);
    return result;
}

const struct command command_expire = {
    .name = "expire",
    .operands = "NAME [SELECTOR]...",
    .summary = "remove series that nobody has updated for a time",
    .details =
        "That time is what the series' family has (idle_seconds, expire_after), or --after. When a series was last\n"
        "updated nobody knows: a series counts as updated when this command, or a worker, finds it changed since the\n"
        "look before. So call it again and again, from a timer: the first call only begins the time. Infos, series\n"
        "without labels, and gauges that stand for what a living worker has now do not expire.\n\n"
        "SELECTOR is METRIC or METRIC{label=\"value\"}, as for shmeter hide: only these series.\n\n"
        "Exit codes: 0 looked at, also when nothing was removed, 1 not (no segment, no permission), 2 wrong usage.\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_least = 1,
    .operands_most = -1,
    .run = expire_run,
};
