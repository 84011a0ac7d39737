"""What collectors are made of, and the collectors of this package: families, samples, times, and what /proc and Python
tell."""
import gc
import os
import tempfile
from unittest import mock

from lib import equal, main, raises, test

from shmeter.prometheus import (
    CollectorRegistry, Counter, Enum, Gauge, GC_COLLECTOR, GCCollector, generate_latest, Histogram, Info, Metric,
    PLATFORM_COLLECTOR,
    PlatformCollector, PROCESS_COLLECTOR, ProcessCollector, REGISTRY, Summary,
)
from shmeter.prometheus.core import (
    CounterMetricFamily, Exemplar, GaugeHistogramMetricFamily, GaugeMetricFamily, HistogramMetricFamily,
    InfoMetricFamily, Sample,
    StateSetMetricFamily, SummaryMetricFamily, Timestamp, UnknownMetricFamily, UntypedMetricFamily,
)
from shmeter.prometheus.decorator import decorate
from shmeter.prometheus.family import Value
from shmeter.prometheus.formats import encode
from shmeter.prometheus.metrics import Bucket
from shmeter.prometheus.multiprocess import MultiProcessCollector
from shmeter.prometheus.registry import Collector, DuplicateTimeseries, RestrictedRegistry
from shmeter.prometheus.values import get_value_class, MultiProcessValue, MutexValue, ValueClass


def samples(family):
    return [tuple(sample)[:5] for sample in family.samples]


@test
def timestamps_are_seconds_and_nanoseconds():
    one, other, before = Timestamp(12, 5), Timestamp(12, 6), Timestamp(-1, 250000000)
    equal((str(one), repr(one), float(Timestamp(1, 500000000)), float(before)),
          ("12.000000005", "Timestamp(12, 5)", 1.5, -1.25))
    equal((one == Timestamp(12, 5), one != Timestamp(12, 5), one == other, one != other, one == 12),
          (True, False, False, True, False))
    equal((one < other, other < one, one > other, other > one, one > Timestamp(12, 5), one < Timestamp(12, 5)),
          (True, False, False, True, False, False))
    equal((len({one, Timestamp(12, 5), other}), Timestamp(1.9, 0).sec), (2, 1))
    for wrong in (-1, 10 ** 9):
        raises(ValueError, f"Invalid value for nanoseconds in Timestamp: {wrong}", lambda: Timestamp(1, wrong))
    equal((Timestamp(1, 999999999).nsec, Timestamp(0, 5).nsec, float(Timestamp(0, 5))), (999999999, 5, 5e-9))


@test
def families_have_the_samples_that_are_added():
    unknown = UnknownMetricFamily("u", "U.", labels=["a", "b"], unit="s")
    unknown.add_metric(["1", "2"], 3, timestamp=4)
    equal((unknown.name, unknown.type, unknown.unit, samples(unknown)),
          ("u_s", "unknown", "s", [("u_s", {"a": "1", "b": "2"}, 3, 4, None)]))
    equal((UntypedMetricFamily is UnknownMetricFamily, Metric("m", "M.", "untyped").type), (True, "unknown"))
    counter = CounterMetricFamily("c_total", "C.", labels=["a"])
    counter.add_metric(["x"], 1, created=2, timestamp=3)
    counter.add_metric(["y"], 4)
    equal((counter.name, samples(counter)), ("c", [("c_total", {"a": "x"}, 1, 3, None),
                                                   ("c_created", {"a": "x"}, 2, 3, None),
                                                   ("c_total", {"a": "y"}, 4, None, None)]))
    equal(samples(CounterMetricFamily("c", "C.", value=0, created=0)),
          [("c_total", {}, 0, None, None), ("c_created", {}, 0, None, None)])
    gauge = GaugeMetricFamily("g", "G.", value=0, unit="bytes")
    equal((gauge.name, gauge.type, samples(gauge)), ("g_bytes", "gauge", [("g_bytes", {}, 0, None, None)]))
    summary = SummaryMetricFamily("s", "S.", count_value=0, sum_value=0)
    summary.add_metric([], 1, 2, timestamp=3)
    equal(samples(summary), [("s_count", {}, 0, None, None), ("s_sum", {}, 0, None, None), ("s_count", {}, 1, 3, None),
                             ("s_sum", {}, 2, 3, None)])
    exemplar = Exemplar({"t": "1"}, 0.5)
    histogram = HistogramMetricFamily("h", "H.", buckets=[("0.0", 1), ("+Inf", 3, exemplar)], sum_value=4)
    equal(samples(histogram), [("h_bucket", {"le": "0.0"}, 1, None, None),
                               ("h_bucket", {"le": "+Inf"}, 3, None, exemplar),
                               ("h_count", {}, 3, None, None), ("h_sum", {}, 4, None, None)])
    equal(len(HistogramMetricFamily("h", "H.", buckets=[("-1.0", 1), ("+Inf", 3)], sum_value=4).samples), 2,
          "no sum of what may be negative")
    equal(len(HistogramMetricFamily("h", "H.", buckets=[("1.0", 1), ("+Inf", 3)]).samples), 2, "no sum")
    now = GaugeHistogramMetricFamily("gh", "GH.", buckets=[("1.0", 1), ("+Inf", 3)], gsum_value=4)
    equal(samples(now), [("gh_bucket", {"le": "1.0"}, 1, None, None), ("gh_bucket", {"le": "+Inf"}, 3, None, None),
                         ("gh_gcount", {}, 3, None, None),
                         ("gh_gsum", {}, 4, None, None)])
    equal(samples(InfoMetricFamily("i", "I.", {"v": "1"})), [("i_info", {"v": "1"}, 1, None, None)])
    equal(samples(StateSetMetricFamily("e", "E.", {"on": True, "off": False})),
          [("e", {"e": "off"}, 0, None, None), ("e", {"e": "on"}, 1, None, None)])
    labelled = StateSetMetricFamily("e", "E.", labels=["a"])
    labelled.add_metric(["x"], {"on": True}, 5)
    equal(samples(labelled), [("e", {"a": "x", "e": "on"}, 1, 5, None)])


@test
def families_that_are_none_are_refused():
    for words, make in (
            ("Can only specify at most one of value and labels.", lambda: UnknownMetricFamily("a", "A.", 0, ["x"])),
            ("Can only specify at most one of value and labels.", lambda: CounterMetricFamily("a", "A.", 0, ["x"])),
            ("Can only specify at most one of value and labels.", lambda: GaugeMetricFamily("a", "A.", 0, ["x"])),
            ("Can only specify at most one of value and labels.", lambda: SummaryMetricFamily("a", "A.", 0, 0, ["x"])),
            ("count_value and sum_value must be provided together.", lambda: SummaryMetricFamily("a", "A.", 0)),
            ("count_value and sum_value must be provided together.",
             lambda: SummaryMetricFamily("a", "A.", sum_value=0)),
            ("sum value cannot be provided without buckets.", lambda: HistogramMetricFamily("a", "A.", sum_value=0)),
            ("Can only specify at most one of buckets and labels.",
             lambda: HistogramMetricFamily("a", "A.", [("+Inf", 1)], labels=["x"])),
            ("Can only specify at most one of buckets and labels.",
             lambda: GaugeHistogramMetricFamily("a", "A.", [("+Inf", 1)], labels=["x"])),
            ("Can only specify at most one of value and labels.", lambda: InfoMetricFamily("a", "A.", {}, ["x"])),
            ("Can only specify at most one of value and labels.", lambda: StateSetMetricFamily("a", "A.", {}, ["x"])),
            ("metric name cannot be empty", lambda: Metric("", "A.", "gauge")),
        ("Invalid metric type: b", lambda: Metric("a", "A.", "b"))):
        raises(ValueError, words, make)


@test
def metrics_as_values_are_equal_when_all_is():
    def make(**other):
        metric = Metric(**{"name": "m", "documentation": "M.", "typ": "gauge", "unit": "", **other})
        metric.add_sample(metric.name, {"a": "b"}, 1, 2, Exemplar({}, 3))
        return metric

    equal(make() == make(), True)
    for other in ({"name": "n"}, {"documentation": "N."}, {"typ": "counter"}, {"unit": "m"}):
        equal(make() == make(**other), False, other)
    equal((make() == 1, make() == Metric("m", "M.", "gauge")), (False, False))
    equal(repr(make()), "Metric(m, M., gauge, , [Sample(name='m', labels={'a': 'b'}, value=1, timestamp=2, "
                        "exemplar=Exemplar(labels={}, value=3, timestamp=None), native_histogram=None)])")
    equal((make()._restricted_metric(["x"]), make()._restricted_metric(["m"]) == make()), (None, True))


@test
def what_the_kernel_knows_of_a_process_is_read():
    with tempfile.TemporaryDirectory() as proc:
        def put(name, text):
            os.makedirs(os.path.dirname(os.path.join(proc, name)), exist_ok=True)
            with open(os.path.join(proc, name), "w", encoding="utf-8") as file:
                file.write(text)

        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        equal(ProcessCollector(proc=proc, registry=None).collect(), [], "nothing can be read")
        put("stat", "cpu 1 2\nbtime 1000\nprocesses 7\n")
        put("42/stat", "42 (a) b (c) S " + " ".join(str(number) for number in range(4, 53)))
        put("42/limits", "Limit Soft Hard Units\nMax open files            77                 99               files\n")
        os.makedirs(proc + "/42/fd")
        for number in "012":
            put("42/fd/" + number, "")
        registry = CollectorRegistry()
        collector = ProcessCollector("name", lambda: " 42\n", proc, registry)
        equal([(one.name, one.type, one.documentation, one.samples[0].value) for one in registry.collect()], [
            ("name_process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", 23.0),
            ("name_process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", 24.0 * page),
            ("name_process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.",
             22.0 / ticks + 1000),
            ("name_process_cpu_seconds", "counter", "Total user and system CPU time spent in seconds.",
             (14.0 + 15.0) / ticks),
            ("name_process_open_fds", "gauge", "Number of open file descriptors.", 3.0),
            ("name_process_max_fds", "gauge", "Maximum number of open file descriptors.", 77.0)])
        put("42/limits", "Max open files unlimited unlimited files\n")
        equal(collector.collect()[-1].samples[0].value, float("inf"))
        put("42/limits", "")
        equal([one.name for one in collector.collect()][-1], "name_process_open_fds")
        os.unlink(proc + "/42/stat")
        equal([one.name for one in collector.collect()], ["name_process_open_fds"], "what can be read of it")
        put("stat", "cpu 1\n")
        equal(ProcessCollector(pid=lambda: 42, proc=proc, registry=None).collect(), [])
    names = [one.name for one in PROCESS_COLLECTOR.collect()]
    equal((names[0], len(names)), ("process_virtual_memory_bytes", 6))
    equal(PROCESS_COLLECTOR in REGISTRY._collector_to_names, True)


@test
def which_python_this_is_and_what_it_collected_is_told():
    class Platform:
        python_version_tuple = staticmethod(lambda: ("3", "11", "2rc1"))
        python_version = staticmethod(lambda: "3.11.2rc1")
        python_implementation = staticmethod(lambda: "Some")

    registry = CollectorRegistry()
    PlatformCollector(registry, Platform)
    equal(generate_latest(registry),
          b"# HELP python_info Python platform information\n# TYPE python_info gauge\n"
          b"python_info{implementation=\"Some\","
                                     b"major=\"3\",minor=\"11\",patchlevel=\"2rc1\",version=\"3.11.2rc1\"} 1.0\n")
    equal((PlatformCollector(None).collect(), len(PLATFORM_COLLECTOR.collect())), (PLATFORM_COLLECTOR.collect(), 1))
    gc.disable()
    try:
        wanted = gc.get_stats()
        families = GCCollector(None).collect()
        equal([(one.name, one.documentation, [(sample.labels, sample.value) for sample in one.samples])
               for one in families],
              [(f"python_gc_{name}", text, [({"generation": str(i)}, wanted[i][key]) for i in range(3)])
               for name, text, key in (
                  ("objects_collected", "Objects collected during gc", "collected"),
                  ("objects_uncollectable", "Uncollectable object found during GC", "uncollectable"),
                  ("collections", "Number of times this generation was collected", "collections"))])
    finally:
        gc.enable()
    registry = CollectorRegistry()
    GCCollector(registry)
    equal((len(list(registry.collect())), GC_COLLECTOR in REGISTRY._collector_to_names), (3, True))


@test
def a_registry_knows_its_collectors_and_its_target():
    registry = CollectorRegistry(auto_describe=True, target_info={"a": "b"})
    equal((registry.get_target_info(), registry.get_sample_value("target_info", {"a": "b"})), ({"a": "b"}, 1))

    class Own(Collector):
        def collect(self):
            return [GaugeMetricFamily("own", "O.", value=5), CounterMetricFamily("made", "M.", value=6)]

    own = Own()
    registry.register(own)
    raises(DuplicateTimeseries, "Duplicated timeseries in CollectorRegistry: {'own'}",
           lambda: Gauge("own", "O.", registry=registry))
    raises(DuplicateTimeseries, "Duplicated timeseries in CollectorRegistry: {'target_info'}",
           lambda: Gauge("target_info", "T.", registry=registry))
    only = registry.restricted_registry(["made_total", "target_info", "none"])
    equal((type(only), [(one.name, samples(one)) for one in only.collect()]),
          (RestrictedRegistry, [("target", [("target_info", {"a": "b"}, 1, None, None)]),
                                ("made", [("made_total", {}, 6, None, None)])]))
    registry.set_target_info(None)
    equal((registry.get_target_info(), [one.name for one in registry.collect()]), (None, ["own", "made"]))
    equal((registry.get_sample_value("own"), registry.get_sample_value("own", {"a": "b"}),
           registry.get_sample_value("gone")), (5, None, None))
    registry.unregister(own)
    raises(KeyError, repr(own), lambda: registry.unregister(own))
    gauge = Gauge("target_info", "T.", registry=registry)
    raises(ValueError, "CollectorRegistry already contains a target_info metric",
           lambda: registry.set_target_info({"a": "b"}))
    registry.unregister(gauge)
    equal(getattr(Collector, "_is_protocol", False), True, "anything with a method collect is one")


@test
def metrics_tell_what_they_are():
    registry = CollectorRegistry()
    counter = Counter("told", "T.", ["a"], "n", "s", "u", registry)
    equal((str(counter), repr(counter)), ("counter:n_s_told_u", "shmeter.prometheus.metrics.Counter(n_s_told_u)"))
    equal([counter._is_parent(), counter.labels("x")._is_parent(), counter._is_observable(),
           counter.labels("x")._is_observable()],
          [True, False, False, True])
    equal(counter.describe(), [Metric("n_s_told_u", "T.", "counter", "u")])
    counter.labels("x").inc(2)
    counter.labels("y").inc(3)
    equal([(one.name, one.labels, one.value) for one in counter.labels("x").collect()[0].samples
           if one.name.endswith("_total")],
          [("n_s_told_u_total", {}, 2.0)], "a child has its own samples alone, without its labels")
    for kind, words in ((Counter, "counter"), (Gauge, "gauge"), (Histogram, "histogram"), (Summary, "summary")):
        equal(str(kind("kind_of_" + words, "K.", registry=registry)), f"{words}:kind_of_{words}")
    equal((str(Info("said", "S.", registry=registry)), str(Enum("is", "I.", states=["a"], registry=registry))),
          ("info:said", "stateset:is"))


@test
def numbers_are_where_programs_look_for_them():
    registry = CollectorRegistry()
    counter, gauge = Counter("looked", "L.", registry=registry), Gauge("level", "L.", registry=registry)
    counter.inc(2)
    counter._value.inc(3)
    equal((counter._value.get(), counter._value.get_exemplar()), (5, None))
    counter._value.set(1.5)
    equal(counter._value.get(), 1.5)
    counter.reset()
    equal(counter._value.get(), 0)
    gauge._value.set(7)
    equal((gauge._value.get(), gauge._multiprocess_mode), (7, "all"))
    equal(Gauge("mode", "M.", multiprocess_mode="livesum", registry=registry)._multiprocess_mode, "livesum")
    histogram = Histogram("times", "T.", buckets=(1, 2), registry=registry)
    for value in (0.5, 1.5, 1.75, 5):
        histogram.observe(value)
    equal((histogram._upper_bounds, histogram._sum.get(), [bucket.get() for bucket in histogram._buckets]),
          ([1, 2, float("inf")], 8.75, [1, 2, 1]))
    equal([type(one) for one in (*histogram._buckets, histogram._sum, gauge._value)], [Bucket] * 3 + [Value] * 2)
    summary = Summary("sizes", "S.", registry=registry)
    summary.observe(4)
    equal((summary._count.get(), summary._sum.get()), (1, 4))
    equal(Enum("mood", "M.", states=["a", "b"], registry=registry)._states, ["a", "b"])
    with mock.patch("time.time", lambda: 12.5):
        gauge.set_to_current_time()
    equal(gauge._value.get(), 12.5)


@test
def families_of_collectors_are_written_as_text():
    family = CounterMetricFamily("w", "W \\ \"q\"\n.", labels=["a"], unit="s")
    family.add_metric(["x\"\\\n"], 1, created=2.5, timestamp=Timestamp(3, 5))
    equal(encode.text_of(family),
          '# HELP w_s_total W \\\\ "q"\\n.\n# TYPE w_s_total counter\nw_s_total{a="x\\"\\\\\\n"} 1.0 3000\n'
                                  '# HELP w_s_created W \\\\ "q"\\n.\n# TYPE w_s_created gauge\n'
                                  'w_s_created{a="x\\"\\\\\\n"} 2.5 3000\n')
    equal(encode.openmetrics_of(family),
          '# HELP w_s W \\\\ \\"q\\"\\n.\n# TYPE w_s counter\n# UNIT w_s s\nw_s_total{a="x\\"\\\\\\n"} 1.0 '
          '3.000000005\n'
                                         'w_s_created{a="x\\"\\\\\\n"} 2.5 3.000000005\n')
    heads = [(kind, encode.text_of(Metric("n", "N.", kind)), encode.openmetrics_of(Metric("n", "N.", kind)))
             for kind in (
        "counter", "gauge", "summary", "histogram", "gaugehistogram", "unknown", "info", "stateset")]
    shown = {"counter": ("n_total", "counter"), "gaugehistogram": ("n", "histogram"), "unknown": ("n", "untyped"),
             "info": ("n_info", "gauge"),
             "stateset": ("n", "gauge")}
    for kind, text, openmetrics in heads:
        name, word = shown.get(kind, ("n", kind))
        equal((text, openmetrics), (f"# HELP {name} N.\n# TYPE {name} {word}\n", f"# HELP n N.\n# TYPE n {kind}\n"))
    now = GaugeHistogramMetricFamily("now", "N.", buckets=[("+Inf", 3)], gsum_value=4)
    equal(encode.text_of(now), '# HELP now N.\n# TYPE now histogram\nnow_bucket{le="+Inf"} 3.0\n# HELP now_gcount N.\n'
                               '# TYPE now_gcount gauge\n'
                               "now_gcount 3.0\n# HELP now_gsum N.\n# TYPE now_gsum gauge\nnow_gsum 4.0\n")
    for kind, suffix, fine in (("counter", "_total", True), ("histogram", "_bucket", True),
                               ("gaugehistogram", "_bucket", True), ("counter", "_created", False),
                               ("gauge", "", False), ("histogram", "_sum", False), ("summary", "_count", False)):
        metric = Metric("x", "X.", kind)
        metric.add_sample("x" + suffix, {}, 1, None, Exemplar({"t": "1"}, 0.5, 7.25))
        if fine:
            equal(encode.openmetrics_of(metric).splitlines()[2], f'x{suffix} 1.0 # {{t="1"}} 0.5 7.25')
        else:
            raises(ValueError, "Metric x has exemplars, but is not a histogram bucket or counter",
                   lambda: encode.openmetrics_of(metric))
    metric = Metric("x", "X.", "counter")
    metric.add_sample("x_total", {}, 1, None, Exemplar({}, 2))
    equal(encode.openmetrics_of(metric).splitlines()[2], "x_total 1.0 # {} 2.0")


@test
def what_is_no_registry_of_ours_is_rendered_by_its_collect():
    class Own:
        def collect(self):
            return [GaugeMetricFamily("own", "O.", value=1)]

    class Mine(CollectorRegistry):
        def collect(self):
            return Own().collect()

    wanted = b"# HELP own O.\n# TYPE own gauge\nown 1.0\n"
    equal([encode.render(one, openmetrics) for one in (Own(), Mine()) for openmetrics in (False, True)], [wanted] * 4)
    registry = CollectorRegistry(target_info={"a": "b"})
    first, last = Gauge("first", "F.", registry=registry), Gauge("last", "L.", registry=None)
    registry.register(Own())
    registry.register(last)
    first.set(2)
    target = b"# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{a=\"b\"} 1.0\n"
    equal(encode.render(registry, False), target + b"# HELP first F.\n# TYPE first gauge\nfirst 2.0\n" + wanted
          + b"# HELP last L.\n# TYPE last gauge\nlast 0.0\n",
          "in their order")
    registry = CollectorRegistry(shared=True)
    Gauge("in_c", "I.", registry=registry)
    MultiProcessCollector(registry)
    with mock.patch.object(encode, "text_of", side_effect=AssertionError), \
            mock.patch.object(encode, "openmetrics_of", side_effect=AssertionError):
        for openmetrics in (False, True):
            text = encode.render(registry, openmetrics)
            assert text.startswith(b"# HELP in_c I.\n# TYPE in_c gauge\nin_c 0.0\n"), text


@test
def prometheus_clients_values_are_there():
    value = MutexValue("counter", "a", "a_total", (), (), "A.")
    value.inc(2)
    value.inc(0.5)
    equal(value.get(), 2.5)
    value.set(7, timestamp=1)
    equal((value.get(), value.get_exemplar()), (7, None))
    value.set_exemplar("e")
    equal((value.get_exemplar(), MutexValue._multiprocess), ("e", False))
    equal((MultiProcessValue(), MultiProcessValue(lambda: 1), get_value_class(), ValueClass), (MutexValue,) * 4)
    with value._lock:
        equal(value._lock.acquire(blocking=False), False)


@test
def a_decorated_function_is_called_by_its_caller():
    def add(a, b=2):
        """Adds."""
        return a + b

    told = []

    def caller(function, *args, **kwargs):
        told.append((function, args, kwargs))
        return function(*args, **kwargs) * 10

    inside = decorate(add, caller)
    equal((inside(1, b=5), inside(1), inside.__name__, inside.__doc__), (60, 30, "add", "Adds."))
    equal(told, [(add, (1,), {"b": 5}), (add, (1,), {})])
    equal(Sample("a", {}, 1)[:3], ("a", {}, 1))


if __name__ == "__main__":
    main()
