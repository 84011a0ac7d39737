#include "base/utf8.h"

#include "shm/machine/utf8.h"

#define LONGEST 4u

size_t
utf8_sequence(const unsigned char *text, size_t len)
{
    return shmeter_utf8_sequence(text, len < LONGEST ? (uint32_t)len : LONGEST);
}

int
utf8_is_control(const unsigned char *text, size_t bytes)
{
    return (bytes == 1 && (text[0] < 0x20 || text[0] == 0x7f)) || (bytes == 2 && text[0] == 0xc2 && text[1] < 0xa0);
}
