"""What one process sees of the others' metrics: the collector of all processes, what collectors publish, and who holds
a name."""
import logging
import os
import re
import subprocess
import sys
import types
import warnings
import weakref
from unittest import mock

os.environ["SHMETER_REFRESH_SECONDS"] = "0"  # evaluated when it is asked for

from lib import equal, in_child, join, main, raises, test  # noqa: E402

import shmeter  # noqa: E402
from shmeter import exposed, names, store, web  # noqa: E402
from shmeter.prometheus import (  # noqa: E402
    CollectorRegistry, Counter, disable_created_metrics, enable_created_metrics, Enum, Gauge, generate_latest,
    Histogram, Info, set_refresh_seconds,
    Summary,
)
from shmeter.prometheus import family as families  # noqa: E402
from shmeter.prometheus import refresh  # noqa: E402
from shmeter.prometheus.core import (  # noqa: E402
    CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily,
)
from shmeter.prometheus.multiprocess import mark_process_dead, MultiProcessCollector  # noqa: E402
from shmeter.prometheus.openmetrics.exposition import generate_latest as generate_openmetrics  # noqa: E402
from shmeter.prometheus.registry import is_metric, of_segment, registered, unregistered  # noqa: E402
from shmeter.publish import Published  # noqa: E402

TEXT = """\
# HELP p_asked_total A.
# TYPE p_asked_total counter
p_asked_total{a="x"} 2.0
# HELP p_built_info B.
# TYPE p_built_info gauge
p_built_info{v="1"} 1.0
# HELP p_level_info L.
# TYPE p_level_info gauge
p_level_info 3.0
# HELP p_mood M.
# TYPE p_mood gauge
p_mood{p_mood="good"} 0.0
p_mood{p_mood="bad"} 1.0
# HELP p_sized_bytes S.
# TYPE p_sized_bytes summary
p_sized_bytes_count 1.0
p_sized_bytes_sum 7.0
# HELP p_took T.
# TYPE p_took histogram
p_took_bucket{le="1.0"} 0.0
p_took_bucket{le="+Inf"} 1.0
p_took_count 1.0
p_took_sum 1.5
"""


def make_all():
    Counter("p_asked", "A.", ["a"]).labels("x").inc(2)
    Info("p_built", "B.").info({"v": "1"})
    Gauge("p_level_info", "L.", multiprocess_mode="max").set(3)
    Enum("p_mood", "M.", states=["good", "bad"]).state("bad")
    Summary("p_sized", "S.", unit="bytes").observe(7)
    Histogram("p_took", "T.", buckets=(1,)).observe(1.5)


def of_pool(text):
    return "".join(line for line in text.decode().splitlines(keepends=True) if re.search(r"\bp_", line))


@test
def metrics_of_all_kinds_that_another_process_made_are_seen_whole():
    join([in_child(make_all)])
    registry = CollectorRegistry(shared=True)
    collector = MultiProcessCollector(registry, path="not used")
    equal(of_pool(generate_latest(registry)), TEXT)
    openmetrics = TEXT.replace("p_asked_total A", "p_asked A").replace("TYPE p_asked_total", "TYPE p_asked")
    openmetrics = openmetrics.replace("p_built_info B", "p_built B").replace("TYPE p_built_info gauge",
                                                                             "TYPE p_built info")
    openmetrics = openmetrics.replace("TYPE p_mood gauge", "TYPE p_mood stateset")
    openmetrics = openmetrics.replace("TYPE p_sized_bytes summary\n",
                                      "TYPE p_sized_bytes summary\n# UNIT p_sized_bytes bytes\n")
    equal(of_pool(generate_openmetrics(registry)), openmetrics)
    equal([(one.name, one.type, one.documentation, one.unit, [tuple(sample)[:3] for sample in one.samples])
           for one in collector.collect()
           if one.name.startswith("p_")], [
        ("p_asked", "counter", "A.", "", [("p_asked_total", {"a": "x"}, 2.0)]),
               ("p_built", "info", "B.", "", [("p_built_info", {"v": "1"}, 1.0)]),
        ("p_level_info", "gauge", "L.", "", [("p_level_info", {}, 3.0)]),
        ("p_mood", "stateset", "M.", "", [("p_mood", {"p_mood": "good"}, 0.0), ("p_mood", {"p_mood": "bad"}, 1.0)]),
        ("p_sized_bytes", "summary", "S.", "bytes", [("p_sized_bytes_count", {}, 1.0), ("p_sized_bytes_sum", {}, 7.0)]),
        ("p_took", "histogram", "T.", "", [("p_took_bucket", {"le": "1.0"}, 0.0),
                                           ("p_took_bucket", {"le": "+Inf"}, 1.0), ("p_took_count", {}, 1.0),
                                           ("p_took_sum", {}, 1.5)])])
    equal((mark_process_dead(1), mark_process_dead("1", path="x"), MultiProcessCollector(None).shmeter_publish),
          (None, None, False))


def lines(name):
    return [line for line in store.shared().expose().decode().splitlines() if line.startswith(name)]


@test
def what_is_published_is_there_until_it_is_not_given_or_withdrawn():
    published = Published()
    gauge = GaugeMetricFamily("pub_level", "L.", labels=["a"])
    counter = CounterMetricFamily("pub_made", "M.", value=5, created=1)
    gauge.add_metric(["x"], 1)
    gauge.add_metric(["y"], 2)
    buckets = HistogramMetricFamily("pub_took", "T.", buckets=[("1.0", 1), ("+Inf", 2)], sum_value=3)
    published.put([gauge, counter, buckets, InfoMetricFamily("pub_said", "S.", {"v": "1"})])
    equal(lines("pub_"), ['pub_level{a="x"} 1.0', 'pub_level{a="y"} 2.0', "pub_made_total 5.0",
                          'pub_said_info{v="1"} 1.0', "pub_took_count 2.0", "pub_took_sum 3.0"])
    del gauge.samples[0]
    published.put([gauge])
    equal(lines("pub_"), ['pub_level{a="y"} 2.0'])
    published.forget()
    published.withdraw()
    equal(lines("pub_"), ['pub_level{a="y"} 2.0'], "what was shown is the parent's")
    published.put([gauge])
    equal((sorted(published.names())[:2], refresh.published()), (["pub_level", "pub_made_total"], set()))
    published.yield_name("pub_other")
    published.yield_name("pub_level")
    equal(lines("pub_"), [])
    published.put([gauge])
    published.withdraw()
    equal(lines("pub_"), [])
    kept = Gauge("pub_held", "H.", registry=CollectorRegistry(shared=True))
    kept.set(1)
    published.put([GaugeMetricFamily("pub_held", "H.", value=2), GaugeMetricFamily("scrape_x", "Refused.", value=3)])
    equal((lines("pub_held"), lines("scrape_x"), sorted(name for name, _ in published._refused)),
          (["pub_held 1.0"], [], ["pub_held", "scrape_x"]))


@test
def the_segment_that_metrics_make_has_wide_limits():
    equal(store.SIZES, {"max_series": 65536, "max_family_series": 10000, "max_gauges": 4096, "lane_bytes": 8388608})
    told = store.shared().health()["segments"][0]
    equal([told[of]["capacity"] for of in ("series", "gauges")], [65536, 4096])


@test
def names_are_held_while_a_metric_has_them():
    meter = store.shared()
    equal((store.is_held("held_total"), store.private() is store.private(), store.private() is meter,
           store.counting() is meter),
          (False, True, False, True))
    registry = CollectorRegistry(shared=True)
    counter = Counter("held", "H.", registry=registry)
    counter.inc(5)
    equal((store.is_held("held_total"), counter._meter is meter, counter._stored_name), (True, True, "held_total"))
    second = Counter("held", "H.", registry=None)
    equal((second._meter is meter, second._value.get()), (True, 5))
    store.release(second)
    equal(store.is_held("held_total"), True, "another one has it")
    store.release(counter)
    equal(store.is_held("held_total"), False)
    store.hold(counter)
    equal(store.is_held("held_total"), True)
    registry.unregister(counter)
    del counter
    equal(store.is_held("held_total"), False)
    metric = type("Own", (shmeter._core.Gauge,), {})()
    store.open_metric(metric, "alone", ("alone", "A.", "", (), None, shmeter._core.POOL, None), shmeter._core.VIEW_OWN)
    equal((metric._meter is meter, metric._shows_own, store.is_held("alone")), (True, True, True))
    store.use(store.private())
    equal(store.shared() is meter, True, "the first one stays")


@test
def families_of_the_segment_are_told_but_for_those_that_are_left_out():
    meter = store.counting()
    Counter("told_of", "T.").inc(2)
    Gauge("not_told_of", "N.").set(3)
    equal([(one.name, one.type, one.documentation, [sample.value for sample in one.samples])
           for one in of_segment(False)
           if one.name in ("told_of", "not_told_of")], [("not_told_of", "gauge", "N.", [3.0]),
                                                        ("told_of", "counter", "T.", [2.0])])
    names = [one.name for one in of_segment(True, {"not_told_of"})]
    equal(("told_of" in names, "not_told_of" in names), (True, False))
    meter._take()
    for text in (meter._render(False, False, frozenset({"not_told_of"})), exposed.render(False, ["not_told_of"])):
        equal((b"\ntold_of_total 2.0\n" in text, b"\nnot_told_of 3.0\n" in text), (True, False))
    raises(TypeError, "argument 3 must be frozenset, not set", lambda: meter._render(False, False, set()))
    before = exposed.use_created()
    for shown in (True, False, before):
        exposed.show_created(shown)
        equal((exposed.use_created(), b"told_of_created" in exposed.render(True)), (shown, shown))


@test
def a_gauge_is_withdrawn_by_its_process():
    gauge = Gauge("withdrawn", "W.", multiprocess_mode="livemax")
    labelled = Gauge("withdrawn_too", "W.", ["a"], multiprocess_mode="livemax")
    gauge.set(5)
    labelled.labels("x").set(5)
    join([in_child(lambda: (gauge.set(4), gauge._withdraw(), labelled.labels("x").set(4), labelled._withdraw("x")))])
    equal(lines("withdrawn"), ["withdrawn 5.0", 'withdrawn_too{a="x"} 5.0'])
    gauge._withdraw()
    labelled._withdraw("x")
    labelled._withdraw("never")
    equal((lines("withdrawn"), labelled._metrics), ([], {}))
    raises(ValueError, "Incorrect label count (expected 1, got ())", labelled._withdraw)
    child = labelled.labels("x")
    child.set(7)
    child._withdraw()
    equal(lines("withdrawn_too"), [])
    raises(ValueError, "gauge:withdrawn_too already has labels set ({'a': 'x'}); can not chain calls to .labels()",
           lambda: child._withdraw("x"))
    raises(ValueError, "counter metric is missing label values", Counter("withdrawn_none", "W.")._withdraw)


@test
def something_is_told_once():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for words in ("first", "second", "first"):
            store.tell_once(words)
    equal([(str(one.message), one.category) for one in told], [("first", RuntimeWarning), ("second", RuntimeWarning)])


@test
def what_is_registered_counts_or_is_published():
    class Own:
        def collect(self):
            return [GaugeMetricFamily("of_own", "O.", value=7)]

    class Mine(Gauge):
        def collect(self):
            return []

    equal([is_metric(one) for one in (Gauge("is_metric", "I.", registry=None), Mine("is_mine", "I.", registry=None),
                                      Own())], [True, False, False])
    own, hidden, private = Own(), Own(), CollectorRegistry(shared=False)
    hidden.shmeter_publish = False
    registry = CollectorRegistry(shared=True)
    for of, collector, wanted in ((private, own, []), (registry, hidden, []), (registry, own, ["of_own 7.0"])):
        registered(of, collector)
        refresh.refresh()
        equal(lines("of_own"), wanted)
    unregistered(own)
    equal(lines("of_own"), [])
    refresh.add_collector(own)
    refresh.refresh()
    equal((lines("of_own"), own in refresh._collectors, refresh.published()), (["of_own 7.0"], True, {"of_own"}))
    refresh.drop_collector(own)
    refresh.drop_collector(own)
    equal((lines("of_own"), own in refresh._collectors), ([], False))
    gauge = Gauge("of_gauge", "G.", registry=registry)
    unregistered(gauge)
    equal(store.is_held("of_gauge"), False)
    registered(registry, gauge)
    equal(store.is_held("of_gauge"), True)
    gauge._function, gauge._by_function = lambda: 5, True
    refresh.add_gauge(gauge)
    equal((lines("of_gauge"), any(one() is gauge for one in refresh._gauges)), (["of_gauge 5.0"], True))
    gauge._function = lambda: 1 / 0
    equal((refresh.add_gauge(gauge), lines("of_gauge")), (None, ["of_gauge 5.0"]), "a later time tells")
    refresh._gauges.pop(weakref.ref(gauge))


@test
def names_are_made_and_checked():
    equal([names.full_name(*one) for one in (("counter", "a_total", "n", "s", ""), ("gauge", "a_total", "", "s", "u"),
                                             ("counter", "a_total", "", "", "u"),
                                             ("gauge", "a_u", "", "", "u"), ("info", "a", "n", "", ""))],
          ["n_s_a", "s_a_total_u", "a_u", "a_u", "n_a"])
    for kind in ("info", "stateset"):
        raises(ValueError, "Metric name is of a type that cannot have a unit: a_u",
               lambda: names.full_name(kind, "a", "", "", "u"))
    equal([names.sample_names("a", kind) for kind in ("counter", "summary", "histogram", "gaugehistogram", "info",
                                                      "gauge")],
          [["a", "a_total", "a_created"], ["a", "a_sum", "a_count", "a_created"],
           ["a", "a_bucket", "a_sum", "a_count", "a_created"],
           ["a", "a_bucket", "a_gsum", "a_gcount"], ["a", "a_info"], ["a"]])


@test
def functions_of_gauges_are_evaluated_when_they_are_asked_for():
    registry, values = CollectorRegistry(shared=True), [1]
    gauge = Gauge("evaluated", "E.", registry=registry)
    gauge.set_function(lambda: values[0])
    equal(lines("evaluated"), ["evaluated 1.0"], "published at once")
    values[0] = 2
    equal(lines("evaluated"), ["evaluated 1.0"])
    refresh.functions([Gauge("of_another", "O.", registry=registry)])
    equal(lines("evaluated"), ["evaluated 1.0"], "not those that were not asked for")
    refresh.functions([gauge])
    equal(lines("evaluated"), ["evaluated 2.0"])
    values[0] = 2.5
    refresh.functions_of(gauge)
    equal(lines("evaluated"), ["evaluated 2.5"])
    values[0] = 3
    refresh.refresh()
    equal(lines("evaluated"), ["evaluated 3.0"])
    values[0] = "x"
    raises(ValueError, "could not convert string to float: 'x'", lambda: refresh.functions([gauge]))
    told, handler = [], logging.Handler()
    handler.emit = lambda record: told.append((record.levelname, record.getMessage(), str(record.exc_info[1])))
    logging.getLogger("shmeter").addHandler(handler)
    logging.getLogger("shmeter").propagate = False
    try:
        refresh.refresh()
        refresh.refresh()
    finally:
        logging.getLogger("shmeter").removeHandler(handler)
        logging.getLogger("shmeter").propagate = True
    equal(told, [("ERROR", f"{gauge!r} cannot be evaluated; it is tried again, and not reported again",
                  "could not convert string to float: 'x'")])
    values[0] = 4
    refresh.refresh()
    equal((lines("evaluated"), refresh._thread), (["evaluated 4.0"], None))
    labelled = Gauge("never", "N.", ["a"], registry=registry)
    raises(ValueError, "gauge metric is missing label values", lambda: labelled.set_function(lambda: 1))


@test
def the_thread_runs_as_often_as_it_is_told_to():
    program = """if True:
        import logging, shmeter.prometheus.refresh as refresh, shmeter.prometheus as prometheus
        print(refresh._seconds, refresh._thread)
        prometheus.Gauge("g", "G.").set_function(lambda: 1)
        print(bool(refresh._thread), refresh._thread and (refresh._thread.daemon, refresh._thread.name))
        running = refresh._thread
        prometheus.set_refresh_seconds(7)
        print(refresh._seconds, refresh._thread is running or not running)
        prometheus.set_refresh_seconds(0)
        refresh._thread.join()
        print(refresh._seconds)
    """
    usual = {name: value for name, value in os.environ.items() if name != "SHMETER_REFRESH_SECONDS"}
    for text, wanted in ((None, "1.0 None\nTrue (True, 'shmeter-refresh')\n7.0 True\n0.0\n"),
                         ("", "1.0 None\nTrue (True, 'shmeter-refresh')\n7.0 True\n0.0\n"),
                         ("0", "0.0 None\nFalse None\n7.0 True\n0.0\n"),
                         ("bad", "1.0 None\nTrue (True, 'shmeter-refresh')\n7.0 True\n0.0\n")):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env={**usual, **({} if text is None else {"SHMETER_REFRESH_SECONDS": text}),
                                   "SHMETER_SEGMENT": f"{store.shared().path}-{text}"})
        equal((done.stdout, done.stderr), (wanted, "SHMETER_REFRESH_SECONDS is no number: 'bad'\n" if text == "bad"
                                           else ""), text)
    set_refresh_seconds(0)


@test
def created_samples_are_shown_as_it_was_said_last():
    registry = CollectorRegistry(shared=True)
    Counter("since", "S.", registry=registry)
    before = families.use_created()
    try:
        for switch, wanted in ((disable_created_metrics, False), (enable_created_metrics, True)):
            equal((switch(), families.use_created()), (None, wanted))
            equal([b"since_created" in text for text in (generate_latest(registry), generate_openmetrics(registry))],
                  [wanted, wanted])
            equal(registry.get_sample_value("since_created") is not None, wanted)
    finally:
        (enable_created_metrics if before else disable_created_metrics)()


@test
def created_samples_are_shown_unless_the_environment_says_otherwise():
    program = "from shmeter.prometheus import Counter, family, generate_latest; Counter('c', 'C.'); print(family.use_created())"
    usual = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_DISABLE_CREATED_SERIES"}
    for text, wanted in ((None, "True\n"), ("", "True\n"), ("no", "True\n"), ("1", "False\n"), ("true", "False\n"),
                         ("T", "False\n"), ("False", "True\n")):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                              env={**usual, **({} if text is None else {"PROMETHEUS_DISABLE_CREATED_SERIES": text})})
        equal((done.stdout, done.stderr), (wanted, ""), text)


@test
def the_middlewares_metrics_are_made_once_for_a_prefix():
    registry = CollectorRegistry(shared=True)
    made = web.metrics("shop", registry)
    equal([(type(one).__name__, one._name, one._labelnames) for one in made], [
        ("Counter", "shop_http_requests", ("method", "endpoint", "status")),
        ("Histogram", "shop_http_request_duration_seconds", ("method", "endpoint")),
        ("Gauge", "shop_http_requests_in_progress", ("method", "endpoint")),
        ("Histogram", "shop_http_request_size_bytes", ("method", "endpoint")),
        ("Histogram", "shop_http_response_size_bytes", ("method", "endpoint"))])
    equal((web.metrics("shop", registry, (1,)) is made, web.metrics("", registry)[0]._name), (True, "http_requests"))
    equal((made[1]._upper_bounds[:-1], made[3]._upper_bounds[:-1]),
          (list(web.SECONDS), [64 * 4 ** n for n in range(10)]))
    equal(web.excluded(()), None)
    for entries, out, counted in (("/a", ["/a"], ["/a/", "/", "/ab"]), ("/a*", ["/a", "/ab", "/a/b"], ["/", "/b/a"]),
                                  (re.compile("b$"), ["/b", "/ab"], ["/ba"]),
                                  (["/x", "/y/*", re.compile("z")], ["/x", "/y/", "/y/1", "/az1"], ["/y", "/x1"])):
        skip = web.excluded(entries)
        equal(([skip(path) for path in out], [skip(path) for path in counted]),
              ([True] * len(out), [False] * len(counted)), entries)


@test
def twisted_gets_an_application_of_the_registry():
    made = []

    def resource(*given):
        made.append(given)
        return "resource"

    reactor = types.SimpleNamespace(getThreadPool=lambda: "pool")
    modules = {"twisted": types.ModuleType("twisted"), "twisted.internet": types.ModuleType("internet"),
               "twisted.web": types.ModuleType("web"),
               "twisted.web.wsgi": types.ModuleType("wsgi")}
    modules["twisted.internet"].reactor, modules["twisted.web.wsgi"].WSGIResource = reactor, resource
    registry = CollectorRegistry(shared=True)
    Gauge("by_twisted", "T.", registry=registry).set(1)
    with mock.patch.dict(sys.modules, modules):
        from shmeter.prometheus.twisted import MetricsResource
        equal(MetricsResource(registry), "resource")
    equal((made[0][:2], len(made)), ((reactor, "pool"), 1))
    body = made[0][2]({"PATH_INFO": "/"}, lambda *_: None)
    equal(b"".join(body), b"# HELP by_twisted T.\n# TYPE by_twisted gauge\nby_twisted 1.0\n")


if __name__ == "__main__":
    main()
