"""Series that nobody updates go by themselves, after a time or where others need their places; an update brings them back.

Usage: test_expiry.py PYTHON_PACKAGE SHMETER

Who is busy counts before each look: so however slow the machine is, no look finds the same number twice.
"""
import contextlib
import os
import subprocess
import sys
import warnings

PACKAGE, SHMETER = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path[:0] = [PACKAGE, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

from lib import equal, FOLDER, in_child, join, main, raises, test, wait_for  # noqa: E402

import shmeter  # noqa: E402
import shmeter.prometheus as prometheus  # noqa: E402

first = prometheus.Counter("first", "The store of prometheus metrics is the one of the environment.")
serial = 0


@contextlib.contextmanager
def opened(**sizes):
    global serial
    serial += 1
    meter = shmeter.open(os.path.join(FOLDER.name, f"e{serial}"), **sizes)
    yield meter
    meter.close()
    os.unlink(meter.path)


def exposed(meter):
    """{series: value}"""
    rows = (line.rsplit(" ", 1) for line in meter.expose().decode().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in rows}


def until_gone(meter, name, keep):
    """Looks, and calls keep before each look, until no series begins like this."""
    def gone():
        keep()
        return not any(series.startswith(name) for series in exposed(meter))
    wait_for(gone, f"{name} expires")


@test
def an_idle_series_goes_and_its_kept_child_brings_it_back():
    with opened() as meter:
        jobs = meter.counter("jobs_total", "J.", ("job",), expire_after=1)
        busy, idle = jobs.labels("busy"), jobs.labels("idle")
        idle.inc(5)
        until_gone(meter, 'jobs_total{job="idle"}', busy.inc)
        equal('jobs_total{job="busy"}' in exposed(meter), True)
        idle.inc(2)
        equal(exposed(meter)['jobs_total{job="idle"}'], 2)
        until_gone(meter, 'jobs_total{job="idle"}', busy.inc)
        jobs.labels("idle").inc(3)
        equal(exposed(meter)['jobs_total{job="idle"}'], 3)


@test
def what_the_program_has_removed_does_not_come_back_by_a_kept_child():
    with opened() as meter:
        for clear in (False, True):
            jobs = meter.counter(f"jobs{clear}_total", "J.", ("job",), expire_after=1000)
            kept = jobs.labels("a")
            kept.inc()
            if clear:
                jobs.clear()
            else:
                jobs.remove("a")
            kept.inc()
            equal(exposed(meter), {})


@test
def all_types_expire_and_a_metric_without_labels_stays():
    with opened() as meter:
        more = {"labels": ("job",), "expire_after": 0.5}
        for metric in (meter.counter("c_total", **more), meter.gauge("g", **more), meter.gauge("l", mode="latest", **more),
                       meter.histogram("h", bounds=[1], **more), meter.summary("s", **more), meter.stateset("e", states=["a", "b"], **more)):
            metric.labels("x")
        meter.counter("stays_total", expire_after=0.5).inc()
        wait_for(lambda: exposed(meter) == {"stays_total": 1}, "all others expire")


@test
def at_max_series_with_evict_the_longest_idle_makes_room():
    with opened() as meter:
        jobs = meter.counter("jobs_total", "J.", ("job",), max_series=3, evict=True)
        kept = jobs.labels("kept")
        for number in range(2000):
            kept.inc()
            jobs.labels(str(number)).inc(number)
        series = exposed(meter)
        equal((len(series), series['jobs_total{job="kept"}'], series['jobs_total{job="1999"}']), (3, 2000, 1999))
        equal(len(jobs._metrics) < 200, True, "children of series that are gone are dropped")
        advice = subprocess.run([SHMETER, "doctor", meter.path], capture_output=True, text=True).stdout
        equal(f"series_evicted  {2001 - 3} series removed at their family's limit" in advice, True, advice)


@test
def past_max_series_without_evict_is_overflow():
    with opened() as meter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jobs = meter.gauge("jobs", "J.", ("job",), max_series=2)
        for number in range(4):
            jobs.labels(str(number)).inc()
        equal(exposed(meter), {'jobs{job="0"}': 1, 'jobs{job="1"}': 1, 'jobs{job="__overflow__"}': 2})


@test
def a_process_expires_what_another_one_has_made():
    with opened() as meter:
        def make():
            meter.counter("jobs_total", "J.", ("job",), expire_after=1).labels("theirs").inc()
        join([in_child(make)])
        own = meter.counter("own_total", "O.", ("job",))
        equal(exposed(meter), {'jobs_total{job="theirs"}': 1})
        until_gone(meter, "jobs_total", own.labels("a").inc)


@test
def metrics_of_prometheus_client_take_the_same_words():
    registry = prometheus.CollectorRegistry()
    more = {"labelnames": ["job"], "registry": prometheus.REGISTRY, "expire_after": 1}
    metrics = [prometheus.Counter("p_c", "C.", **more), prometheus.Gauge("p_g", "G.", multiprocess_mode="sum", **more),
               prometheus.Histogram("p_h", "H.", buckets=[1], **more), prometheus.Summary("p_s", "S.", **more),
               prometheus.Enum("p_e", "E.", states=["a"], **more)]
    kept = [metric.labels("x") for metric in metrics]
    kept[0].inc()
    wait_for(lambda: b'job="x"' not in prometheus.generate_latest(), "all expire")
    kept[0].inc(4)
    equal(b'p_c_total{job="x"} 4.0' in prometheus.generate_latest(), True)
    limited = prometheus.Counter("p_limited", "L.", ["job"], registry=registry, max_series=2, evict=True)
    for job in "abc":
        limited.labels(job).inc()


@test
def a_time_that_is_none_is_refused():
    with opened() as meter:
        for wrong in (-1, float("nan"), 67108865):
            raises(ValueError, "expire_after is a number of seconds from 0 to 67108864",
                   lambda: meter.counter("jobs_total", labels=("job",), expire_after=wrong))
        raises(TypeError, None, lambda: prometheus.Counter("p_wrong", "W.", expire_after="1h"))


if __name__ == "__main__":
    main()
