/*
 * Compressed documents, read back by zlib.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "formats/gzip.h"

static void
assert_inflates(const char *data, size_t len, const struct buffer *wanted)
{
    z_stream stream;
    char *plain = malloc(wanted->len + 1);

    memset(&stream, 0, sizeof stream);
    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK); /* gzip and nothing else */
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)plain;
    stream.avail_out = (uInt)wanted->len + 1;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END); /* length and checksum are right */
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, wanted->len);
    assert_true(!wanted->len || !memcmp(plain, wanted->data, wanted->len));
    inflateEnd(&stream);
    free(plain);
}

static void
assert_round_trip(struct gzip *gzip, const struct buffer *in)
{
    struct buffer out = { NULL, 0, 0 };

    assert_int_equal(buffer_append_string(&out, "before"), 0);
    assert_int_equal(gzip_compress(gzip, in, &out), 0);
    assert_memory_equal(out.data, "before", 6);
    assert_inflates(out.data + 6, out.len - 6, in);
    buffer_free(&out);
}

static void
nothing_and_little_become_whole_members(void **state)
{
    struct gzip *gzip = gzip_new();
    struct buffer in = { NULL, 0, 0 };
    (void)state;

    assert_non_null(gzip);
    assert_round_trip(gzip, &in);
    assert_int_equal(buffer_append_string(&in, "a 1\n"), 0);
    assert_round_trip(gzip, &in);
    assert_round_trip(gzip, &in);
    buffer_free(&in);
    gzip_free(gzip);
}

static void
a_large_exposition_shrinks_to_less_than_a_quarter(void **state)
{
    struct gzip *gzip = gzip_new();
    struct buffer in = { NULL, 0, 0 }, out = { NULL, 0, 0 };
    uint32_t i;
    (void)state;

    for (i = 0; i < 100000; i++) {
        char line[128];
        int n = snprintf(line, sizeof line, "shop_requests_total{path=\"/item/%u\",status=\"200\"} %u\n", i,
                         i * 2654435761u);
        assert_int_equal(buffer_append(&in, line, (size_t)n), 0);
    }
    assert_int_equal(gzip_compress(gzip, &in, &out), 0);
    assert_inflates(out.data, out.len, &in);
    assert_true(out.len * 4 < in.len);
    buffer_free(&out);
    buffer_free(&in);
    gzip_free(gzip);
}

/* Noise grows: the room that is taken for a start does not do. */
static void
what_does_not_shrink_is_whole_too(void **state)
{
    struct gzip *gzip = gzip_new();
    struct buffer in = { NULL, 0, 0 };
    uint64_t random = 88172645463325252u;
    uint32_t i;
    (void)state;

    for (i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        assert_int_equal(buffer_append(&in, &random, sizeof random), 0);
    }
    assert_round_trip(gzip, &in);
    buffer_free(&in);
    gzip_free(gzip);
}

static void
once_a_buffer_has_its_size_it_stays_where_it_is(void **state)
{
    struct gzip *gzip = gzip_new();
    struct buffer in = { NULL, 0, 0 }, out = { NULL, 0, 0 };
    const char *data;
    uint32_t i;
    (void)state;

    for (i = 0; i < 5000; i++)
        assert_int_equal(buffer_append(&in, &i, sizeof i), 0);
    assert_int_equal(gzip_compress(gzip, &in, &out), 0);
    data = out.data;
    for (i = 0; i < 3; i++) {
        out.len = 0;
        assert_int_equal(gzip_compress(gzip, &in, &out), 0);
        assert_ptr_equal(out.data, data);
        assert_inflates(out.data, out.len, &in);
    }
    buffer_free(&out);
    buffer_free(&in);
    gzip_free(gzip);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_and_little_become_whole_members),
        cmocka_unit_test(a_large_exposition_shrinks_to_less_than_a_quarter),
        cmocka_unit_test(what_does_not_shrink_is_whole_too),
        cmocka_unit_test(once_a_buffer_has_its_size_it_stays_where_it_is),
    };
    return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
