/* shmeter health: prints the verdict that the exporter has at /health, for shells and probes. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/say.h"
#include "cli/watch.h"
#include "health/health.h"
#include "health/json.h"

static const struct argv_entry options[] = {
    { "json", NULL, "print what the exporter serves at /health" },
    { "stuck-after", "SECONDS",
      "a worker that is busy with one thing, or whose\nheartbeat is silent, for longer is stuck; 0: never\n(default: "
      "60)" },
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

    if (!text) {
        say_error("out of memory");
        return -1;
    }
    fputs(text, stdout);
    free(text);
    return 0;
}

static int
health_run(const struct arguments *given)
{
    struct health_limits limits = { 0 };
    struct health health;
    struct watch watch;
    uint64_t seconds = 60;
    int result = arguments_number(given, "stuck-after", 0, 0, 1000000000, &seconds);

    if (result)
        return result;
    limits.busy_seconds = limits.heartbeat_seconds = seconds ? (double)seconds : -1;
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
