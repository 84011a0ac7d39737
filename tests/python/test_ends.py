"""Python processes that end in order, by whatever way: their slots are given back, and no loss is counted.

Usage: test_ends.py SHMETER_COMMAND
"""
import json
import os
import signal
import subprocess
import sys
import textwrap

from lib import FOLDER, Skip, equal, main, test

COMMAND = os.path.abspath(sys.argv[1])
BEGIN = """
import os, sys
import shmeter
import shmeter.prometheus as prometheus
from shmeter import store

COUNTER = prometheus.Counter("ends", "E.", ["kind"])
GAUGE = prometheus.Gauge("ends_busy", "E.", ["kind"], multiprocess_mode="livesum")

def task(n=0):
    "A unit of work of a child."
    COUNTER.labels("task").inc()
    GAUGE.labels("task").inc()
    store.shared().busy()
    return n
"""
RUNS = {
    "the interpreter ends": "task()",
    "sys.exit": "task(); sys.exit(3)",
    "an exception": "task(); raise SystemExit('over')",
    "a meter of the plain API": """
        meter = shmeter.open()
        meter.gauge("plain", mode="pool").inc()
        task()
    """,
    "multiprocessing, fork": """
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(3, maxtasksperchild=2) as pool:
            pool.map(task, range(12), 1)
            pool.close()
            pool.join()
    """,
    "multiprocessing, imported before": """
        child = multiprocessing.get_context("fork").Process(target=task)
        child.start()
        child.join()
        task()
    """,
    "multiprocessing, children of children": """
        import multiprocessing
        fork = multiprocessing.get_context("fork")
        def parent():
            task()
            child = fork.Process(target=task)
            child.start()
            child.join()
        child = fork.Process(target=parent)
        child.start()
        child.join()
    """,
    "multiprocessing, forkserver": """
        import multiprocessing
        if __name__ == "__main__":
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["shmeter.prometheus"])
            with context.Pool(2, maxtasksperchild=2) as pool:
                pool.map(task, range(6), 1)
                pool.close()
                pool.join()
    """,
    "multiprocessing, spawn": """
        import multiprocessing
        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=task)
            child.start()
            child.join()
    """,
    "concurrent.futures": """
        import concurrent.futures
        import multiprocessing
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
            list(pool.map(task, range(4)))
    """,
    "a fork that closes, and ends by os._exit": """
        if not os.fork():
            task()
            shmeter._core._end()
            os._exit(0)
        os.wait()
    """,
    "a fork that ends by sys.exit": """
        if not os.fork():
            task()
            sys.exit(0)
        os.wait()
    """,
}
CORRECT = """
registry = prometheus.CollectorRegistry()
labels = ["a", "b"]
gauges = [prometheus.Gauge("all_" + mode, "A.", labels, multiprocess_mode=mode, registry=registry)
          for mode in ("all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum", "mostrecent", "livemostrecent")]
for gauge in gauges:
    gauge.labels("x", "y").set(1)
    gauge.labels(a="x", b="z").set_to_current_time()
    gauge.remove("x", "y")
    gauge.clear()
counter = prometheus.Counter("all_made", "A.", labels, registry=registry)
counter.labels("x", "y").inc(2.5)
histogram = prometheus.Histogram("all_took", "A.", labels, registry=registry)
histogram.labels("x", "y").observe(float("inf"))
with histogram.labels("x", "y").time():
    pass
prometheus.Summary("all_size", "A.", labels, registry=registry).labels("x", "y").observe(-1)
prometheus.Info("all_build", "A.", labels, registry=registry).labels("x", "y").info({"v": "1"})
prometheus.Info("all_plain", "A.", registry=registry).info({"v": "1"})
prometheus.Enum("all_mood", "A.", labels, states=["on", "off"], registry=registry).labels("x", "y").state("off")
prometheus.Gauge("all_function", "A.", registry=registry).set_function(lambda: 7)
for name in ("all_never", "all_idle"):
    for kind in (prometheus.Counter, prometheus.Gauge, prometheus.Histogram, prometheus.Summary, prometheus.Info):
        kind(name + kind.__name__, "A.", labels)
prometheus.Counter("all_again", "A.", registry=prometheus.CollectorRegistry()).inc()
prometheus.Counter("all_again", "A.", ["other"], registry=prometheus.CollectorRegistry()).labels("x").inc()
prometheus.generate_latest(registry)
prometheus.generate_latest()
meter = shmeter.open()
for kind in (meter.counter, meter.gauge, meter.histogram, meter.summary):
    kind("of_meter" + ("_total" if kind == meter.counter else kind.__name__), labels=("a",)).labels("x")
meter.info("of_meter_info", labels=("a",)).labels("x")
meter.stateset("of_meter_state", labels=("a",), states=("on", "off")).labels("x")
meter.heartbeat()
meter.check("disk", "ok")
"""


def run(name, program):
    """Runs a program as a file, so that children can import it; the segment's status afterwards."""
    folder = os.path.join(FOLDER.name, str(abs(hash(name))))
    os.mkdir(folder)
    path, segment = os.path.join(folder, "program.py"), os.path.join(folder, "segment")
    with open(path, "w", encoding="utf-8") as file:
        file.write(program)
    environment = {**os.environ, "SHMETER_SEGMENT": segment}
    process = subprocess.Popen([sys.executable, "-B", path], env=environment, stderr=subprocess.PIPE, text=True)
    said = process.communicate()[1]
    assert "Traceback" not in said, f"{name}: {said}"
    found = json.loads(subprocess.run([COMMAND, "health", "--json", segment], capture_output=True, text=True,
                                      check=False).stdout)
    doctor = json.loads(subprocess.run([COMMAND, "doctor", "--json", segment], capture_output=True, text=True,
                                       check=False).stdout)
    losses = [one["value"] for one in doctor["findings"] if one["what"].startswith("loss ")]
    return found, losses, process.returncode


@test
def a_process_that_ends_in_order_leaves_no_dead_worker_and_no_loss():
    for name, program in RUNS.items():
        begin = "import multiprocessing\n" + BEGIN if name == "multiprocessing, imported before" else BEGIN
        found, losses, _ = run(name, begin + textwrap.dedent(program))
        equal((name, found["status"], found["worker_counts"]["dead"], found["reasons"], losses),
              (name, "ok", 0, [], []))
        assert found["segments"][0]["series"]["used"] > 0, name


@test
def an_interpreter_that_ends_closes_what_is_its_own():
    try:
        import _xxsubinterpreters
    except ImportError as error:
        raise Skip("this Python has no interpreters within interpreters") from error
    program = BEGIN + textwrap.dedent("""
        task()
        import _xxsubinterpreters as interpreters
        inner = interpreters.create()
        interpreters.run_string(inner, "import shmeter.prometheus as p; p.Counter('inner', 'I.').inc(); p.Gauge('level', 'L.').inc()")
        interpreters.destroy(inner)
        found = store.shared().health()
        assert found["worker_counts"]["live"] == 1, found
        assert 'ends_busy{kind="task"} 1.0' in store.shared().expose().decode()
    """)
    equal(run("interpreters", program)[2], 0)


@test
def a_correct_program_ends_with_every_loss_0():
    found, losses, status = run("correct", BEGIN + CORRECT)
    equal((status, found["status"], losses), (0, "ok", []))


@test
def a_process_that_is_killed_in_the_middle_of_its_work_has_died():
    found, _, status = run("killed", BEGIN + "task(); os.kill(os.getpid(), 9)")
    equal((status, found["status"], [one["check"] for one in found["reasons"]]),
          (-signal.SIGKILL, "degraded", ["worker_dead"]))


if __name__ == "__main__":
    main()
