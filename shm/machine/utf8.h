/*
 * Invalid UTF-8 becomes U+FFFD: each byte that starts no well-formed sequence (Unicode 15, table 3-7), one replacement.
 */
#ifndef SHMETER_SHM_UTF8_H
#define SHMETER_SHM_UTF8_H

#include <stdint.h>
#include <string.h>

#include "compiler.h"

/* Bytes of the well-formed sequence at text, which has n bytes; 0 when it is none. */
SHMETER_LOCAL uint32_t
shmeter_utf8_sequence(const unsigned char *text, uint32_t n)
{
    uint32_t need, i;
    unsigned char low = 0x80, high = 0xbf;
    if (text[0] < 0x80)
        return 1;
    if (text[0] >= 0xc2 && text[0] <= 0xdf)
        need = 2;
    else if (text[0] >= 0xe0 && text[0] <= 0xef)
        need = 3;
    else if (text[0] >= 0xf0 && text[0] <= 0xf4)
        need = 4;
    else
        return 0;
    low = text[0] == 0xe0 ? 0xa0 : text[0] == 0xf0 ? 0x90 : low;   /* no longer form than needed               */
    high = text[0] == 0xed ? 0x9f : text[0] == 0xf4 ? 0x8f : high; /* no surrogates, nothing past U+10FFFF      */
    if (need > n || text[1] < low || text[1] > high)
        return 0;
    for (i = 2; i < need; i++)
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    return need;
}

/*
 * Repairs text of *bytes bytes in place; it may grow up to most bytes, else *fits becomes 0. Returns 1 when something
 * was replaced.
 */
SHMETER_LOCAL int
shmeter_utf8_repair(char *text, uint32_t *bytes, uint32_t most, int *fits)
{
    uint32_t at = 0, n;
    int repaired = 0;
    while (at < *bytes) {
        n = shmeter_utf8_sequence((const unsigned char *)text + at, *bytes - at);
        if (n) {
            at += n;
            continue;
        }
        repaired = 1;
        if (*bytes + 2 > most) {
            *fits = 0;
            return 1;
        }
        memmove(text + at + 3, text + at + 1, *bytes - at - 1);
        memcpy(text + at, "\xef\xbf\xbd", 3);
        *bytes += 2;
        at += 3;
    }
    return repaired;
}

#endif
