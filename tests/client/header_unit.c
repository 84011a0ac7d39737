/*
 * The header's arithmetic against independent references: buckets, exponential bounds, hash, header check, UTF-8
 * repair, and the index where a lookup gives up.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "shmeter.h"
#include "tests/tools/place.h"
#include "tests/tools/values.h"

static uint64_t random_state = UINT64_C(0x243f6a8885a308d3);

/* xorshift64*: Marsaglia 2003, Vigna 2016. */
static uint64_t
random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static double
random_double(void)
{
    double v;
    do {
        uint64_t bits = random_next();
        memcpy(&v, &bits, sizeof v);
    } while (v != v);
    return v;
}

/* ---- buckets ---- */

static uint32_t
linear_find(const double *bounds, uint32_t n, double v)
{
    uint32_t k = 0;
    while (k < n && v > bounds[k])
        k++;
    return k;
}

static void
compare_find(const struct shmeter_buckets *buckets, const double *bounds, uint32_t n, double v)
{
    uint32_t found = shmeter_buckets_find(buckets, shmeter_f64_bits(v)), wanted = linear_find(bounds, n, v);
    if (found != wanted)
        fail_msg("%a of %u bounds from %a: bucket %u, not %u", v, n, bounds[0], found, wanted);
}

/* values random ones of three kinds: any double, near the bounds, between the outermost. */
static void
compare_set(const double *bounds, uint32_t n, uint32_t values)
{
    struct shmeter_desc desc = { .type = SHMETER_HISTOGRAM, .name = "x", .bounds = bounds, .bounds_len = n };
    struct shmeter_definition definition;
    struct shmeter_buckets *buckets;
    uint32_t i;
    assert_null(shmeter_definition_check(&desc));
    assert_int_equal(shmeter_definition_make(&desc, &definition), 0);
    buckets = shmeter_buckets_make(definition.bounds, n, 0);
    assert_non_null(buckets);
    assert_int_equal(buckets->buckets_n, n + 1);
    for (i = 0; i < n; i++) {
        compare_find(buckets, bounds, n, bounds[i]);
        compare_find(buckets, bounds, n, nextafter(bounds[i], INFINITY));
        compare_find(buckets, bounds, n, nextafter(bounds[i], -INFINITY));
    }
    compare_find(buckets, bounds, n, INFINITY);
    compare_find(buckets, bounds, n, -INFINITY);
    compare_find(buckets, bounds, n, 0.0);
    compare_find(buckets, bounds, n, -0.0);
    for (i = 0; i < values; i += 3) {
        double part = (double)(random_next() >> 11) * 0x1p-53;
        compare_find(buckets, bounds, n, random_double());
        compare_find(buckets, bounds, n, bounds[random_next() % n] * (1 + (part - 0.5) * 1e-3));
        compare_find(buckets, bounds, n, bounds[0] * (1 - part) + bounds[n - 1] * part);
    }
}

static void
a_bucket_is_found_as_a_linear_search_finds_it(void **state)
{
    static const double usual[] = { .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10 };
    static const double one[] = { 1 }, zero[] = { 0 }, negative[] = { -100, -10, -1, -0.1 };
    static const double crossing[] = { -1e300, -1, -1e-300, 0, 1e-300, 1, 1e300 };
    static const double signed_zero[] = { -5e-324, -0.0, 5e-324 };
    static const double subnormal[] = { 5e-324, 1e-320, 1e-310, DBL_MIN };
    static const double huge[] = { 1e300, 1e307, DBL_MAX }, widest[] = { -DBL_MAX, DBL_MAX };
    static const double close_up[] = { 1, 1 + DBL_EPSILON, 1 + 2 * DBL_EPSILON, 2, 1e18 };
    double many[1000];
    uint32_t i, k;
    (void)state;
#define COMPARE(set) compare_set(set, sizeof(set) / sizeof *(set), 80000)
    COMPARE(usual);
    COMPARE(one);
    COMPARE(zero);
    COMPARE(negative);
    COMPARE(crossing);
    COMPARE(signed_zero);
    COMPARE(subnormal);
    COMPARE(huge);
    COMPARE(widest);
    COMPARE(close_up);
#undef COMPARE
    for (i = 0; i < 1000; i++)
        many[i] = i - 500.5;
    compare_set(many, 1000, 80000);
    for (k = 0; k < 200; k++) { /* ascending random bounds */
        uint32_t n = 1 + (uint32_t)(random_next() % 40);
        for (i = 0; i < n; i++) {
            double v = random_double();
            uint32_t at = i;
            if (!isfinite(v)) {
                i--;
                continue;
            }
            for (; at && many[at - 1] > v; at--)
                many[at] = many[at - 1];
            many[at] = v;
        }
        compare_set(many, n, 1500);
    }
}

static void
exponential_bounds_are_the_exact_powers(void **state)
{
    int32_t schema;
    int64_t index;
    (void)state;
    for (schema = -4; schema <= 0; schema++) /* 2^(index * 2^-schema): exact */
        for (index = -1022 >> -schema; index <= 1023 >> -schema; index++)
            assert_true(shmeter_buckets_bound(schema, index) == ldexp(1, (int)(index * (1 << -schema))));
    for (schema = 1; schema <= 8; schema++)
        for (index = -(INT64_C(1000) << schema); index <= INT64_C(1000) << schema; index += 1 + (1 << schema) / 32) {
            double bound = shmeter_buckets_bound(schema, index);
            double wanted = (double)exp2l((long double)index / (1 << schema));
            if (bound != wanted && bound != nextafter(wanted, 0) && bound != nextafter(wanted, INFINITY))
                fail_msg("schema %d index %ld: %a, not %a", schema, (long)index, bound, wanted);
            assert_true(bound < shmeter_buckets_bound(schema, index + 1));
        }
}

static void
an_exponential_range_covers_its_values_with_few_enough_buckets(void **state)
{
    static const double ranges[][2] = { { 1, 2 },     { 1e-9, 1e9 },        { 0.001, 10 },       { 1, 1e300 },
                                        { 3, 3.001 }, { DBL_MIN, DBL_MAX }, { 5e-324, DBL_MAX }, { 0.5, 1 } };
    int32_t schema;
    uint32_t i;
    (void)state;
    for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        for (schema = -4; schema <= 8; schema++) {
            struct shmeter_log_range range = shmeter_buckets_range(schema, ranges[i][0], ranges[i][1]);
            double first = shmeter_buckets_bound(range.schema, range.first_index);
            double last = shmeter_buckets_bound(range.schema, (int64_t)range.first_index + range.log_n - 1);
            assert_true(range.schema <= schema && range.log_n >= 1 && range.log_n <= SHMETER_MAX_LOG_BUCKETS);
            assert_true(ranges[i][0] < first && ranges[i][1] <= last);
            assert_true(shmeter_buckets_bound(range.schema, (int64_t)range.first_index - 1) <= ranges[i][0]);
            if (range.schema < schema) { /* the next finer one would not have fitted */
                int64_t finer = shmeter_buckets_index(range.schema + 1, ranges[i][1]) -
                                shmeter_buckets_index(range.schema + 1, ranges[i][0]);
                assert_true(finer + 1 >= (int64_t)SHMETER_MAX_LOG_BUCKETS);
            }
        }
}

/* ---- hash, header, UTF-8 ---- */

static int
compare_words(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void
the_hash_spreads_and_depends_on_all_of_its_input(void **state)
{
    enum { N = 200000, PARTS = 4096 };
    static uint64_t hashes[N];
    static uint32_t low[PARTS], high[PARTS];
    char text[64] = { 0 };
    uint32_t i, changed = 0;
    (void)state;
    for (i = 0; i < N; i++) {
        int n = snprintf(text, sizeof text, "GET /item/%u", i);
        hashes[i] = shmeter_hash_bytes(7, text, (size_t)n);
        low[hashes[i] % PARTS]++;
        high[hashes[i] >> 52]++;
    }
    for (i = 0; i < PARTS; i++) /* expected 48.8, deviation 7: nine of them either way */
        assert_true(low[i] > 0 && low[i] < 112 && high[i] > 0 && high[i] < 112);
    qsort(hashes, N, sizeof hashes[0], compare_words);
    for (i = 1; i < N; i++)
        assert_true(hashes[i] != hashes[i - 1]);
    memset(text, 0, sizeof text);
    for (i = 0; i < sizeof text; i++) { /* zeros of different length, and another seed */
        assert_true(shmeter_hash_bytes(7, text, i) != shmeter_hash_bytes(7, text, i + 1));
        assert_true(shmeter_hash_bytes(7, text, i) != shmeter_hash_bytes(8, text, i));
    }
    for (i = 0; i < 8 * sizeof text; i++) {
        uint64_t before = shmeter_hash_bytes(7, text, sizeof text);
        text[i / 8] ^= (char)(1 << (i % 8));
        changed += (uint32_t)__builtin_popcountll(before ^ shmeter_hash_bytes(7, text, sizeof text));
        assert_true(before != shmeter_hash_bytes(7, text, sizeof text));
    }
    assert_in_range(changed / i, 28, 36); /* half of the bits, on the average */
}

static void
a_header_with_any_one_bit_changed_is_refused(void **state)
{
    struct shmeter_options options;
    struct shmeter_header header;
    const char *why;
    uint32_t bit;
    (void)state;
    memset(&options, 0, sizeof options);
    assert_int_equal(shmeter_sizes_header(&options, &header, &why), 0);
    assert_int_equal(shmeter_header_check(&header, header.segment_bytes, &why), 0);
    assert_int_not_equal(shmeter_header_check(&header, header.segment_bytes - 1, &why), 0);
    for (bit = 0; bit < 8 * sizeof header; bit++) {
        struct shmeter_header flipped = header;
        ((unsigned char *)&flipped)[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        why = "";
        assert_int_not_equal(shmeter_header_check(&flipped, UINT64_MAX, &why), 0);
        assert_true(why[0] != 0);
    }
    for (bit = 8 * (uint32_t)offsetof(struct shmeter_header, state_off);
         bit < 8 * (uint32_t)offsetof(struct shmeter_header, cpu_lanes_n); bit++) { /* a good sum of bad sizes */
        struct shmeter_header flipped = header;
        ((unsigned char *)&flipped)[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        flipped.sum = shmeter_header_sum(&flipped);
        assert_int_equal(shmeter_header_check(&flipped, UINT64_MAX, &why), -EINVAL);
    }
}

static void
invalid_utf8_becomes_replacement_characters(void **state)
{
#define R "\xef\xbf\xbd"
    static const struct {
        const char *from, *to;
    } vectors[] = {
        { "", "" },
        { "plain", "plain" },
        { "\x7f", "\x7f" },
        { "\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf" },
        { "\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf" },
        { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        { "\x80", R },
        { "\xff\xfe", R R },
        { "\xc0\xaf", R R }, /* longer than needed */
        { "\xc1\xbf", R R },
        { "\xe0\x9f\xbf", R R R },
        { "\xf0\x8f\xbf\xbf", R R R R },
        { "\xed\xa0\x80", R R R }, /* a surrogate */
        { "\xed\x9f\xbf", "\xed\x9f\xbf" },
        { "\xf4\x90\x80\x80", R R R R }, /* past U+10FFFF */
        { "\xf5\x80\x80\x80", R R R R },
        { "a\xe2\x82", "a" R R }, /* cut off */
        { "\xe2\x28\xa1", R "(" R },
        { "\xc3(", R "(" },
        { "\xf0\x9f\x98\x80\x80!", "\xf0\x9f\x98\x80" R "!" },
    };
#undef R
    char text[64];
    uint32_t i, bytes;
    int fits;
    (void)state;
    for (i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        int repaired;
        bytes = (uint32_t)strlen(vectors[i].from) + 1;
        memcpy(text, vectors[i].from, bytes);
        fits = 1;
        repaired = shmeter_utf8_repair(text, &bytes, sizeof text, &fits);
        assert_int_equal(repaired, strcmp(vectors[i].from, vectors[i].to) != 0);
        assert_true(fits);
        assert_int_equal(bytes, strlen(vectors[i].to) + 1);
        assert_string_equal(text, vectors[i].to);
    }
    memset(text, 0xff, sizeof text); /* no room to grow */
    bytes = 62;
    fits = 1;
    assert_int_equal(shmeter_utf8_repair(text, &bytes, sizeof text, &fits), 1);
    assert_false(fits);
    assert_true(bytes <= sizeof text);
}

/* ---- the index ---- */

static void
a_lookup_gives_up_past_its_probe_limit(void **state)
{
    static const char *const labels[] = { "who", NULL };
    static const struct shmeter_desc desc = { .type = SHMETER_COUNTER, .name = "crowded_total", .labels = labels };
    const char *segment = place_path("crowded"), *values[] = { "late" };
    struct exposition *store = values_new(segment);
    const struct shmeter_binding *binding;
    const struct shmeter_family *family;
    struct shmeter_values joined;
    struct shmeter *meter;
    struct shmeter_values early_joined;
    struct shmeter_key key, early_key;
    uint32_t early;
    (void)state;
    assert_int_equal(shmeter_open(&meter, segment, NULL), 0);
    family = shmeter_family(meter, &desc);
    shmeter_counter_inc(shmeter_counter_of(family, "early"));
    binding = shmeter_family_binding(family);
    assert_true(shmeter_values_join(&joined, values, 1));
    key = shmeter_series_key(binding, &joined);
    assert_true(shmeter_values_join(&early_joined, (const char *const[]){ "early" }, 1));
    early_key = shmeter_series_key(binding, &early_joined);
    early = (uint32_t)shmeter_index_walk(binding->attachment, &early_key).seen;
    *shmeter_arena_entry(binding->attachment, key.hash) = early; /* its chain has no end */
    *shmeter_arena_link(binding->attachment, early) = SHMETER_CHAIN(early_key.bytes, early);
    assert_null(shmeter_registry_probe(binding->attachment, &key).entry);
    shmeter_counter_add(shmeter_counter_of(family, "late"), 3);
    shmeter_counter_inc(shmeter_counter_of(family, "early"));
    assert_non_null(values_take(store));
    assert_int_equal(values_take(store)->losses[SHMETER_LOSS_SERIES_REFUSED], 1);
    assert_true(values_number(store, "crowded_total", "__overflow__") == 3);
    assert_true(values_number(store, "crowded_total", "early") == 2);
    assert_non_null(strstr(shmeter_error(meter), "crowded_total"));
    shmeter_close(meter);
    exposition_free(store);
}

static int
body(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_found_as_a_linear_search_finds_it),
        cmocka_unit_test(exponential_bounds_are_the_exact_powers),
        cmocka_unit_test(an_exponential_range_covers_its_values_with_few_enough_buckets),
        cmocka_unit_test(the_hash_spreads_and_depends_on_all_of_its_input),
        cmocka_unit_test(a_header_with_any_one_bit_changed_is_refused),
        cmocka_unit_test(invalid_utf8_becomes_replacement_characters),
        cmocka_unit_test(a_lookup_gives_up_past_its_probe_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int
main(void)
{
    return place_run("unit", body);
}
