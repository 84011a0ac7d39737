/*
 * Compresses a whole document into one gzip member, by ISA-L. State and work memory are allocated once and used again.
 */
#ifndef SHMETER_FORMATS_GZIP_H
#define SHMETER_FORMATS_GZIP_H

#include "base/containers/buffer.h"

struct gzip;

/* State of some 400 KiB, for one thread at a time. NULL: no memory. gzip_free(NULL) is fine. */
struct gzip *gzip_new(void);
void gzip_free(struct gzip *gzip);

/*
 * Appends in, as one gzip member (RFC 1952), to out, which is another buffer. out grows as needed; when it has the size
 * already, nothing is allocated. Returns 0; or -ENOMEM, and out is unchanged.
 */
int gzip_compress(struct gzip *gzip, const struct buffer *in, struct buffer *out);

#endif
