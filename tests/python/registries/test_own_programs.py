"""Programs whose functions make registries: probes, jobs, applications side by side; what they cost, and what the
segment keeps."""
import gc
import os
import resource
import subprocess
import sys
import threading
import time
import urllib.parse
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from unittest import mock

os.environ["SHMETER_REFRESH_SECONDS"] = "0"

from exposed import exposed, shown  # noqa: E402
from lib import FOLDER, equal, in_child, join, main, pool_of, test  # noqa: E402

from shmeter import store, wsgi  # noqa: E402
from shmeter.prometheus import (  # noqa: E402
    CollectorRegistry, Counter, Gauge, generate_latest, Histogram, push_to_gateway, REGISTRY, write_to_textfile,
)
from shmeter.prometheus import registry as registries  # noqa: E402

FORK = get_context("fork")


def probe(environ, start_response):
    """A probe exporter: a registry for each request."""
    target = float(urllib.parse.parse_qs(environ["QUERY_STRING"])["target"][0])
    registry = CollectorRegistry()
    gauge = Gauge("probe_value", "P.", registry=registry)
    Gauge("probe_of", "P.", ["target"], registry=registry).labels(str(target)).set(target)
    histogram = Histogram("probe_seconds", "P.", registry=registry)
    Counter("probes", "P.", registry=registry).inc()
    gauge.set(target)
    time.sleep(0.0005)  # the probe takes its time, in which other requests come
    histogram.observe(0.1)
    start_response("200 OK", [])
    return [generate_latest(registry)]


def right_answer(target):
    body = b"".join(probe({"QUERY_STRING": f"target={target}"}, lambda *_: None)).decode().splitlines()
    lines = [line for line in body if not line.startswith("#") and "_bucket" not in line and "_created" not in line]
    return lines == [f"probe_value {target}.0", f'probe_of{{target="{target}.0"}} {target}.0',
                     "probe_seconds_count 1.0", "probe_seconds_sum 0.1",
                     "probes_total 1.0"]


def right_answers(first):
    """Of 200 requests in 8 threads."""
    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(right_answer, range(first, first + 200)))


@test
def a_registry_for_each_request_answers_with_its_own_values():
    with pool_of(4) as pool:
        equal(sum(pool.map(right_answers, range(0, 1200, 200), chunksize=1)), 1200)
        equal((exposed("probe_value"), exposed("probe_of"), exposed("probes_total"), exposed("probe_seconds_count")),
              ([], [], ["probes_total 1200.0"], ["probe_seconds_count 1200.0"]))


@test
def seventy_thousand_registries_one_after_the_other_cost_no_memory():
    kept = CollectorRegistry()
    Gauge("each_value", "V.", registry=kept).set(-1)

    def one(number):
        registry = CollectorRegistry()
        gauge = Gauge("each_value", "V.", registry=registry)
        counter = Counter("each", "E.", ["a"], registry=registry)
        gauge.set(number)
        counter.labels(str(number % 7)).inc()
        return registry.get_sample_value("each_value"), registry.get_sample_value("each_total", {"a": str(number % 7)})

    def objects_and_memory():
        gc.collect()
        return len(gc.get_objects()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, sys.getallocatedblocks()

    wrong = sum(one(number) != (number, 1) for number in range(3000))
    objects, kilobytes, blocks = objects_and_memory()
    wrong += sum(one(number) != (number, 1) for number in range(3000, 70000))
    now = objects_and_memory()
    assert now[0] <= objects + 50 and now[2] <= blocks + 500 and now[1] <= kilobytes + 1024, \
        (now, (objects, kilobytes, blocks))
    equal((wrong, exposed("each_value"), sum(float(line.split()[1]) for line in exposed("each_total"))),
          (0, ["each_value -1.0"], 70000))


@test
def gauges_with_labels_that_come_and_go_with_their_registries_take_no_room():
    for number in range(10000):  # twice as many as a segment has gauges
        registry = CollectorRegistry()
        Gauge("passing", "P.", ["id"], registry=registry).labels(str(number % 1000)).set(number)
    equal(shown(registry), ['passing{id="999"} 9999.0'])
    equal(exposed("passing"), ['passing{id="999"} 9999.0'])


CROWDED = """
import sys
import shmeter
from shmeter.prometheus import CollectorRegistry, Gauge
shmeter.open(sys.argv[1], max_gauges=64)
for number in range(40):
    Gauge("passing", "P.", ["id"], registry=CollectorRegistry()).labels(str(number)).set(number)
pool = Gauge("passing", "P.", ["id"], registry=CollectorRegistry(shared=True))
for number in range(40):
    try:
        pool.remove(str(number))
        print(end="-")
    except KeyError:
        print(end="+")
"""


@test
def gauges_that_nobody_has_are_taken_out_where_room_is_scarce():
    """From half of the segment's gauges on. The first __overflow__ is made with the metric."""
    done = subprocess.run([sys.executable, "-c", CROWDED, os.path.join(FOLDER.name, "crowded")], capture_output=True,
                          text=True, check=True,  # 0.16 tells what is not there
                          env={**os.environ, "SHMETER_PROMETHEUS_CLIENT": "0.16"})
    equal((done.stdout, done.stderr), ("-" * 31 + "+" * 9, ""))


def job(number):
    registry = CollectorRegistry()
    counter = Counter("job_rows", "J.", registry=registry)
    counter.inc(number)
    pushed = []

    def handler(url, method, timeout, headers, data):
        return lambda: pushed.append(data.decode())

    push_to_gateway("http://gateway:9091", "job", registry, handler=handler)
    path = os.path.join(FOLDER.name, f"job-{os.getpid()}.prom")
    write_to_textfile(path, registry)
    with open(path, encoding="utf-8") as file:
        written = file.read()
    return [line for text in (*pushed, written) for line in text.splitlines() if line.startswith("job_rows_total")]


@test
def a_job_pushes_and_writes_its_own_rows():
    with pool_of(2, maxtasksperchild=1) as pool:
        equal(pool.map(job, [100, 100, 100, 7], chunksize=1),
              [[f"job_rows_total {number}.0"] * 2 for number in (100, 100, 100, 7)])
    equal(exposed("job_rows_total"), ["job_rows_total 307.0"])


@test
def applications_in_one_process_have_their_registries_each():
    def application(name):
        registry = CollectorRegistry()
        requests = Counter("app_requests", "Of " + name, ["path"], registry=registry)
        active = Gauge("app_active", "A.", registry=registry)

        def request(times):
            for _ in range(times):
                active.inc()
                requests.labels("/").inc()
                active.dec()
        return request, registry

    one, first = application("one")
    two, second = application("two")

    def work():
        one(100)
        two(50)
        equal((shown(first, "app_r"), shown(second, "app_r"), shown(second, "app_a")),
              (['app_requests_total{path="/"} 100.0'], ['app_requests_total{path="/"} 50.0'], ["app_active 0.0"]))
        assert b'app_requests_total{path="/"} ' in generate_latest()

    join([in_child(work) for _ in range(4)])
    one(1)
    equal((shown(first, "app_r"), exposed("app_requests_total")),
          (['app_requests_total{path="/"} 1.0'], ['app_requests_total{path="/"} 601.0']))


@test
def it_does_not_depend_on_the_order_in_which_processes_make_them():
    def work(order):
        made = [(CollectorRegistry(), amount) for amount in (1, 10)]
        kept = [Counter("ordered", str(amount), registry=registry)
                for registry, amount in (made if order else made[::-1])]
        for counter, (_, amount) in zip(kept, made if order else made[::-1]):
            counter.inc(amount)
        equal([registry.get_sample_value("ordered_total") for registry, _ in made], [1, 10])

    for order in (True, False, True):
        join([in_child(lambda: work(order))])
    equal(exposed("ordered_total"), ["ordered_total 33.0"])


@test
def other_labels_in_another_registry_are_their_own():
    def work():
        kept = []
        for number in range(3):
            registry = CollectorRegistry()
            kept.append((registry, Counter("labelled", "L.", [f"l{number}"], registry=registry)))
            kept[-1][1].labels("x").inc(number + 1)
        equal([shown(registry) for registry, _ in kept], [[f'labelled_total{{l{number}="x"}} {number + 1}.0']
                                                          for number in range(3)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        join([in_child(work)])


@test
def middleware_of_a_registry_counts_there_and_in_the_segment():
    registry = CollectorRegistry()
    app = wsgi.Middleware(lambda environ, start: start("200 OK", [("Content-Length", "2")]) and None or [b"ok"],
                          prefix="mine", registry=registry)

    def request():
        list(app({"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "QUERY_STRING": ""}, lambda *_: None))

    join([in_child(request)])
    request()
    route = {"method": "GET", "endpoint": "/a"}
    for registry_of, times in ((registry, 1), (REGISTRY, 2)):
        equal([registry_of.get_sample_value("mine_http_" + name, {**route, **more}) for name, more in (
            ("requests_total", {"status": "200"}), ("request_duration_seconds_count", {}),
            ("response_size_bytes_sum", {}))], [times, times, 2 * times])
    equal(sum(sample.value for family in registry.collect() for sample in family.samples
              if sample.name == "mine_http_requests_in_progress"), 0)


@test
def the_exposition_again_and_again_of_one_that_others_have_too_is_told_of():
    registry = CollectorRegistry()
    counter = Counter("scraped", "S.", registry=registry)
    ours, theirs = FORK.Pipe()
    now = [1000.0]

    def hold():
        mine = Gauge("scraping", "S.", registry=None)  # for which it needs a slot, where it is seen
        mine.inc()
        theirs.send(1)
        theirs.recv()

    def scrape():
        with warnings.catch_warnings(record=True) as told, mock.patch("time.monotonic", lambda: now[0]):
            warnings.simplefilter("always")
            generate_latest(registry)
        return [str(one.message)[:36] for one in told]

    process = FORK.Process(target=hold)
    process.start()
    try:
        ours.recv()
        equal((counter._elsewhere(), scrape(), scrape()), (True, [], []))
        now[0] += 15
        equal((scrape(), scrape()), (["this registry was made by a function"], []))
    finally:
        ours.send(1)
        process.join()
    other = CollectorRegistry()
    counter = Counter("scraped", "S.", registry=other)
    store._told.clear()
    registry = other
    scrape()
    now[0] += 15
    equal((counter._elsewhere(), scrape()), (False, []), "nobody else is there")
    equal(registries.AGAIN_SECONDS, 1)


@test
def threads_that_share_a_gauge_of_several_registries_add_up():
    registries_of, barrier = [CollectorRegistry() for _ in range(4)], threading.Barrier(4)
    gauges = [Gauge("threaded", "T.", registry=registry) for registry in registries_of]

    def work(gauge):
        barrier.wait()
        for _ in range(3000):
            gauge.inc(2)
            gauge.dec()

    threads = [threading.Thread(target=work, args=(gauge,)) for gauge in gauges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(([shown(registry) for registry in registries_of], exposed("threaded")),
          ([["threaded 3000.0"]] * 4, ["threaded 12000.0"]))


if __name__ == "__main__":
    main()
