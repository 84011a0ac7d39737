/* The tables of rows, one for each file with rows. Only tables.c reads them. */
#ifndef SHMETER_BENCH_ROWS_TABLES_H
#define SHMETER_BENCH_ROWS_TABLES_H

#include "bench/bench.h"

extern const struct bench_row floors_rows[], updates_rows[], gauges_rows[], latency_rows[], registry_rows[],
    start_rows[];
extern const size_t floors_rows_n, updates_rows_n, gauges_rows_n, latency_rows_n, registry_rows_n, start_rows_n;
extern const struct bench_row scrape_rows[], formats_rows[], go_rows[], python_rows[], workers_rows[], cold_rows[],
    resident_rows[];
extern const size_t scrape_rows_n, formats_rows_n, go_rows_n, python_rows_n, workers_rows_n, cold_rows_n,
    resident_rows_n;

#define ROWS_N(rows) (sizeof(rows) / sizeof *(rows))

#endif
