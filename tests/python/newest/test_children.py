"""Classes of the program that derive from the package's: children run their __init__, timers call their methods; and
what programs reach for in
metrics."""

import copy
import inspect
import time
from unittest import mock

from lib import equal, main, raises, test

from shmeter.decorate import alike
from shmeter.prometheus import CollectorRegistry, Counter, Enum, Gauge, Histogram, Summary
from shmeter.prometheus.parts.bare import Bare
from shmeter.prometheus.context_managers import Timer
from shmeter.prometheus.decorator import decorate
from shmeter.prometheus.metrics import MetricWrapperBase
from shmeter.prometheus.samples import Sample


def registry():
    return CollectorRegistry(shared=True)


@test
def children_run_the_init_of_their_class_as_their_parent_does():
    class Kept(Counter):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self.mine = []

    one = registry()
    family = Kept("kept_total", "K.", ["a"], registry=one)
    child = family.labels("x")
    child.mine.append(1)
    child.inc(2)
    equal((family._inits_children, Counter("kept_not", "K.", ["a"], registry=one)._inits_children), (True, False))
    equal((family.mine, family.labels("x").mine, family.labels(a="y").mine, type(child)), ([], [1], [], Kept))
    equal((child._labelvalues, one.get_sample_value("kept_total", {"a": "x"})), (("x",), 2))
    equal(Kept("kept_alone", "K.", registry=one).mine, [])


@test
def what_an_init_was_given_its_children_are_given_too():
    seen = []

    class Levels(Gauge):
        def __init__(self, name, documentation, labelnames=(), multiprocess_mode="max", **named):
            seen.append((name, documentation, tuple(labelnames), multiprocess_mode, named.get("_labelvalues")))
            super().__init__(name, documentation, labelnames, multiprocess_mode=multiprocess_mode, **named)

    class Buckets(Histogram):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self.bounds = list(named["buckets"])

    class States(Enum):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self.first = named["states"][0]

    one = registry()
    Levels("levels", "L.", ["a"], namespace="n", registry=one).labels("x").set(3)
    equal(seen, [("levels", "L.", ("a",), "max", None), ("levels", "L.", ("a",), "max", ("x",))])
    equal(one.get_sample_value("n_levels", {"a": "x"}), 3)
    equal(Buckets("init_buckets", "B.", ["a"], buckets=[1, 2], registry=one).labels("x").bounds, [1, 2, float("inf")])
    equal(States("init_states", "S.", ["a"], states=["on", "off"], registry=one).labels("x").first, "on")


@test
def an_init_that_fails_makes_no_child():
    class Fails(Counter):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            if self._labelvalues:
                raise OSError("on purpose")

    family = Fails("fails", "F.", ["a"], registry=registry())
    raises(OSError, "on purpose", lambda: family.labels("x"))
    equal(family._metrics, {})


@test
def a_class_of_the_base_alone_is_what_it_says():
    class Own(MetricWrapperBase):
        _type = "gauge"

        def _metric_init(self):
            self.value = 7

        def _child_samples(self):
            return (Sample("", {}, self.value, None, None), Sample("_more", {"b": "c"}, 1, None, None))

    one = CollectorRegistry(shared=False)
    plain, family = Own("own_plain", "O.", registry=one), Own("own", "O.", ["a"], unit="s", registry=one)
    family.labels("x").value = 8
    equal(family.labels(a="x") is family.labels("x"), True)
    equal(
        (
            one.get_sample_value("own_plain"),
            one.get_sample_value("own_s", {"a": "x"}),
            one.get_sample_value("own_s_more", {"a": "x", "b": "c"}),
        ),
        (7, 8, 1),
    )
    equal((str(plain), family._is_parent(), plain._is_observable()), ("gauge:own_plain", True, True))
    for words, wrong in (
        ("No label names were set when constructing gauge:own_plain", lambda: plain.labels("x")),
        (
            "gauge:own_s already has labels set ({'a': 'x'}); can not chain calls to .labels()",
            lambda: family.labels("x").labels("y"),
        ),
        ("Incorrect label count", family.labels),
        ("Incorrect label names", lambda: family.labels(b=1)),
        ("Can't pass both *args and **kwargs", lambda: family.labels("x", a="y")),
        ("Incorrect label count (expected 1, got ())", family.remove),
        ("Metric name should not be empty", lambda: Own("", "O.")),
        ("gauge metric is missing label values", family._raise_if_not_observable),
    ):
        raises(ValueError, words, wrong)
    family.remove("x")
    family.labels("y")
    family.remove_by_labels({"a": "y"})
    equal(family.collect()[0].samples, [])
    family.labels("z")
    family.clear()
    plain.clear()
    equal((family.collect()[0].samples, plain._raise_if_not_observable()), ([], None))
    raises(NotImplementedError, None, lambda: type("Empty", (MetricWrapperBase,), {"_type": "gauge"})("empty", "E."))
    nothing = type("Nothing", (MetricWrapperBase,), {"_type": "gauge", "_metric_init": lambda self: None})(
        "nothing", "N.", registry=None
    )
    raises(NotImplementedError, None, nothing.collect)
    equal(issubclass(Own, Bare), False)


@test
def timers_call_the_method_that_is_there():
    """One of a subclass, one of a subclass's subclass, and one that a test has put into the object."""
    seen = []

    class Doubled(Histogram):
        def observe(self, amount, exemplar=None):
            seen.append(amount)
            super().observe(0.5)

    class Stated(Gauge):
        def set(self, value):
            seen.append(value)

    class Summed(Summary):
        def observe(self, amount):
            seen.append(amount)

    one = registry()
    for timed in (
        Doubled("doubled", "D.", registry=one),
        Stated("stated", "S.", registry=one),
        Summed("summed", "S.", registry=one),
    ):
        with timed.time():
            pass
        timed.time()(lambda: None)()
        equal(len(seen), 2, timed)
        seen.clear()
    equal((one.get_sample_value("doubled_count"), one.get_sample_value("doubled_sum")), (2, 1))
    plain = Histogram("mocked", "M.", ["a"], registry=one)
    with mock.patch.object(plain.labels("x"), "observe") as observe:
        with plain.labels("x").time() as timer:
            pass
        observe.assert_called_once_with(timer.duration)
    with plain.labels("x").time():
        pass
    equal(one.get_sample_value("mocked_count", {"a": "x"}), 1)


@test
def a_timer_tells_how_long_it_took():
    histogram = Histogram("told", "T.", ["a"], registry=registry())
    with histogram.time() as timer:
        equal((timer.duration, type(timer)), (None, Timer))
        before = time.monotonic()
        while time.monotonic() == before:
            pass
        timer.labels("x")
    assert 0 < timer.duration < 60, timer.duration
    equal(histogram.labels("x")._sum.get(), timer.duration)


@test
def timers_are_made_of_anything_with_such_a_method():
    class Other:
        def __init__(self):
            self.seen = []

        def labels(self, name):
            self.seen.append(name)
            return self

        def note(self, seconds):
            self.seen.append(seconds)

    other = Other()
    with Timer(other, "note") as timer:
        timer.labels("x")
    equal(other.seen, ["x", timer.duration])
    assert timer.duration >= 0
    histogram = Histogram("by_hand", "B.", registry=registry())
    with Timer(histogram, callback_name="observe"):
        pass
    equal(histogram._buckets[-1].get() + sum(bucket.get() for bucket in histogram._buckets[:-1]), 1)
    raises(AttributeError, None, Timer(other, "none").__exit__)


@test
def decorated_functions_have_their_arguments():
    def function(a, b=1, *more, c, d: int = 2, **rest) -> str:
        """Says."""
        return f"{a}{b}{more}{c}{d}{rest}"

    async def coroutine(a, *, b):
        return a, b

    counter, gauge, histogram = Counter("spec", "S."), Gauge("spec_now", "S."), Histogram("spec_seconds", "S.")
    for decorator in (
        counter.count_exceptions(),
        gauge.track_inprogress(),
        histogram.time(),
        gauge.time(),
        lambda function: decorate(function, lambda function, *values, **named: function(*values, **named)),
    ):
        for one in (function, coroutine):
            decorated = decorator(one)
            equal(
                (inspect.getfullargspec(decorated), inspect.signature(decorated)),
                (inspect.getfullargspec(one), inspect.signature(one)),
            )
            equal(
                (decorated.__name__, decorated.__doc__, decorated.__wrapped__ is one), (one.__name__, one.__doc__, True)
            )
        equal(decorator(function)(1, 2, 3, c=4, e=5), "12(3,)42{'e': 5}")
    equal(counter.count_exceptions()(print).__name__, "print")
    equal(
        inspect.signature(alike(lambda *arguments: arguments, iter), follow_wrapped=False).parameters.keys(),
        {"arguments"},
        "nobody knows those of iter",
    )


@test
def what_programs_reach_for_in_metrics_is_there():
    one = registry()
    counter, histogram, summary = (
        Counter("reached", "R.", ["a"], registry=one),
        Histogram("reached_s", "R.", registry=one),
        Summary("reached_b", "R.", registry=one),
    )
    counter.labels("x").inc(3)
    with counter._lock:
        equal(counter.labels("x")._value._value, 3)
    counter.labels("x")._value._value = 5
    equal(one.get_sample_value("reached_total", {"a": "x"}), 5)
    copied = copy.copy(counter)
    copied.labels("x").inc()
    equal(one.get_sample_value("reached_total", {"a": "x"}), 6)
    for metric, values in (
        (histogram, (histogram._sum, histogram._buckets[0])),
        (summary, (summary._sum, summary._count)),
    ):
        for value in values:
            metric.observe(2)
            raises(
                ValueError,
                f"{metric}{value._suffix} is the sum or number of observations: only 0 can be set, for all of them",
                lambda: value.set(1),
            )
            raises(
                ValueError,
                f"{metric}{value._suffix} is the sum or number of observations: call observe()",
                lambda: value.inc(1),
            )
            equal(one.get_sample_value(metric._name + "_count"), 1, "nothing is lost by an error")
            value.set(0)
            equal((one.get_sample_value(metric._name + "_count"), one.get_sample_value(metric._name + "_sum")), (0, 0))


if __name__ == "__main__":
    main()
