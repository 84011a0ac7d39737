"""Expositions of shmeter.prometheus: byte for byte those of prometheus_client for the same calls, and served as it
serves them."""
import gzip
import http.server
import os
import random
import struct
import threading
import urllib.request

os.environ["PROMETHEUS_DISABLE_CREATED_SERIES"] = "1"  # their values are times
os.environ["SHMETER_PROMETHEUS_CLIENT"] = "0.16"  # which is the one that ours is held against

import lib  # noqa: E402
from lib import equal, in_child, join, main, raises, test  # noqa: E402

import prometheus_client as theirs  # noqa: E402
import prometheus_client.core  # noqa: E402
import prometheus_client.openmetrics.exposition  # noqa: E402
import shmeter.prometheus as ours  # noqa: E402
import shmeter.prometheus.core  # noqa: E402
import shmeter.prometheus.openmetrics.exposition  # noqa: E402

HARD = 'a "quoted" \\ back\nline \u00fc \U0001f600'


def texts(package, registry):
    return package.generate_latest(registry).decode(), package.openmetrics.exposition.generate_latest(registry).decode()


def same(program):
    """Runs program(package, registry) with both packages, and compares what they show."""
    shown = []
    for package in (theirs, ours):
        registry = package.CollectorRegistry()
        program(package, registry)
        shown.append(texts(package, registry))
    for got, wanted in zip(shown[1], shown[0]):
        for line, theirs_line in zip(got.splitlines() + [None], wanted.splitlines() + [None]):
            equal(line, theirs_line)


@test
def families_without_labels_are_the_same():
    def program(package, registry):
        package.Counter("a_total", "Counter " + HARD, registry=registry).inc(2.5)
        package.Gauge("b", "", registry=registry)
        package.Gauge("c", "Gauge.", unit="seconds", registry=registry).set(-1.5e-7)
        package.Histogram("d", "Histogram.", registry=registry, namespace="n", subsystem="s").observe(0.3)
        package.Histogram("e", "Histogram.", registry=registry, buckets=[-1, 0, 1e6, 1e22]).observe(-3)
    same(program)


@test
def families_with_labels_are_the_same():
    def program(package, registry):
        counter = package.Counter("a", "Counter.", ["zone", "method"], registry=registry)
        counter.labels("z", "GET").inc()
        counter.labels(method=HARD, zone="").inc(3)
        counter.labels(1, None).inc()
        histogram = package.Histogram("b", "Histogram.", ["zone", "a", "le_"], registry=registry, buckets=(1, 2))
        histogram.labels("z", "x", HARD).observe(1.5)
        package.Gauge("c", "No series.", ["x"], registry=registry)
        registry.set_target_info({"env": "test"})
    same(program)


@test
def numbers_are_spelled_the_same():
    numbers = [0, -0.0, 1, 9, 10, 99999, 123456, 999999, 1e6, 1234567, 1234567.25, 1e15, 1e16, 1.5e16, 1e17,
               123456789012345678, 1e22, 1e23, 0.1, 0.0001,
               0.00001, 1.5e-7, 1e-300, 5e-324, 1.7976931348623157e308, -1, -1e6, -1234567.5, -1e-5, float("inf"),
               float("-inf"), float("nan"), 1 / 3]
    choose = random.Random(1)
    numbers += [struct.unpack("<d", choose.randbytes(8))[0] for _ in range(3000)]
    numbers += [choose.randrange(10 ** choose.randrange(1, 20)) / 10 ** choose.randrange(6) for _ in range(3000)]

    def program(package, registry):
        gauge = package.Gauge("a", "Numbers.", ["n"], registry=registry)
        for number, value in enumerate(numbers[:900]):
            gauge.labels(str(number)).set(value)
    same(program)
    module = __import__("shmeter.prometheus.utils", fromlist=["x"])
    for value in numbers:
        equal(module.floatToGoString(value), theirs.utils.floatToGoString(value), value)


@test
def what_collectors_give_is_the_same():
    def program(package, registry):
        core = package.core

        class Collector:
            def collect(self):
                yield core.CounterMetricFamily("a", "A.", value=7, created=12.5)
                family = core.GaugeMetricFamily("b", "B " + HARD, labels=["x", "a"])
                family.add_metric(["1", HARD], 2, timestamp=12.25)
                yield family
                yield core.HistogramMetricFamily("c", "C.", buckets=[("0.5", 1),
                                                                     ("+Inf", 3, core.Exemplar({"t": "1"}, 2.5, 12.0))],
                                                 sum_value=4)
                yield core.SummaryMetricFamily("d", "D.", count_value=1, sum_value=2)
                yield core.GaugeHistogramMetricFamily("e", "E.", buckets=[("1.0", 1), ("+Inf", 3)], gsum_value=4)
                yield core.InfoMetricFamily("f", "F.", {"version": "1"})
                yield core.StateSetMetricFamily("g", "G.", {"on": True, "off": False})
                yield core.UnknownMetricFamily("h", "H.", value=1)
        registry.register(Collector())
        package.Counter("z", "Z.", registry=registry)
    same(program)


@test
def a_restricted_registry_gives_the_same():
    shown = []
    for package in (theirs, ours):
        registry = package.CollectorRegistry()
        package.Counter("a", "A.", registry=registry).inc()
        package.Histogram("b", "B.", registry=registry).observe(1)
        shown.append(package.generate_latest(registry.restricted_registry(["a_total", "b_sum",
                                                                           "none"])).decode().splitlines())
    equal(sorted(shown[1]), sorted(shown[0]))


@test
def created_samples_are_there_unless_they_are_disabled():
    registry = ours.CollectorRegistry()
    counter = ours.Counter("created", "C.", registry=registry)
    assert "created_created" not in ours.generate_latest(registry).decode()
    ours.enable_created_metrics()
    try:
        text, openmetrics = texts(ours, registry)
        assert "# TYPE created_created gauge\ncreated_created 1." in text, text
        assert "created_total 0.0\ncreated_created 1." in openmetrics, openmetrics
        equal(registry.get_sample_value("created_created"), counter.collect()[0].samples[1].value)
    finally:
        ours.disable_created_metrics()


@test
def a_registry_is_served_over_http():
    registry = ours.CollectorRegistry(shared=True)
    counter = ours.Counter("served", "Served.", registry=registry)
    join([in_child(lambda: counter.inc(5))])
    server, thread = ours.start_http_server(0, "127.0.0.1", registry)
    try:
        base = f"http://127.0.0.1:{server.server_port}/metrics"
        with urllib.request.urlopen(base) as answer:
            equal((answer.headers["Content-Type"], answer.read()),
                  (theirs.CONTENT_TYPE_LATEST, ours.generate_latest(registry)))
        wanted = {"Accept": "application/openmetrics-text; version=0.0.1", "Accept-Encoding": "gzip"}
        with urllib.request.urlopen(urllib.request.Request(base + "?name[]=served_total", headers=wanted)) as answer:
            equal(answer.headers["Content-Type"], theirs.openmetrics.exposition.CONTENT_TYPE_LATEST)
            equal(gzip.decompress(answer.read()),
                  b"# HELP served Served.\n# TYPE served counter\nserved_total 5.0\n# EOF\n")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@test
def a_registry_is_pushed_to_a_gateway():
    seen = []

    class Gateway(http.server.BaseHTTPRequestHandler):
        def answer(self):
            seen.append((self.command, self.path, self.headers["Content-Type"],
                         self.rfile.read(int(self.headers.get("Content-Length", 0)))))
            self.send_response(200)
            self.end_headers()

        do_PUT = do_POST = do_DELETE = answer

        def log_message(self, *arguments):
            pass

    registry = ours.CollectorRegistry()
    ours.Gauge("pushed", "Pushed.", registry=registry).set(1)
    server = http.server.HTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        place = f"127.0.0.1:{server.server_port}"
        ours.push_to_gateway(place, "my job", registry, {"b": "x/y", "a": ""})
        ours.pushadd_to_gateway("http://" + place + "/", "j", registry)
        ours.delete_from_gateway(place, "j")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    text = ours.generate_latest(registry)
    equal(seen, [("PUT", "/metrics/job/my+job/a@base64/=/b@base64/eC95", theirs.CONTENT_TYPE_LATEST, text),
                 ("POST", "/metrics/job/j", theirs.CONTENT_TYPE_LATEST, text),
                 ("DELETE", "/metrics/job/j", theirs.CONTENT_TYPE_LATEST, b"")])


@test
def a_registry_is_written_to_a_file():
    registry = ours.CollectorRegistry()
    ours.Gauge("written", "Written.", registry=registry).set(1)
    path = os.path.join(lib.FOLDER.name, "written.prom")
    ours.write_to_textfile(path, registry)
    with open(path, "rb") as file:
        equal(file.read(), ours.generate_latest(registry))
    ours.Gauge("failing", "Failing.", registry=registry).set_function(lambda: 1 / 0)
    lib.raises(ZeroDivisionError, "division by zero", lambda: ours.write_to_textfile(path, registry))
    folder = os.path.join(lib.FOLDER.name, "written.folder")
    os.mkdir(folder)
    lib.raises(IsADirectoryError, None, lambda: ours.write_to_textfile(folder, ours.CollectorRegistry()))
    equal([name for name in os.listdir(lib.FOLDER.name) if name.startswith(("written.prom.", "written.folder."))], [])


@test
def the_collector_of_all_processes_shows_what_others_have_made():
    def work():
        ours.Counter("elsewhere", "Elsewhere.", ["a"]).labels("x").inc(2)

    join([in_child(work)])
    registry = ours.CollectorRegistry()
    ours.multiprocess.MultiProcessCollector(registry)
    equal(registry.get_sample_value("elsewhere_total", {"a": "x"}), 2)
    assert 'elsewhere_total{a="x"} 2.0\n' in ours.generate_latest(registry).decode()
    ours.multiprocess.mark_process_dead(1)


@test
def a_collector_that_fails_is_told_with_its_family():
    registry = ours.CollectorRegistry()

    class Collector:
        def collect(self):
            family = ours.core.GaugeMetricFamily("bad", "Bad.")
            family.add_metric([], "no number")
            yield family
    registry.register(Collector())
    try:
        ours.generate_latest(registry)
        raise AssertionError("nothing was raised")
    except ValueError as error:
        equal(error.args[-1].name, "bad")
    raises(ValueError, "Invalid metric name: a-b", lambda: ours.Metric("a-b", "Bad.", "gauge"))
    raises(ValueError, "Invalid metric type: x", lambda: ours.Metric("a", "Bad.", "x"))


if __name__ == "__main__":
    main()
