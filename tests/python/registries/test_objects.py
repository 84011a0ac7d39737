"""What becomes of metrics in the segment when their objects are made again, unregistered, dropped, inherited or
imported again: nothing."""
import gc
import importlib
import os
import subprocess
import sys
import warnings

os.environ["SHMETER_REFRESH_SECONDS"] = "0"

from lib import FOLDER, Skip, equal, in_child, join, main, pool_of, test  # noqa: E402

from shmeter import _core, store  # noqa: E402
from shmeter.prometheus import (  # noqa: E402
    CollectorRegistry, Counter, Enum, Gauge, generate_latest, Histogram, Info, REGISTRY, Summary,
)
from shmeter.prometheus.core import GaugeMetricFamily  # noqa: E402
from shmeter.publish import Published  # noqa: E402


def total(name, **labels):
    return REGISTRY.get_sample_value(name, labels)


def exposed(start):
    """The lines of the segment that begin so, as an exporter has them."""
    return [line for line in store.counting().expose().decode().splitlines() if line.startswith(start)]


def without_registry(_):
    Counter("tasks", "T.", registry=None).inc()


def with_registry(_):
    registry = CollectorRegistry()
    Counter("jobs", "J.", ["kind"], registry=registry).labels("a").inc()
    Histogram("job_seconds", "J.", buckets=(1, 2), registry=registry).observe(1.5)
    Summary("job_bytes", "J.", registry=registry).observe(7)


def registered_again(_):
    counter = Counter("again", "A.")
    counter.inc()
    REGISTRY.unregister(counter)


@test
def two_thousand_tasks_that_make_their_metrics_count_two_thousand():
    for task in (without_registry, with_registry, registered_again):
        with pool_of(4) as pool:
            pool.map(task, range(2000), chunksize=50)
    equal((total("tasks_total"), total("jobs_total", kind="a"), total("again_total")), (2000, 2000, 2000))
    equal([total("job_seconds_" + name) for name in ("count", "sum")], [2000, 3000])
    equal([total("job_bytes_" + name) for name in ("count", "sum")], [2000, 14000])


@test
def what_an_engine_unregisters_and_makes_again_goes_on():
    """As vLLM does at its start, in the parent and in each worker."""
    def make():
        for collector in list(REGISTRY._collector_to_names):
            if getattr(collector, "_name", "").startswith("engine"):
                REGISTRY.unregister(collector)
        return Counter("engine_tokens", "T.", ["model"])

    make().labels("m").inc(50)
    join([in_child(lambda: make().labels("m").inc(50)) for _ in range(3)])
    equal(total("engine_tokens_total", model="m"), 200)
    make()
    equal(total("engine_tokens_total", model="m"), 200)


@test
def acts_of_one_process_on_its_objects_leave_what_others_count():
    """Each of them, done by a child; then the parent's old object, and what the segment has."""
    kept = {"counter": Counter("acts", "A.", ["a"]), "gauge": Gauge("level", "L.", ["a"]),
            "histogram": Histogram("acts_seconds", "S.", ["a"], buckets=(1,)),
            "info": Info("about", "A."), "enum": Enum("mood", "M.", states=["good", "bad"])}
    of_a = {name: kept[name].labels("a") for name in ("counter", "gauge", "histogram")}
    of_a["counter"].inc(5)
    of_a["gauge"].set(5)
    of_a["histogram"].observe(5)
    kept["info"].info({"v": "1"})
    kept["enum"].state("bad")
    wanted = [exposed(start) for start in ("acts", "level", "about", "mood")]

    def unregister():
        for one in kept.values():
            REGISTRY.unregister(one)

    def remake():
        unregister()
        Counter("acts", "A.", ["a"])
        Gauge("level", "L.", ["a"])
        Histogram("acts_seconds", "S.", ["a"], buckets=(1,))
        Info("about", "A.")
        Enum("mood", "M.", states=["good", "bad"])

    def drop():
        unregister()
        kept.clear()
        of_a.clear()
        gc.collect()

    def outside():
        for kind, name, more in ((Counter, "acts", (["a"],)), (Gauge, "level", (["a"],)),
                                 (Histogram, "acts_seconds", (["a"],))):
            kind(name, "A.", *more, registry=None, **({"buckets": (1,)} if kind is Histogram else {})).labels("a")

    def in_a_registry():
        registry = CollectorRegistry()
        counter = Counter("acts", "A.", ["a"], registry=registry)
        counter.labels("a")
        counter.remove("a")
        counter.clear()
        Gauge("level", "L.", ["a"], registry=registry).clear()

    for act in (unregister, remake, drop, outside, in_a_registry):
        join([in_child(act)])
        equal([exposed(start) for start in ("acts", "level", "about", "mood")], wanted, act.__name__)
    of_a["counter"].inc()
    of_a["histogram"].observe(5)
    equal((total("acts_total", a="a"), total("acts_seconds_count", a="a"), total("level", a="a")), (6, 2, 5))


@test
def a_module_that_is_imported_again_goes_on():
    folder = os.path.join(FOLDER.name, "modules")
    os.mkdir(folder)
    with open(os.path.join(folder, "counting.py"), "w", encoding="utf-8") as file:
        file.write("from shmeter.prometheus import CollectorRegistry, Counter\nREGISTRY = CollectorRegistry()\n"
                   "COUNTER = Counter('imported', 'I.', registry=REGISTRY)\nCOUNTER.inc()\n")
    sys.path.insert(0, folder)
    try:
        import counting
        importlib.reload(counting)
        del sys.modules["counting"]
        import counting  # noqa: F811
    finally:
        sys.path.remove(folder)
    join([in_child(lambda: counting.COUNTER.inc())])
    equal((counting.REGISTRY.get_sample_value("imported_total"), total("imported_total")), (4, 4))


@test
def a_child_that_outlives_its_metric_counts_on():
    child = Counter("outlives", "O.", ["a"], registry=None).labels("x")
    gc.collect()
    child.inc(2)
    Counter("outlives", "O.", ["a"], registry=None).labels("x").inc(3)
    child.inc(4)
    equal(total("outlives_total", a="x"), 9)


@test
def only_reset_and_clear_begin_anew():
    counter, gauge = Counter("anew", "A.", ["a"]), Gauge("anew_level", "L.", ["a"])
    counter.labels("x").inc(5)
    gauge.labels("x").set(5)
    join([in_child(counter.labels("x").reset)])
    equal(total("anew_total", a="x"), 0)
    counter.labels("x").inc()
    equal(total("anew_total", a="x"), 1)
    join([in_child(counter.clear), in_child(gauge.clear)])
    equal((total("anew_total", a="x"), total("anew_level", a="x")), (None, None))


@test
def two_registries_of_the_pool_that_have_a_name_are_told_of_once():
    first, second, own = CollectorRegistry(shared=True), CollectorRegistry(shared=True), CollectorRegistry(shared=False)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        kept = [Counter("both", "B.", registry=registry) for registry in (own, first)]
        equal(told, [])
        kept += [Counter("both", "B.", registry=registry) for registry in (second, CollectorRegistry(shared=True))]
    equal([str(one.message) for one in told],
          ["both is in two registries of this process that show the pool's values: both show the sum. "
                                               "CollectorRegistry(shared=False) shows what its own metrics count"])
    for counter in kept:
        counter.inc()
    equal([registry.get_sample_value("both_total") for registry in (first, second, own)], [4, 4, 1])


@test
def a_name_that_a_metric_has_with_another_definition_is_told_of():
    first = Counter("differs", "D.", ["a"])
    first.labels("x").inc(2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        second = Counter("differs", "D.", ["b"], registry=CollectorRegistry(shared=True))
        second.labels("y").inc(3)
    equal([str(one.message) for one in told],
          ["differs_total is in use in this process with another type, labels or buckets: "
                                               "the metric that is made now counts in this process alone"])
    equal((first._apart, second._apart, second.collect()[0].samples[0].value, exposed("differs_total")),
          (False, True, 3, ['differs_total{a="x"} 2.0']))
    REGISTRY.unregister(first)
    third = Counter("differs", "D.", ["b"])
    equal(third._apart, True, "the second has it no less")
    del second, third
    for collector in [one for one in REGISTRY._collector_to_names if getattr(one, "_name", "") == "differs"]:
        REGISTRY.unregister(collector)
    del collector
    third = Counter("differs", "D.", ["b"])
    third.labels("y").inc(4)
    equal((third._apart, exposed("differs_total")), (False, ['differs_total{b="y"} 4.0']))


@test
def what_a_collector_published_leaves_its_name_to_a_metric():
    class Own:
        def collect(self):
            yield GaugeMetricFamily("queue", "Q.", value=1)

    collector, published = Own(), Published()
    published.put(collector.collect())
    equal(exposed("queue"), ["queue 1.0"])
    metric = Histogram("queue", "own", buckets=(1,))
    metric.observe(0.5)
    published.put(collector.collect())
    equal((exposed("queue_count"), exposed("queue ")), (["queue_count 1.0"], []))


@test
def a_collector_of_one_process_takes_back_what_it_said_alone():
    published = Published()
    family = GaugeMetricFamily("said", "S.", labels=["a"])
    family.add_metric(["x"], 1)
    published.put([family])

    def work():
        other = Published()
        other.put([family])
        other.withdraw()

    join([in_child(work)])
    equal(exposed("said"), ['said{a="x"} 1.0'])
    published.put([])
    equal(exposed("said"), [])
    for number in range(20000):  # series that come and go: more than there are places
        family = GaugeMetricFamily("said", "S.", labels=["a"])
        family.add_metric([str(number % 3000)], 1)
        published.put([family])
    equal(exposed("said"), [f'said{{a="{number % 3000}"}} 1.0'])


@test
def the_plain_interface_keeps_its_names():
    plain = store.counting().counter("plain_total", labels=["a"])
    Counter("plain", "P.", ["a"], registry=None).labels("x").inc(2)
    gc.collect()
    plain.labels("y").inc(3)
    equal(sorted(exposed("plain_total")), ['plain_total{a="x"} 2.0', 'plain_total{a="y"} 3.0'])
    equal([_core.VIEW_PLAIN, _core.VIEW_POOL, _core.VIEW_TRACKED, _core.VIEW_OWN], [0, 1, 2, 3])


@test
def families_that_nobody_uses_are_closed():
    """Another definition may then have the name in the segment, and no worker is told of as having it open."""
    for labels in (["a"], ["b"], ["a"]) * 300:
        Gauge("closed", "C.", labels, registry=None).labels("x").set(1)
    equal(exposed("shmeter_lost"), [])
    health = store.counting().health()
    equal([reason for reason in health["reasons"] if "closed" in str(reason)], [])
    equal([one for one in generate_latest().decode().splitlines() if one.startswith("closed")][-1], 'closed{a="x"} 1.0')


LAZY = """if True:
    import os, sys
    from shmeter.prometheus import Counter, generate_latest, Gauge, Histogram, Info, Enum, REGISTRY, CollectorRegistry
    from shmeter.prometheus.openmetrics.exposition import generate_latest as openmetrics
    from shmeter.prometheus.multiprocess import MultiProcessCollector
    metrics = lambda: [Counter("lazy", "Jobs.", ["a"]), Histogram("lazy_seconds", "S.", buckets=(1,)), Gauge("lazy_level", "L."), Info("lazy_about", "A."),
                       Enum("lazy_mood", "M.", states=["x", "y"])]
    other = Counter("lazy_other", "O.", registry=CollectorRegistry())
    if os.fork() == 0:
        made = metrics()
        made[0].labels("q").inc(2)
        made[1].observe(0.5)
        made[3].info({"v": "1"})
        made[4].state("y")
        other.inc(3)
        os._exit(0)
    os.wait()
    kept = metrics() if sys.argv[1] == "made" else []
    for text in (generate_latest(), openmetrics(REGISTRY)):
        print(*sorted(line for line in text.decode().splitlines() if "lazy" in line), sep="\\n")
    for name in ("lazy_total", "lazy_seconds_sum", "lazy_other_total"):
        print(name, [(s.name, s.labels, s.value) for f in REGISTRY.restricted_registry([name]).collect() for s in f.samples])
    print(REGISTRY.get_sample_value("lazy_total", {"a": "q"}), REGISTRY.get_sample_value("lazy_mood", {"lazy_mood": "y"}))
    every = CollectorRegistry()
    MultiProcessCollector(every)
    text = generate_latest(every).decode()
    print(all(f"lazy{name}" in text for name in ("_total", "_seconds_sum", "_level", "_about_info", "_mood", "_other_total")))
    names = [line.split()[2] for line in generate_latest().decode().splitlines() if line.startswith("# TYPE")]
    print(len(names) == len(set(names)))
"""


@test
def a_worker_shows_what_others_have_made_as_if_it_had_made_it():
    said = {}
    for how in ("made", "not"):
        done = subprocess.run([sys.executable, "-c", LAZY, how], capture_output=True, text=True, check=True,
                              env={**os.environ, "SHMETER_SEGMENT": os.path.join(FOLDER.name, "lazy-" + how)})
        said[how] = [line for line in done.stdout.splitlines() if "_created" not in line]
        equal(done.stderr, "")
    made = said["made"]
    for line in ('lazy_total{a="q"} 2.0', "lazy_seconds_count 1.0", 'lazy_about_info{v="1"} 1.0',
                 'lazy_mood{lazy_mood="y"} 1.0', "lazy_other_total 3.0",
                 "lazy_level 0.0", "lazy_total [('lazy_total', {'a': 'q'}, 2.0)]",
                 "lazy_other_total [('lazy_other_total', {}, 3.0)]", "2.0 1.0", "True"):
        assert line in made, (line, made)
    equal(said["not"], made)


@test
def what_this_process_has_unregistered_it_does_not_show():
    counter = Counter("left", "L.")
    counter.inc(2)
    REGISTRY.unregister(counter)
    equal((total("left_total"), exposed("left_total"), "left_total" in generate_latest().decode()),
          (None, ["left_total 2.0"], False))

    class Own:
        def collect(self):
            yield GaugeMetricFamily("left_level", "L.", value=1)

    own = Own()
    REGISTRY.register(own)
    published = Published()
    published.put(own.collect())
    equal([line for line in generate_latest().decode().splitlines() if line.startswith("left_level")],
          ["left_level 1.0"], "once")
    REGISTRY.unregister(own)
    equal((total("left_level"), exposed("left_level")), (None, ["left_level 1.0"]))
    Counter("left", "L.").inc()
    equal(total("left_total"), 3)


SAYS = """if True:
    import gc
    from shmeter.prometheus import CollectorRegistry, Info
    registry = CollectorRegistry(shared=False)
    Info("said_elsewhere", "S.", registry=registry).info({"v": "1"})
    registry = None
    gc.collect()
"""


@test
def what_ends_in_another_pid_namespace_takes_nothing_of_a_living_process():
    registry, path = CollectorRegistry(shared=False), ":".join(sys.path)
    Info("said_elsewhere", "S.", registry=registry).info({"v": "1"})
    done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", SAYS], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": path})
    if "unshare:" in done.stderr:
        raise Skip(done.stderr)
    equal((done.returncode, done.stderr), (0, ""))
    equal(exposed("said_elsewhere"), ['said_elsewhere_info{v="1"} 1.0'])


if __name__ == "__main__":
    main()
