/* C++, because std::to_chars prints the shortest digits that read back as the same double. */
#include "base/number.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace {

const char digits[] = "00010203040506070809"
                      "10111213141516171819"
                      "20212223242526272829"
                      "30313233343536373839"
                      "40414243444546474849"
                      "50515253545556575859"
                      "60616263646566676869"
                      "70717273747576777879"
                      "80818283848586878889"
                      "90919293949596979899";

size_t
word(char *out, const char *text)
{
    size_t bytes = std::strlen(text);
    std::memcpy(out, text, bytes);
    return bytes;
}

size_t
not_finite(char *out, double value)
{
    return word(out, std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
}

unsigned
digits_of(uint64_t value)
{
    unsigned n = 1;
    for (;;) {
        if (value < 10)
            return n;
        if (value < 100)
            return n + 1;
        if (value < 1000)
            return n + 2;
        if (value < 10000)
            return n + 3;
        value /= 10000;
        n += 4;
    }
}

/* One digit before the point, and an exponent of two digits or more. */
struct scientific {
    size_t bytes, mantissa; /* mantissa: bytes before the e */
    int exponent;
};

struct scientific
scientific(char *out, double value)
{
    char *end = std::to_chars(out, out + NUMBER_BYTES, value, std::chars_format::scientific).ptr;
    char *e = static_cast<char *>(std::memchr(out, 'e', static_cast<size_t>(end - out)));
    int exponent = 0;

    std::from_chars(e + (e[1] == '+' ? 2 : 1), end, exponent);
    return { static_cast<size_t>(end - out), static_cast<size_t>(e - out), exponent };
}

size_t
point_zero(char *out, size_t bytes)
{
    std::memcpy(out + bytes, ".0", 2);
    return bytes + 2;
}

/* Prints with an exponent if it is below least, or most and above; otherwise with a point and no exponent. */
size_t
pointed(char *out, double value, const struct scientific &text, int least, int most)
{
    if (text.exponent < least || text.exponent >= most)
        return text.bytes;
    size_t bytes = static_cast<size_t>(std::to_chars(out, out + NUMBER_BYTES, value, std::chars_format::fixed).ptr -
                                       out);
    return std::memchr(out, '.', bytes) ? bytes : point_zero(out, bytes);
}

} // namespace

size_t
number_u64(char *out, uint64_t value)
{
    unsigned n = digits_of(value);
    char *at = out + n;

    while (value >= 100) {
        uint64_t rest = value / 100;
        at -= 2;
        std::memcpy(at, digits + 2 * (value - 100 * rest), 2);
        value = rest;
    }
    if (value >= 10)
        std::memcpy(out, digits + 2 * value, 2);
    else
        *out = static_cast<char>('0' + value);
    return n;
}

size_t
number_f64(char *out, double value)
{
    if (!std::isfinite(value))
        return not_finite(out, value);
    if (value > -9007199254740992.0 && value < 9007199254740992.0) {
        int64_t whole = static_cast<int64_t>(value);
        if (static_cast<double>(whole) == value && (whole || !std::signbit(value))) {
            if (whole >= 0)
                return number_u64(out, static_cast<uint64_t>(whole));
            *out = '-';
            return 1 + number_u64(out + 1, static_cast<uint64_t>(-whole));
        }
    }
    return static_cast<size_t>(std::to_chars(out, out + NUMBER_BYTES, value).ptr - out);
}

size_t
number_bound(char *out, double value)
{
    if (!std::isfinite(value))
        return not_finite(out, value);
    if (value == 0)
        value = 0; /* not -0 */
    /* Go's %g with shortest digits has an exponent below 10^-4 and from 10^6 on. */
    return pointed(out, value, scientific(out, value), -4, 6);
}

size_t
number_repr(char *out, double value)
{
    if (!std::isfinite(value))
        return not_finite(out, value);
    if (value > 0 && value < 1e6 && value == static_cast<double>(static_cast<uint64_t>(value)))
        return point_zero(out, number_u64(out, static_cast<uint64_t>(value)));
    struct scientific text = scientific(out, value);
    return value < 0 || text.exponent < 6 ? pointed(out, value, text, -4, 16) : text.bytes;
}

int
number_read_f64(const char *text, size_t len, double *out)
{
    static const struct {
        const char *word;
        double value;
    } words[] = { { "NaN", NAN }, { "+Inf", INFINITY }, { "-Inf", -INFINITY } };

    for (const auto &one : words)
        if (len == std::strlen(one.word) && !std::memcmp(text, one.word, len)) {
            *out = one.value;
            return 1;
        }
    size_t digit = len && *text == '-';
    if (len <= digit || text[digit] < '0' || text[digit] > '9') /* from_chars also takes words */
        return 0;
    std::from_chars_result read = std::from_chars(text, text + len, *out);
    return read.ec == std::errc() && read.ptr == text + len;
}
