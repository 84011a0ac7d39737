/*
 * Ambiguous headers are refused. Base64 is decoded by Nettle, into memory that is wiped here. GnuTLS' decoder would
 * copy the text into memory that it does not wipe.
 */
#include "exporter/auth/basic.h"

#include <crypt.h>
#include <errno.h>
#include <nettle/base64.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define BASE64_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define BCRYPT_ALPHABET "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/*
 * Decodes base64. Returns the number of bytes, or -EINVAL. Nettle would accept blanks and an empty text; both are
 * refused here.
 */
static int
decode(const char *text, size_t text_len, char *out, size_t out_bytes)
{
    struct base64_decode_ctx context;
    size_t len = out_bytes;
    int is_good;

    if (!text_len || strspn(text, BASE64_ALPHABET "=") < text_len || text_len / 4 * 3 >= out_bytes)
        return -EINVAL;
    base64_decode_init(&context);
    is_good = base64_decode_update(&context, &len, (uint8_t *)out, text_len, text) && base64_decode_final(&context);
    explicit_bzero(&context, sizeof context);
    return is_good ? (int)len : -EINVAL;
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
        return "the cost of the hash, the number behind its second $, is not from 4 to 18; htpasswd -nBC 10 \"\" makes "
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
