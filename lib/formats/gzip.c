/*
 * ISA-L's level 1 with its default work memory. Its output is a third smaller than level 0's, in the same time. Level 2
 * gives the same output; level 3 takes three times as long for 2 % less.
 */
#include "formats/gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#define LEVEL         1u
#define PIECE_BYTES   (UINT32_C(1) << 30) /* ISA-L's lengths have 32 bits */
#define ROOM_BYTES    4096u               /* free space in the output for each call, at least */
#define FIRST_DIVISOR 6u                  /* expositions shrink to a sixth or less */

struct gzip {
    struct isal_zstream stream;
    uint8_t work[ISAL_DEF_LVL1_DEFAULT];
};

struct gzip *
gzip_new(void)
{
    return malloc(sizeof(struct gzip)); /* begin() initializes it for each member */
}

void
gzip_free(struct gzip *gzip)
{
    free(gzip);
}

static void
begin(struct gzip *gzip, const struct buffer *in)
{
    struct isal_zstream *stream = &gzip->stream;

    isal_deflate_init(stream);
    stream->gzip_flag = IGZIP_GZIP;
    stream->level = LEVEL;
    stream->level_buf = gzip->work;
    stream->level_buf_size = sizeof gzip->work;
    stream->next_in = (uint8_t *)in->data;
    stream->avail_in = 0;
}

int
gzip_compress(struct gzip *gzip, const struct buffer *in, struct buffer *out)
{
    struct isal_zstream *stream = &gzip->stream;
    const size_t out_len = out->len;
    size_t rest = in->len;

    begin(gzip, in);
    if (buffer_reserve(out, in->len / FIRST_DIVISOR + ROOM_BYTES))
        return -ENOMEM;
    while (stream->internal_state.state != ZSTATE_END) {
        size_t room;
        if (!stream->avail_in) {
            stream->avail_in = (uint32_t)(rest < PIECE_BYTES ? rest : PIECE_BYTES);
            rest -= stream->avail_in;
            stream->end_of_stream = !rest;
        }
        if (buffer_reserve(out, ROOM_BYTES)) {
            out->len = out_len;
            return -ENOMEM;
        }
        room = out->capacity - out->len;
        stream->next_out = (uint8_t *)out->data + out->len;
        stream->avail_out = (uint32_t)(room < PIECE_BYTES ? room : PIECE_BYTES);
        room = stream->avail_out;
        isal_deflate(stream); /* fails only for invalid arguments, of which there are none here */
        out->len += room - stream->avail_out;
    }
    return 0;
}
