"""A registry that a function makes shows what its own metrics did in this process; the segment has the sum, and forgets its gauges with it."""
import gc
import os
import resource
import signal
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

from lib import FOLDER, equal, in_child, join, main, pool_of, raises, test  # noqa: E402

from shmeter import store, wsgi  # noqa: E402
from shmeter.prometheus import (  # noqa: E402
    CollectorRegistry, Counter, Enum, Gauge, generate_latest, Histogram, Info, push_to_gateway, REGISTRY, Summary, write_to_textfile,
)
from shmeter.prometheus import registry as registries  # noqa: E402
from shmeter.prometheus import refresh  # noqa: E402
from shmeter.prometheus.core import GaugeMetricFamily  # noqa: E402
from shmeter.prometheus.metrics import MODES  # noqa: E402

FORK = get_context("fork")


def exposed(start):
    """The lines of the segment that begin so, as an exporter has them."""
    return [line for line in store.counting().expose().decode().splitlines() if line.startswith(start)]


def shown(registry, start=""):
    return [line for line in generate_latest(registry).decode().splitlines() if line.startswith(start or tuple("abcdefghijklmnopqrstuvwxyz"))
            and "_created" not in line]


# ---- which registries are the pool's

MODULE = """
from shmeter.prometheus import CollectorRegistry
AT_ONCE = CollectorRegistry()
class Metrics:
    of_class = CollectorRegistry()
    def __init__(self):
        self.registry = CollectorRegistry()
BY_A_CALL = Metrics().registry
def make():
    return CollectorRegistry(), Metrics().registry
BY_HAND = CollectorRegistry(shared=False)
"""
KINDS = """
import sys
sys.path.insert(0, sys.argv[1])
import of_module
from shmeter.prometheus import CollectorRegistry, REGISTRY
HERE = CollectorRegistry()
def make():
    return CollectorRegistry()
def late():
    import of_module_too
    return of_module_too.AT_ONCE
kinds = [REGISTRY, of_module.AT_ONCE, of_module.Metrics.of_class, of_module.BY_A_CALL, late(), of_module.BY_HAND, *of_module.make(), HERE, make(),
         (lambda: CollectorRegistry())(), CollectorRegistry(shared=True)]
print(*(int(one._shared) for one in kinds))
"""


@test
def a_registry_is_the_pools_where_a_module_is_imported():
    for name in ("of_module.py", "of_module_too.py"):
        with open(os.path.join(FOLDER.name, name), "w", encoding="utf-8") as file:
            file.write(MODULE)
    with open(os.path.join(FOLDER.name, "program.py"), "w", encoding="utf-8") as file:
        file.write(KINDS)
    for how in (["-c", KINDS], [os.path.join(FOLDER.name, "program.py")]):
        done = subprocess.run([sys.executable, *how, FOLDER.name], capture_output=True, text=True, check=True)
        equal((done.stdout, done.stderr), ("1 1 1 1 1 0 0 0 0 0 0 1\n", ""), how)
    equal(store.importing(), False)


# ---- what it shows

@test
def metrics_of_all_kinds_show_what_they_did():
    def make(times):
        registry = CollectorRegistry()
        counter = Counter("o_asked", "A.", ["a"], registry=registry)
        gauge = Gauge("o_level", "L.", registry=registry)
        histogram = Histogram("o_took", "T.", buckets=(1, 2), registry=registry)
        summary = Summary("o_sized", "S.", registry=registry)
        info, enum = Info("o_about", "A.", registry=registry), Enum("o_mood", "M.", states=["good", "bad"], registry=registry)
        for _ in range(times):
            counter.labels("x").inc(2)
            gauge.inc(3)
            histogram.observe(1.5)
            summary.observe(7)
        info.info({"times": str(times)})
        enum.state("bad" if times > 1 else "good")
        return registry, (counter, gauge, histogram, summary, info, enum)

    def wanted(times):
        mood = int(times > 1)
        return [f'o_asked_total{{a="x"}} {2.0 * times}', f"o_level {3.0 * times}", 'o_took_bucket{le="1.0"} 0.0', f'o_took_bucket{{le="2.0"}} {times}.0',
                f'o_took_bucket{{le="+Inf"}} {times}.0', f"o_took_count {times}.0", f"o_took_sum {1.5 * times}", f"o_sized_count {times}.0",
                f"o_sized_sum {7.0 * times}", f'o_about_info{{times="{times}"}} 1.0', f'o_mood{{o_mood="good"}} {1.0 - mood}',
                f'o_mood{{o_mood="bad"}} {1.0 * mood}']

    first, kept = make(1)
    second, kept_too = make(3)
    equal(([type(one).__name__ for one in kept], [one._tracks and one._shows_own for one in kept]),
          (["Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"], [True] * 6))
    equal((shown(first), shown(second)), (wanted(1), wanted(3)))
    equal(first.get_sample_value("o_took_bucket", {"le": "2.0"}), 1)
    equal(kept[0]._own_samples(lambda *sample: sample, False), [("o_asked_total", {"a": "x"}, 2.0)])
    equal([exposed(start)[-1] for start in ("o_asked_total", "o_level", "o_took_count", "o_sized_sum")],
          ['o_asked_total{a="x"} 8.0', "o_level 12.0", "o_took_count 4.0", "o_sized_sum 28.0"], "the sum")
    equal([REGISTRY.get_sample_value(name) for name in ("o_level", "o_took_sum")], [12, 6])
    del kept_too
    del second
    equal([exposed(start) for start in ("o_asked_total", "o_level", "o_took_count")], [['o_asked_total{a="x"} 8.0'], ["o_level 3.0"], ["o_took_count 4.0"]])
    del first, kept, make
    gc.collect()
    equal([exposed(start) for start in ("o_asked_total", "o_level", "o_took_count", "o_about", "o_mood")],
          [['o_asked_total{a="x"} 8.0'], [], ["o_took_count 4.0"], [], []], "what is counted stays")


@test
def what_is_removed_cleared_and_reset_is_its_own():
    registry = CollectorRegistry()
    counter, gauge = Counter("own_acts", "A.", ["a"], registry=registry), Gauge("own_level", "L.", ["a"], registry=registry)
    kept = gauge.labels("x")
    for name in "xyz":
        counter.labels(name).inc(2)
        gauge.labels(name).set(2)
    counter.remove("x")
    gauge.remove("x")
    raises(KeyError, "('x',)", lambda: counter.remove("x"))
    equal((shown(registry), exposed("own_")), (
        ['own_acts_total{a="y"} 2.0', 'own_acts_total{a="z"} 2.0', 'own_level{a="y"} 2.0', 'own_level{a="z"} 2.0'],
        ['own_acts_total{a="x"} 2.0', 'own_acts_total{a="y"} 2.0', 'own_acts_total{a="z"} 2.0', 'own_level{a="y"} 2.0', 'own_level{a="z"} 2.0']))
    kept.set(7)
    counter.labels("y").reset()
    equal((shown(registry, "own_acts")[0], exposed("own_acts")[1]), ('own_acts_total{a="y"} 0.0', 'own_acts_total{a="y"} 2.0'))
    counter.clear()
    gauge.clear()
    counter.labels("y").inc()
    equal((shown(registry), exposed("own_acts")[1]), (['own_acts_total{a="y"} 1.0'], 'own_acts_total{a="y"} 3.0'))


@test
def gauges_of_each_mode_say_so_while_they_are_there():
    """And in the modes that retain what was said, for good."""
    for mode in (None, *MODES):
        for last in (False, True):
            registry = CollectorRegistry()
            name = f"mode_{mode}".lower()
            gauge = Gauge(name, "M.", ["a"], registry=registry, **({"multiprocess_mode": mode} if mode else {}))
            gauge.labels("x").set(5)
            gauge.labels("y").set(float("inf") if mode in (None, "livesum") else 6)
            equal(shown(registry)[0], f'{name}{{a="x"}} 5.0')
            equal(len(exposed(name + "{")), 2, mode)
            if last:
                del registry
                gauge.remove("x")
            else:
                del registry, gauge
            retained = mode in ("all", "min", "max", "sum", "mostrecent")
            equal(len(exposed(name + "{")), 2 if retained else 1 if last else 0, (mode, last))


@test
def values_that_come_and_go_leave_no_trace():
    """Sums of several registries are exact: what is taken back was never there."""
    made = []
    for value in (0.1, 0.2, 1e5, 0.3):
        registry = CollectorRegistry()
        made.append((registry, Gauge("exact", "E.", registry=registry)))
        made[-1][1].set(value)
    del made[2], registry
    equal(exposed("exact"), ["exact 0.6"])
    del made[0]
    equal(exposed("exact"), ["exact 0.5"])
    made[0][1].set(float("nan"))
    equal((exposed("exact"), shown(made[0][0])), (["exact NaN"], ["exact NaN"]))
    made[0][1].set(0.25)
    made[1][1].set(0.75)
    made[1][1].inc(0.25)
    made[1][1].dec(0.5)
    equal((exposed("exact"), shown(made[1][0])), (["exact 0.75"], ["exact 0.5"]))


@test
def metrics_of_the_pool_beside_them_keep_what_they_said():
    """In one process: of each mode the pool's value, and what a registry that comes and goes adds to it."""
    for mode in (None, *MODES):
        more = {"multiprocess_mode": mode} if mode else {}
        name = f"beside_{mode}"
        kept = Gauge(name, "B.", ["a"], registry=CollectorRegistry(shared=True), **more)
        kept.labels("x").set(5)
        if "mostrecent" not in str(mode):
            kept.labels("x").inc(2)
        value = kept.collect()[0].samples[0].value
        for again in range(3):
            registry = CollectorRegistry()
            gauge = Gauge(name, "B.", ["a"], registry=registry, **more)
            gauge.labels("x").set(value if mode in ("min", "max", "all", "livemin", "livemax", "liveall", "mostrecent", "livemostrecent") else 2)
            equal(shown(registry)[0].split()[1], str(value if mode not in (None, "sum", "livesum") else 2.0))
            if mode in (None, "livesum"):
                equal(kept.collect()[0].samples[0].value, value + 2, mode)
            if mode is None:
                kept.labels("x").inc(1)
                value += 1
            del registry, gauge
            if mode != "sum":
                equal(kept.collect()[0].samples[0].value, value, (mode, again))


@test
def sums_that_outlive_their_process_are_those_of_the_last_registry():
    for number in range(3):
        Gauge("retained", "R.", registry=CollectorRegistry(), multiprocess_mode="sum").set(number)
    equal(exposed("retained"), ["retained 2.0"])


@test
def a_forked_child_goes_on_and_gives_what_it_does():
    registry = CollectorRegistry()
    counter, gauge = Counter("forked", "F.", registry=registry), Gauge("forked_level", "F.", registry=registry)
    counter.inc(5)
    gauge.set(5)

    def work():
        counter.inc(2)
        gauge.inc(2)
        equal((shown(registry), exposed("forked")), (["forked_total 7.0", "forked_level 7.0"], ["forked_level 7.0", "forked_total 7.0"]))
        os.kill(os.getpid(), signal.SIGKILL)

    equal(os.waitstatus_to_exitcode(os.waitpid(in_child(work), 0)[1]), -signal.SIGKILL)
    equal((shown(registry), exposed("forked")), (["forked_total 5.0", "forked_level 5.0"], ["forked_level 5.0", "forked_total 7.0"]))

    def say():
        gauge.set(9)
        equal((shown(registry)[1], exposed("forked_level")), ("forked_level 9.0", ["forked_level 14.0"]))

    join([in_child(say)])
    equal(exposed("forked_level"), ["forked_level 5.0"])


@test
def infos_that_others_have_stay():
    """Another process, or a metric of the pool in this one."""
    ours, theirs = FORK.Pipe()

    def hold():
        registry = CollectorRegistry()
        info, gauge = Info("held_about", "H.", registry=registry), Gauge("holds", "For a slot.", registry=registry)
        info.info({"of": "the other"})
        gauge.set(1)
        theirs.send(1)
        theirs.recv()

    def pass_by(name):
        Info(name, "H.", registry=CollectorRegistry()).info({"of": "this one"})

    process = FORK.Process(target=hold)
    process.start()
    try:
        ours.recv()
        pass_by("held_about")
        equal(len(exposed("held_about")), 1)
    finally:
        ours.send(1)
        process.join()
    pass_by("held_about")
    equal(exposed("held_about"), [])
    kept = Info("kept_about", "K.", registry=CollectorRegistry(shared=True))
    pass_by("kept_about")
    equal((len(exposed("kept_about")), kept._tracks), (1, False))


@test
def metrics_without_a_registry_show_what_they_did_where_one_asks_for_it():
    registry = CollectorRegistry()
    counter = Counter("came", "C.", registry=None)
    counter.inc(2)
    join([in_child(lambda: counter.inc(10))])
    registry.register(counter)
    pool = CollectorRegistry(shared=True)
    pool.register(counter)
    equal((shown(registry), shown(pool), counter._value.get(), counter._tracks, counter._shows_own),
          (["came_total 2.0"], ["came_total 12.0"], 12, True, False))


@test
def functions_and_collectors_are_asked_when_the_registry_is():
    registry, asked = CollectorRegistry(), []
    gauge = Gauge("by_function", "F.", ["a"], registry=registry)
    gauge.labels("x").set_function(lambda: len(asked))

    class Own:
        def collect(self):
            asked.append(1)
            return [GaugeMetricFamily("by_collector", "C.", value=5)]

    registry.register(Own())
    refresh.refresh()
    equal((asked, exposed("by_collector"), len(refresh._collectors)), ([], [], 0), "nobody else is told")
    equal(shown(registry), ['by_function{a="x"} 0.0', "by_collector 5.0"])
    equal(shown(registry), ['by_function{a="x"} 1.0', "by_collector 5.0"])


# ---- programs

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
    return lines == [f"probe_value {target}.0", f'probe_of{{target="{target}.0"}} {target}.0', "probe_seconds_count 1.0", "probe_seconds_sum 0.1",
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
    assert now[0] <= objects + 50 and now[2] <= blocks + 500 and now[1] <= kilobytes + 1024, (now, (objects, kilobytes, blocks))
    equal((wrong, exposed("each_value"), sum(float(line.split()[1]) for line in exposed("each_total"))), (0, ["each_value -1.0"], 70000))


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
    done = subprocess.run([sys.executable, "-c", CROWDED, os.path.join(FOLDER.name, "crowded")], capture_output=True, text=True, check=True)
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
        equal(pool.map(job, [100, 100, 100, 7], chunksize=1), [[f"job_rows_total {number}.0"] * 2 for number in (100, 100, 100, 7)])
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
    equal((shown(first, "app_r"), exposed("app_requests_total")), (['app_requests_total{path="/"} 1.0'], ['app_requests_total{path="/"} 601.0']))


@test
def it_does_not_depend_on_the_order_in_which_processes_make_them():
    def work(order):
        made = [(CollectorRegistry(), amount) for amount in (1, 10)]
        kept = [Counter("ordered", str(amount), registry=registry) for registry, amount in (made if order else made[::-1])]
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
        equal([shown(registry) for registry, _ in kept], [[f'labelled_total{{l{number}="x"}} {number + 1}.0'] for number in range(3)])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        join([in_child(work)])


@test
def middleware_of_a_registry_counts_there_and_in_the_segment():
    registry = CollectorRegistry()
    app = wsgi.Middleware(lambda environ, start: start("200 OK", [("Content-Length", "2")]) and None or [b"ok"], prefix="mine", registry=registry)

    def request():
        list(app({"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "QUERY_STRING": ""}, lambda *_: None))

    join([in_child(request)])
    request()
    route = {"method": "GET", "endpoint": "/a"}
    for registry_of, times in ((registry, 1), (REGISTRY, 2)):
        equal([registry_of.get_sample_value("mine_http_" + name, {**route, **more}) for name, more in (
            ("requests_total", {"status": "200"}), ("request_duration_seconds_count", {}), ("response_size_bytes_sum", {}))], [times, times, 2 * times])
    equal(sum(sample.value for family in registry.collect() for sample in family.samples if sample.name == "mine_http_requests_in_progress"), 0)


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
    equal(([shown(registry) for registry in registries_of], exposed("threaded")), ([["threaded 3000.0"]] * 4, ["threaded 12000.0"]))


if __name__ == "__main__":
    main()
