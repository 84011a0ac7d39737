/*
 * What dlclose.c calls in its library, by these names.
 */
#ifndef SHMETER_TESTS_SHM_DLCLOSE_LIBRARY_H
#define SHMETER_TESTS_SHM_DLCLOSE_LIBRARY_H

int library_open(const char *segment);
void library_update(void); /* one of each: counter, 0.5 to the fractional one, 0.25 to the histogram */
void library_gauge_add(double v);
void library_close(void);

#endif
