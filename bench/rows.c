/*
 * All rows in the order of the table, and which of them a run needs.
 */
#include <string.h>

#include "bench/rows.h"

static const struct {
    const struct bench_row *rows;
    const size_t *n;
} tables[] = {
    { floors_rows, &floors_rows_n },     { updates_rows, &updates_rows_n },   { gauges_rows, &gauges_rows_n },
    { latency_rows, &latency_rows_n },   { registry_rows, &registry_rows_n }, { start_rows, &start_rows_n },
    { scrape_rows, &scrape_rows_n },     { formats_rows, &formats_rows_n },   { go_rows, &go_rows_n },
    { python_rows, &python_rows_n },     { workers_rows, &workers_rows_n },   { cold_rows, &cold_rows_n },
    { resident_rows, &resident_rows_n },
};

size_t
rows_n(void)
{
    size_t n = 0;
    for (size_t i = 0; i < ROWS_N(tables); i++)
        n += *tables[i].n;
    if (n > BENCH_MAX_ROWS)
        bench_fail("%zu rows, but places for %u", n, BENCH_MAX_ROWS);
    return n;
}

const struct bench_row *
row_at(size_t idx)
{
    size_t table = 0;
    while (idx >= *tables[table].n)
        idx -= *tables[table++].n;
    return &tables[table].rows[idx];
}

size_t
row_find(const char *name)
{
    size_t idx = 0;
    while (idx < rows_n() && strcmp(row_at(idx)->name, name) != 0)
        idx++;
    return idx;
}

static void
want(unsigned char *wanted, const char *name)
{
    while (name) {
        size_t idx = row_find(name);
        if (idx == rows_n())
            bench_fail("there is no row named %s", name);
        wanted[idx] = 1;
        name = row_at(idx)->floor;
    }
}

void
rows_choose(unsigned char *wanted, const char *filter, int quick)
{
    memset(wanted, 0, rows_n());
    for (size_t i = 0; i < rows_n(); i++) {
        const struct bench_row *row = row_at(i);
        if (quick && (row->flags & BENCH_LARGE))
            continue;
        if (filter && !strstr(row->section, filter) && !strstr(row->name, filter))
            continue;
        want(wanted, row->name);
        if (row->flags & BENCH_TWO) { /* what shows whether there is contention */
            want(wanted, "add-two");
            want(wanted, "xadd-two-shared");
        }
    }
}
