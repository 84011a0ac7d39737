/*
 * Deadlines and limits of connections, with a clock that the test turns: exporter/web/conns.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/web/conns.h"

#define PLUGS 16

struct bench {
    struct conns conns;
    struct conn *conn[PLUGS];
    int client[PLUGS], server[PLUGS];
};

static int
set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    int i, pair[2];

    bench->conns.max_n = 8;
    bench->conns.max_per_address_n = 4;
    bench->conns.request_ns = 100;
    bench->conns.idle_ns = 1000;
    for (i = 0; i < PLUGS; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        bench->client[i] = pair[0];
        bench->server[i] = pair[1];
    }
    *state = bench;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *bench = *state;
    int i;

    for (i = 0; i < PLUGS; i++) {
        if (bench->conn[i])
            conns_remove(&bench->conns, bench->conn[i]);
        close(bench->client[i]);
        close(bench->server[i]);
    }
    assert_null(bench->conns.first);
    assert_null(bench->conns.last);
    assert_int_equal(bench->conns.n, 0);
    free(bench);
    return 0;
}

static void
add(struct bench *bench, int i, const char *address, uint64_t now)
{
    struct sockaddr_in from = { .sin_family = AF_INET };

    inet_pton(AF_INET, address, &from.sin_addr);
    bench->conn[i] = conns_add(&bench->conns, bench->server[i], (struct sockaddr *)&from, now);
    assert_non_null(bench->conn[i]);
}

/* What the client notices. */
static int
is_cut(const struct bench *bench, int i)
{
    struct pollfd fd = { .fd = bench->client[i], .events = POLLRDHUP };

    poll(&fd, 1, 0);
    return (fd.revents & POLLRDHUP) != 0;
}

static void
a_connection_is_cut_when_its_time_is_over(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(conns_reap(&bench->conns, 0), CONNS_NEVER);
    add(bench, 0, "10.0.0.1", 1000);
    add(bench, 1, "10.0.0.1", 1050);
    assert_int_equal(conns_reap(&bench->conns, 1099), 1100);
    assert_false(is_cut(bench, 0));
    assert_int_equal(conns_reap(&bench->conns, 1100), 1150);
    assert_true(is_cut(bench, 0));
    assert_false(is_cut(bench, 1));
    assert_int_equal(conns_reap(&bench->conns, 1200), CONNS_NEVER);
    assert_true(is_cut(bench, 1));
    assert_int_equal(bench->conns.cut_late_n, 2);
}

static void
each_phase_has_its_own_time(void **state)
{
    struct bench *bench = *state;

    add(bench, 0, "10.0.0.1", 0);
    conns_enter(&bench->conns, bench->conn[0], CONN_ANSWERING, 90);
    assert_int_equal(conns_reap(&bench->conns, 150), 190);
    conns_enter(&bench->conns, bench->conn[0], CONN_IDLE, 180);
    assert_int_equal(conns_reap(&bench->conns, 1179), 1180);
    assert_false(is_cut(bench, 0));
    conns_reap(&bench->conns, 1180);
    assert_true(is_cut(bench, 0));
}

static void
the_oldest_of_an_address_makes_room_for_its_next(void **state)
{
    struct bench *bench = *state;
    int i;

    add(bench, 9, "10.0.0.2", 0); /* older, but somebody else */
    for (i = 0; i < 5; i++)
        add(bench, i, "10.0.0.1", (uint64_t)i + 1);
    assert_true(is_cut(bench, 0));
    for (i = 1; i < 5; i++)
        assert_false(is_cut(bench, i));
    assert_false(is_cut(bench, 9));
    assert_int_equal(bench->conns.cut_full_n, 1);
}

static void
the_oldest_of_all_makes_room_when_there_are_too_many(void **state)
{
    static const char *const addresses[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 9; i++)
        add(bench, i, addresses[i % 3], (uint64_t)i);
    assert_true(is_cut(bench, 0));
    for (i = 1; i < 9; i++)
        assert_false(is_cut(bench, i));
    assert_int_equal(bench->conns.n, 8);
}

static void
who_is_being_answered_is_spared_while_others_only_wait(void **state)
{
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 4; i++)
        add(bench, i, "10.0.0.1", (uint64_t)i);
    conns_enter(&bench->conns, bench->conn[0], CONN_ANSWERING, 10);
    conns_enter(&bench->conns, bench->conn[1], CONN_IDLE, 11);
    add(bench, 4, "10.0.0.1", 12);
    assert_true(is_cut(bench, 2)); /* waits since 2; the others since 3, 10, 11 and 12 */
    assert_false(is_cut(bench, 0));
}

static void
when_all_are_being_answered_the_first_goes(void **state)
{
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 4; i++) {
        add(bench, i, "10.0.0.1", (uint64_t)i);
        conns_enter(&bench->conns, bench->conn[i], CONN_ANSWERING, 20 - (uint64_t)i);
    }
    add(bench, 4, "10.0.0.1", 30);
    assert_true(is_cut(bench, 0)); /* entered first; the clock of the others stood still */
    assert_false(is_cut(bench, 4));
}

static void
who_takes_a_document_is_cut_with_all_who_take_it_and_nobody_else(void **state)
{
    static const char documents[2];
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 4; i++) {
        add(bench, i, "10.0.0.1", (uint64_t)i);
        conns_enter(&bench->conns, bench->conn[i], CONN_ANSWERING, 20 + (uint64_t)i);
        conns_take(bench->conn[i], &documents[i % 2]);
    }
    assert_int_equal(conns_taken_since(&bench->conns, &documents[1]), 21);
    conns_enter(&bench->conns, bench->conn[1], CONN_IDLE, 30);
    assert_int_equal(conns_taken_since(&bench->conns, &documents[1]), 23);
    conns_cut_takers(&bench->conns, &documents[1]);
    assert_true(is_cut(bench, 3));
    for (i = 0; i < 3; i++)
        assert_false(is_cut(bench, i));
    assert_true(conns_taken_since(&bench->conns, &documents[1]) == CONNS_NEVER);
    assert_int_equal(bench->conns.cut_slow_n, 1);
    assert_int_equal(conns_rate(&bench->conns, &documents[0], 40), 0); /* these are no TCP connections */
}

static void
a_cut_connection_is_not_counted_until_it_is_closed(void **state)
{
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 4; i++)
        add(bench, i, "10.0.0.1", 0);
    conns_reap(&bench->conns, 500);
    assert_int_equal(bench->conns.n, 0);
    for (i = 4; i < 8; i++)
        add(bench, i, "10.0.0.1", 500);
    for (i = 4; i < 8; i++)
        assert_false(is_cut(bench, i));
    conns_remove(&bench->conns, bench->conn[0]);
    bench->conn[0] = NULL;
    assert_int_equal(bench->conns.n, 4);
}

static void
add_six(struct bench *bench, int i, const char *address, uint64_t now)
{
    struct sockaddr_in6 from = { .sin6_family = AF_INET6 };

    inet_pton(AF_INET6, address, &from.sin6_addr);
    bench->conn[i] = conns_add(&bench->conns, bench->server[i], (struct sockaddr *)&from, now);
    assert_non_null(bench->conn[i]);
}

static void
an_ipv6_network_counts_as_one_address(void **state)
{
    static const char *const addresses[] = { "2001:db8::1", "2001:db8::2", "2001:db8::ffff:1:2:3", "2001:db8::4",
                                             "2001:db8::5" };
    struct bench *bench = *state;
    int i;

    add_six(bench, 9, "2001:db8:0:1::1", 0); /* another network */
    for (i = 0; i < 5; i++)
        add_six(bench, i, addresses[i], (uint64_t)i + 1);
    assert_true(is_cut(bench, 0));
    assert_false(is_cut(bench, 9));
    assert_int_equal(bench->conns.cut_full_n, 1);
}

static void
an_ipv4_address_in_ipv6_counts_as_itself(void **state)
{
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 4; i++)
        add_six(bench, i, i % 2 ? "::ffff:10.0.0.1" : "::ffff:10.0.0.2", (uint64_t)i);
    add(bench, 4, "10.0.0.1", 4);
    add(bench, 5, "10.0.0.1", 5);
    assert_int_equal(bench->conns.cut_full_n, 0);
    add(bench, 6, "10.0.0.1", 6);
    assert_true(is_cut(bench, 1));
    assert_int_equal(bench->conns.cut_full_n, 1);
}

static void
a_user_of_a_unix_socket_counts_as_an_address(void **state)
{
    const struct sockaddr local = { .sa_family = AF_UNIX };
    struct bench *bench = *state;
    int i;

    add(bench, 9, "10.0.0.1", 0);
    for (i = 0; i < 5; i++)
        bench->conn[i] = conns_add(&bench->conns, bench->server[i], &local, (uint64_t)i + 1);
    assert_true(is_cut(bench, 0));
    assert_int_equal(bench->conn[1]->address[0], 0xff);
    assert_memory_equal(bench->conn[1]->address + 12, &(uid_t){ getuid() }, 4);
    assert_int_equal(bench->conns.cut_full_n, 1);
}

static void
room_is_made_by_those_who_wait_only(void **state)
{
    struct bench *bench = *state;
    int i;

    for (i = 0; i < 3; i++)
        add(bench, i, "10.0.0.1", (uint64_t)i);
    conns_enter(&bench->conns, bench->conn[2], CONN_ANSWERING, 3);
    conns_cut_waiting(&bench->conns, 1);
    conns_cut_waiting(&bench->conns, 1);
    assert_true(is_cut(bench, 0));
    assert_false(is_cut(bench, 1));
    conns_cut_waiting(&bench->conns, 10);
    conns_cut_waiting(&bench->conns, 10);
    assert_true(is_cut(bench, 1));
    assert_false(is_cut(bench, 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_is_cut_when_its_time_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_phase_has_its_own_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_of_an_address_makes_room_for_its_next, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_of_all_makes_room_when_there_are_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_being_answered_is_spared_while_others_only_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_all_are_being_answered_the_first_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_takes_a_document_is_cut_with_all_who_take_it_and_nobody_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cut_connection_is_not_counted_until_it_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ipv6_network_counts_as_one_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ipv4_address_in_ipv6_counts_as_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_of_a_unix_socket_counts_as_an_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(room_is_made_by_those_who_wait_only, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
