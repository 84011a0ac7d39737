/*
 * A list in the order in which connections began to wait. It has a few hundred connections at most, so every operation
 * walks through it.
 */
#include "exporter/web/conns.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static void
conns_unlink(struct conns *conns, struct conn *conn)
{
    *(conn->prev ? &conn->prev->next : &conns->first) = conn->next;
    *(conn->next ? &conn->next->prev : &conns->last) = conn->prev;
}

static void
conns_append(struct conns *conns, struct conn *conn)
{
    conn->prev = conns->last;
    conn->next = NULL;
    *(conns->last ? &conns->last->next : &conns->first) = conn;
    conns->last = conn;
}

static void
conns_cut(struct conns *conns, struct conn *conn, enum traffic_event why)
{
    if (!conn->refused)
        traffic_count(conns->traffic, why, NULL);
    conn->cut = 1;
    conns->n--;
    shutdown(conn->fd, SHUT_RDWR);
}

/* The user at the other end of a Unix socket, as an address that no client can have (multicast, RFC 4291). */
static void
address_of_user(unsigned char out[16], int fd)
{
    struct ucred peer = { .uid = 0 };
    socklen_t bytes = sizeof peer;

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
    out[0] = 0xff;
    memcpy(out + 12, &peer.uid, 4);
}

static void
address_copy(unsigned char out[16], int fd, const struct sockaddr *address)
{
    const struct in6_addr *six;

    memset(out, 0, 16);
    if (address && address->sa_family == AF_INET) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address && address->sa_family == AF_INET6) {
        six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        memcpy(out, six, IN6_IS_ADDR_V4MAPPED(six) || IN6_IS_ADDR_LOOPBACK(six) ? 16 : 8);
    } else if (address && address->sa_family == AF_UNIX) {
        address_of_user(out, fd);
    }
}

static uint32_t
conns_of_address(const struct conns *conns, const unsigned char address[16])
{
    const struct conn *conn;
    uint32_t n = 0;

    for (conn = conns->first; conn; conn = conn->next)
        n += !conn->cut && !memcmp(conn->address, address, 16);
    return n;
}

/*
 * Cuts one connection of an address (NULL: of any) to make room for a new one. A connection that waits for an answer is
 * chosen only if there is no other.
 */
static void
conns_make_room(struct conns *conns, const struct conn *newcomer, const unsigned char *address)
{
    struct conn *conn, *victim = NULL;

    for (conn = conns->first; conn; conn = conn->next) {
        if (conn->cut || conn == newcomer || (address && memcmp(conn->address, address, 16)))
            continue;
        if (conn->phase != CONN_ANSWERING) {
            victim = conn;
            break;
        }
        if (!victim)
            victim = conn;
    }
    if (!victim)
        return;
    conns_cut(conns, victim, address ? TRAFFIC_CUT_ADDRESS : TRAFFIC_CUT_FULL);
}

struct conn *
conns_add(struct conns *conns, int fd, const struct sockaddr *address, uint64_t now_ns)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return NULL;
    conn->fd = fd;
    address_copy(conn->address, fd, address);
    conn->since_ns = now_ns;
    conn->deadline_ns = now_ns + conns->request_ns;
    conns_append(conns, conn);
    conns->n++;
    traffic_count(conns->traffic, TRAFFIC_ACCEPTED, NULL);
    if (conns_of_address(conns, conn->address) > conns->max_per_address_n)
        conns_make_room(conns, conn, conn->address);
    if (conns->n > conns->max_n)
        conns_make_room(conns, conn, NULL);
    return conn;
}

void
conns_enter(struct conns *conns, struct conn *conn, enum conn_phase phase, uint64_t now_ns)
{
    conns_unlink(conns, conn);
    conn->phase = phase;
    conn->taking = NULL;
    conn->since_ns = now_ns;
    conn->deadline_ns = now_ns + (phase == CONN_IDLE ? conns->idle_ns : conns->request_ns);
    conns_append(conns, conn);
}

void
conns_remove(struct conns *conns, struct conn *conn)
{
    conns_unlink(conns, conn);
    traffic_count(conns->traffic, TRAFFIC_CLOSED, NULL);
    conns->n -= !conn->cut;
    free(conn);
}

/* Bytes that the client of a TCP connection has acknowledged in all; 0: not known. */
static uint64_t
acked(const struct conn *conn)
{
    struct tcp_info info = { 0 };
    socklen_t bytes = sizeof info;

    return getsockopt(conn->fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) ? 0 : info.tcpi_bytes_acked;
}

void
conns_take(struct conn *conn, const void *document)
{
    conn->taking = document;
    conn->acked_from = acked(conn);
}

uint64_t
conns_rate(const struct conns *conns, const void *document, uint64_t now_ns)
{
    const struct conn *conn;
    uint64_t rate, best = 0, ms;

    for (conn = conns->first; conn; conn = conn->next) {
        if (conn->cut || conn->taking != document)
            continue;
        ms = 1 + (now_ns > conn->since_ns ? (now_ns - conn->since_ns) / 1000000u : 0);
        rate = (acked(conn) - conn->acked_from) * 1000u / ms;
        best = rate > best ? rate : best;
    }
    return best;
}

uint64_t
conns_taken_since(const struct conns *conns, const void *document)
{
    const struct conn *conn;

    for (conn = conns->first; conn; conn = conn->next)
        if (!conn->cut && conn->taking == document)
            return conn->since_ns;
    return CONNS_NEVER;
}

void
conns_cut_takers(struct conns *conns, const void *document)
{
    struct conn *conn;

    for (conn = conns->first; conn; conn = conn->next)
        if (!conn->cut && conn->taking == document) {
            conns_cut(conns, conn, TRAFFIC_CUT_SLOW);
        }
}

void
conns_cut_waiting(struct conns *conns, uint64_t before_ns)
{
    struct conn *conn;

    for (conn = conns->first; conn && conn->since_ns < before_ns; conn = conn->next)
        if (!conn->cut && conn->phase != CONN_ANSWERING) {
            conns_cut(conns, conn, TRAFFIC_CUT_DESCRIPTORS);
            return;
        }
}

uint64_t
conns_reap(struct conns *conns, uint64_t now_ns)
{
    struct conn *conn;
    uint64_t next = CONNS_NEVER;

    for (conn = conns->first; conn; conn = conn->next) {
        if (conn->cut)
            continue;
        if (conn->deadline_ns <= now_ns) {
            conns_cut(conns, conn, TRAFFIC_CUT_LATE);
        } else if (conn->deadline_ns < next) {
            next = conn->deadline_ns;
        }
    }
    return next;
}
