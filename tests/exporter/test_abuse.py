"""Clients that mean harm, while honest ones scrape from the same and from another address: those are answered all
along, and memory stays flat. Each attack is made in the clear and over TLS.

An attack goes on until the honest clients have had their scrapes while it was under way. Nobody is cut for being late
here (lib.py), so whom an attack keeps waiting, waits for ever.
"""

import contextlib
import random
import socket
import statistics
import struct
import threading
import time

from certs import Authority, write
from lib import equal, main, note, status_field, test, true, wait_for

SERIES = 20000
HONEST = ("127.0.0.1", "127.0.0.2")  # attackers come from the first
ROUNDS = 4  # of slow clients: a byte each, and a scrape of each honest client
ENOUGH = 5  # scrapes of each honest client while an attack is under way
FLAT_KIB = 4096  # what memory may grow by: pools of the allocator, and of TLS


class Target:
    """An exporter, in the clear or with TLS, and how clients of it connect."""

    def __init__(self, bench, is_tls):
        name = bench.name()
        bench.feeder(name, max_series=SERIES * 5 // 4).do("many", 0, SERIES)
        options, self.context = [f"--segment={name}"], None
        if is_tls:
            authority = Authority(bench.folder())
            cert, key = authority.issue("server")
            settings = f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n"
            options.append("--web.config.file=" + write(authority.path("web.yml"), settings))
            self.context = authority.context()
        self.exporter = bench.exporter(*options)
        self.exporter.context = self.context
        self.address = ("127.0.0.1", self.exporter.port)
        self.pid = self.exporter.pid
        self.honest = []

    def honest_progress(self):
        """A function that tells whether each honest client has had so many whole scrapes since: one that is under way
        now does not count."""
        before = [len(one.seconds) for one in self.honest]

        def served(scrapes):
            return all(len(one.seconds) > n + scrapes or one.is_lost() for one, n in zip(self.honest, before))
        return served

    def serve_honest(self, scrapes=1):
        """So many whole scrapes of each honest client go by."""
        served = self.honest_progress()
        wait_for(lambda: served(scrapes), "honest scrapes")

    def bare(self, source="127.0.0.1", window=None):
        """A connection without a handshake."""
        plug = socket.socket()
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if window:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plug.bind((source, 0))
        plug.connect(self.address)
        return plug

    def plug(self, source="127.0.0.1", window=None):
        plug = self.bare(source, window)
        return self.context.wrap_socket(plug, server_hostname="localhost") if self.context else plug

    def scrape(self, source):
        """The seconds that a whole scrape takes, with its connection."""
        began = time.monotonic()
        with self.plug(source) as plug:
            plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            parts = []
            while more := plug.recv(1 << 20):
                parts.append(more)
        took = time.monotonic() - began
        answer = b"".join(parts)
        true(answer.startswith(b"HTTP/1.1 200") and answer.count(b"\nshop_many_total{") == SERIES
             and answer.endswith(b"\n"), "a whole scrape")
        return took


class Honest(threading.Thread):
    """Scrapes again and again. The first address is the attackers' too: who comes from there may lose its place to
    them, and comes again."""

    def __init__(self, target, source):
        super().__init__(daemon=True)
        self.target, self.source, self.ended = target, source, threading.Event()
        self.seconds, self.failed = [], []

    def run(self):
        while not self.ended.wait(0.02):
            try:
                self.seconds.append(self.target.scrape(self.source))
            except (OSError, AssertionError) as why:
                self.failed.append(repr(why))

    def is_lost(self):
        return self.failed and self.source != HONEST[0]

    def judge(self):
        self.ended.set()
        self.join()
        true(not self.is_lost(), f"scrapes from {self.source} that failed: {self.failed}")
        usual = statistics.quantiles(self.seconds, n=10)[8]
        return f"{len(self.seconds)} from {self.source}, 9 of 10 within {usual * 1000:.0f} ms, the last within {max(self.seconds) * 1000:.0f}, {len(self.failed)} failed"


def under(attack, is_tls):
    """A test: the attack on a target, with honest clients beside it."""
    def function(bench):
        target = Target(bench, is_tls)
        for source in HONEST * 3:
            target.scrape(source)
        before = status_field(target.pid, "RssAnon")
        target.honest = [Honest(target, source) for source in HONEST]
        for one in target.honest:
            one.start()
        peak = attack(target) or 0
        said = [one.judge() for one in target.honest]
        wait_for(lambda: status_field(target.pid, "RssAnon") < before + FLAT_KIB,
                 f"memory goes back to {before} KiB or so")
        note("scrapes: " + "; ".join(said))
        note(f"RssAnon {before} KiB before, {max(peak, before)} KiB at the height, "
             f"{status_field(target.pid, 'RssAnon')} KiB after")
        equal(target.exporter.stop(), 0)
    function.__name__ = f"{attack.__name__}_do_no_harm{'_over_tls' if is_tls else ''}"
    return function


def attack(function):
    for is_tls in (False, True):
        test(under(function, is_tls))
    return function


def tries(plugs, action):
    """Does something with each connection; those that were cut fail, which is their right. Returns how many did not."""
    fine = 0
    for plug in plugs:
        with contextlib.suppress(OSError):
            action(plug)
            fine += 1
    return fine


def opened(target, number, **more):
    plugs = []
    for _ in range(number):
        with contextlib.suppress(OSError):
            plugs.append(target.plug(**more))
    return plugs


def close_all(plugs):
    for plug in plugs:
        plug.close()


def linger(target, plugs, action):
    """Each connection does something, and waits for honest clients' scrapes, again and again. Returns the memory at the
    height."""
    for number in range(ROUNDS):
        tries(plugs, lambda plug, at=number: action(plug, at))
        target.serve_honest()
    peak = status_field(target.pid, "RssAnon")
    close_all(plugs)
    return peak


def until_served(target, action):
    """Does something again and again, until each honest client has had enough scrapes meanwhile."""
    served = target.honest_progress()
    while not served(ENOUGH):
        action()


@attack
def slow_heads(target):
    return linger(target, opened(target, 64), lambda plug, at: plug.sendall(b"GET /metrics HTTP/1.1\r\n"[at:at + 1]))


@attack
def slow_bodies(target):
    plugs = opened(target, 64)
    tries(plugs, lambda plug: plug.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"))
    return linger(target, plugs, lambda plug, _: plug.sendall(b"x"))


@attack
def slow_readers(target):
    plugs = opened(target, 64, window=4096)
    tries(plugs, lambda plug: plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 4))
    return linger(target, plugs, lambda plug, _: plug.recv(1))


@attack
def ten_thousand_connections(target):
    def a_thousand():
        for number in range(1000):
            with contextlib.suppress(OSError), target.bare() as plug:
                if number % 2:
                    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    for _ in range(10):
        a_thousand()
    until_served(target, a_thousand)


@attack
def connections_that_stay_from_two_hundred_addresses(target):
    """More than there are places for: those who wait longest make room."""
    plugs = []
    for number in range(600):
        with contextlib.suppress(OSError):
            plugs.append(target.bare(f"127.0.1.{1 + number % 200}"))
        if number % 50 == 0:
            target.serve_honest()  # no flood: those who come have time to speak
    tries(plugs, lambda plug: plug.sendall(b"G"))
    target.serve_honest(ENOUGH)
    peak = status_field(target.pid, "RssAnon")
    close_all(plugs)
    return peak


@attack
def megabytes_of_headers(target):
    def megabytes():
        for head in (b"X-Filler: " + b"x" * (1 << 20), b"X: y\r\n" * (1 << 17), b"x" * (1 << 20)):
            with contextlib.suppress(OSError), target.plug() as plug:
                plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
                equal(plug.recv(12)[9:] not in (b"200",), True, "it is not answered")

    for _ in range(10):
        megabytes()
    until_served(target, megabytes)


@attack
def hundreds_of_pipelined_requests(target):
    def hundred():
        with target.plug() as plug:
            plug.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n" * 99
                         + b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while more := plug.recv(1 << 16):
                answer += more
            equal(answer.count(b"HTTP/1.1 200"), 100, "answers to pipelined requests")

    for _ in range(5):
        hundred()
    until_served(target, hundred)


NONSENSE = (b"\0" * 100, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\r\n" * 50,
            b"GET /\0metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics\rX: y HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics\nX: y HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", b"FROB /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
            b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\n folded\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200, bytes(range(256)) * 40)


@attack
def nonsense_half_closed_and_reset(target):
    random.seed(3)

    def each():
        for request in NONSENSE:
            for make in {target.plug, target.bare}:
                with contextlib.suppress(OSError), make() as plug:
                    plug.sendall(request)
                    kind = random.randrange(3)
                    if kind == 0:
                        plug.settimeout(0.05)
                        plug.shutdown(socket.SHUT_WR)
                        plug.recv(1 << 16)
                    elif kind == 1:
                        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    for _ in range(8):
        each()
    until_served(target, each)


@attack
def resets_amid_answers(target):
    def some():
        for number in range(6):
            with contextlib.suppress(OSError), target.plug(window=4096) as plug:
                plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * (1 + number % 3))
                if number % 2:
                    plug.recv(1)
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    for _ in range(25):
        some()
    until_served(target, some)


@attack
def all_attacks_at_once(target):
    attacks = [slow_heads, slow_readers, slow_bodies, ten_thousand_connections, megabytes_of_headers,
               nonsense_half_closed_and_reset,
               resets_amid_answers]
    threads = [threading.Thread(target=one, args=(target,), daemon=True) for one in attacks]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, status_field(target.pid, "RssAnon"))
        threads[0].join(0.05)
        time.sleep(0.05)
    return peak


if __name__ == "__main__":
    main()
