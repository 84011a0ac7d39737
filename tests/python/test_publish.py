"""What only its own process can evaluate is seen by others: functions of gauges, and custom collectors."""
import logging
import os
import subprocess
import sys

os.environ["SHMETER_REFRESH_SECONDS"] = "0.05"

from lib import equal, in_child, join, main, raises, test, wait_for  # noqa: E402

import shmeter.prometheus as prometheus  # noqa: E402
from shmeter.prometheus import core, refresh, store  # noqa: E402


def exposed(line):
    """Whether the segment, as an exporter sees it, has this line."""
    return line in store.shared().expose().decode().splitlines()


@test
def a_function_gives_a_gauges_value_again_and_again():
    registry, values = prometheus.CollectorRegistry(shared=True), [1.5]
    gauge = prometheus.Gauge("function", "F.", ["a"], registry=registry)
    gauge.labels("x").set_function(lambda: values[0])
    equal(registry.get_sample_value("function", {"a": "x"}), 1.5)
    values[0] = 2.5
    equal(registry.get_sample_value("function", {"a": "x"}), 2.5, "when its own process is asked")
    gauge.labels("x").set(9)
    gauge.labels("x").inc()
    equal(registry.get_sample_value("function", {"a": "x"}), 2.5, "other updates do nothing")
    values[0] = 3.5
    wait_for(lambda: exposed('function{a="x"} 3.5'), "the thread")


@test
def a_function_goes_on_in_a_forked_process():
    values = {os.getpid(): 1}
    gauge = prometheus.Gauge("forked_function", "F.", multiprocess_mode="max")
    gauge.set_function(lambda: values.get(os.getpid(), 7))
    wait_for(lambda: exposed("forked_function 1.0"), "the thread of the parent")
    join([in_child(lambda: wait_for(lambda: exposed("forked_function 7.0"), "the thread of the child"))])


@test
def a_function_that_fails_is_tried_again_and_reported_once():
    broken, told, handler = [True], [], logging.Handler()

    def value():
        if broken[0]:
            broken.append(None)
            raise OSError("on purpose")
        return 4

    handler.emit = lambda record: told.append((record.levelname, record.getMessage(), str(record.exc_info[1])))
    log = logging.getLogger("shmeter")
    log.addHandler(handler)
    log.propagate = False
    try:
        registry = prometheus.CollectorRegistry(shared=True)
        gauge = prometheus.Gauge("failing", "F.", registry=registry)
        gauge.set_function(value)
        raises(OSError, "on purpose", lambda: registry.get_sample_value("failing"))
        wait_for(lambda: len(broken) > 5, "the thread, again and again")
        broken[0] = False
        wait_for(lambda: exposed("failing 4.0"), "the thread")
    finally:
        log.removeHandler(handler)
        log.propagate = True
    equal(told, [("ERROR", f"{gauge!r} cannot be evaluated; it is tried again, and not reported again", "on purpose")])
    equal(registry.get_sample_value("failing"), 4)


class Collector:
    def __init__(self, parts):
        self.parts = parts

    def collect(self):
        family = core.GaugeMetricFamily("parts", "Parts.", labels=["part"])
        for part, value in self.parts.items():
            family.add_metric([part], value)
        yield family
        yield core.CounterMetricFamily("all_parts", "All.", value=sum(self.parts.values()))
        yield core.SummaryMetricFamily("summed", "S.", count_value=2, sum_value=3)


@test
def what_a_collector_gives_is_published_until_it_is_unregistered():
    registry = prometheus.CollectorRegistry(shared=True)
    collector = Collector({"a": 1, "b": 2})
    registry.register(collector)
    wait_for(lambda: exposed('parts{part="b"} 2.0') and exposed("all_parts_total 3.0") and exposed("summed_sum 3.0"),
             "the thread")
    del collector.parts["b"]
    wait_for(lambda: not exposed('parts{part="b"} 2.0') and exposed('parts{part="a"} 1.0'),
             "a series that is given no more")
    registry.unregister(collector)
    wait_for(lambda: not exposed('parts{part="a"} 1.0'), "the end")


def one_family(make):
    class One:
        def collect(self):
            return [make()]

    return One()


@test
def a_name_that_a_collector_has_published_can_become_a_metric():
    """After it was unregistered, and while it is in another registry."""
    core = prometheus.core
    published = {"queue": lambda: core.GaugeMetricFamily("queue", "Q.", value=1),
                 "sized": lambda: core.SummaryMetricFamily("sized", "S.", 3, 4),
                 "done": lambda: core.CounterMetricFamily("done", "D.", value=5),
                 "labelled": lambda: core.UnknownMetricFamily("labelled", "L.", labels=["a"])}
    made = {"queue": lambda **more: prometheus.Gauge("queue", "own", **more).set(7),
            "sized": lambda **more: prometheus.Summary("sized", "own", **more).observe(7),
            "done": lambda **more: prometheus.Counter("done", "own", **more).inc(7),
            "labelled": lambda **more: prometheus.Gauge("labelled", "own", **more).set(7)}
    shown = {"queue": "queue", "sized": "sized_sum", "done": "done_total", "labelled": "labelled"}
    for name, make in published.items():
        for stays in (False, True):
            there, other = (prometheus.CollectorRegistry(shared=True) for _ in range(2))
            collector = one_family(make)
            there.register(collector)
            refresh.refresh()
            if not stays:
                there.unregister(collector)
            made[name](registry=other)
            equal(other.get_sample_value(shown[name]), 7, (name, stays))
            refresh.refresh()
            equal(other.get_sample_value(shown[name]), 7, (name, stays))
            for one in list(other._collector_to_names):
                one.reset() if name == "done" else one._reset()
                other.unregister(one)
            if stays:
                there.unregister(collector)


@test
def collectors_of_several_processes_are_not_added_up():
    def work():
        registry = prometheus.CollectorRegistry(shared=True)
        registry.register(Collector({"c": 5}))
        wait_for(lambda: exposed('parts{part="c"} 5.0') and exposed("all_parts_total 5.0"), "the thread")

    join([in_child(work) for _ in range(3)])


@test
def the_collectors_of_this_package_are_not_published():
    prometheus.Gauge("something", "S.")
    text = store.shared().expose().decode()
    assert "python_info" not in text and "process_" not in text, text
    assert "python_info{" in prometheus.generate_latest().decode()


@test
def the_thread_has_ended_when_the_interpreter_does():
    program = """if True:
        import atexit, threading
        atexit.register(lambda: print([one.name for one in threading.enumerate()]))  # the first one runs last
        import shmeter.prometheus as prometheus
        prometheus.Gauge("thread_g", "h").set_function(lambda: 1)
        assert any(one.name == "shmeter-refresh" for one in threading.enumerate())
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    equal(done.stdout, "['MainThread']\n")


@test
def a_program_ends_while_its_thread_evaluates():
    program = """if True:
        import shmeter.prometheus as prometheus, time
        prometheus.Gauge("slow", "S.").set_function(lambda: time.sleep(0.01) or 1)
        time.sleep(0.05)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    equal((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    main()
