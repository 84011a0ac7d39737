"""The bridge to Graphite: its lines byte for byte, and the thread that pushes again and again."""
import logging
import socket
import threading

from lib import equal, main, test

from shmeter.prometheus import CollectorRegistry, Counter, Gauge
from shmeter.prometheus.bridge import graphite
from shmeter.prometheus.bridge.graphite import GraphiteBridge


def some_registry():
    registry = CollectorRegistry()
    counter = Counter("asked", "A.", ["zone", "a"], registry=registry)
    counter.labels("z.\u00fc \n", "1/2").inc(2)
    Gauge("level:x", "L.", registry=registry).set(-0.5)
    return registry


def pushed(bridge, prefix):
    """What one push sends."""
    got = []

    def take():
        connection, _ = bridge.listener.accept()
        with connection:
            got.append(b"".join(iter(lambda: connection.recv(4096), b"")))

    thread = threading.Thread(target=take)
    thread.start()
    bridge.push(prefix) if prefix is not None else bridge.push()
    thread.join()
    return [line for line in got[0].decode("ascii").splitlines(keepends=True) if "_created" not in line]


class Bridge(GraphiteBridge):
    """One with its Graphite."""

    def __init__(self, **more):
        self.listener = socket.create_server(("127.0.0.1", 0))
        super().__init__(self.listener.getsockname(), some_registry(), 20, lambda: 1234.9, **more)


@test
def all_samples_are_sent_as_paths_or_tags():
    plain, tagged = Bridge(), Bridge(tags=True)
    with plain.listener, tagged.listener:
        equal(pushed(plain, None), ["asked_total.a.1_2.zone.z____ 2.0 1234\n", "level_x -0.5 1234\n"])
        equal(pushed(plain, "pre.fix"), ["pre.fix.asked_total.a.1_2.zone.z____ 2.0 1234\n",
                                         "pre.fix.level_x -0.5 1234\n"])
        equal(pushed(tagged, ""), ["asked_total;a=1_2;zone=z____ 2.0 1234\n", "level_x -0.5 1234\n"])


@test
def a_graphite_that_is_away_is_an_error():
    bridge = Bridge()
    bridge.listener.close()
    try:
        bridge.push()
    except ConnectionRefusedError:
        return
    raise AssertionError("nothing was raised")


class Clock:
    """Time that moves when it is slept."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Pusher(GraphiteBridge):
    """Takes some time for each push, fails at the second, and ends its thread at the fourth."""

    def __init__(self, clock):
        super().__init__(None)
        self.clock, self.prefixes = clock, []

    def push(self, prefix=""):
        self.prefixes.append(prefix)
        if len(self.prefixes) == 1:
            self.wait(), self.wait()  # while the test looks at the thread
        self.clock.now += {1: 1, 3: 25}.get(len(self.prefixes), 0)
        if len(self.prefixes) == 2:
            raise OSError("on purpose")
        if len(self.prefixes) == 4:
            raise SystemExit


@test
def a_thread_pushes_at_every_interval_and_lives_on_when_one_fails():
    told, before, clock = [], graphite.time, Clock()
    handler = logging.Handler()
    handler.emit = lambda record: told.append((record.levelname, record.getMessage(), str(record.exc_info[1])))
    logging.getLogger().addHandler(handler)
    graphite.time = clock
    try:
        pusher, known = Pusher(clock), threading.Barrier(2)
        pusher.wait = known.wait
        pusher.start(10, "pre")
        known.wait()
        threads = [one for one in threading.enumerate() if isinstance(one, graphite._RegularPush)]
        equal([one.daemon for one in threads], [True])
        known.wait()
        threads[0].join()
    finally:
        graphite.time = before
        logging.getLogger().removeHandler(handler)
    equal(pusher.prefixes[:4], ["pre"] * 4)
    equal(told, [("ERROR", "Push failed", "on purpose")])
    equal(clock.slept, [10, 9, 10, 0],
          "every 10 seconds, however long a push takes; at once where that is over already")


if __name__ == "__main__":
    main()
