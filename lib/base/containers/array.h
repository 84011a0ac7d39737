/*
 * An array that grows: a pointer, and how many elements it has room for.
 */
#ifndef SHMETER_BASE_ARRAY_H
#define SHMETER_BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Grows *array (a pointer to elements of so many bytes, at first NULL) so that it has room for wanted elements. New
 * elements are not initialized. Returns 0; or -ENOMEM, and the array is unchanged.
 */
int array_room(void *array, uint32_t *capacity, uint64_t wanted, size_t element);

#endif
