/*
 * Compares scraped values with the ledger of the workers (worker.h), quantity by quantity, and checks histograms for
 * consistency.
 */
#ifndef SHMETER_TESTS_KILL_ACCOUNT_H
#define SHMETER_TESTS_KILL_ACCOUNT_H

#include "tests/kill/worker.h"
#include "tests/tools/scrape.h"

struct account {
    const struct ledger *ledger;
    struct scrape *scrape;
    uint64_t finished[QUANTITIES], begun[QUANTITIES]; /* sums over the workers                               */
    double got[QUANTITIES], before[QUANTITIES];       /* of this scrape and the one before, in units          */
    uint64_t base_finished[QUANTITIES], base_begun[QUANTITIES];
    double base[QUANTITIES]; /* what was scraped when all was quiet; the ledger's sums then                   */
    double gone[QUANTITIES]; /* what was hidden, with the series it was in                                   */
    char error[256];
};

void account_open(struct account *account, const struct ledger *ledger, const char *path);
void account_close(struct account *account);

/*
 * Scrapes. What was finished before the scrape is in it, and nothing that was begun after it; nothing ever falls; no
 * histogram is torn. Returns 0, or -1 and error says what is wrong. A series that is not there counts as 0.
 */
int account_scrape(struct account *account);

/*
 * The same while all workers stand still: since the last such moment totals have grown by what was finished since then,
 * and by at most what was begun: the doubts of one interval do not hide the losses of another.
 */
int account_settle(struct account *account);

/* All stand still and were settled, and the series of this quantity has been hidden: it begins again at 0. */
void account_hidden(struct account *account, uint32_t quantity);

#endif
