/*
 * Base64 by hand: whatever has two readings is refused, and nothing is left in memory that a library would not wipe.
 */
#include "exporter/web/auth/basic.h"

#include <crypt.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BCRYPT_ALPHABET "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* 0 to 63, or -1. */
static int
digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits to at most three bytes. Returns how many, or -EINVAL. */
static int
decode_four(const char *in, int is_last, char *out)
{
    const int padding = !is_last ? 0 : (in[3] == '=') + (in[3] == '=' && in[2] == '=');
    uint32_t word = 0;
    int i, digit;

    for (i = 0; i < 4; i++) {
        digit = i >= 4 - padding ? 0 : digit_of(in[i]);
        if (digit < 0)
            return -EINVAL;
        word = word << 6 | (uint32_t)digit;
    }
    for (i = 0; i < 3; i++)
        out[i] = (char)(word >> (16 - 8 * i) & 0xff);
    for (i = 3 - padding; i < 3; i++)
        if (out[i])
            return -EINVAL; /* bits that nobody reads have to be 0 */
    return 3 - padding;
}

/* Returns the number of bytes, or -EINVAL. */
static int
decode(const char *text, size_t text_len, char *out, size_t out_bytes)
{
    size_t at;
    int len = 0, got;

    if (!text_len || text_len % 4 || text_len / 4 * 3 >= out_bytes)
        return -EINVAL;
    for (at = 0; at < text_len; at += 4, len += got) {
        got = decode_four(text + at, at + 4 == text_len, out + len);
        if (got < 0)
            return got;
    }
    return len;
}

int
basic_parse(const char *value, struct basic *out)
{
    size_t text_len;
    char *colon;
    int len;

    memset(out, 0, sizeof *out);
    if (!value || strncasecmp(value, "Basic ", 6))
        return -EINVAL;
    value += 6 + strspn(value + 6, " ");
    text_len = strlen(value);
    while (text_len && value[text_len - 1] == ' ')
        text_len--;
    len = decode(value, text_len, out->bytes, sizeof out->bytes);
    colon = len < 0 ? NULL : memchr(out->bytes, ':', (size_t)len);
    if (!colon || memchr(out->bytes, 0, (size_t)len)) {
        basic_wipe(out);
        return -EINVAL;
    }
    out->bytes[len] = 0;
    *colon = 0;
    out->user = out->bytes;
    out->password = colon + 1;
    return 0;
}

void
basic_wipe(struct basic *basic)
{
    explicit_bzero(basic, sizeof *basic);
}

const char *
basic_hash_check(const char *text)
{
    unsigned cost;

    if (strlen(text) != BASIC_HASH_BYTES - 1 || text[0] != '$' || text[1] != '2' || !text[2] ||
        !strchr("aby", text[2]) || text[3] != '$' || text[6] != '$' || strspn(text + 4, "0123456789") != 2 ||
        strspn(text + 7, BCRYPT_ALPHABET) != BASIC_HASH_BYTES - 8)
        return "a bcrypt hash is wanted, 60 characters that begin with $2a$, $2b$ or $2y$; htpasswd -nBC 10 \"\" makes "
               "one";
    cost = basic_hash_cost(text);
    if (cost < BASIC_COST_MIN || cost > BASIC_COST_MAX)
        return "the cost of the hash, the number behind its second $, is not from 4 to 14; htpasswd -nBC 10 \"\" makes "
               "one";
    if (crypt_checksalt(text) != CRYPT_SALT_OK)
        return "this is no bcrypt hash that crypt(3) of this machine takes; htpasswd -nBC 10 \"\" makes one";
    return NULL;
}

unsigned
basic_hash_cost(const char *hash)
{
    return (unsigned)(hash[4] - '0') * 10 + (unsigned)(hash[5] - '0');
}
