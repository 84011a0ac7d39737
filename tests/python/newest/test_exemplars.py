"""Exemplars: the newest of each counter and bucket is shown by the process that has counted it, in OpenMetrics."""

import time

from lib import equal, in_child, join, main, raises, test

from shmeter import _core
from shmeter.prometheus import CollectorRegistry, Counter, generate_latest, Histogram, REGISTRY
from shmeter.prometheus.parts import exemplars
from shmeter.prometheus.openmetrics import exposition
from shmeter.prometheus.openmetrics.parser import text_string_to_metric_families

KINDS = (None, True, False)  # the default registry, one of the pool, and one that shows its own


def registry(shared):
    return REGISTRY if shared is None else CollectorRegistry(shared=shared)


def shown(of, name):
    """{(sample's name, labels but le, le): (labels, value)} of the exemplars that collect() and OpenMetrics have."""

    def found(families):
        return {
            (sample.name, *sorted(sample.labels.items())): (sample.exemplar.labels, float(sample.exemplar.value))
            for family in families
            if family.name == name
            for sample in family.samples
            if sample.exemplar
        }

    collected, text = found(of.collect()), exposition.generate_latest(of).decode()
    equal(found(text_string_to_metric_families(text)), collected, "OpenMetrics")
    return collected


@test
def the_newest_of_a_counter_is_shown():
    for number, shared in enumerate(KINDS):
        one, name = registry(shared), f"c{number}"
        counter = Counter(name, "C.", registry=one)
        counter.inc(2, exemplar={"trace_id": "a"})
        counter.inc()
        equal(shown(one, name), {(name + "_total",): ({"trace_id": "a"}, 2)})
        before = time.time()
        counter.inc(3, {"trace_id": "b", "span_id": "c"})
        equal(shown(one, name), {(name + "_total",): ({"trace_id": "b", "span_id": "c"}, 3)})
        exemplar = counter._value.get_exemplar()
        equal(exemplar, counter._exemplars[None])
        assert before <= exemplar.timestamp <= time.time(), exemplar
        equal(one.get_sample_value(name + "_total"), 6)
        assert b" # {" not in generate_latest(one), "text has none"


@test
def the_newest_of_each_bucket_is_shown():
    for number, shared in enumerate(KINDS):
        one, name = registry(shared), f"h{number}"
        family = Histogram(name, "H.", ["a"], buckets=(1, 2), registry=one)
        for amount, trace in ((0.5, "p"), (1, "q"), (1.5, "r"), (7, "s"), (float("inf"), "t"), (float("nan"), "u")):
            family.labels("x").observe(amount, {"trace_id": trace})
        family.labels("y").observe(0.5)
        key = name + "_bucket", ("a", "x")
        equal(
            shown(one, name),
            {
                (*key, ("le", "1.0")): ({"trace_id": "q"}, 1),
                (*key, ("le", "2.0")): ({"trace_id": "r"}, 1.5),
                (*key, ("le", "+Inf")): ({"trace_id": "t"}, float("inf")),
            },
        )
        equal(
            [
                bucket.get_exemplar() and bucket.get_exemplar().labels["trace_id"]
                for bucket in family.labels("x")._buckets
            ],
            ["q", "r", "t"],
        )
        equal(family.labels("y")._buckets[0].get_exemplar(), None)


@test
def they_go_with_their_series():
    for number, shared in enumerate(KINDS):
        one, name = registry(shared), f"g{number}"
        family, plain = Counter(name, "G.", ["a"], registry=one), Counter(name + "_plain", "G.", registry=one)

        def count():
            family.labels("x").inc(1, {"t": "1"})
            plain.inc(1, {"t": "1"})
            equal((len(shown(one, name)), len(shown(one, name + "_plain"))), (1, 1))

        for act in (
            lambda: family.labels("x").reset(),
            lambda: family.remove("x"),
            family.clear,
            lambda: family.remove_by_labels({"a": "x"}),
        ):
            count()
            act()
            plain.reset()
            family.labels("x").inc()
            equal((shown(one, name), shown(one, name + "_plain")), ({}, {}))


@test
def what_is_none_is_counted_and_refused():
    counter = Counter("refused", "R.", registry=registry(True))
    for number, (wrong, kind) in enumerate(
        (
            ({"t": "x" * 128}, ValueError),
            ({"a-b": "c"}, ValueError),
            ({"__a": "b"}, ValueError),
            ({5: "a"}, TypeError),
            (5, None),
            ({"t": 5}, TypeError),
        )
    ):
        try:
            counter.inc(1, wrong)
        except Exception as error:
            assert kind is None or isinstance(error, kind), error
        else:
            raise AssertionError(wrong)
        equal((counter._value.get(), counter._exemplars), (number + 1, None))
    counter.inc(1, {"t": "\u00fc" * 127})
    counter.inc(1, {})
    equal(counter._exemplars[None].labels, {"t": "\u00fc" * 127}, "characters, and an empty one is none")
    labels = {"t": "1"}
    counter.inc(1, labels)
    labels["t"] = "2"
    equal(counter._exemplars[None].labels, {"t": "1"}, "a copy")


@test
def a_process_shows_its_own_and_a_forked_one_goes_on():
    one = registry(True)
    counter = Counter("forked", "F.", registry=one)
    counter.inc(1, {"t": "parent"})

    def child():
        equal(shown(one, "forked"), {("forked_total",): ({"t": "parent"}, 1)})
        counter.inc(2, {"t": "child"})
        equal(shown(one, "forked"), {("forked_total",): ({"t": "child"}, 2)})

    join([in_child(child)])
    equal(shown(one, "forked"), {("forked_total",): ({"t": "parent"}, 1)})
    equal(one.get_sample_value("forked_total"), 3)


@test
def what_keeps_them_is_handed_over():
    told = []
    counter = Counter("told", "T.", registry=registry(False))
    _core._keep_exemplars(lambda *arguments: told.append(arguments))
    try:
        counter.inc(2.5, {"a": "b"})
    finally:
        _core._keep_exemplars(exemplars.keep)
    equal((told, exemplars.has(counter), exemplars.of(counter, {})), ([(counter, {"a": "b"}, 2.5)], False, {}))
    equal(exemplars.put(counter, {}, [1]), [1])

    def fails(*_):
        raise OSError("on purpose")

    _core._keep_exemplars(fails)
    try:
        raises(OSError, "on purpose", lambda: counter.inc(1, {"a": "b"}))
    finally:
        _core._keep_exemplars(exemplars.keep)


if __name__ == "__main__":
    main()
