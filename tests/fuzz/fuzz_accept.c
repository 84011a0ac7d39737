/*
 * Headers of strangers: Accept and Accept-Encoding of any bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/web/negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *header = malloc(bytes + 1); /* of its exact size: a read past the end is seen */

    if (!header)
        abort();
    memcpy(header, data, bytes);
    header[bytes] = 0;
    if ((unsigned)negotiate_format(header) > NEGOTIATE_PROTOBUF || (unsigned)negotiate_gzip(header) > 1)
        abort();
    free(header);
    return 0;
}
