"""Clients that mean harm, while honest ones scrape from the same and from another address: those are answered within a second all
along, and memory stays flat. Each attack is made in the clear and over TLS."""

import contextlib
import random
import socket
import statistics
import struct
import threading
import time

from certs import Authority, write
from lib import DEADLINE, equal, main, note, status_field, test, true, wait_for

SERIES = 20000
HONEST = ("127.0.0.1", "127.0.0.2")  # attackers come from the first
SLOW_SECONDS = 4
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
            options.append("--web.config.file=" + write(authority.path("web.yml"), f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n"))
            self.context = authority.context()
        self.exporter = bench.exporter(*options)
        self.exporter.context = self.context
        self.address = ("127.0.0.1", self.exporter.port)
        self.pid = self.exporter.pid

    def bare(self, source="127.0.0.1", window=None):
        """A connection without a handshake."""
        plug = socket.socket()
        plug.settimeout(DEADLINE)
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
        true(answer.startswith(b"HTTP/1.1 200") and answer.count(b"\nshop_many_total{") == SERIES and answer.endswith(b"\n"), "a whole scrape")
        return took


class Honest(threading.Thread):
    """Scrapes again and again."""

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

    def judge(self, may_fail):
        self.ended.set()
        self.join(DEADLINE)
        true(len(self.seconds) >= 5, f"scrapes from {self.source}: {len(self.seconds)}, failed {self.failed}")
        true(len(self.failed) <= len(self.seconds) * may_fail, f"scrapes from {self.source} that failed: {self.failed}")
        # A machine that is busy with other things makes one late; a protection that is not there makes all of them late.
        usual = statistics.quantiles(self.seconds, n=10)[8]
        true(usual < 1, f"scrapes from {self.source} take {usual} s")
        return f"{len(self.seconds)} from {self.source}, 9 of 10 within {usual * 1000:.0f} ms, the last within {max(self.seconds) * 1000:.0f}, {len(self.failed)} failed"


def under(attack, is_tls):
    """A test: the attack on a target, with honest clients beside it."""
    def function(bench):
        target = Target(bench, is_tls)
        for source in HONEST * 3:
            target.scrape(source)
        before = status_field(target.pid, "RssAnon")
        honest = [Honest(target, source) for source in HONEST]
        for one in honest:
            one.start()
        peak = attack(target) or 0
        wait_for(lambda: all(len(one.seconds) >= 5 or one.failed for one in honest), "honest scrapes")
        # Who shares an address with a flood may lose its place to it.
        said = [one.judge(0.1 if attack is all_attacks_at_once and one.source == HONEST[0] else 0) for one in honest]
        wait_for(lambda: status_field(target.pid, "RssAnon") < before + FLAT_KIB, f"memory goes back to {before} KiB or so")
        note("scrapes: " + "; ".join(said))
        note(f"RssAnon {before} KiB before, {max(peak, before)} KiB at the height, {status_field(target.pid, 'RssAnon')} KiB after")
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


def trickle(target, plugs, content):
    """Each sends a byte a second. Returns the memory at the height."""
    began = time.monotonic()
    for second in range(SLOW_SECONDS):
        tries(plugs, lambda plug, at=second: plug.sendall(content[at:at + 1]))
        time.sleep(max(0, began + second + 1 - time.monotonic()))
    peak = status_field(target.pid, "RssAnon")
    close_all(plugs)
    return peak


@attack
def slow_heads(target):
    return trickle(target, opened(target, 64), b"GET /metrics HTTP/1.1\r\n")


@attack
def slow_bodies(target):
    plugs = opened(target, 64)
    tries(plugs, lambda plug: plug.sendall(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"))
    return trickle(target, plugs, b"x" * 1000)


@attack
def slow_readers(target):
    plugs = opened(target, 64, window=4096)
    tries(plugs, lambda plug: plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 4))
    began = time.monotonic()
    for second in range(SLOW_SECONDS):
        tries(plugs, lambda plug: plug.recv(1))
        time.sleep(max(0, began + second + 1 - time.monotonic()))
    peak = status_field(target.pid, "RssAnon")
    close_all(plugs)
    return peak


@attack
def ten_thousand_connections(target):
    for number in range(10000):
        plug = target.bare()
        if number % 2:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plug.close()


@attack
def connections_that_stay_from_two_hundred_addresses(target):
    """More than there are places for: those who wait longest make room."""
    plugs = []
    for number in range(600):
        with contextlib.suppress(OSError):
            plugs.append(target.bare(f"127.0.1.{1 + number % 200}"))
        time.sleep(0.005)  # no flood: those who come have time to speak
    tries(plugs, lambda plug: plug.sendall(b"G"))
    peak = status_field(target.pid, "RssAnon")
    close_all(plugs)
    return peak


@attack
def megabytes_of_headers(target):
    for _ in range(10):
        for head in (b"X-Filler: " + b"x" * (1 << 20), b"X: y\r\n" * (1 << 17), b"x" * (1 << 20)):
            with contextlib.suppress(OSError), target.plug() as plug:
                plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
                equal(plug.recv(12)[9:] not in (b"200",), True, "it is not answered")


@attack
def hundreds_of_pipelined_requests(target):
    for _ in range(5):
        with target.plug() as plug:
            plug.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n" * 99 + b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while more := plug.recv(1 << 16):
                answer += more
            equal(answer.count(b"HTTP/1.1 200"), 100, "answers to pipelined requests")


NONSENSE = (b"\0" * 100, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\r\n" * 50, b"GET /\0metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics\rX: y HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics\nX: y HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", b"FROB /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"get /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"GET /metrics HTTP/1.1\r\n folded\r\n\r\n",
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200, bytes(range(256)) * 40)


@attack
def nonsense_half_closed_and_reset(target):
    random.seed(3)
    for request in NONSENSE * 8:
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


@attack
def resets_amid_answers(target):
    for number in range(150):
        with contextlib.suppress(OSError), target.plug(window=4096) as plug:
            plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * (1 + number % 3))
            if number % 2:
                plug.recv(1)
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@attack
def all_attacks_at_once(target):
    attacks = [slow_heads, slow_readers, slow_bodies, ten_thousand_connections, megabytes_of_headers, nonsense_half_closed_and_reset,
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
