/*
 * All tables of rows, in the order of the report.
 */
#include "bench/rows/tables.h"

const struct bench_table bench_tables[] = {
    { floors_rows, &floors_rows_n },     { updates_rows, &updates_rows_n },   { gauges_rows, &gauges_rows_n },
    { latency_rows, &latency_rows_n },   { registry_rows, &registry_rows_n }, { start_rows, &start_rows_n },
    { scrape_rows, &scrape_rows_n },     { formats_rows, &formats_rows_n },   { go_rows, &go_rows_n },
    { python_rows, &python_rows_n },     { workers_rows, &workers_rows_n },   { cold_rows, &cold_rows_n },
    { resident_rows, &resident_rows_n },
};
const size_t bench_tables_n = ROWS_N(bench_tables);
