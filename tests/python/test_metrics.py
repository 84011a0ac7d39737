"""Counters, gauges and histograms of shmeter.prometheus, over processes."""
import asyncio
import sys

from lib import equal, in_child, join, main, raises, test

from shmeter.prometheus import CollectorRegistry, Counter, Gauge, generate_latest, Histogram
from shmeter.prometheus.registry import DuplicateTimeseries

WORKERS = 4
TIMES = 500


@test
def counters_of_four_processes_add_up():
    registry = CollectorRegistry(shared=True)
    counter = Counter("requests", "Requests.", ["method", "status"], registry=registry)

    def work():
        for _ in range(TIMES):
            counter.labels("GET", "200").inc()
            counter.labels(status=500, method="POST").inc(0.5)

    join([in_child(work) for _ in range(WORKERS)])
    equal(registry.get_sample_value("requests_total", {"method": "GET", "status": "200"}), WORKERS * TIMES)
    equal(registry.get_sample_value("requests_total", {"method": "POST", "status": "500"}), WORKERS * TIMES / 2)


@test
def a_gauge_shows_what_one_process_would_show():
    registry = CollectorRegistry(shared=True)
    gauge = Gauge("pooled", "Pooled.", registry=registry)
    equal(registry.get_sample_value("pooled"), 0, "at first")
    gauge.set(10)

    def work():
        gauge.inc(3)
        gauge.dec(1)
        gauge.dec(2)

    join([in_child(work) for _ in range(WORKERS)])
    equal(registry.get_sample_value("pooled"), 10)
    join([in_child(lambda: gauge.set(4.5))])
    equal(registry.get_sample_value("pooled"), 4.5, "set by a process that has ended")


@test
def histograms_of_four_processes_add_up():
    registry = CollectorRegistry(shared=True)
    histogram = Histogram("seconds", "Seconds.", buckets=[0.25, 1, 4], registry=registry)

    def work():
        for value in (0.25, 0.5, 2, 8):
            histogram.observe(value)

    join([in_child(work) for _ in range(WORKERS)])
    equal([registry.get_sample_value("seconds_bucket", {"le": le}) for le in ("0.25", "1.0", "4.0", "+Inf")],
          [4, 8, 12, 16])
    equal(registry.get_sample_value("seconds_sum"), WORKERS * 10.75)
    equal(registry.get_sample_value("seconds_count"), WORKERS * 4)


@test
def a_series_removed_by_one_process_begins_at_0_for_all():
    registry = CollectorRegistry(shared=True)
    counter = Counter("removed", "Removed.", ["a"], registry=registry)
    counter.labels("x").inc(5)
    join([in_child(lambda: counter.remove("x"))])
    equal(registry.get_sample_value("removed_total", {"a": "x"}), None)
    counter.labels("x").inc(2)
    equal(registry.get_sample_value("removed_total", {"a": "x"}), 2)
    join([in_child(counter.clear)])
    equal(list(registry.collect())[0].samples, [])
    equal(counter.remove("x"), None, "it is gone already")


@test
def a_series_can_be_removed_where_another_process_made_it():
    registry = CollectorRegistry(shared=True)
    counter = Counter("elsewhere", "Elsewhere.", ["a"], registry=registry)
    join([in_child(lambda: counter.labels("x").inc())])
    counter.remove("x")
    equal(list(registry.collect())[0].samples, [])


@test
def metrics_of_one_name_in_two_registries_add_up_or_have_values_of_their_own():
    first, second, own = CollectorRegistry(shared=True), CollectorRegistry(shared=True), CollectorRegistry(shared=False)
    a, b, c = (Counter("twice", "Twice.", registry=registry) for registry in (first, second, own))
    a.inc(1)
    b.inc(10)
    c.inc(100)
    join([in_child(lambda: b.inc(10)), in_child(lambda: c.inc(100))])
    equal([registry.get_sample_value("twice_total") for registry in (first, second, own)], [221, 221, 100])
    raises(DuplicateTimeseries, "Duplicated timeseries in CollectorRegistry: {'twice_created'}",
           lambda: Gauge("twice_created", "Taken.", registry=first))


@test
def a_metric_made_again_goes_on():
    registry = CollectorRegistry(shared=True)
    counter = Counter("again", "Again.", registry=registry)
    counter.inc(5)
    registry.unregister(counter)
    equal(generate_latest(registry), b"")
    counter = Counter("again", "Again.", registry=registry)
    counter.inc()
    equal(registry.get_sample_value("again_total"), 6)
    counter.reset()
    equal(registry.get_sample_value("again_total"), 0)


@test
def a_metric_may_be_made_again_with_another_definition():
    registry = CollectorRegistry(shared=True)
    for kind, labels, sample, value in ((Counter, [], ("other_total", {}), 3),
                                        (Counter, ["a"], ("other_total", {"a": "x"}), 3),
                                        (Gauge, ["a"], ("other", {"a": "x"}), 3),
                                        (Counter, [], ("other_total", {}), 6)):
        metric = kind("other", "Other.", labels, registry=registry)
        (metric.labels("x") if labels else metric).inc(3)
        equal(registry.get_sample_value(*sample), value, (kind, labels))
        registry.unregister(metric)


@test
def a_histogram_made_again_with_other_buckets_and_back_is_one_of_all_processes():
    registry = CollectorRegistry(shared=True)
    for bounds, count in (((1, 2), 2), ((1, 3), 2), ((1, 2), 4)):
        histogram = Histogram("swapped", "Swapped.", buckets=bounds, registry=registry)
        histogram.observe(1.5)
        join([in_child(lambda: histogram.observe(1.5))])
        equal([registry.get_sample_value(f"swapped_{name}") for name in ("count", "sum")], [count, 1.5 * count], bounds)
        equal(registry.get_sample_value("swapped_bucket", {"le": f"{bounds[1]}.0"}), count, bounds)
        registry.unregister(histogram)


@test
def coroutine_functions_are_timed_and_counted_until_they_end():
    registry = CollectorRegistry(shared=True)
    histogram, gauge = Histogram("coroutine", "C.", registry=registry), Gauge("running", "R.", registry=registry)
    errors = Counter("errors", "E.", registry=registry)
    seen = []

    @histogram.time()
    @gauge.track_inprogress()
    @errors.count_exceptions(KeyError)
    async def work(fails):
        """Works."""
        await asyncio.sleep(0)
        seen.append(registry.get_sample_value("running"))
        if fails:
            raise KeyError("on purpose")
        return 7

    async def both():
        return await asyncio.gather(work(False), work(True), return_exceptions=True)

    assert asyncio.iscoroutinefunction(work) and work.__doc__ == "Works."
    first, second = asyncio.run(both())
    equal((first, type(second), seen), (7, KeyError, [2, 1]))
    equal([registry.get_sample_value(name) for name in ("coroutine_count", "running", "errors_total")], [2, 0, 1])


@test
def calls_of_a_timed_function_may_overlap():
    registry = CollectorRegistry(shared=True)
    gauge, histogram = Gauge("last", "L.", registry=registry), Histogram("nested", "N.", registry=registry)

    @histogram.time()
    def deeper(n):
        return n and 1 + deeper(n - 1)

    equal(deeper(4), 4)
    equal(registry.get_sample_value("nested_count"), 5)
    equal(gauge.time()(len)("abc"), 3)
    assert registry.get_sample_value("last") > 0
    timer = histogram.time()
    before = [sys.getrefcount(one) for one in (deeper, histogram, timer)]
    for _ in range(100):
        timer(deeper)
        timer(len)("")
        raises(TypeError, "function takes exactly 1 argument (0 given)", timer)
    equal([sys.getrefcount(one) for one in (deeper, histogram, timer)], before,
          "references of what was decorated and dropped")


@test
def exemplars_are_checked_as_prometheus_client_checks_them():
    registry = CollectorRegistry(shared=True)
    counter, histogram = Counter("with_exemplar", "E.", registry=registry), Histogram("h", "H.", registry=registry)
    good, many = {"trace_id": "a" * 60, "span_id": "\u00fc" * 53}, {"trace_id": "a" * 121}  # 128 runes, and 129
    for put in (lambda exemplar: counter.inc(1, exemplar), lambda exemplar: histogram.observe(1, exemplar)):
        for fine in (good, {}, None):
            put(fine)
        raises(ValueError, "Exemplar labels have 129 UTF-8 characters, exceeding the limit of 128", lambda: put(many))
        raises(ValueError, "Invalid label metric name: a-b", lambda: put({"a-b": "x"}))
        raises(ValueError, "Invalid label metric name: ", lambda: put({"": "x"}))
        raises(ValueError, "Invalid label metric name: __a-b", lambda: put({"__a-b": "x"}))
        raises(ValueError, "Invalid label metric name: a\0", lambda: put({"a\0": "x"}))
        raises(ValueError, "Reserved label metric name: __a", lambda: put({"__a": "x"}))
        raises(TypeError, "expected string or bytes-like object, got 'int'", lambda: put({1: "x"}))
        raises(TypeError, "object of type 'int' has no len()", lambda: put({"a": 1}))
        raises(AttributeError, "'list' object has no attribute 'items'", lambda: put(["a"]))
    equal([registry.get_sample_value(name) for name in ("with_exemplar_total", "h_count")], [12, 12],
          "exemplars are looked at when the update has been made")
    kept = {"trace_id": "".join(["x"] * 20)}
    bad = {"a-b": kept["trace_id"]}
    before = [sys.getrefcount(one) for one in (kept, kept["trace_id"], bad, int)]
    for _ in range(100):
        counter.inc(1, kept)
        for wrong, error in ((bad, ValueError), ({1: ""}, TypeError), ({"a": 1}, TypeError)):
            try:
                counter.inc(1, wrong)
            except error:
                continue
            raise AssertionError(f"{wrong} was taken")
    counter.inc(1, {"trace_id": "another"})  # in the place of the one that is kept
    equal([sys.getrefcount(one) for one in (kept, kept["trace_id"], bad, int)], before, "references")


@test
def a_registry_that_is_not_shared_shows_its_process_and_the_segment_has_all():
    join([in_child(lambda: Counter("kept", "K.", registry=CollectorRegistry(shared=True)).inc(5))])
    registry = CollectorRegistry(shared=False)
    counter = Counter("kept", "K.", registry=registry)
    counter.inc()
    join([in_child(counter.inc)])
    equal(registry.get_sample_value("kept_total"), 1, "its own")
    equal(Counter("kept", "K.", registry=CollectorRegistry(shared=True))._value.get(), 7)


@test
def sub_interpreters_count_in_one_store():
    import _xxsubinterpreters as interpreters
    counter = Counter("interpreted", "I.")
    counter.inc()
    one = interpreters.create()
    interpreters.run_string(one, "from shmeter.prometheus import Counter\nCounter('interpreted', 'I.').inc(2)")
    interpreters.destroy(one)
    equal(counter._value.get(), 3)


@test
def wrong_use_raises_what_prometheus_client_raises():
    registry = CollectorRegistry(shared=True)
    counter = Counter("wrong", "Wrong.", ["a", "b"], registry=registry)
    raises(ValueError, "counter metric is missing label values", counter.inc)
    raises(ValueError, "Incorrect label count", lambda: counter.labels("x"))
    raises(ValueError, "Incorrect label names", lambda: counter.labels(a=1, c=2))
    raises(ValueError, "Can't pass both *args and **kwargs", lambda: counter.labels("x", b="y"))
    raises(ValueError, "Counters can only be incremented by non-negative amounts.",
           lambda: counter.labels("x", "y").inc(-1))
    raises(ValueError, "counter:wrong already has labels set ({'a': 'x', 'b': 'y'}); can not chain calls to .labels()",
           lambda: counter.labels("x", "y").labels("z"))
    plain = Counter("plain", "Plain.", registry=registry)
    raises(ValueError, "No label names were set when constructing counter:plain", lambda: plain.labels("x"))
    raises(ValueError, "Invalid metric name: a\x7fb", lambda: Counter("a\x7fb", "Bad.", registry=registry))
    raises(ValueError, "Reserved label metric name: __a", lambda: Counter("bad", "Bad.", ["__a"], registry=registry))
    raises(ValueError, "Buckets not in sorted order", lambda: Histogram("bad", "Bad.", buckets=[2, 1],
                                                                        registry=registry))


@test
def what_is_taken_out_of_a_metrics_children_is_removed():
    registry = CollectorRegistry()
    counter = Counter("children", "C.", ["l"], registry=registry)
    for value in "abc":
        counter.labels(value).inc()

    def shown():
        return sorted(sample.labels["l"] for sample in counter.collect()[0].samples if sample.name == "children_total")

    equal(sorted(counter._metrics), [("a",), ("b",), ("c",)])
    assert counter._metrics["a",] is counter.labels("a")
    del counter._metrics["a",]
    equal(shown(), ["b", "c"])
    equal((counter._metrics.pop(("a",), None), counter._metrics.pop(("b",)).labels is not None), (None, True))
    equal(shown(), ["c"])
    counter._metrics.clear()
    equal((shown(), counter._metrics), ([], {}))


if __name__ == "__main__":
    main()
