/*
 * What floors and subjects have in common: the same values, in the same order, over the same bounds.
 */
#ifndef SHMETER_BENCH_FLOORS_H
#define SHMETER_BENCH_FLOORS_H

#define FLOORS_BOUNDS 16u
#define FLOORS_VALUES 2048u /* 16 KiB: leaves room in the first cache                                        */

extern const double floors_bounds[FLOORS_BOUNDS];
extern double floors_values[FLOORS_VALUES]; /* over all buckets, in no order; floors_set_up() fills them       */
void floors_set_up(void);

#endif
