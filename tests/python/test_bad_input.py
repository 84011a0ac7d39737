"""What goes wrong gives what a Python user expects, and never the end of the interpreter."""
import ast
import os
import re
import subprocess
import sys
import tempfile


from lib import equal, main, raises, Skip, test

import shmeter
from shmeter import _core

from shmeter.prometheus import CollectorRegistry, Counter, Gauge, Histogram


@test
def arguments_that_are_no_numbers_are_refused():
    registry = CollectorRegistry(shared=True)
    counter, gauge = Counter("a", "A.", registry=registry), Gauge("b", "B.", registry=registry)
    histogram = Histogram("c", "C.", registry=registry)
    for call in (lambda: counter.inc("1"), lambda: counter.inc(None, 1), lambda: gauge.inc([]), lambda: gauge.set(None),
                 lambda: gauge.set(),
                 lambda: histogram.observe("x"), lambda: histogram.observe(), lambda: counter.inc(1, {}, 2),
                 lambda: counter.inc(x=1),
                 lambda: counter.inc(1, amount=1), lambda: gauge.dec(1, 2)):
        try:
            call()
        except TypeError:
            continue
        raise AssertionError("no TypeError")
    raises(ValueError, "could not convert string to float: 'x'", lambda: gauge.set("x"))
    raises(OverflowError, "int too large to convert to float", lambda: counter.inc(10 ** 400))
    raises(ValueError, "Invalid label metric name: a-b", lambda: counter.inc(1, {"a-b": "c"}))
    raises(ValueError, "Exemplar labels have 201 UTF-8 characters, exceeding the limit of 128",
           lambda: histogram.observe(1, {"a": "x" * 200}))


@test
def label_values_may_be_anything_that_has_a_text():
    class Odd(str):
        def __hash__(self):
            return 1

        def __eq__(self, other):
            return False

    registry = CollectorRegistry(shared=True)
    counter = Counter("odd", "O.", ["a"], registry=registry)
    for value in (Odd("x"), "x", b"x", 1.5, None, "\ud800", "a\0b", "", "\U0001f600" * 50, "x" * 10000):
        counter.labels(value).inc()
    counter.labels(a=Odd("x")).inc()
    equal(registry.get_sample_value("odd_total", {"a": "x"}), 3)
    equal(registry.get_sample_value("odd_total", {"a": "b'x'"}), 1)
    equal(registry.get_sample_value("odd_total", {"a": "?"}), 1)
    equal(registry.get_sample_value("odd_total", {"a": "a\ufffdb"}), 1)
    equal(registry.get_sample_value("odd_total", {"a": "__overflow__"}), 1, "what is too long for the store")

    class Bad:
        def __str__(self):
            raise OSError("on purpose")
    raises(OSError, "on purpose", lambda: counter.labels(Bad()))


@test
def names_that_the_store_refuses_are_value_errors():
    for name in ("up", "scrape_x", "ALERTS", "shmeter_x", "x" * 250):
        try:
            Gauge(name, "Bad.")
        except ValueError as error:
            assert name in str(error), error
            continue
        raise AssertionError(f"{name} was accepted")
    try:
        Counter("many", "Many.", [f"l{i}" for i in range(17)])
        raise AssertionError("17 labels were accepted")
    except ValueError as error:
        equal(str(error), "many has more than 16 labels")
    raises(ValueError, "Invalid multiprocess mode: x", lambda: Gauge("bad", "Bad.", multiprocess_mode="x"))


@test
def what_help_says_of_open_is_what_it_takes():
    """Each argument with the default that stands there; another one is refused."""
    defaults = dict(re.findall(r"(\w+)=([-\w]+)", _core.open.__doc__.partition(")")[0]))
    assert {"segment", "worker", "max_series", "any_owner"} <= set(defaults), defaults
    meter = _core.open(**{name: ast.literal_eval(default) for name, default in defaults.items()})
    assert meter.attached, meter.error
    raises(TypeError, "'private' is an invalid keyword argument for this function", lambda: _core.open(private=False))


@test
def past_the_limit_a_family_counts_in_one_series():
    program = """if True:
        import shmeter, os
        shmeter.open(max_family_series=10)
        from shmeter.prometheus import CollectorRegistry, Counter
        registry = CollectorRegistry(shared=True)
        counter = Counter("many", "Many.", ["a"], registry=registry)
        for number in range(100):
            counter.labels(str(number)).inc()
        print(registry.get_sample_value("many_total", {"a": "3"}), registry.get_sample_value("many_total", {"a": "__overflow__"}))
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        environment = {**os.environ, "SHMETER_SEGMENT": folder + "/segment"}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env=environment)
    equal(done.stdout, "1.0 90.0\n")


@test
def a_segment_that_is_removed_goes_on_for_its_own_processes():
    program = """if True:
        import shmeter, os
        meter = shmeter.open()
        from shmeter.prometheus import CollectorRegistry, Counter, Gauge, generate_latest
        registry = CollectorRegistry(shared=True)
        counter = Counter("removed", "R.", ["a"], registry=registry)
        counter.labels("x").inc()
        generate_latest(registry)
        os.unlink(meter.path)
        counter.labels("x").inc()
        counter.labels("y").inc()
        Gauge("later", "L.", registry=registry).set(2)
        print(generate_latest(registry).decode().count("removed_total{"), registry.get_sample_value("removed_total", {"a": "x"}),
              registry.get_sample_value("later"))
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        environment = {**os.environ, "SHMETER_SEGMENT": folder + "/segment"}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env=environment)
    equal(done.stdout, "2 2.0 2.0\n")


@test
def a_store_that_cannot_be_had_is_a_warning():
    program = """if True:
        from shmeter.prometheus import CollectorRegistry, Counter, Histogram
        registry = CollectorRegistry(shared=True)
        counter = Counter("alone", "A.", registry=registry)
        counter.inc(3)
        Histogram("h", "H.", registry=registry).observe(1)
        print(registry.get_sample_value("alone_total"), registry.get_sample_value("h_count"))
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = folder + "/segment"
        with open(path, "w", encoding="utf-8") as file:
            file.write("no segment")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env={**os.environ, "SHMETER_SEGMENT": path})
    equal(done.stdout, "3.0 1.0\n")
    assert "RuntimeWarning: segment " + path in done.stderr and "not shared" in done.stderr, done.stderr


@test
def a_segment_that_is_used_up_is_a_warning_and_no_value_is_lost_to_the_program():
    program = """if True:
        import shmeter, warnings
        shmeter.open(max_gauges=4)
        from shmeter.prometheus import CollectorRegistry, Gauge
        gauge = Gauge("many", "Many.", ["a"], registry=CollectorRegistry(shared=True))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for number in range(10):
                gauge.labels(str(number)).set(number)
        print(len(told) > 0, all("no room for a series of many" in str(one.message) and one.filename == "<string>" for one in told))
        warnings.simplefilter("error")
        try:
            gauge.labels("x")
        except RuntimeWarning as warning:
            print("raised")
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env={**os.environ, "SHMETER_SEGMENT": folder + "/segment"})
    equal(done.stdout, "True True\nraised\n")


FULL = """if True:
    import os, sys
    sys.path.insert(0, sys.argv[1])
    from shmeter.prometheus import CollectorRegistry, Counter, Histogram
    registry = CollectorRegistry(shared=True)
    counter = Counter("full", "F.", ["a"], registry=registry)
    for number in range(50):
        counter.labels(str(number)).inc(2)
        Histogram(f"h{number}", "H.", registry=registry).observe(1)
    print(registry.get_sample_value("full_total", {"a": "49"}), registry.get_sample_value("h49_count"))
"""


@test
def a_full_shared_memory_filesystem_is_a_warning():
    mount = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$0" -c "$1" "$2"'
    command = ["unshare", "--mount", "sh", "-c", mount, sys.executable, FULL, os.environ["PYTHONPATH"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "SHMETER_SEGMENT": "full"})
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        raise Skip(done.stderr.strip())
    equal((done.returncode, done.stdout), (0, "2.0 1.0\n"), done.stderr)
    assert "RuntimeWarning" in done.stderr and "filesystem is full" in done.stderr, done.stderr


@test
def a_bad_segment_name_is_a_value_error():
    for name in ("a b", "x" * 100, "\u00fc"):
        try:
            shmeter.open(name)
        except ValueError:
            continue
        raise AssertionError(f"{name!r} was accepted")
    try:
        shmeter.open("x\0y")
        raise AssertionError("a zero was accepted")
    except ValueError as error:
        equal(str(error), "embedded null character")


@test
def objects_that_were_not_opened_are_harmless():
    from shmeter import _core
    for kind, method in ((_core.Counter, "inc"), (_core.Gauge, "inc"), (_core.Metric, "_reset"),
                         (_core.Histogram, "time"), (_core.Info, "clear")):
        try:
            getattr(kind(), method)()
        except ValueError:
            pass
    metric = _core.Counter()
    for call in (lambda: metric.labels("x"), lambda: metric.remove(), lambda: metric._hide(),
                 lambda: _core.render([metric], False, False),
                 lambda: _core.render([1], False, False), lambda: _core.Meter(), lambda: _core.Timer(),
                 lambda: _core.Info()._put((), ())):
        try:
            call()
        except (ValueError, TypeError):
            continue
        raise AssertionError("nothing was raised")
    equal((metric._metrics, metric._name), ({}, None))


if __name__ == "__main__":
    main()
