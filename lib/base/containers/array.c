#include "base/containers/array.h"

#include <errno.h>
#include <stdlib.h>

#define LARGE_BYTES 64u /* of such elements many arrays have one or two */

int
array_room(void *array, uint32_t *capacity, uint64_t wanted, size_t element)
{
    void **at = array, *bigger;
    uint64_t n = *capacity ? *capacity : element > LARGE_BYTES ? 2 : 16;

    if (wanted <= *capacity)
        return 0;
    while (n < wanted)
        n += n / 2;
    if (n > UINT32_MAX)
        return -ENOMEM;
    bigger = realloc(*at, n * element);
    if (!bigger)
        return -ENOMEM;
    *at = bigger;
    *capacity = (uint32_t)n;
    return 0;
}
