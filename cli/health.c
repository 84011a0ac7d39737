/* shmeter health: prints the verdict that the exporter has at /health, for shells and probes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/say.h"
#include "cli/watch.h"
#include "health/health.h"
#include "health/json.h"

static const struct argv_entry options[] = {
    { "json", NULL, "print what the exporter serves at /health" },
    { "stuck-after", "SECONDS", "a worker that is busy with one thing for longer is\nstuck; 0: never (default: 60)" },
    { "silent-after", "SECONDS",
      "a worker that has given a heartbeat and is silent for\nlonger is stuck, idle or not; 0: never (default)" },
    { "died-within", "SECONDS",
      "for so long a worker's death is a reason, unless it\nhas a successor; 0: never (default: 300)" },
};

static void
print_words(const struct health *health)
{
    uint32_t i;

    printf("%s: %u of %u segments readable, workers: %u live, %u dead, %u unknown, %u stuck\n",
           status_health_word(health->verdict), health->segments_readable, health->segments_n, health->workers_live,
           health->workers_dead, health->workers_unknown, health->workers_stuck);
    for (i = 0; i < health->reasons_n; i++)
        say("  %s: %s", status_health_word(health->reasons[i].severity), health->reasons[i].message);
}

static int
print_json(const struct health *health, const struct watch *watch)
{
    char *text = health_json_text(health, watch->statuses, watch->statuses_n);
    int result;

    if (!text) {
        say_error("out of memory");
        return -1;
    }
    result = say_text(text, strlen(text));
    free(text);
    return result;
}

/* A limit in seconds; 0: never. */
static int
take_limit(const struct arguments *given, const char *option, uint64_t otherwise, double *limit)
{
    uint64_t seconds = otherwise;
    int result = arguments_number(given, option, 0, 0, 1000000000, &seconds);

    *limit = seconds ? (double)seconds : -1;
    return result;
}

static int
health_run(const struct arguments *given)
{
    struct health_limits limits = { 0 };
    struct health health;
    struct watch watch;
    int result = take_limit(given, "stuck-after", 60, &limits.busy_seconds);

    if (!result)
        result = take_limit(given, "silent-after", 0, &limits.heartbeat_seconds);
    if (!result)
        result = take_limit(given, "died-within", 300, &limits.died_seconds);
    if (result)
        return result;
    if (watch_open(&watch, given, watch_standard_name(), SNAPSHOT_STATUS))
        return 2; /* without memory: failing, because the verdict is unknown */
    if (health_judge(&health, watch.statuses, watch.statuses_n, &limits)) {
        say_error("out of memory");
        watch_close(&watch);
        return 2;
    }
    result = (int)health.verdict;
    if (!arguments_value(given, "json"))
        print_words(&health);
    else if (print_json(&health, &watch))
        result = 2;
    health_free(&health);
    watch_close(&watch);
    return result;
}

const struct command command_health = {
    .name = "health",
    .operands = "[NAME or PATTERN]...",
    .summary = "judge segments and their workers, with reasons",
    .details =
        "Exit codes: 0 ok, 1 degraded, 2 failing (a segment that cannot be read is failing; wrong usage is 2, too).\n",
    .options = options,
    .options_n = sizeof options / sizeof *options,
    .operands_most = -1,
    .run = health_run,
};
