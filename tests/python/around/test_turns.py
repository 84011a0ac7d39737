"""The program's own code within a reading may read metrics itself: nothing recurs and nothing hangs, whoever waits for
whom."""
import os
import signal
import subprocess
import sys
import threading

os.environ["SHMETER_REFRESH_SECONDS"] = "0.05"

from lib import equal, main, raises, test, wait_for  # noqa: E402

import shmeter.prometheus as prometheus  # noqa: E402
from shmeter.prometheus import core, multiprocess, store, turns  # noqa: E402


def exposed(line):
    return line in store.shared().expose().decode().splitlines()


def scrape(registry=prometheus.REGISTRY):
    return prometheus.generate_latest(registry).decode().splitlines()


def in_thread(function):
    """What the function gives in a thread that is waited for."""
    got = []
    thread = threading.Thread(target=lambda: got.append(function()))
    thread.start()
    thread.join()
    return got[0]


@test
def a_function_that_reads_other_metrics_has_their_values():
    hits, asked = prometheus.Counter("hits", "H."), prometheus.Counter("asked", "A.")
    ratio = prometheus.Gauge("ratio", "R.")
    ratio.set_function(lambda: hits._value.get() / asked._value.get() if asked._value.get() else -1)
    hits.inc(3)
    asked.inc(4)
    assert "ratio 0.75" in scrape()
    equal(prometheus.REGISTRY.get_sample_value("ratio"), 0.75)
    hits.inc()
    wait_for(lambda: exposed("ratio 1.0"), "the thread")


@test
def functions_that_read_each_other_have_the_values_of_before():
    first, second = prometheus.Gauge("first", "F."), prometheus.Gauge("second", "S.")
    first.set_function(lambda: second._value.get() + 1)
    second.set_function(lambda: prometheus.REGISTRY.get_sample_value("first") or 0)
    registry = prometheus.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    third = prometheus.Gauge("third", "T.")
    third.set_function(lambda: len(prometheus.generate_latest(registry)) > 0)
    assert "third 1.0" in scrape() and "third 1.0" in scrape(registry)


@test
def a_function_that_waits_for_a_thread_that_reads_ends():
    source, gauge = prometheus.Gauge("source", "S."), prometheus.Gauge("threaded", "T.")
    source.set(5)
    gauge.set_function(lambda: in_thread(lambda: prometheus.REGISTRY.get_sample_value("source")))
    try:
        assert "threaded 5.0" in scrape()
    finally:
        gauge._by_function = False
        prometheus.REGISTRY.unregister(gauge)
        gauge._function = lambda: 0


@test
def a_function_that_fails_fails_no_scrape_of_another_registry():
    broken, sound = prometheus.CollectorRegistry(), prometheus.CollectorRegistry()
    prometheus.Gauge("broken", "B.", registry=broken).set_function(lambda: 1 / 0)
    prometheus.Gauge("sound", "S.", registry=sound).set(1)
    assert "sound 1.0" in scrape(sound)
    raises(ZeroDivisionError, "division by zero", lambda: scrape(broken))


class Asking:
    """A collector that asks a registry which has everything, in this thread or in another one."""

    def __init__(self, name, ask):
        self.name, self.ask = name, ask

    def describe(self):
        return [core.GaugeMetricFamily(self.name, "Asks.")]

    def collect(self):
        yield core.GaugeMetricFamily(self.name, "Asks.", value=self.ask() or 0)


@test
def a_collector_that_asks_the_segment_hangs_neither_thread_nor_scrape():
    prometheus.Gauge("asked_for", "A.").set(7)
    everything = prometheus.CollectorRegistry()
    multiprocess.MultiProcessCollector(everything)
    for name, ask in (("asks", lambda: everything.get_sample_value("asked_for")),
                      ("asks_by_thread", lambda: in_thread(lambda: everything.get_sample_value("asked_for")))):
        collector = Asking(name, ask)
        prometheus.REGISTRY.register(collector)
        wait_for(lambda: exposed(f"{name} 7.0"), "the thread")
        assert f"{name} 7.0" in scrape() and f"{name} 7.0" in scrape(everything)
        assert f"{name} 7.0" in scrape(everything), "it stays published"
        prometheus.REGISTRY.unregister(collector)


@test
def a_collector_that_asks_its_own_registry_is_left_out_within():
    collector = Asking("asks_itself", lambda: sum(line.startswith("asks_itself") for line in scrape()))
    prometheus.REGISTRY.register(collector)
    try:
        assert "asks_itself 0.0" in scrape()
        equal(prometheus.REGISTRY.get_sample_value("asks_itself"), 0)
    finally:
        prometheus.REGISTRY.unregister(collector)


@test
def a_collector_that_never_ends_keeps_no_scrape():
    begun, go_on = threading.Event(), threading.Event()

    def ask():
        if not begun.is_set():
            begun.set()
            go_on.wait()
        return 1

    everything, own = prometheus.CollectorRegistry(), prometheus.CollectorRegistry(shared=True)
    multiprocess.MultiProcessCollector(everything)
    collector = Asking("stuck", ask)
    prometheus.Gauge("beside", "B.").set(2)
    own.register(collector)
    begun.wait()  # in the thread
    try:
        assert "beside 2.0" in scrape(everything)
    finally:
        go_on.set()
        own.unregister(collector)


@test
def what_another_thread_evaluates_is_waited_for_until_the_deadline():
    begun, go_on, done = threading.Event(), threading.Event(), []

    def act():
        begun.set()
        go_on.wait()

    thread = threading.Thread(target=lambda: done.append(turns.evaluate("one", act, turns.deadline())))
    thread.start()
    begun.wait()
    equal(turns.evaluate("one", lambda: done.append("early"), 0), False, "its time is over")
    equal(turns.evaluate("another", lambda: done.append("another"), 0), True)
    ends = threading.Timer(0.05, go_on.set)
    ends.start()
    equal(turns.evaluate("one", lambda: done.append("late"), turns.deadline() + 3600), True, "it was waited for")
    thread.join()
    equal((sorted(map(str, done)), turns.inside()), (["True", "another", "late"], False))


@test
def what_does_not_come_back_is_told_in_the_log_and_in_health_until_it_has():
    program = """if True:
        import logging, threading
        from shmeter.prometheus import CollectorRegistry, core, refresh, store
        told, go_on, twice = threading.Event(), threading.Event(), threading.Event()
        class Log(logging.Handler):
            def emit(self, record):
                print(record.levelname, record.getMessage())
                told.set()
        logging.getLogger("shmeter").addHandler(Log())
        refresh.LATE_SECONDS = 0.01
        class Hangs:
            asked = 0
            def __repr__(self):
                raise RuntimeError
            def collect(self):
                Hangs.asked += 1
                if Hangs.asked == 2:
                    twice.set()
                go_on.wait()
                return []
        registry = CollectorRegistry(shared=True)
        registry.register(Hangs())
        told.wait()
        meter = store.shared()
        def reasons():
            return [(one["what"], one["status"], one["message"].partition(": ")[2]) for one in meter.health()["reasons"]]
        def await_reasons(wanted):  # they are reported behind the line of the log
            for _ in range(3000):
                if bool(reasons()) == wanted:
                    return reasons()
                twice.wait(0.01)
            raise AssertionError(reasons())
        print(*await_reasons(True))
        go_on.set()
        twice.wait()
        await_reasons(False)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                          env={**os.environ, "SHMETER_SEGMENT": "private", "SHMETER_REFRESH_SECONDS": "0.01"})
    equal((done.returncode, done.stderr), (0, ""))
    equal(done.stdout.splitlines(), [
        "WARNING Hangs has been evaluated for 0.01 s and has not come back: the values of functions and collectors stand still until it does",
        "('shmeter refresh', 'degraded', 'check shmeter refresh is degraded: Hangs does not come back: values stand still')",
    ])


@test
def a_number_that_reads_metrics_while_it_is_made_one_is_a_number():
    registry = prometheus.CollectorRegistry()
    prometheus.Gauge("inner", "I.").set(3)

    class Number:
        def __float__(self):
            scrape()
            return prometheus.REGISTRY.get_sample_value("inner")

    gauge, counter = prometheus.Gauge("outer", "O.", registry=registry), prometheus.Counter("outer_c", "O.", ["l"],
                                                                                            registry=registry)
    gauge.set(Number())
    counter.labels("x").inc(Number())
    by_function = prometheus.Gauge("outer_f", "O.", registry=registry)
    by_function.set_function(Number)
    equal([registry.get_sample_value(*one) for one in (("outer",), ("outer_c_total", {"l": "x"}), ("outer_f",))],
          [3, 3, 3])


@test
def a_series_that_goes_while_its_number_is_made_is_a_new_one():
    """The number's own code takes the series out: what is counted then stays to be seen."""
    registry = prometheus.CollectorRegistry()
    made = {kind.__name__: kind(kind.__name__.lower(), "H.", registry=registry)
            for kind in (prometheus.Counter, prometheus.Gauge, prometheus.Histogram, prometheus.Summary)}

    def number(metric):
        class Number:
            def __float__(self):
                metric._hide()
                return 2.0
        return Number()

    made["Counter"].inc(number(made["Counter"]))
    made["Gauge"].inc(number(made["Gauge"]))
    made["Histogram"].observe(number(made["Histogram"]))
    made["Summary"].observe(number(made["Summary"]))
    equal([registry.get_sample_value(name) for name in ("counter_total", "gauge", "histogram_sum", "summary_sum")],
          [2, 2, 2, 2])


@test
def a_handler_of_signals_reads_in_the_middle_of_a_reading():
    registry, seen = prometheus.CollectorRegistry(), []
    gauge = prometheus.Gauge("signalled", "S.", registry=registry)

    def value():
        if threading.current_thread() is threading.main_thread() and handled:
            signal.raise_signal(signal.SIGUSR1)
        return 4

    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(scrape(registry)))
    handled = True
    try:
        gauge.set_function(value)
        assert "signalled 4.0" in scrape(registry)
        assert seen, "no handler ran"
    finally:
        handled = False
        signal.signal(signal.SIGUSR1, before)


@test
def what_ends_a_thread_does_not_end_the_evaluation_of_others():
    registry = prometheus.CollectorRegistry()
    leaving, staying = prometheus.Gauge("leaving", "L.", registry=registry), prometheus.Gauge("staying", "S.",
                                                                                              registry=registry)
    values = [1]

    class Slotted:
        __slots__ = ()

        def collect(self):
            sys.exit("on purpose")

    slotted = Slotted()
    registry.register(slotted)
    leaving.set_function(lambda: sys.exit("on purpose") if threading.current_thread() is not threading.main_thread()
                         else 1)
    staying.set_function(lambda: values[0])
    values[0] = 2
    wait_for(lambda: exposed("staying 2.0"), "the thread")
    values[0] = 3
    wait_for(lambda: exposed("staying 3.0"), "the thread, again")
    registry.unregister(slotted)


@test
def a_hook_of_warnings_may_wait_for_a_thread_that_makes_metrics():
    program = """if True:
        import threading, warnings
        import shmeter.prometheus as p

        def hook(message, *_):
            thread = threading.Thread(target=lambda: p.Counter("inner", "I.").inc())
            thread.start()
            thread.join()
            print("warned")

        warnings.showwarning = hook
        p.Counter("outer", "O.").inc()
        print(p.REGISTRY.get_sample_value("inner_total"), p.REGISTRY.get_sample_value("outer_total"))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                          env={**os.environ, "SHMETER_SEGMENT": "/nowhere/at/all"})
    equal((done.stdout, done.returncode), ("warned\n1.0 1.0\n", 0), done.stderr)


@test
def a_registration_waits_for_no_reading_of_its_own_names():
    """Without describe() a collector is asked for its names, and may wait for a thread that reads the registry."""
    registry = prometheus.CollectorRegistry(auto_describe=True)
    prometheus.Gauge("there", "T.", registry=registry).set(6)

    class Asked:
        def collect(self):
            yield core.GaugeMetricFamily("not_described", "N.",
                                         value=in_thread(lambda: registry.get_sample_value("there")))

    registry.register(Asked())
    equal(registry.get_sample_value("not_described"), 6)


@test
def a_fork_in_the_middle_of_an_evaluation_leaves_the_child_free():
    program = """if True:
        import os, threading
        import shmeter.prometheus as p
        begun, go_on = threading.Event(), threading.Event()
        gauge = p.Gauge("forked", "F.")
        def value():
            if os.getpid() != parent:
                return 3
            if threading.current_thread() is threading.main_thread():
                return 2
            begun.set()
            go_on.wait()
            return 1
        parent = os.getpid()
        gauge.set_function(value)
        begun.wait()
        p.set_refresh_seconds(0)
        child = os.fork()
        if not child:
            os._exit(0 if "forked 3.0" in p.generate_latest().decode().splitlines() else 1)
        status = os.waitpid(child, 0)[1]
        go_on.set()
        print(os.waitstatus_to_exitcode(status))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                          env={**os.environ, "SHMETER_SEGMENT": "private"})
    equal((done.stdout, done.returncode), ("0\n", 0), done.stderr)


if __name__ == "__main__":
    main()
