/*
 * A scrape: round_read() reads the segments into the model, judges health and adds the exporter's own series;
 * round_make() renders a document of it. scraper.c calls both on its thread.
 */
#include "exporter/scrape/round.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "exporter/scrape/documents.h"
#include "exporter/scrape/health_put.h"
#include "exporter/scrape/self.h"
#include "exporter/scrape/watch.h"
#include "exposition/exposition.h"
#include "exposition/own.h"
#include "formats/gzip.h"
#include "health/health.h"
#include "health/losses.h"
#include "health/rules/rules.h"
#include "process/put.h"

#define TICK_NS 1000000000u

struct round {
    struct round_options options;
    struct config *config;
    struct exposition *exposition;
    double began_seconds; /* start of the reading, by CLOCK_MONOTONIC */
    struct health health; /* of the last reading */
    struct self self;
    struct watch watch;
    struct losses losses;
    struct process_pool *processes;
    uint64_t tick_at;  /* when the rules are to be evaluated next */
    struct gzip *gzip; /* NULL until a compressed document is wanted */
    const struct segment_status **statuses;
    uint32_t statuses_n;
};

void
round_free(struct round *round)
{
    if (!round)
        return;
    health_free(&round->health);
    exposition_free(round->exposition);
    watch_free(&round->watch);
    losses_free(&round->losses);
    process_pool_free(round->processes);
    gzip_free(round->gzip);
    config_free(round->config);
    free(round->statuses);
    free(round);
}

static struct store_options
store_options_of(const struct round *round, const struct config *config)
{
    return (struct store_options){ .names = config->names,
                                   .names_n = config->names_n,
                                   .owners = round->options.owners,
                                   .owners_n = round->options.owners_n,
                                   .witness = 1,
                                   .spare_fds = round->options.spare_fds,
                                   .settings = config->segments };
}

struct round *
round_new(const struct round_options *options, struct config *config)
{
    struct round *round = calloc(1, sizeof *round);
    struct store_options store;

    if (!round)
        return NULL;
    round->options = *options;
    round->self.start_seconds = clock_seconds(CLOCK_REALTIME);
    store = store_options_of(round, config);
    round->exposition = exposition_new(&store);
    round->processes = process_pool_new(1);
    if (round->exposition && round->processes) {
        round->config = config;
        round->tick_at = clock_ns(CLOCK_MONOTONIC);
        return round;
    }
    round_free(round);
    return NULL;
}

/* Forgets the segments' statuses, which the next reading replaces. */
static void
forget_statuses(struct round *round)
{
    health_free(&round->health); /* its reasons point into the statuses */
    round->statuses_n = 0;
}

int
round_configure(struct round *round, struct config *config)
{
    const struct store_options store = store_options_of(round, config);
    int result = exposition_configure(round->exposition, &store);

    if (result)
        return result;
    if (!round->config->rules)
        round->tick_at = clock_ns(CLOCK_MONOTONIC);
    if (config->rules)
        rules_take(config->rules, round->config->rules);
    forget_statuses(round);
    config_free(round->config);
    round->config = config;
    return 0;
}

void
round_note_reload(struct round *round, const struct round_reload *reload)
{
    round->self.reload_good = reload->is_good;
    round->self.reload_good_seconds = reload->good_seconds;
}

/* ---- reading ---- */

static int
collect_statuses(struct round *round)
{
    const struct store *store = round->exposition->store;
    uint32_t n = store_status_n(store), i;
    const struct segment_status **grown = realloc(round->statuses, (n + !n) * sizeof *grown);

    if (!grown)
        return -ENOMEM;
    round->statuses = grown;
    for (i = 0; i < n; i++)
        grown[i] = store_status(store, i);
    round->statuses_n = n;
    return 0;
}

/* Passes the new statuses of the segments to the log and to the losses. 0 or -ENOMEM. */
static int
look(struct round *round)
{
    int result;

    forget_statuses(round);
    result = collect_statuses(round);
    if (result)
        return result;
    watch_look(&round->watch, round->statuses, round->statuses_n);
    return losses_look(&round->losses, round->statuses, round->statuses_n, clock_seconds(CLOCK_MONOTONIC),
                       clock_ns(CLOCK_REALTIME));
}

static int
judge(struct round *round)
{
    int result = look(round);

    if (!result)
        result = health_judge(&round->health, round->statuses, round->statuses_n, &round->config->limits);
    if (!result)
        result = losses_judge(&round->losses, round->statuses, round->statuses_n, &round->health);
    if (!result && round->config->rules)
        result = rules_judge(round->config->rules, &round->health);
    return result;
}

static int
add_processes(struct round *round, struct model *model)
{
    const struct config *config = round->config;
    int result;

    if (!config->processes_pool)
        return 0;
    result = process_pool_read(round->processes, round->statuses, round->statuses_n);
    return result ? result
                  : process_put(round->processes, round->statuses, round->statuses_n, config->processes_workers, model);
}

/* An exposition_add_fn: judges health, and adds the series about segments, health and the exporter. */
static int
add_series(void *argument, struct model *model)
{
    struct round *round = argument;
    int result = judge(round);

    if (result)
        return result;
    round->self.read_seconds = clock_seconds(CLOCK_MONOTONIC) - round->began_seconds;
    result = own_add(round->exposition->store, model);
    result |= health_put(&round->health, round->config->rules, round->statuses, round->statuses_n, model);
    result |= add_processes(round, model);
    result |= self_put(&round->self, model);
    result |= traffic_put(round->options.traffic, model);
    return result ? -ENOMEM : 0;
}

int
round_read(struct round *round, int with_values)
{
    int result;

    forget_statuses(round);
    round->began_seconds = clock_seconds(CLOCK_MONOTONIC);
    if (with_values) {
        result = exposition_read(round->exposition, add_series, round);
        round->self.render_seconds = 0;
    } else {
        result = store_take(round->exposition->store, SNAPSHOT_STATUS);
        result = result ? result : judge(round);
    }
    if (result)
        forget_statuses(round);
    return result;
}

uint64_t
round_tick_at(const struct round *round)
{
    return round->config->rules ? round->tick_at : 0;
}

int
round_tick(struct round *round)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    int result;

    round->tick_at += TICK_NS;
    if (round->tick_at <= now)
        round->tick_at = now + TICK_NS; /* it was late: evaluations that were missed are not made up for */
    forget_statuses(round);
    result = exposition_read(round->exposition, NULL, NULL);
    if (!result)
        result = look(round);
    return result ? result
                  : rules_read(round->config->rules, round->exposition->model, (double)now / 1e9,
                               clock_ns(CLOCK_REALTIME));
}

void
round_summary(const struct round *round, struct round_summary *out)
{
    uint32_t i;

    *out = (struct round_summary){ .segments_n = round->statuses_n };
    for (i = 0; i < round->statuses_n; i++)
        if (round->statuses[i]->readable) {
            out->readable_n++;
            out->series_n += round->statuses[i]->series_visible;
        }
}

/* ---- documents ---- */

/* Renders the families that are chosen: the others count as empty meanwhile. Returns 0 or -ENOMEM. */
static int
render(struct round *round, const struct encoder *encoder, struct document *document)
{
    const struct selection *selection = &document->wanted.selection;
    struct model *model = round->exposition->model;
    uint32_t *present_n, i;
    int result;

    if (selection_is_empty(selection))
        return exposition_render_escaped(round->exposition, encoder, document->wanted.escaping, &document->body);
    present_n = calloc(model->families_n + 1u, sizeof *present_n);
    if (!present_n)
        return -ENOMEM;
    for (i = 0; i < model->families_n; i++) {
        present_n[i] = model->families[i]->present_n;
        if (!selection_has(selection, model->families[i]->name))
            model->families[i]->present_n = 0;
    }
    result = exposition_render_escaped(round->exposition, encoder, document->wanted.escaping, &document->body);
    for (i = 0; i < model->families_n; i++)
        model->families[i]->present_n = present_n[i];
    free(present_n);
    return result;
}

static int
make_metrics(struct round *round, struct document *document)
{
    const struct encoder *encoder = document->wanted.encoder;
    double began = clock_seconds(CLOCK_MONOTONIC);
    int result;

    if (encoder == &encode_openmetrics && round->config->openmetrics_created)
        encoder = &encode_openmetrics_created;
    result = render(round, encoder, document);
    while (result == -ENOMEM &&
           store_relieve(round->exposition->store)) { /* leave out one segment, so that the others can be served */
        buffer_free(&document->body);
        result = round_read(round, 1);
        if (!result)
            result = render(round, encoder, document);
    }
    document->content_type = document->wanted.type;
    round->self.render_seconds += clock_seconds(CLOCK_MONOTONIC) - began;
    return result;
}

int
round_make(struct round *round, struct document *document)
{
    const struct documents_context context = { round->statuses, round->statuses_n, &round->health, round->config->rules,
                                               round->options.telemetry_path };

    document->good = 1;
    switch (document->wanted.kind) {
    case DOCUMENT_METRICS:
        return make_metrics(round, document);
    case DOCUMENT_HEALTH:
        document->content_type = "application/json";
        return document_health(&context, &document->body, &document->good);
    case DOCUMENT_SUMMARY:
        document->content_type = "application/json";
        return document_summary(&context, &document->body, &document->good);
    case DOCUMENT_READY:
        document->content_type = "text/plain; charset=utf-8";
        return document_ready(&context, &document->body, &document->good);
    default:
        document->content_type = "text/html; charset=utf-8";
        return document_page(&context, &document->body, &document->good);
    }
}

int
round_compress(struct round *round, const struct document *plain, struct document *document)
{
    double began = clock_seconds(CLOCK_MONOTONIC);
    int result;

    if (!round->gzip && !(round->gzip = gzip_new()))
        return -ENOMEM;
    document->good = plain->good;
    document->content_type = document->wanted.kind == DOCUMENT_METRICS ? document->wanted.type : plain->content_type;
    result = gzip_compress(round->gzip, &plain->body, &document->body);
    if (result == -ENOMEM && store_relieve(round->exposition->store)) /* there is memory for the next scrape */
        forget_statuses(round);
    round->self.render_seconds += clock_seconds(CLOCK_MONOTONIC) - began;
    return result;
}

void
round_count(struct round *round, const struct wanted *wanted)
{
    if (wanted->kind == DOCUMENT_METRICS)
        self_count(&round->self, wanted->encoder->name, wanted->coding == CODING_GZIP);
}
