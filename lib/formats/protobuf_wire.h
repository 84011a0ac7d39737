/*
 * Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding), as far as protobuf.c encodes it itself: the
 * numbers that change at each scrape. protobuf-c would need a tree of messages for them, built for each series at each
 * scrape; it packs the constant parts. Each function writes to out, where the caller has made room, and returns the
 * end.
 */
#ifndef SHMETER_FORMATS_PROTOBUF_WIRE_H
#define SHMETER_FORMATS_PROTOBUF_WIRE_H

#include <stdint.h>
#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2 };

#define WIRE_TAG(field, type) ((char)((field) << 3 | (type))) /* of fields 1 to 15: one byte */
#define WIRE_VARINT_BYTES     10u                             /* at most */
#define WIRE_LENGTH_BYTES     5u                              /* longest length: below 2^32 */

static inline char *
wire_varint(char *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (char)(value | 0x80);
        value >>= 7;
    }
    *out++ = (char)value;
    return out;
}

static inline uint32_t
wire_varint_bytes(uint64_t value)
{
    return (uint32_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static inline char *
wire_u64(char *out, uint32_t field, uint64_t value)
{
    *out = WIRE_TAG(field, WIRE_VARINT);
    return wire_varint(out + 1, value);
}

/* sint32 and sint64, in zigzag encoding: small numbers of either sign are short. */
static inline char *
wire_signed(char *out, uint32_t field, int64_t value)
{
    return wire_u64(out, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static inline char *
wire_f64(char *out, uint32_t field, double value)
{
    *out = WIRE_TAG(field, WIRE_64BIT);
    memcpy(out + 1, &value, sizeof value); /* little-endian, as x86-64 and aarch64 are */
    return out + 9;
}

/* Tag and length, to be followed by a message, a string or other bytes. */
static inline char *
wire_length(char *out, uint32_t field, uint64_t len)
{
    *out = WIRE_TAG(field, WIRE_BYTES);
    return wire_varint(out + 1, len);
}

#endif
