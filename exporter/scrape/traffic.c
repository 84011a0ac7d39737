/* One lock around all numbers. Series that alerts are likely to name exist from the start, with 0. */
#include "exporter/scrape/traffic.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/model.h"

#define STATUSES     600u
#define SAY_EVERY_NS 60000000000u

struct tally {
    uint64_t n, told_n; /* told_n: of them the log has told, or need not */
    uint64_t said_ns;   /* when it last did; 0 never */
};

struct traffic {
    pthread_mutex_t lock;
    struct tally events[TRAFFIC_EVENTS], answers[STATUSES];
    double expires_seconds;
};

/* Words of a reason; and what the log says, NULL: nothing. */
static const struct kind {
    const char *reason, *sentence;
} kinds[TRAFFIC_EVENTS] = {
    [TRAFFIC_PAUSED] = { NULL, NULL }, /* accepts.c says it */
    [TRAFFIC_CUT_LATE] = { "late", "connections are cut: their clients take longer than --web.request-timeout" },
    [TRAFFIC_CUT_FULL] = { "full", "connections are cut: there are more than --web.max-connections" },
    [TRAFFIC_CUT_ADDRESS] = { "address",
                              "connections are cut: one client has more than --web.max-connections-per-address" },
    [TRAFFIC_CUT_DESCRIPTORS] = { "descriptors", "connections are cut: no descriptors are left for new ones" },
    [TRAFFIC_CUT_SLOW] = { "slow", "connections are cut: answers that their clients take slowly fill the memory" },
    [TRAFFIC_SHAKE_CLOSED] = { "closed", "handshakes fail: clients have closed the connection" },
    [TRAFFIC_SHAKE_CLIENT] = { "refused_by_client", "handshakes fail: clients have refused" },
    [TRAFFIC_SHAKE_NO_CERTIFICATE] = { "no_certificate", "handshakes fail: clients have no certificate" },
    [TRAFFIC_SHAKE_CERTIFICATE] = { "certificate", "handshakes fail: certificates of clients are refused" },
    [TRAFFIC_SHAKE_VERSION] = { "version", "handshakes fail: clients want other versions of TLS" },
    [TRAFFIC_SHAKE_TERMS] = { "terms", "handshakes fail: clients want other suites, curves or signatures" },
    [TRAFFIC_SHAKE_PLAIN] = { "plain_http", "handshakes fail: clients speak HTTP without TLS" },
    [TRAFFIC_SHAKE_OTHER] = { "other", "handshakes fail" },
};

struct traffic *
traffic_new(void)
{
    struct traffic *traffic = calloc(1, sizeof *traffic);

    if (traffic)
        pthread_mutex_init(&traffic->lock, NULL);
    return traffic;
}

void
traffic_free(struct traffic *traffic)
{
    if (!traffic)
        return;
    pthread_mutex_destroy(&traffic->lock);
    free(traffic);
}

/* Counts. Returns how many the log is to tell of; 0: nothing now. The caller holds the lock. */
static uint64_t
tally_add(struct tally *tally, int is_told)
{
    const uint64_t now = is_told ? clock_ns(CLOCK_MONOTONIC) : 0;
    uint64_t untold;

    tally->n++;
    tally->told_n += !is_told;
    if (!is_told)
        return 0;
    if (tally->said_ns && now - tally->said_ns < SAY_EVERY_NS)
        return 0;
    untold = tally->n - tally->told_n;
    tally->told_n = tally->n;
    tally->said_ns = now;
    return untold;
}

void
traffic_count(struct traffic *traffic, enum traffic_event event, const char *why)
{
    uint64_t untold;
    char number[32];

    if (!traffic)
        return;
    pthread_mutex_lock(&traffic->lock);
    untold = tally_add(&traffic->events[event], kinds[event].sentence != NULL);
    pthread_mutex_unlock(&traffic->lock);
    if (!untold)
        return;
    snprintf(number, sizeof number, "%llu", (unsigned long long)untold);
    log_event(LOG_LEVEL_INFO, kinds[event].sentence, "reason", kinds[event].reason, "connections", number, "why", why,
              NULL);
}

void
traffic_answer(struct traffic *traffic, unsigned status, int is_refusal)
{
    uint64_t untold;
    char number[32], code[32];

    if (!traffic || status >= STATUSES)
        return;
    pthread_mutex_lock(&traffic->lock);
    untold = tally_add(&traffic->answers[status], is_refusal);
    pthread_mutex_unlock(&traffic->lock);
    if (!untold)
        return;
    snprintf(code, sizeof code, "%u", status);
    snprintf(number, sizeof number, "%llu", (unsigned long long)untold);
    log_event(LOG_LEVEL_INFO, "requests are refused", "code", code, "requests", number, NULL);
}

void
traffic_certificate(struct traffic *traffic, double expires_seconds)
{
    if (!traffic)
        return;
    pthread_mutex_lock(&traffic->lock);
    traffic->expires_seconds = expires_seconds;
    pthread_mutex_unlock(&traffic->lock);
}

/* ---- series ---- */

static int
put(struct model *model, enum model_type type, const char *name, const char *help, double value)
{
    const struct model_metric metric = { .type = type, .name = name, .help = help };

    return model_put_f64(model, &metric, NULL, value) == -ENOMEM ? -ENOMEM : 0;
}

/* A series for each reason of the events from first to last. */
static int
put_reasons(const struct tally *events, struct model *model, const char *name, const char *help,
            enum traffic_event first, enum traffic_event last)
{
    static const char *const labels[] = { "reason", NULL };
    const struct model_metric metric = { .type = MODEL_COUNTER, .name = name, .help = help, .labels = labels };
    unsigned event;
    int result = 0;

    for (event = first; event <= last; event++)
        result |= model_put_u64(model, &metric, &kinds[event].reason, events[event].n) == -ENOMEM;
    return result ? -ENOMEM : 0;
}

/* Whether a status has a series before the first answer that has it. */
static int
is_standing(unsigned status)
{
    static const unsigned standing[] = { 200, 400, 401, 413, 429, 431, 500, 503 };
    unsigned i;

    for (i = 0; i < sizeof standing / sizeof *standing; i++)
        if (standing[i] == status)
            return 1;
    return 0;
}

static int
put_answers(const struct tally *answers, struct model *model)
{
    static const char *const labels[] = { "code", NULL };
    static const struct model_metric metric = {
        .type = MODEL_COUNTER,
        .name = "shmeter_exporter_http_requests_total",
        .help = "Requests that were answered or refused before this scrape, by status.",
        .labels = labels,
    };
    unsigned status;
    char text[16];
    const char *value = text;
    int result = 0;

    for (status = 0; status < STATUSES; status++) {
        if (!answers[status].n && !is_standing(status))
            continue;
        snprintf(text, sizeof text, "%u", status);
        result |= model_put_u64(model, &metric, &value, answers[status].n) == -ENOMEM;
    }
    return result ? -ENOMEM : 0;
}

int
traffic_put(struct traffic *traffic, struct model *model)
{
    struct tally events[TRAFFIC_EVENTS], answers[STATUSES];
    double expires_seconds;
    int result;

    if (!traffic)
        return 0;
    pthread_mutex_lock(&traffic->lock);
    memcpy(events, traffic->events, sizeof events);
    memcpy(answers, traffic->answers, sizeof answers);
    expires_seconds = traffic->expires_seconds;
    pthread_mutex_unlock(&traffic->lock);
    result = put_answers(answers, model);
    result |= put(model, MODEL_GAUGE, "shmeter_exporter_http_connections", "Open connections.",
                  (double)(events[TRAFFIC_ACCEPTED].n - events[TRAFFIC_CLOSED].n));
    result |= put(model, MODEL_COUNTER, "shmeter_exporter_http_connections_total", "Connections that were accepted.",
                  (double)events[TRAFFIC_ACCEPTED].n);
    result |= put(model, MODEL_COUNTER, "shmeter_exporter_http_accept_pauses_total",
                  "Times that connections had to wait, because there were no descriptors or memory for them.",
                  (double)events[TRAFFIC_PAUSED].n);
    result |= put_reasons(events, model, "shmeter_exporter_http_connections_cut_total",
                          "Connections that the exporter has cut, by reason.", TRAFFIC_CUT_LATE, TRAFFIC_CUT_SLOW);
    result |= put(model, MODEL_COUNTER, "shmeter_exporter_http_handshakes_total", "Handshakes of TLS that succeeded.",
                  (double)events[TRAFFIC_SHAKEN].n);
    result |= put_reasons(events, model, "shmeter_exporter_http_handshakes_failed_total",
                          "Handshakes of TLS that failed, by reason.", TRAFFIC_SHAKE_CLOSED, TRAFFIC_SHAKE_OTHER);
    if (expires_seconds > 0)
        result |= put(model, MODEL_GAUGE, "shmeter_exporter_http_certificate_expiry_timestamp_seconds",
                      "When the certificate of new connections expires, in seconds since 1970.", expires_seconds);
    result |= put(model, MODEL_COUNTER, "shmeter_exporter_log_lines_dropped_total",
                  "Lines that nobody took, and which are missing in the log.", (double)log_dropped());
    return result ? -ENOMEM : 0;
}
