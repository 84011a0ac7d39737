"""What a service manager is told, by a fake one: readiness, the watchdog, status, the end."""

import contextlib
import ctypes
import os
import re
import signal
import socket
import time

from certs import write
from lib import Skip, drain, equal, main, test, threads_sleep, true, wait_for, wakeups

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


class Manager:
    """A socket that takes messages, as a list of {variable: value}."""

    def __init__(self, bench, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bench.callback(self.socket.close)
        self.name = f"@shmeter-test-{os.getpid()}" if abstract else bench.folder() + "/notify"
        self.socket.bind(("\0" + self.name[1:]) if abstract else self.name)

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": self.name, **more}

    def take(self, seconds=None):
        """The next message; TimeoutError when there is none for so long."""
        self.socket.settimeout(seconds)
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def wait_for(self, variable):
        """The next message that has this variable."""
        while True:
            message = self.take()
            if variable in message:
                return message

    def bites(self, watchdog_seconds):
        """Whether no sign of life comes for longer than the watchdog waits."""
        with contextlib.suppress(TimeoutError):
            for _ in range(10):
                self.take(watchdog_seconds)
            return False
        return True


@contextlib.contextmanager
def stopped_thread(pid, task):
    """One thread of another process stands still, the others run."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(PTRACE_SEIZE, task, None, None):
        raise Skip(f"a thread cannot be stopped here: {os.strerror(ctypes.get_errno())}")
    libc.ptrace(PTRACE_INTERRUPT, task, None, None)
    os.waitpid(task, WALL)
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, task, None, None)


def scrapers_task(exporter):
    """The thread that reads segments: the one that is not the first."""
    tasks = wait_for(lambda: set(os.listdir(f"/proc/{exporter.pid}/task")) - {str(exporter.pid)}, "its second thread")
    equal(len(tasks), 1, tasks)
    return int(tasks.pop())


@test
def readiness_is_told_when_it_listens_and_has_read_its_segments(bench):
    for abstract in (False, True):
        name = bench.name()
        bench.feeder(name).do("requests", "GET", "200", 1)
        manager = Manager(bench, abstract)
        exporter = bench.exporter(f"--segment={name}", f"--segment={bench.name()}", "--web.listen-address=127.0.0.1:0",
                                  env=manager.environment(),
                                  listen=False)
        line = manager.wait_for("STATUS")["STATUS"]
        true(re.fullmatch(r"1 of 2 segments readable, [1-9]\d* series", line), line)
        equal(manager.take(), {"READY": "1"})
        port = int(re.search(r"127\.0\.0\.1:(\d+)", exporter.wait_for_log("listening"))[1])
        socket.create_connection(("127.0.0.1", port)).close()
        equal(exporter.stop(), 0)
        equal(manager.wait_for("STOPPING"), {"STOPPING": "1"})


@test
def a_reload_is_told_from_its_beginning_to_its_end_good_or_bad(bench):
    manager = Manager(bench)
    path = bench.folder() + "/shmeter.yml"
    exporter = bench.exporter(f"--segment={bench.name()}", "--config.file=" + write(path, "segments: []\n"),
                              env=manager.environment())
    manager.wait_for("READY")
    for text, said in (("segments: []\n", "settings were reloaded"), ("no: [such", "settings were not reloaded")):
        write(path, text)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        exporter.process.send_signal(signal.SIGHUP)
        message = manager.take()
        equal((message["RELOADING"], set(message)), ("1", {"RELOADING", "MONOTONIC_USEC"}))
        true(before <= int(message["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, message)
        equal(manager.take(), {"READY": "1"}, text)
        exporter.wait_for_log(said)


@test
def the_status_follows_the_segments(bench):
    name = bench.name()
    manager = Manager(bench)
    exporter = bench.exporter(f"--segment={name}", env=manager.environment())
    equal(manager.wait_for("STATUS")["STATUS"], "0 of 1 segments readable, 0 series")
    bench.feeder(name)
    manager.socket.settimeout(0.1)

    def told():
        exporter.text()
        with contextlib.suppress(TimeoutError):
            return "1 of 1 segments" in manager.take(0.1).get("STATUS", "")

    wait_for(told, "a line about the segment that appeared")


@test
def a_watchdog_is_fed_while_nothing_happens(bench):
    manager = Manager(bench)
    exporter = bench.exporter(f"--segment={bench.name()}", env=manager.environment(WATCHDOG_USEC="200000"))
    manager.wait_for("READY")
    for _ in range(5):
        equal(manager.wait_for("WATCHDOG"), {"WATCHDOG": "1"})
    equal(exporter.stop(), 0)


@test
def a_reading_that_never_ends_lets_the_watchdog_bite(bench):
    manager = Manager(bench)
    exporter = bench.exporter(f"--segment={bench.name()}", env=manager.environment(WATCHDOG_USEC="400000"))
    manager.wait_for("WATCHDOG")
    with stopped_thread(exporter.pid, scrapers_task(exporter)):
        plug = bench.connect(exporter)
        plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        wait_for(lambda: manager.bites(0.8), "the watchdog bites")
        equal(exporter.ask("/-/healthy").status, 200, "the loop runs")
    true(b"shmeter_segments" in drain(plug), "the answer comes when the thread runs again")
    manager.wait_for("WATCHDOG")


@test
def a_loop_that_stands_still_lets_the_watchdog_bite(bench):
    manager = Manager(bench)
    exporter = bench.exporter(f"--segment={bench.name()}", env=manager.environment(WATCHDOG_USEC="400000"))
    manager.wait_for("WATCHDOG")
    with stopped_thread(exporter.pid, exporter.pid):
        wait_for(lambda: manager.bites(0.8), "the watchdog bites")
    manager.wait_for("WATCHDOG")


@test
def without_a_watchdog_nobody_is_woken(bench):
    manager = Manager(bench)
    name = bench.name()
    bench.feeder(name)
    for more in ({}, {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}):
        exporter = bench.exporter(f"--segment={name}", env=manager.environment(**more))
        manager.wait_for("READY")
        wait_for(lambda: threads_sleep(exporter.pid), "its threads sleep")
        before = wakeups(exporter.pid)
        time.sleep(0.5)
        equal(wakeups(exporter.pid), before, f"it wakes up for nothing with {more}")
        equal(exporter.stop(), 0)
        equal(manager.take(), {"STOPPING": "1"})


@test
def nobody_waits_for_a_manager_that_does_not_listen(bench):
    folder = bench.folder()
    full = Manager(bench)
    # the last one's queue is full soon
    for name in (folder + "/none", "relative", "@", "", "/" + "x" * 200, full.name):
        exporter = bench.exporter(f"--segment={bench.name()}",
                                  env={**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "2000"})
        equal(exporter.ask("/metrics").status, 200, name)
        equal(exporter.stop(signal.SIGTERM), 0, name)


if __name__ == "__main__":
    main()
