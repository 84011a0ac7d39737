"""Registries and series as prometheus_client's newest release has them: lenient removal, collectors without names,
families with exemplars; and what
files of its multiprocess mode are for.
"""

import os
import pickle
import struct

from lib import equal, FOLDER, in_child, join, main, raises, test

from shmeter.prometheus import CollectorRegistry, Counter, Gauge, Histogram, Info
from shmeter.prometheus.core import (
    BucketSpan,
    CounterMetricFamily,
    DuplicateTimeseries,
    Exemplar,
    GaugeMetricFamily,
    NativeHistogram,
    Sample,
)
from shmeter.prometheus.metrics_core import Metric
from shmeter.prometheus.mmap_dict import mmap_key, MmapedDict
from shmeter.prometheus.multiprocess import MultiProcessCollector
from shmeter.prometheus.values import close_all_multiprocess_files


def registry():
    return CollectorRegistry(shared=True)


def series(of):
    return sorted(
        tuple(sample.labels.values())
        for sample in list(of.collect())[0].samples
        if not sample.name.endswith("_created")
    )


@test
def series_that_share_some_labels_go_together():
    one = registry()
    family = Gauge("some", "S.", ["a", "b", "c"], registry=one)

    def make():
        for values in (("1", "x", "p"), ("1", "y", "p"), ("2", "x", "p"), ("2", "x", "q")):
            family.labels(*values).set(1)

    join([in_child(make)])  # this process has none of them
    family.labels(3, "x", "p")
    family.remove_by_labels({"a": 1})
    equal(series(one), [("2", "x", "p"), ("2", "x", "q"), ("3", "x", "p")])
    family.remove_by_labels({"c": "p", "b": "x"})
    equal(series(one), [("2", "x", "q")])
    for labels in ({}, {"a": "9"}, {"a": "2", "b": "y"}):
        equal((family.remove_by_labels(labels), series(one)), (None, [("2", "x", "q")]))
    family.remove_by_labels({"a": "2", "b": "x", "c": "q"})
    equal((series(one), family._metrics), ([], {}))
    raises(TypeError, "labels must be a dict of {label_name: label_value}", lambda: family.remove_by_labels(["a"]))
    raises(
        ValueError,
        "Unknown label names: ['d']; expected ('a', 'b', 'c')",
        lambda: family.remove_by_labels({"a": 1, "d": 2}),
    )
    raises(
        ValueError,
        "No label names were set when constructing gauge:some_plain",
        lambda: Gauge("some_plain", "S.").remove_by_labels({"a": 1}),
    )


@test
def that_holds_in_registries_that_show_their_own_too_and_for_all_types():
    own = CollectorRegistry(shared=False)
    family = Counter("some_own", "S.", ["a", "b"], registry=own)
    family.labels("1", "x").inc()
    family.labels("2", "x").inc()
    family.remove_by_labels({"a": "1"})
    equal(series(own), [("2", "x")])
    one = registry()
    info = Info("some_said", "S.", ["a"], registry=one)
    info.labels("1").info({"v": "1"})
    info.labels("2").info({"v": "2"})
    info.remove_by_labels({"a": "1"})
    equal(series(one), [("2", "2")])
    one = registry()
    histogram = Histogram("some_seconds", "S.", ["a"], registry=one)
    histogram.labels("1").observe(1)
    histogram.remove_by_labels({"a": "1"})
    equal(series(one), [])


@test
def what_is_not_there_can_be_removed():
    family = Counter("lenient", "L.", ["a"], registry=registry())
    family.labels("x").inc()
    equal([family.remove("x"), family.remove("x"), family.remove("never"), family.remove(5)], [None] * 4)
    raises(ValueError, "Incorrect label count (expected 1, got ('x', 'y'))", lambda: family.remove("x", "y"))

    class Bad:
        def __str__(self):
            raise KeyError("of the program")

    raises(KeyError, "'of the program'", lambda: family.remove(Bad()))


@test
def names_that_are_taken_are_told():
    one = registry()
    Counter("taken", "T.", registry=one)
    try:
        Gauge("taken_total", "T.", registry=one)
        raise AssertionError("it is taken")
    except DuplicateTimeseries as error:
        equal((error.duplicates, isinstance(error, ValueError)), ({"taken_total"}, True))
        again = pickle.loads(pickle.dumps(error))
        equal((again.duplicates, str(again)), (error.duplicates, str(error)))


class Nameless:
    def collect(self):
        yield GaugeMetricFamily("nameless", "N.", value=3)
        yield GaugeMetricFamily("nameless_other", "N.", value=4)


def restricted(of, *names):
    return [
        (sample.name, sample.value) for family in of.restricted_registry(names).collect() for sample in family.samples
    ]


@test
def collectors_without_names_are_in_restricted_registries_where_that_is_wanted():
    for wanted in (False, True):
        one = CollectorRegistry(support_collectors_without_names=wanted, shared=True)
        collector = Nameless()
        one.register(collector)
        Gauge("named", "N.", registry=one).set(1)
        equal(sorted(restricted(one, "nameless", "named")), [("named", 1)] + [("nameless", 3)] * wanted)
        one.unregister(collector)
        equal(restricted(one, "nameless", "named"), [("named", 1)])
    all_of_it = CollectorRegistry(support_collectors_without_names=True, shared=True)
    MultiProcessCollector(all_of_it)
    Gauge("of_the_pool", "P.", registry=registry()).set(5)
    equal(restricted(all_of_it, "of_the_pool"), [("of_the_pool", 5)])
    equal(CollectorRegistry(True, {"a": "b"}, True).get_target_info(), {"a": "b"}, "by position, as there")


@test
def families_have_exemplars_and_native_histograms():
    exemplar = Exemplar({"trace_id": "1"}, 2)
    family = CounterMetricFamily("ex", "E.", value=3, exemplar=exemplar)
    family.add_metric([], 4, exemplar=Exemplar({}, 1))
    equal([sample.exemplar for sample in family.samples], [exemplar, Exemplar({}, 1)])
    native = NativeHistogram(4, 6.5, 0, 0.5, 1, (BucketSpan(0, 2),), None, (1, 1))
    metric = Metric("nat", "N.", "histogram")
    metric.add_sample("nat", {}, None, None, None, native)
    equal(
        (metric.samples, native.pos_spans[0].length, native.nh_exemplars),
        ([Sample("nat", {}, None, None, None, native)], 2, None),
    )


def write(name, *numbers):
    """A file of prometheus_client's multiprocess mode."""
    path = os.path.join(FOLDER.name, name)
    file = MmapedDict(path)
    for metric, sample, labels, value, seconds in numbers:
        file.write_value(mmap_key(metric, sample, list(labels), list(labels.values()), "H."), value, seconds)
    file.close()
    file.close()
    return path


def merged(files, **options):
    return {
        (family.name, family.type, sample.name, tuple(sample.labels.items())): sample.value
        for family in MultiProcessCollector.merge(files, **options)
        for sample in family.samples
    }


@test
def files_of_the_multiprocess_mode_are_merged():
    counters = [
        write(f"counter_{pid}.db", ("c", "c_total", {"a": "x"}, pid, 0), ("c", "c_total", {"a": "y"}, 1, 0))
        for pid in (1, 2)
    ]
    equal(
        merged(counters), {("c", "counter", "c_total", (("a", "x"),)): 3, ("c", "counter", "c_total", (("a", "y"),)): 2}
    )
    histograms = [
        write(
            f"histogram_{pid}.db",
            ("h", "h_sum", {}, 2.5, 0),
            ("h", "h_bucket", {"le": "+Inf"}, pid, 0),
            ("h", "h_bucket", {"le": "1.0"}, 2, 0),
        )
        for pid in (1, 2)
    ]
    key = ("h", "histogram")
    equal(
        merged(histograms),
        {
            (*key, "h_sum", ()): 5,
            (*key, "h_bucket", (("le", "1.0"),)): 4,
            (*key, "h_bucket", (("le", "+Inf"),)): 7,
            (*key, "h_count", ()): 7,
        },
    )
    equal(
        merged(histograms, accumulate=False),
        {(*key, "h_sum", ()): 5, (*key, "h_bucket", (("le", "1.0"),)): 4, (*key, "h_bucket", (("le", "+Inf"),)): 3},
    )
    for mode, wanted in (("min", 3), ("livemax", 8), ("sum", 11), ("livemostrecent", 3), ("mostrecent", 3)):
        files = [
            write(f"gauge_{mode}_{pid}.db", ("g", "g", {}, value, seconds))
            for pid, value, seconds in ((1, 8, 5), (2, 3, 9))
        ]
        equal(merged(files), {("g", "gauge", "g", ()): wanted}, mode)
    files = [write(f"gauge_all_{pid}.db", ("g", "g", {}, pid, 0)) for pid in (1, 2)]
    equal(merged(files), {("g", "gauge", "g", (("pid", "1"),)): 1, ("g", "gauge", "g", (("pid", "2"),)): 2})
    equal(merged([os.path.join(FOLDER.name, "gauge_liveall_9.db")]), {}, "its process has died")
    raises(FileNotFoundError, None, lambda: merged([os.path.join(FOLDER.name, "counter_9.db")]))


@test
def files_of_that_mode_are_read_and_written_by_key():
    path = os.path.join(FOLDER.name, "counter_77.db")
    file = MmapedDict(path)
    many = {
        f"key \u00fc {number} {'x' * (number % 40)}": float(number) for number in range(2000)
    }  # more than it has at first
    for key, value in many.items():
        file.write_value(key, value, value / 2)
    equal((file.read_value("new"), file.read_value("key \u00fc 7 xxxxxxx")), ((0, 0), (7, 3.5)))
    equal({key: value for key, value, _ in file.read_all_values()}, {**many, "new": 0})
    again = MmapedDict(path)
    again.write_value("new", 3, 0)
    equal({key: value for key, value, _, _ in MmapedDict.read_all_values_from_file(path)}, {**many, "new": 3})
    equal([value for key, value, _ in MmapedDict(path, read_mode=True).read_all_values() if key == "new"], [3])
    with open(path, "r+b") as damaged:
        damaged.seek(8)
        damaged.write(struct.pack("i", 1 << 30))
    raises(
        RuntimeError,
        "Read beyond file size detected, file is corrupted.",
        lambda: list(MmapedDict.read_all_values_from_file(path)),
    )
    with open(path, "wb"):
        pass
    equal(list(MmapedDict.read_all_values_from_file(path)), [])
    equal(close_all_multiprocess_files(), None)


if __name__ == "__main__":
    main()
