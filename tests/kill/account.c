#include "tests/kill/account.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
account_open(struct account *account, const struct ledger *ledger, const char *path)
{
    memset(account, 0, sizeof *account);
    account->ledger = ledger;
    account->scrape = scrape_open(path);
}

void
account_close(struct account *account)
{
    scrape_close(account->scrape);
}

static int __attribute__((format(printf, 2, 3))) wrong(struct account *account, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(account->error, sizeof account->error, format, arguments);
    va_end(arguments);
    return -1;
}

static void
sum_ledger(const struct ledger *ledger, uint64_t *sums, size_t field)
{
    uint32_t place, i;

    memset(sums, 0, QUANTITIES * sizeof *sums);
    for (place = 0; place < WORKERS; place++)
        for (i = 0; i < QUANTITIES; i++)
            sums[i] += __atomic_load_n(
                (const uint64_t *)(const void *)((const char *)&ledger->workers[place] + field) + i, __ATOMIC_ACQUIRE);
}

static double
or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

/* Buckets one by one, and: the sum is what the buckets imply, _count is +Inf's. */
static int
read_histogram(struct account *account, uint32_t histogram)
{
    const struct scrape *scrape = account->scrape;
    const char *kind = histogram < CLASSIC ? "classic" : "exponential";
    double below = 0, cumulative, implied = 0, count, inf, sum;
    uint32_t i;

    for (i = 0; i < kill_buckets_n(histogram); i++) {
        cumulative = scrape_value(scrape, "kill_histogram_%s_bucket{n=\"%u\",le=\"%s\"}", kind, histogram,
                                  kill_bucket_bound(histogram, i));
        if (isnan(cumulative))
            return wrong(account, "histogram %u has no bucket %s", histogram, kill_bucket_bound(histogram, i));
        account->got[AT_HISTOGRAMS + histogram * BUCKETS + i] = cumulative - below;
        implied += (cumulative - below) * kill_bucket_value(histogram, i);
        below = cumulative;
    }
    inf = scrape_value(scrape, "kill_histogram_%s_bucket{n=\"%u\",le=\"+Inf\"}", kind, histogram);
    count = scrape_value(scrape, "kill_histogram_%s_count{n=\"%u\"}", kind, histogram);
    sum = scrape_value(scrape, "kill_histogram_%s_sum{n=\"%u\"}", kind, histogram);
    if (!(inf == below && count == below))
        return wrong(account, "histogram %u: buckets have %.0f, +Inf %.0f, _count %.0f", histogram, below, inf, count);
    if (!(sum == implied) && !scrape_status(scrape)->torn)
        return wrong(account, "histogram %u: the sum is %.3f and the buckets imply %.3f", histogram, sum, implied);
    return 0;
}

static int
read_quantities(struct account *account)
{
    const struct scrape *scrape = account->scrape;
    double *got = account->got;
    uint32_t i;

    for (i = 0; i < COUNTERS; i++)
        got[AT_COUNTERS + i] = or_zero(scrape_value(scrape, "kill_counter_total{n=\"%u\"}", i));
    for (i = 0; i < FRACTIONS; i++)
        got[AT_FRACTIONS + i] = or_zero(scrape_value(scrape, "kill_fraction_total{n=\"%u\"}", i)) / FRACTION_UNIT;
    for (i = 0; i < HISTOGRAMS; i++)
        if (read_histogram(account, i))
            return -1;
    for (i = 0; i < DYNAMIC; i++)
        got[AT_DYNAMIC + i] = or_zero(scrape_value(scrape, "kill_dynamic_total{n=\"%u\"}", i));
    got[AT_SUM] = or_zero(scrape_value(scrape, "kill_gauge_sum"));
    for (i = 0; i < QUANTITIES; i++)
        got[i] += account->gone[i];
    return 0;
}

int
account_scrape(struct account *account)
{
    uint32_t i;

    sum_ledger(account->ledger, account->finished, offsetof(struct worker_ledger, finished));
    scrape_take(account->scrape);
    sum_ledger(account->ledger, account->begun, offsetof(struct worker_ledger, begun));
    if (read_quantities(account))
        return -1;
    for (i = 0; i < QUANTITIES; i++) {
        double got = account->got[i];
        if (got < (double)account->finished[i] || got > (double)account->begun[i])
            return wrong(account, "quantity %u is %.3f, the ledger has %" PRIu64 " finished, %" PRIu64 " begun", i, got,
                         account->finished[i], account->begun[i]);
        if (got < account->before[i])
            return wrong(account, "quantity %u fell from %.3f to %.3f", i, account->before[i], got);
        account->before[i] = got;
    }
    return 0;
}

int
account_settle(struct account *account)
{
    uint32_t i;

    if (account_scrape(account))
        return -1;
    for (i = 0; i < QUANTITIES; i++) {
        double grown = account->got[i] - account->base[i];
        uint64_t least = account->finished[i] - account->base_finished[i];
        uint64_t most = account->begun[i] - account->base_begun[i];
        if (grown < (double)least || grown > (double)most)
            return wrong(account, "quantity %u grew by %.3f, the ledger by %" PRIu64 " finished, %" PRIu64 " begun", i,
                         grown, least, most);
    }
    memcpy(account->base, account->got, sizeof account->base);
    memcpy(account->base_finished, account->finished, sizeof account->base_finished);
    memcpy(account->base_begun, account->begun, sizeof account->base_begun);
    return 0;
}

void
account_hidden(struct account *account, uint32_t quantity)
{
    account->gone[quantity] = account->got[quantity];
}
