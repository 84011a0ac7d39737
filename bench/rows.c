/* All rows in the order of the report, and which of them a run needs. */
#include <string.h>

#include "bench/bench.h"

static const struct bench_table *tables;
static size_t tables_n;

void
rows_use(const struct bench_table *given, size_t given_n)
{
    tables = given;
    tables_n = given_n;
}

size_t
rows_n(void)
{
    size_t n = 0;
    for (size_t i = 0; i < tables_n; i++)
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
        if (row->flags & BENCH_TWO) { /* and the rows that show whether there is contention */
            want(wanted, "add-two");
            want(wanted, "xadd-two-shared");
        }
    }
}
