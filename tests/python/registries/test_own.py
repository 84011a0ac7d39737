"""A registry that a function makes shows what its own metrics did in this process; the segment has the sum, and forgets
its gauges with it."""
import gc
import os
import signal
import subprocess
import sys
from multiprocessing import get_context

os.environ["SHMETER_REFRESH_SECONDS"] = "0"

from exposed import exposed, shown  # noqa: E402
from lib import FOLDER, equal, in_child, join, main, raises, test  # noqa: E402

from shmeter import store  # noqa: E402
from shmeter.prometheus import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, REGISTRY, Summary  # noqa: E402
from shmeter.prometheus import refresh  # noqa: E402
from shmeter.prometheus.core import GaugeMetricFamily  # noqa: E402
from shmeter.prometheus.metrics import MODES  # noqa: E402

FORK = get_context("fork")


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
        info, enum = Info("o_about", "A.", registry=registry), Enum("o_mood", "M.", states=["good", "bad"],
                                                                    registry=registry)
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
        return [f'o_asked_total{{a="x"}} {2.0 * times}', f"o_level {3.0 * times}", 'o_took_bucket{le="1.0"} 0.0',
                f'o_took_bucket{{le="2.0"}} {times}.0',
                f'o_took_bucket{{le="+Inf"}} {times}.0', f"o_took_count {times}.0", f"o_took_sum {1.5 * times}",
                f"o_sized_count {times}.0",
                f"o_sized_sum {7.0 * times}", f'o_about_info{{times="{times}"}} 1.0',
                f'o_mood{{o_mood="good"}} {1.0 - mood}',
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
    equal([exposed(start) for start in ("o_asked_total", "o_level", "o_took_count")],
          [['o_asked_total{a="x"} 8.0'], ["o_level 3.0"], ["o_took_count 4.0"]])
    del first, kept, make
    gc.collect()
    equal([exposed(start) for start in ("o_asked_total", "o_level", "o_took_count", "o_about", "o_mood")],
          [['o_asked_total{a="x"} 8.0'], [], ["o_took_count 4.0"], [], []], "what is counted stays")


@test
def what_is_removed_cleared_and_reset_is_its_own():
    registry = CollectorRegistry()
    counter, gauge = Counter("own_acts", "A.", ["a"], registry=registry), Gauge("own_level", "L.", ["a"],
                                                                                registry=registry)
    kept = gauge.labels("x")
    for name in "xyz":
        counter.labels(name).inc(2)
        gauge.labels(name).set(2)
    counter.remove("x")
    gauge.remove("x")
    equal(counter.remove("x"), None, "it is gone already")
    equal((shown(registry), exposed("own_")), (
        ['own_acts_total{a="y"} 2.0', 'own_acts_total{a="z"} 2.0', 'own_level{a="y"} 2.0', 'own_level{a="z"} 2.0'],
        ['own_acts_total{a="x"} 2.0', 'own_acts_total{a="y"} 2.0', 'own_acts_total{a="z"} 2.0', 'own_level{a="y"} 2.0',
         'own_level{a="z"} 2.0']))
    kept.set(7)
    counter.labels("y").reset()
    equal((shown(registry, "own_acts")[0], exposed("own_acts")[1]),
          ('own_acts_total{a="y"} 0.0', 'own_acts_total{a="y"} 2.0'))
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
            gauge.labels("x").set(value if mode in ("min", "max", "all", "livemin", "livemax", "liveall", "mostrecent",
                                                    "livemostrecent") else 2)
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
        equal((shown(registry), exposed("forked")), (["forked_total 7.0", "forked_level 7.0"],
                                                     ["forked_level 7.0", "forked_total 7.0"]))
        os.kill(os.getpid(), signal.SIGKILL)

    equal(os.waitstatus_to_exitcode(os.waitpid(in_child(work), 0)[1]), -signal.SIGKILL)
    equal((shown(registry), exposed("forked")), (["forked_total 5.0", "forked_level 5.0"],
                                                 ["forked_level 5.0", "forked_total 7.0"]))

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


if __name__ == "__main__":
    main()
