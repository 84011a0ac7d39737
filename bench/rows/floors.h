/*
 * What floors and subjects have in common: the same values, in the same order, over the same bounds.
 */
#ifndef SHMETER_BENCH_ROWS_FLOORS_H
#define SHMETER_BENCH_ROWS_FLOORS_H

#define FLOORS_BOUNDS 16u
#define FLOORS_VALUES \
    16384u               /* 128 KiB: more than a branch predictor learns by heart, less than a second cache holds    */
#define FLOORS_FEW 1024u /* of them, where values make no difference: leaves room in the first cache             */

extern const double floors_bounds[FLOORS_BOUNDS];
extern double floors_values[FLOORS_VALUES]; /* over all buckets, in no order; floors_set_up() fills them       */
void floors_set_up(void);

#endif
