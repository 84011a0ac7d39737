"""What the exporter's tests share: a TAP runner, and things that a test starts and that go away with it."""

import contextlib
import http.client
import json
import mmap
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, equal, main_with, test, wait_for  # noqa: E402,F401


def note(text):
    print("# " + text, flush=True)


def true(condition, what):
    if not condition:
        raise AssertionError(what)


class Bench(contextlib.ExitStack):
    """Starts things for one test; whatever it started is gone when the test is over."""

    serial = 0

    def name(self):
        """A segment's name that nobody else has; the segment, and those whose name begins with it, are removed at the
        end."""
        Bench.serial += 1
        name = f"t{os.getpid()}x{Bench.serial}"
        self.callback(remove_segments, name)
        return name

    def folder(self, where=None):
        path = tempfile.mkdtemp(prefix="shmeter-test-", dir=where)
        self.callback(shutil.rmtree, path, True)
        return path

    def process(self, arguments, **more):
        process = subprocess.Popen(arguments, **more)
        self.callback(end_process, process)
        return process

    def exporter(self, *options, listen=True, **more):
        return Exporter(self, options, listen, **more)

    def clock(self):
        return Clock(self)

    def hashes(self):
        return Hashes(self)

    def feeder(self, segment, worker="feeder", max_series=None):
        return Feeder(self, segment, worker, max_series)

    def connect(self, exporter, window=None):
        """A connected socket; with a window, one that takes so many bytes at a time."""
        plug = socket.socket()
        self.callback(plug.close)
        if window:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plug.connect(("127.0.0.1", exporter.port))
        return plug


def segment_path(name):
    return name if "/" in name else f"/dev/shm/shmeter.{name}.v1"


def remove_segments(name):
    for file in os.listdir("/dev/shm"):
        if re.fullmatch(rf"shmeter\.{re.escape(name)}([^0-9].*)?\.v1", file):
            os.unlink("/dev/shm/" + file)


def end_process(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


class Feeder:
    """tests/exporter/feeder.c: a worker that does as it is told."""

    def __init__(self, bench, segment, worker, max_series):
        arguments = [sys.argv[2], segment, worker] + ([str(max_series)] if max_series else [])
        self.process = bench.process(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        equal(self.process.stdout.readline(), "ok\n", "the feeder's start")

    def do(self, *words):
        words = [re.sub(r"[^!-$&-~]", lambda byte: "".join(f"%{b:02x}" for b in byte[0].encode()), str(word))
                 for word in words]
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        equal(self.process.stdout.readline(), "ok\n", words)

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait()

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(), 0, "the feeder's exit")


class Hand:
    """A library preloaded into an exporter, and the file by which a test commands it: 8-byte words, of which the first
    are given."""

    def __init__(self, bench, library, variable, size, *words):
        path = bench.folder() + "/hand"
        with open(path, "w+b") as file:
            file.write(struct.pack(f"={len(words)}Q", *words).ljust(size, b"\0"))
            file.flush()
            self.file = mmap.mmap(file.fileno(), size)
        self.environment = {"LD_PRELOAD": os.path.join(os.path.dirname(os.path.abspath(sys.argv[2])), library),
                            variable: path}

    def word(self, form, at):
        return struct.unpack_from(form, self.file, at)[0]


class Clock(Hand):
    """tests/exporter/hand_clock.c: the monotonic clock of an exporter, which stands still until a test moves it on."""

    def __init__(self, bench):
        super().__init__(bench, "hand_clock.so", "SHMETER_TEST_CLOCK", 8, time.monotonic_ns())

    def advance(self, seconds):
        with memoryview(self.file).cast("Q") as words:  # one store
            words[0] += int(seconds * 1e9)


class Hashes(Hand):
    """tests/exporter/hand_hash.c: the exporter's hashes of passwords, which end when a test lets them."""

    def __init__(self, bench):
        super().__init__(bench, "hand_hash.so", "SHMETER_TEST_HASHES", 8 + 64 * 8)

    def hold(self, held):
        with memoryview(self.file).cast("I") as words:
            words[0] = held

    def begun(self):
        return self.word("=I", 4)

    def settings(self):
        """How those begin that were asked for: variant and cost."""
        return [self.word("=8s", 8 + 8 * number).rstrip(b"\0").decode() for number in range(self.begun())]


class Exporter:
    """The exporter on a free port of 127.0.0.1, with what it logs. Clients have an hour for a request, unless options
    say otherwise: no client here is to be cut because it has no CPU. hand: a Clock or Hashes of its own. more: of its
    process, such as env."""

    def __init__(self, bench, options, listen, hand=None, **more):
        arguments = [sys.argv[1], "--web.request-timeout=3600",
                     *options] + (["--web.listen-address=127.0.0.1:0"] if listen else [])
        if hand:
            more["env"] = {**more.get("env", os.environ), **hand.environment}
        self.bench = bench
        self.context = None  # of a client, when the exporter speaks TLS
        self.process = bench.process(arguments, stderr=subprocess.PIPE, text=True, **more)
        self.pid = self.process.pid
        self.log = []
        self.grown = threading.Condition()
        self.log_ended = False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if listen:
            line = self.wait_for_log(r"listening.*127\.0\.0\.1:\d+")
            self.port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])

    def read(self):
        with contextlib.suppress(ValueError):
            for line in self.process.stderr:
                with self.grown:
                    self.log.append(line)
                    self.grown.notify_all()
        with self.grown:
            self.log_ended = True
            self.grown.notify_all()

    def wait_for_log(self, pattern):
        """The first line of the log that matches."""
        found = []

        def look():
            found[:] = [line for line in self.log if re.search(pattern, line)]
            return found or self.log_ended

        with self.grown:
            self.grown.wait_for(look)
        true(found, f"in vain waited for {pattern!r} in the log: {self.log}")
        return found[0]

    def connection(self):
        if self.context:
            connection = http.client.HTTPSConnection("localhost", self.port, context=self.context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
        self.bench.callback(connection.close)
        return connection

    def ask(self, path, method="GET", **more):
        """The response, with its body in .body."""
        connection = self.connection()
        connection.request(method, path, **more)
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def text(self, path="/metrics"):
        response = self.ask(path)
        equal(response.status, 200, path)
        return response.body.decode()

    def samples(self):
        return samples(self.text())

    def stop(self, number=signal.SIGTERM):
        """Sends the signal and returns the exit status."""
        self.process.send_signal(number)
        status = self.process.wait()
        self.reader.join()
        return status


def raw(plug, request):
    """Sends bytes and returns everything until the other side closes."""
    plug.sendall(request)
    return drain(plug)


def drain(plug):
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while more := plug.recv(65536):
            got += more
    return got


def status_field(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


def threads_sleep(pid):
    states = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as file:
            states.append(file.read().rsplit(")", 1)[1].split()[0])
    return set(states) == {"S"}


def wakeups(pid):
    return [status_field(f"{pid}/task/{task}", "voluntary_ctxt_switches") for task in os.listdir(f"/proc/{pid}/task")]


LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def samples(text):
    """{(name, frozenset of labels): value} of text 0.0.4. Refuses what the format does not allow, and duplicates."""
    found = {}
    true(text.endswith("\n"), "the last line has no end")
    for line in text.splitlines():
        if line.startswith("# "):
            continue
        match = LINE.fullmatch(line)
        true(match, f"no sample: {line!r}")
        labels = frozenset((name, re.sub(r'\\(.)', lambda escape: "\n" if escape[1] == "n" else escape[1], value))
                           for name, value in LABEL.findall(match[3] or ""))
        key = (match[1], labels)
        true(key not in found, f"twice: {line!r}")
        found[key] = float(match[4])
    return found


def value(found, name, **labels):
    """One sample's value, None when there is none."""
    return found.get((name, frozenset(labels.items())))


def total(found, name, **labels):
    """The sum over all series of a name that have these labels."""
    return sum(number for (one, own), number in found.items() if one == name and set(labels.items()) <= own)


def main():
    """Runs all tests of the file. Arguments: the program, the feeder, then names of tests to run."""
    main_with(Bench, sys.argv[3:])


def health(exporter, status):
    """What health answers, with this status."""
    response = exporter.ask("/health")
    equal(response.getheader("Content-Type"), "application/json")
    equal(response.status, status, response.body)
    return json.loads(response.body)


def reasons(found, check):
    """Those of one check."""
    return [reason for reason in found["reasons"] if reason["check"] == check]
