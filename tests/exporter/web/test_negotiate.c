/*
 * What clients send, and what they get: exporter/web/negotiate.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exporter/web/negotiate.h"

#define OPENMETRICS "application/openmetrics-text"
#define PROTOBUF    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

struct format_case {
    const char *accept;
    enum negotiate_format wanted;
};

static void
check_formats(const struct format_case *cases, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (negotiate_format(cases[i].accept) != cases[i].wanted)
            fail_msg("%s: %d", cases[i].accept ? cases[i].accept : "(none)", (int)negotiate_format(cases[i].accept));
}
#define CHECK_FORMATS(cases) check_formats(cases, sizeof(cases) / sizeof *(cases))

static void
prometheus_gets_what_it_likes_best(void **state)
{
    static const struct format_case cases[] = {
        /* 2.42, and with native histograms */
        { OPENMETRICS ";version=1.0.0," OPENMETRICS ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
          NEGOTIATE_OPENMETRICS },
        { PROTOBUF "," OPENMETRICS ";version=1.0.0;q=0.8," OPENMETRICS
                   ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
          NEGOTIATE_PROTOBUF },
        /* 3.x, and with native histograms */
        { OPENMETRICS ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPENMETRICS
                      ";version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/"
                      "plain;version=0.0.4;q=0.3,*/*;q=0.2",
          NEGOTIATE_OPENMETRICS },
        { PROTOBUF ";q=0.6," OPENMETRICS ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPENMETRICS
                   ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/"
                   "plain;version=0.0.4;q=0.2,*/*;q=0.1",
          NEGOTIATE_PROTOBUF },
        /* 3.0.0: escaping everywhere, and twice */
        { "text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.6,text/"
          "plain;version=0.0.4;escaping=allow-utf-8;q=0.5,"
          "*/*;q=0.1",
          NEGOTIATE_TEXT },
        { OPENMETRICS ";version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5",
          NEGOTIATE_OPENMETRICS },
        { "text/plain;version=0.0.4;q=1," OPENMETRICS ";version=1.0.0;q=0.9", NEGOTIATE_TEXT },
    };

    (void)state;
    CHECK_FORMATS(cases);
}

static void
others_get_what_they_can_read(void **state)
{
    static const struct format_case cases[] = {
        { NULL, NEGOTIATE_TEXT },
        { "", NEGOTIATE_TEXT },
        { "*/*", NEGOTIATE_TEXT },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", NEGOTIATE_TEXT },
        { "text/*;q=0.3", NEGOTIATE_TEXT },
        { "application/*", NEGOTIATE_OPENMETRICS },
        { "application/json", NEGOTIATE_TEXT },
        { OPENMETRICS, NEGOTIATE_OPENMETRICS },
        { OPENMETRICS ";version=0.0.1", NEGOTIATE_OPENMETRICS },
        { OPENMETRICS ";version=2.0.0", NEGOTIATE_TEXT },
        { OPENMETRICS ";version=2.0.0," PROTOBUF ";q=0.2", NEGOTIATE_PROTOBUF },
        { "application/vnd.google.protobuf", NEGOTIATE_TEXT },
        { "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", NEGOTIATE_TEXT },
        { "application/vnd.google.protobuf;proto=other;encoding=delimited," OPENMETRICS ";q=0.1",
          NEGOTIATE_OPENMETRICS },
        { "text/plain;version=9," OPENMETRICS ";q=0.1", NEGOTIATE_OPENMETRICS },
    };

    (void)state;
    CHECK_FORMATS(cases);
}

static void
weights_decide_and_the_first_of_equals(void **state)
{
    static const struct format_case cases[] = {
        { "text/plain;q=0.5," OPENMETRICS ";q=0.50," PROTOBUF ";q=0.500", NEGOTIATE_TEXT },
        { PROTOBUF ";q=0.5," OPENMETRICS ";q=0.501", NEGOTIATE_OPENMETRICS },
        { OPENMETRICS ";q=0,text/plain;q=0.001", NEGOTIATE_TEXT },
        { OPENMETRICS ";q=0", NEGOTIATE_TEXT },
        { PROTOBUF ";q=0.0," OPENMETRICS ";q=0.1", NEGOTIATE_OPENMETRICS },
        { OPENMETRICS ";Q=0.4,text/plain;q=0.3", NEGOTIATE_OPENMETRICS },
        { OPENMETRICS "; q = 0.2 , text/plain ;\tq=0.9", NEGOTIATE_TEXT },
        { OPENMETRICS ";q=\"0.9\",text/plain;q=0.3", NEGOTIATE_OPENMETRICS },
    };

    (void)state;
    CHECK_FORMATS(cases);
}

static void
what_is_no_list_does_no_harm(void **state)
{
    static const struct format_case cases[] = {
        { ",,;,;;=,q=1,\"", NEGOTIATE_TEXT },
        { ";q=1", NEGOTIATE_TEXT },
        { OPENMETRICS ";q=2," OPENMETRICS ";q=-1," OPENMETRICS ";q=1.5," OPENMETRICS ";q=0.1234," OPENMETRICS
                      ";q=," OPENMETRICS ";q=a",
          NEGOTIATE_TEXT },
        { "text/plain;x=\"," OPENMETRICS ",\\\",\";q=0.2," PROTOBUF ";q=0.1", NEGOTIATE_TEXT },
        { "text/plain;x=\"unended," OPENMETRICS, NEGOTIATE_TEXT },
        { "\xff\xfe," OPENMETRICS "\x01", NEGOTIATE_TEXT },
        { "APPLICATION/OpenMetrics-Text;VERSION=1.0.0", NEGOTIATE_OPENMETRICS },
    };
    char *huge = malloc(1 << 20);

    (void)state;
    CHECK_FORMATS(cases);
    assert_non_null(huge);
    memset(huge, ',', (1 << 20) - 1);
    huge[(1 << 20) - 1] = 0;
    assert_int_equal(negotiate_format(huge), NEGOTIATE_TEXT);
    memset(huge, '"', (1 << 20) - 1);
    assert_int_equal(negotiate_format(huge), NEGOTIATE_TEXT);
    assert_int_equal(negotiate_gzip(huge), 0);
    free(huge);
}

static void
gzip_is_for_those_who_ask_for_it(void **state)
{
    static const struct {
        const char *accept_encoding;
        int wanted;
    } cases[] = {
        { NULL, 0 },
        { "", 0 },
        { "gzip", 1 },
        { "GZIP", 1 },
        { "x-gzip", 1 },
        { "gzip;q=0", 0 },
        { "gzip;q=0.001", 1 },
        { "identity", 0 },
        { "gzip;q=0.5,identity;q=0.6", 0 },
        { "gzip;q=0.6, identity;q=0.5", 1 },
        { "identity;q=0,gzip;q=0.1", 1 },
        { "deflate, br", 0 },
        { "deflate, gzip;q=1.0, *;q=0.5", 1 },
        { "*", 1 },
        { "*;q=0", 0 },
        { "gzip;q=0,*", 0 },
        { "gzipped", 0 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++)
        if (negotiate_gzip(cases[i].accept_encoding) != cases[i].wanted)
            fail_msg("%s", cases[i].accept_encoding ? cases[i].accept_encoding : "(none)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_gets_what_it_likes_best),     cmocka_unit_test(others_get_what_they_can_read),
        cmocka_unit_test(weights_decide_and_the_first_of_equals), cmocka_unit_test(what_is_no_list_does_no_harm),
        cmocka_unit_test(gzip_is_for_those_who_ask_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
