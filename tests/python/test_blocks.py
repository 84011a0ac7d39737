"""Blocks and functions that are counted and timed, and functions within a context manager."""
import asyncio
import contextlib
import inspect

from lib import equal, main, raises, test

from shmeter import _core
from shmeter.decorate import within
from shmeter.prometheus import CollectorRegistry, Counter, Gauge, Histogram, Summary
from shmeter.prometheus.context_managers import ExceptionCounter, InprogressTracker, Timer

registry = CollectorRegistry()


def fail(kind):
    raise kind("on purpose")


@test
def exceptions_of_a_type_are_counted_and_go_on():
    counter = Counter("errors", "E.", ["a"], registry=registry)
    child = counter.labels("x")
    for catches, raised, wanted in ((ValueError, ValueError, 1), (ValueError, UnicodeError, 1),
                                    (ValueError, OSError, 0), ((KeyError, OSError), OSError, 1),
                                    ((KeyError, OSError), ValueError, 0), (None, ValueError, 1),
                                    (None, KeyboardInterrupt, 0)):
        counting = child.count_exceptions() if catches is None else child.count_exceptions(catches)
        equal(type(counting), ExceptionCounter)
        before = child._value.get()

        def block():
            with counting as given:
                equal(given, None)
                fail(raised)

        raises(raised, "on purpose", block)
        raises(raised, "on purpose", lambda: counting(fail)(raised))
        equal(child._value.get() - before, 2 * wanted, (catches, raised))
    with child.count_exceptions():
        pass
    equal(child.count_exceptions()(lambda: 7)(), 7)
    raises(ValueError, "counter metric is missing label values", counter.count_exceptions)


@test
def what_is_in_progress_is_counted_while_it_is():
    gauge = Gauge("running", "R.", ["a"], registry=registry)
    child = gauge.labels("x")
    tracker = child.track_inprogress()
    equal(type(tracker), InprogressTracker)
    with tracker, tracker:
        equal(child._value.get(), 2)
    equal(tracker(child._value.get)(), 1)
    raises(OSError, "on purpose", lambda: tracker(fail)(OSError))
    equal(child._value.get(), 0)
    raises(ValueError, "gauge metric is missing label values", gauge.track_inprogress)


@test
def coroutine_functions_are_within_until_they_end():
    gauge, counter = Gauge("waiting", "W.", registry=registry), Counter("failing", "F.", registry=registry)
    seen = []

    @gauge.track_inprogress()
    @counter.count_exceptions(OSError)
    async def work(error=None):
        """Works."""
        seen.append(gauge._value.get())
        await asyncio.sleep(0)
        if error:
            raise error
        return 5

    async def both():
        return await asyncio.gather(work(), work(OSError("on purpose")), return_exceptions=True)

    results = asyncio.run(both())
    equal((results[0], repr(results[1]), sorted(seen), gauge._value.get(), counter._value.get()),
          (5, "OSError('on purpose')", [1, 2], 0, 1))
    equal((work.__name__, work.__doc__, inspect.iscoroutinefunction(work)), ("work", "Works.", True))


@test
def blocks_and_functions_are_timed_once_each():
    for kind in (Histogram, Summary, Gauge):
        metric = kind("timed_" + kind.__name__.lower(), "T.", ["a"], registry=registry)
        child = metric.labels("x")
        with child.time() as timer:
            equal(type(timer), Timer)
        with metric.time() as timer:
            equal(timer.labels("x"), None)

        def block():
            with child.time():
                fail(OSError)

        raises(OSError, "on purpose", block)
        raises(OSError, "on purpose", lambda: child.time()(fail)(OSError))
        equal(child.time()(lambda a, b=2: a + b)(1, b=4), 5)
        if kind is not Gauge:
            equal(registry.get_sample_value(metric._name + "_count", {"a": "x"}), 5)
        value = registry.get_sample_value(metric._name + ("" if kind is Gauge else "_sum"), {"a": "x"})
        assert 0 <= value < 60, value
        raises(ValueError, f"{metric._type} metric is missing label values", lambda: metric.time()(lambda: 0)())
    equal(Timer, _core.Timer)


@test
def a_function_is_called_within_a_context_of_its_own():
    told = []

    @contextlib.contextmanager
    def context():
        told.append("in")
        try:
            yield
        finally:
            told.append("out")

    def add(a, b=2):
        """Adds."""
        told.append(a + b)
        return a + b

    async def later(a):
        told.append(a)
        return a

    inside, coroutine = within(add, context), within(later, context)
    equal((inside(1, b=5), inside(1), inside.__name__, inside.__doc__, inside.__wrapped__), (6, 3, "add", "Adds.", add))
    equal(told, ["in", 6, "out", "in", 3, "out"])
    del told[:]
    equal((asyncio.run(coroutine(7)), told, inspect.iscoroutinefunction(coroutine)), (7, ["in", 7, "out"], True))


if __name__ == "__main__":
    main()
