/* The values and bounds that floors and the rows of shmeter share, in the same order. */
#ifndef SHMETER_BENCH_ROWS_FLOORS_H
#define SHMETER_BENCH_ROWS_FLOORS_H

#define FLOORS_BOUNDS 16u
#define FLOORS_VALUES 16384u /* 128 KiB: more than a branch predictor learns, less than a second-level cache */
#define FLOORS_FEW    1024u  /* so many, if the values do not matter: leaves room in the first-level cache */

extern const double floors_bounds[FLOORS_BOUNDS];
extern double floors_values[FLOORS_VALUES]; /* in all buckets, in random order; floors_set_up() fills them */
void floors_set_up(void);

#endif
