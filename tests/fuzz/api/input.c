#include "tests/fuzz/api/input.h"

#include <math.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

uint8_t
input_byte(struct input *input)
{
    if (!input->left)
        return 0;
    input->left--;
    return *input->data++;
}

static uint64_t
word(struct input *input, size_t bytes)
{
    uint64_t value = 0;

    for (; bytes; bytes--)
        value = value << 8 | input_byte(input);
    return value;
}

/* ---- numbers ---- */

static const double numbers[] = { 0,  1,    -1,   0.5,  2,     -0.0,  NAN,    INFINITY, -INFINITY, 10,
                                  3,  -2.5, 0.25, 1024, 1e-30, 1e280, -1e280, 5,        100,       0.0625,
                                  40, 7,    64,   2e9,  0.005, 0.1,   2.5,    1e-9,     1e9,       -7 };

double
input_f64(struct input *input)
{
    uint8_t which = input_byte(input);
    uint64_t bits;
    double v;

    if (which < 128)
        return numbers[which % COUNT(numbers)];
    if (which < 240)
        return (double)(int32_t)(uint32_t)word(input, which % 4 + 1) / 1024;
    bits = word(input, 8);
    memcpy(&v, &bits, sizeof v);
    return v;
}

double
input_addend(struct input *input)
{
    double v = input_f64(input);

    return isfinite(v) && fabs(v) > 1e290 ? 1 : v; /* sums do not overflow */
}

uint64_t
input_count(struct input *input)
{
    uint8_t which = input_byte(input);

    return which < 128 ? which : word(input, which % 5 + 1);
}

/* ---- descriptions ---- */

static const char long_help[] = "Help of a metric. \xc3\xa9\n\\\" "
#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED;
static const char longest_name[] = "n" HUNDRED HUNDRED; /* 201 */

static const char *const names[] = { "a_total",   "b_total", "c",        "d_seconds", "e_info",  "f:g",
                                     "a_total",   "b_total", "c",        "c2",        "d_bytes", longest_name,
                                     "a\xff",     "a\nb",    "",         "\x7f",      "up",      "scrape_x",
                                     "shmeter_x", "__x",     "ALERTS_x", NULL };

static const char *const no_labels[] = { NULL };
static const char *const one[] = { "l", NULL };
static const char *const two[] = { "l", "m", NULL };
static const char *const swapped[] = { "m", "l", NULL };
static const char *const worker[] = { "worker", NULL };
static const char *const pid[] = { "pid", NULL };
static const char *const slot[] = { "slot", "l", NULL };
static const char *const twice[] = { "l", "l", NULL };
static const char *const le[] = { "l", "le", NULL };
static const char *const quantile[] = { "quantile", NULL };
static const char *const reserved[] = { "__x", NULL };
static const char *const wrong[] = { "a\x01", NULL };
static const char *const sixteen[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i",
                                       "j", "k", "l", "m", "n", "o", "p", NULL };
static const char *const seventeen[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i",
                                         "j", "k", "l", "m", "n", "o", "p", "q", NULL };
static const char *const *const labels[] = { NULL, one,   two, one,      two,      swapped, no_labels, worker,    one,
                                             slot, twice, le,  quantile, reserved, wrong,   sixteen,   seventeen, pid };

static const char *const units[] = { NULL, "", "seconds", "bytes", NULL, "a b", NULL, NULL };

static const char *const on_off[] = { "on", "off", NULL };
static const char *const three[] = { "a", "\xc3\xa9 \"", "\\n", NULL };
static const char *const empty[] = { "a", "", NULL };
static const char *const same[] = { "a", "b", "a", NULL };
static const char *const *const states[] = { on_off, three, on_off, empty, same, no_labels, three, NULL };

static uint32_t
few_bounds(struct input *input, double *out)
{
    static const double given[][4] = { { 0, 1, 10, 100 },
                                       { -1, -0.0, 0.5, 2.5 },
                                       { 1, 2, 3, 4 },
                                       { 1, 1, 2, 3 },
                                       { 2, 1, 0, 3 },
                                       { NAN, 1, 2, 3 },
                                       { 0, 1, 2, INFINITY },
                                       { -INFINITY, 0, 1, 2 },
                                       { 1e-300, 1, 1e300, 1.1e300 },
                                       { 5, 5.5, 6, 7 },
                                       { -5e-324, 0, 5e-324, 1e-3 },
                                       { -100, -10, -1, -0.5 } };
    uint8_t which = input_byte(input);
    uint32_t i, n = which % 5;

    if (which < 180) {
        memcpy(out, given[which / 5 % COUNT(given)], sizeof *given);
        return n;
    }
    for (i = 0; i < n; i++)
        out[i] = i ? out[i - 1] + input_byte(input) / 16.0 : input_f64(input);
    return n;
}

static uint32_t
many_bounds(struct input *input, double *out)
{
    uint32_t i, n = (uint32_t)(990 + input_byte(input) % 13);

    for (i = 0; i < n && i < API_BOUNDS; i++)
        out[i] = i / 8.0;
    return n;
}

static void
log_buckets(struct input *input, struct api_desc *out)
{
    static const double ends[] = { 1e-3, 1,    100,   0.25,   1e9,   1024, 1e-300, 1e300, 5e-324, 1.7e308,
                                   0,    -1.0, 3e-17, 0x1p60, 0.003, 7,    7.5,    1e-9,  4e-323, INFINITY };
    uint8_t schema = input_byte(input);

    out->schema = schema < 220 ? schema % 13 - 4 : schema % 2 ? -5 : 9;
    out->min_value = ends[input_byte(input) % COUNT(ends)];
    out->max_value = ends[input_byte(input) % COUNT(ends)];
}

void
input_desc(struct input *input, struct api_desc *out)
{
    static double bounds[API_BOUNDS + 16];
    uint8_t type = input_byte(input), mode = input_byte(input), more = input_byte(input);

    memset(out, 0, sizeof *out);
    out->type = type < 240 ? type % SHMETER_TYPES : type % 2 ? SHMETER_TYPES : -1;
    out->mode = mode < 240 ? mode % SHMETER_MODES : mode % 2 ? 11 : -1;
    out->name = names[input_byte(input) % COUNT(names)];
    out->labels = labels[input_byte(input) % COUNT(labels)];
    out->help = more % 4 == 0 ? NULL : more % 4 == 1 ? long_help : "Help.";
    out->unit = units[more / 4 % COUNT(units)];
    out->max_series = more >= 224 ? more % 4 : 0;
    out->by_pid = more >> 5 & 1;
    if (out->type == SHMETER_STATESET)
        out->states = states[mode % COUNT(states)];
    if (out->type != SHMETER_HISTOGRAM)
        return;
    switch (mode % 8) {
    case 0:
        break;
    case 1:
        out->bounds = bounds;
        out->bounds_n = many_bounds(input, bounds);
        break;
    case 2:
    case 3:
        log_buckets(input, out);
        break;
    default:
        out->bounds = bounds;
        out->bounds_n = few_bounds(input, bounds);
    }
}

/* ---- label values ---- */

static const char *const texts[] = { "a",
                                     "b",
                                     "",
                                     "GET",
                                     "\"\\\n",
                                     "\xc3\xa9",
                                     "\xff",
                                     "a\xc3",
                                     "\xed\xa0\x80",
                                     "__overflow__",
                                     "\001",
                                     "\xef\xbf\xbd",
                                     "\t\r",
                                     HUNDRED HUNDRED TEN TEN TEN TEN TEN "01234",
                                     HUNDRED HUNDRED TEN TEN TEN TEN TEN "012345",
                                     HUNDRED HUNDRED TEN TEN TEN TEN "\xff\xfe",
                                     NULL };

static const char *
value(struct input *input, char own[64])
{
    uint8_t which = input_byte(input), n, i;

    if (which < 160)
        return texts[which % 4];
    if (which < 224)
        return texts[which % COUNT(texts)];
    n = which % 32;
    for (i = 0; i < n; i++)
        own[i] = (char)input_byte(input);
    own[i] = 0;
    return own;
}

void
input_values(struct input *input, uint32_t labels_n, struct api_values *out)
{
    static char own[API_LABELS][64];
    uint8_t how = input_byte(input);
    uint32_t i;

    out->n = how < 240 ? labels_n : how % API_LABELS;
    for (i = 0; i < out->n; i++)
        out->texts[i] = value(input, own[i]);
}
