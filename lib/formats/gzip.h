/*
 * One gzip member of a whole document, by ISA-L: its state and its work memory are allocated once and used again. It
 * knows no exposition.
 */
#ifndef SHMETER_FORMATS_GZIP_H
#define SHMETER_FORMATS_GZIP_H

#include "base/containers/buffer.h"

struct gzip;

/* State for one thread at a time, some 400 KiB. NULL: no memory. gzip_free(NULL) is fine. */
struct gzip *gzip_new(void);
void gzip_free(struct gzip *gzip);

/*
 * Appends in as one gzip member (RFC 1952) to out, which is another buffer and grows as it must; once it has its size,
 * nothing is allocated. Returns 0, or -ENOMEM with out as it was.
 */
int gzip_compress(struct gzip *gzip, const struct buffer *in, struct buffer *out);

#endif
