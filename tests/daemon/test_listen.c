/*
 * Addresses as people write them: lib/daemon/listen/listen.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "daemon/listen/listen.h"

static void
addresses_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        { "127.0.0.1:10077", "127.0.0.1", 10077 }, { ":9100", "", 9100 },         { "[::1]:80", "::1", 80 },
        { "localhost:0", "localhost", 0 },         { "[::]:65535", "::", 65535 }, { "a.b:00080", "a.b", 80 },
    };
    struct listen_address address;
    const char *why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(listen_parse(cases[i].text, &address, &why), 0);
        assert_string_equal(address.text, cases[i].text);
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
        assert_false(address.is_unix);
    }
    assert_int_equal(listen_parse("unix:/run/a:1", &address, &why), 0);
    assert_true(address.is_unix);
    assert_string_equal(address.host, "/run/a:1");
    assert_string_equal(address.text, "unix:/run/a:1");
}

static void
what_is_no_address_is_refused_with_a_reason(void **state)
{
    static const char *const cases[] = {
        "",       "10077",    "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536",
        "::1:80", "[::1]",    "[::1]80",   "[]:80",      "[1.2.3.4]:80", "a:80x",
        "a: 80",  "a:080000", "unix:",     "unix:a",     "unix:@a",      "unix:/run/"
    };
    char longer[LISTEN_TEXT_BYTES + 8];
    struct listen_address address;
    const char *why;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        why = NULL;
        assert_int_not_equal(listen_parse(cases[i], &address, &why), 0);
        assert_non_null(why);
    }
    memset(longer, 'a', sizeof longer);
    memcpy(longer + sizeof longer - 4, ":80", 4);
    assert_int_not_equal(listen_parse(longer, &address, &why), 0);
}

static int
opened(const char *text)
{
    struct listen_address address;
    struct report report = { 0 };
    const char *why;

    assert_int_equal(listen_parse(text, &address, &why), 0);
    return listen_open(&address, &report);
}

static void
only_loopback_is_loopback(void **state)
{
    static const struct {
        const char *text;
        int loopback;
    } cases[] = { { "127.0.0.1:0", 1 }, { "127.1.2.3:0", 1 }, { "localhost:0", 1 }, { "0.0.0.0:0", 0 }, { ":0", 0 } };
    size_t i;
    int fd;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        fd = opened(cases[i].text);
        assert_true(fd >= 0);
        assert_int_equal(listen_is_loopback(fd), cases[i].loopback);
        close(fd);
    }
}

static void
the_free_port_has_a_number(void **state)
{
    char name[LISTEN_TEXT_BYTES];
    int fd = opened("127.0.0.1:0");

    (void)state;
    assert_true(fd >= 0);
    listen_name(fd, name, sizeof name);
    assert_memory_equal(name, "127.0.0.1:", 10);
    assert_string_not_equal(name, "127.0.0.1:0");
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
        cmocka_unit_test(only_loopback_is_loopback),
        cmocka_unit_test(the_free_port_has_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
