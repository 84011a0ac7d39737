/*
 * An array that grows: a pointer, and how many elements it has room for.
 */
#ifndef SHMETER_BASE_ARRAY_H
#define SHMETER_BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes *array (a pointer to elements of so many bytes, NULL to begin with) hold wanted of them. What is new is not
 * set. Returns 0 or -ENOMEM, and then the array is as before.
 */
int array_room(void *array, uint32_t *capacity, uint64_t wanted, size_t element);

#endif
