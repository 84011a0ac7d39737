"""Series that come and go: others have their room, and children that are kept of those that are gone count in no other.

Usage: test_coming_and_going.py PYTHON_PACKAGE SHMETER

Each process counts in live series by 1, and through children of removed ones by STALE: so a wrong series is seen.
"""
import contextlib
import multiprocessing
import os
import subprocess
import sys

PACKAGE, SHMETER = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path[:0] = [PACKAGE, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

from lib import equal, FOLDER, in_child, join, main, test  # noqa: E402

import shmeter  # noqa: E402

STALE = 1 << 30
serial = 0


@contextlib.contextmanager
def opened(**sizes):
    """A meter of a segment of these sizes; until its end there was room for everything."""
    global serial
    serial += 1
    meter = shmeter.open(os.path.join(FOLDER.name, f"c{serial}"), **sizes)
    yield meter
    equal((meter.error, meter.attached), ("", True))
    equal("__overflow__" in meter.expose().decode(), False)
    meter.close()
    os.unlink(meter.path)


def exposed(meter):
    """{series: value}"""
    rows = (line.rsplit(" ", 1) for line in meter.expose().decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in rows}


@test
def a_gauge_of_many_label_sets_fits_where_few_are_alive():
    with opened(max_gauges=64) as meter:
        jobs, kept = meter.gauge("jobs", "J.", ("job",)), meter.gauge("kept", "K.")
        for number in range(1000):
            jobs.labels(str(number)).set(number)
            equal(exposed(meter), {f'jobs{{job="{number}"}}': number, "kept": 0})
            jobs.remove(str(number))
        kept.set(7)
        equal(exposed(meter), {"kept": 7})


@test
def one_label_set_comes_and_goes_as_often_as_it_likes():
    with opened(max_gauges=64) as meter:
        jobs, done = meter.gauge("jobs", "J.", ("job",)), meter.counter("done_total", "D.", ("job",))
        for number in range(20000):
            jobs.labels("a").set(number)
            done.labels("a").inc()
            jobs.remove("a")
            done.remove("a")
        done.labels("a").inc(3)
        equal(exposed(meter), {'done_total{job="a"}': 3})


@test
def a_family_under_its_limit_takes_twice_as_many_as_come_and_go():
    with opened(lane_bytes=1 << 16) as meter:
        done, stays = meter.counter("done_total", "D.", ("job",)), meter.counter("stays_total", "S.", ("job",))
        for number in range(20000):
            done.labels(str(number)).inc(number)
            stays.labels(str(number % 7)).inc()
            if number >= 100:
                done.remove(str(number - 100))
        equal(exposed(meter), {f'done_total{{job="{number}"}}': number for number in range(19900, 20000)} |
              {f'stays_total{{job="{number}"}}': len(range(number, 20000, 7)) for number in range(7)})


@test
def histograms_summaries_and_statesets_give_their_room_back():
    with opened(max_gauges=64, lane_bytes=1 << 16) as meter:
        seconds = meter.histogram("seconds", "S.", ("job",), bounds=[1, 2])
        sizes = meter.summary("sizes", "S.", ("job",))
        state = meter.stateset("state", "S.", ("job",), states=("new", "done"))
        for number in range(5000):
            values = (str(number),)
            seconds.labels(*values).observe(1.5)
            sizes.labels(*values).observe(number)
            state.labels(*values).enter("done")
            if number >= 10:
                for metric in (seconds, sizes, state):
                    metric.remove(str(number - 10))
        shown = exposed(meter)
        for number in range(4990, 5000):
            equal((shown[f'seconds_bucket{{job="{number}",le="2.0"}}'], shown[f'seconds_sum{{job="{number}"}}'],
                   shown[f'sizes_sum{{job="{number}"}}'], shown[f'state{{job="{number}",state="done"}}']),
                  (1, 1.5, number, 1))
        equal(len(shown), 10 * (5 + 2 + 2))


def count_all(kept, by):
    """Counts through all of them, whatever they are."""
    for child in kept:
        if hasattr(child, "observe"):
            child.observe(by)
        elif hasattr(child, "enter"):
            child.enter("done")
        else:
            child.inc(by)


def metrics_of(meter):
    """One of each kind whose handle is another one: values are sums."""
    return (meter.counter("done_total", "D.", ("job",)), meter.gauge("level", "L.", ("job",)),
            meter.gauge("most", "M.", ("job",), mode="max"), meter.summary("sizes", "S.", ("job",)),
            meter.histogram("seconds", "S.", ("job",), bounds=[1, STALE / 2]))


SUMS = ("done_total", "level", "most", "sizes_sum", "seconds_sum")


def count(children, by):
    for child in children:
        if hasattr(child, "observe"):
            child.observe(by)
        else:
            child.inc(by)


def turn_over(metrics, first, turns, alive=5):
    """Makes, counts in and removes series, and goes on with children of those that are gone. The last ones stay."""
    children, kept = {}, []
    for number in range(first, first + turns):
        children[number] = [metric.labels(str(number)) for metric in metrics]
        count(children[number], 1)
        count(kept[-200:], STALE)
        if number - alive in children:
            for metric in metrics:
                metric.remove(str(number - alive))
            kept += children.pop(number - alive)
            count(kept[-50:], STALE)
    count([child for some in children.values() for child in some], 1)
    count(kept, STALE)
    return kept


@test
def a_kept_child_of_a_removed_series_counts_in_no_other():
    with opened(max_gauges=64, lane_bytes=1 << 16) as meter:
        metrics = metrics_of(meter)
        kept = turn_over(metrics, 0, 2000)
        shown = exposed(meter)
        equal(max(shown.values()), 2)
        for number in range(1995, 2000):
            equal([shown[f'{name}{{job="{number}"}}'] for name in SUMS], [2] * 5)
        for child, metric in zip(kept[:5], metrics):
            child = metric.labels(*child._labelvalues)  # anew
            count([child], 3)
        equal([exposed(meter)[f'{name}{{job="0"}}'] for name in SUMS], [3] * 5)


@test
def a_kept_child_that_another_process_has_removed_counts_in_no_other():
    with opened(max_gauges=64, lane_bytes=1 << 16) as meter:
        metrics = metrics_of(meter)
        for turn in range(100):
            kept = [metric.labels(str(number)) for metric in metrics for number in range(5)]
            count(kept, 1)

            def remove():
                for metric in metrics:
                    metric.clear()
            join([in_child(remove)])
            others = [metric.labels(f"{turn} {number}") for metric in metrics for number in range(5)]
            count(others, 1)
            count(kept, STALE)
            equal(set(exposed(meter).values()) - {0}, {1})
            for metric in metrics:
                metric.clear()


@test
def a_forked_child_that_goes_on_counting_counts_in_no_other_series():
    with opened(max_gauges=1024) as meter:
        metrics = metrics_of(meter)
        for turn in range(20):
            kept = [metric.labels(f"{turn} {number}") for metric in metrics for number in range(5)]
            begun, go = os.pipe(), os.pipe()

            def go_on():
                os.write(begun[1], b"b")
                os.read(go[0], 1)
                count(kept, STALE)
                turn_over(metrics, 10000 + 100 * turn, 50)
                count(kept, STALE)
            child = in_child(go_on)
            os.read(begun[0], 1)
            for metric in metrics:
                for number in range(5):
                    metric.remove(f"{turn} {number}")
            turn_over(metrics, 100 * turn, 50)
            os.write(go[1], b"g")
            join([child])
            for end in (*begun, *go):
                os.close(end)
            equal(max(exposed(meter).values()), 2)
            for metric in metrics:
                metric.clear()


@test
def a_parent_that_only_waits_holds_back_nothing_that_is_made_later():
    with opened() as other, opened(max_gauges=64) as meter:
        jobs, kept = other.gauge("jobs", "J.", ("job",)), other.gauge("kept", "K.", ("job",)).labels("a")
        metrics = metrics_of(meter)
        count([metric.labels("parent's") for metric in metrics], 1)

        def come_and_go():
            kept.set(3)
            for number in range(20000):
                jobs.labels(str(number)).set(number)
                jobs.remove(str(number))
            turn_over(metrics, 0, 2000)
        for turn in range(3):  # it forks again, and waits again
            join([in_child(come_and_go)])
            shown = exposed(meter)
            equal([shown[f'{name}{{job="parent\'s"}}'] for name in SUMS], [1] * 5)
            equal(max(shown.values()), 2)
            for metric in metrics:
                for number in range(1995, 2000):
                    metric.remove(str(number))
            kept.set(turn)
            equal(exposed(other), {'kept{job="a"}': turn})


@test
def a_worker_that_only_updates_children_that_it_has_kept_holds_nothing_back():
    with opened(max_gauges=64) as meter:
        metrics = metrics_of(meter)
        kept, stale = ([metric.labels(value) for metric in metrics] for value in ("kept", "stale"))
        asked, told = os.pipe(), os.pipe()

        def update():
            os.close(asked[1])
            while os.read(asked[0], 1):
                count(kept, 1)
                count(stale, STALE)
                [[] for _ in range(2000)]  # what a program does: the collector runs
                os.write(told[1], b"t")
        worker = in_child(update)
        for metric in metrics:
            metric.remove("stale")
        for turn in range(200):
            os.write(asked[1], b"a")
            os.read(told[0], 1)
            turn_over(metrics, 100 * turn, 6, alive=2)
            for metric in metrics:
                for number in range(100 * turn + 4, 100 * turn + 6):
                    metric.remove(str(number))
        shown = exposed(meter)
        equal([shown[f'{name}{{job="kept"}}'] for name in SUMS if name != "most"], [200] * 4)
        equal({name.split('"')[1] for name in shown}, {"kept"})
        for end in (asked[1], asked[0], *told):
            os.close(end)
        join([worker])


WORKERS, TURNS, EACH = 4, 100, 40


def worker(path, number, turn):
    """The processes wait for each other, and then all say that they have nothing of what was removed."""
    meter = shmeter.open(path)
    metrics = metrics_of(meter)
    kept = []
    for first in range(number * 1000000, number * 1000000 + TURNS * EACH, EACH):
        count(kept, STALE)
        kept = turn_over(metrics, first, EACH, alive=0)
        turn.wait()
        meter.heartbeat()
        turn.wait()
    count([metric.labels(str(number)) for metric in metrics], 1)
    count(kept, STALE)
    meter.close()


@test
def processes_that_make_and_remove_at_once_leave_room_for_each_other():
    for start in ("fork", "spawn"):
        with opened(max_gauges=2048, lane_bytes=1 << 17) as meter:
            metrics_of(meter)
            context = multiprocessing.get_context(start)
            turn = context.Barrier(WORKERS + 1)
            workers = [context.Process(target=worker, args=(meter.path, number, turn)) for number in range(WORKERS)]
            for one in workers:
                one.start()
            for _ in range(TURNS):
                turn.wait()
                meter._acknowledge()
                turn.wait()
            for one in workers:
                one.join()
            equal([one.exitcode for one in workers], [0] * WORKERS)
            shown = exposed(meter)
            equal(max(shown.values()), 1)
            for number in range(WORKERS):  # a share of "level" ends with its process
                equal([shown[f'{name}{{job="{number}"}}'] for name in SUMS], [1, 0, 1, 1, 1])
            equal(sum(name.startswith("done_total") for name in shown), WORKERS)


@test
def clear_gives_the_room_of_all_series_back():
    with opened(max_gauges=64) as meter:
        metrics, kept = metrics_of(meter), []
        for turn in range(500):
            children = [metric.labels(f"{turn} {number}") for metric in metrics for number in range(10)]
            count(children, 1)
            count(kept, STALE)
            equal(set(exposed(meter).values()) - {0}, {1})
            for metric in metrics:
                metric.clear()
            kept = kept[-500:] + children
            count(kept, STALE)
            equal(exposed(meter), {})


PRIVATE = """
import os, shmeter
from shmeter.prometheus import Gauge, REGISTRY
jobs, kept = Gauge("jobs", "J.", ["job"]), []
def turn_over(first, turns=6000):
    for number in range(first, first + turns):
        jobs.labels(str(number)).set(1)
        for one in kept[-50:]:
            one.set(1 << 30)
        kept.append(jobs.labels(str(number)))
        jobs.remove(str(number))
turn_over(0)
if not os.fork():
    turn_over(6000, 12000)  # its parent waits, and holds back none of these
    os._exit(0)
assert os.wait()[1] == 0
turn_over(18000)
jobs.labels("last").set(1)
for one in kept:
    one.set(1 << 30)
print(jobs._meter.error, {sample.labels["job"]: sample.value for sample in jobs.collect()[0].samples})
"""


OVERFLOWED = """
import warnings, shmeter
warnings.simplefilter("ignore")
meter = shmeter.open(max_family_series=4)
from shmeter.prometheus import Counter, REGISTRY
def remove(counter):
    for number in range(8):
        counter.labels(str(number)).inc()
    for number in (0, 7, 1, 6, 2, 5, 3, 4):  # one that has a series, one that has none
        counter.remove(str(number))
for registry in (None, REGISTRY):
    remove(Counter(f"many_of_{registry is None}", "M.", ["job"], registry=registry))
"""


REQUESTS = """
import wsgiref.util, shmeter.web, shmeter.wsgi
from shmeter.prometheus import Gauge, generate_latest, Histogram
# With rooms as those of the middleware's series.
metrics = (Gauge("level", "L.", ["job"]), Histogram("seconds", "S.", ["job"], buckets=shmeter.web.SECONDS),
           Histogram("sizes", "S.", ["job"], buckets=shmeter.web.BYTES))
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    yield b"a"
    for metric in shmeter.web.metrics("web"):
        metric.clear()
    for number in range(300):
        for metric in metrics:
            metric.labels(str(number))
            metric.remove(str(number))
    for number in range(200):
        for metric in metrics:
            metric.labels(f"last {number}")
    yield b"b"
middleware = shmeter.wsgi.Middleware(application, prefix="web")
for _ in range(3):
    environ = {"PATH_INFO": "/"}
    wsgiref.util.setup_testing_defaults(environ)
    body = middleware(environ, lambda *told: None)
    assert b"".join(body) == b"ab"
    body.close()
for line in generate_latest().decode().splitlines():
    if line.startswith(("level{", "seconds_count{", "sizes_count{", "web_")) and not line.endswith(" 0.0"):
        print(line)
"""


def run(program, segment):
    """Returns what it prints."""
    within = "def main():\n " + program.strip().replace("\n", "\n ") + "\nmain()"  # where metrics are no module's
    done = subprocess.run([sys.executable, "-B", "-c", within], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": PACKAGE, "SHMETER_SEGMENT": segment})
    equal((done.returncode, done.stderr), (0, ""))
    return done.stdout


@test
def a_segment_that_has_lost_its_name_gives_room_back_where_its_file_is_kept():
    meter = shmeter.open(os.path.join(FOLDER.name, "nameless"), max_gauges=64)
    meter._keep_file()
    os.unlink(meter.path)
    jobs = meter.gauge("jobs", "J.", ("job",))
    for number in range(1000):
        jobs.labels(str(number)).set(number)
        equal(exposed(meter), {f'jobs{{job="{number}"}}': number})
        jobs.remove(str(number))
    equal(meter.error, "")


@test
def the_store_of_a_single_process_gives_room_back_too():
    equal(run(PRIVATE, "private"), " {'last': 1.0}\n")


@test
def a_request_whose_series_were_removed_meanwhile_counts_in_no_other():
    equal(run(REQUESTS, os.path.join(FOLDER.name, "requests")), "")


@test
def a_child_that_counts_in_overflow_can_be_removed():
    equal(run(OVERFLOWED, os.path.join(FOLDER.name, "overflowed")), "")


if __name__ == "__main__":
    main()
