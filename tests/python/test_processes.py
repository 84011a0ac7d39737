"""Many processes, one after the other and at once: exact totals, and a segment that does not grow with the dead.

Usage: test_processes.py FOLDER_WITH_THE_SHMETER_PACKAGE SHMETER_COMMAND
"""
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile

# A spawned process imports this file again: it takes the folder of its parent.
FOLDER = os.environ.get("SHMETER_TEST_FOLDER") or tempfile.mkdtemp(prefix="shmeter-test-", dir="/dev/shm")
os.environ["SHMETER_TEST_FOLDER"] = FOLDER
SEGMENT = os.path.join(FOLDER, "segment")
os.environ["SHMETER_SEGMENT"] = SEGMENT
os.environ["PYTHONPATH"] = os.path.abspath(sys.argv[1])
COMMAND = os.path.abspath(sys.argv[2])
sys.path[:0] = [os.path.abspath(sys.argv[1]), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

from tap import equal, main, test  # noqa: E402

import shmeter.prometheus as prometheus  # noqa: E402

FORK = multiprocessing.get_context("fork")


def dump():
    return subprocess.run([COMMAND, "dump", SEGMENT], check=True, capture_output=True, text=True).stdout


def sample(name):
    """The value of a sample, by the name and labels that the exposition prints."""
    found = [line.rpartition(" ")[2] for line in dump().splitlines() if line.rpartition(" ")[0] == name]
    assert len(found) == 1, f"{name}: {found}\n{dump()}"
    return float(found[0])


def blocks():
    """What the segment has of memory."""
    return os.stat(SEGMENT).st_blocks


SHORT_LIFE = """
import shmeter.prometheus as p
c = p.Counter("lives_total", "Lives.", ["kind"])
g = p.Gauge("living", "Living.")
h = p.Histogram("life_seconds", "Lives.", buckets=(1, 2))
c.labels("short").inc()
g.inc()
h.observe(1.5)
"""


@test
def a_thousand_short_processes_leave_exact_totals_and_no_memory_behind():
    prometheus_of_its_own = [sys.executable, "-c", SHORT_LIFE]
    subprocess.run(prometheus_of_its_own, check=True)
    for i in range(1, 300):  # beyond the segment's slots: 256
        live_a_short_life()
    after = blocks()
    for i in range(300, 980):
        live_a_short_life()
    for _ in range(20):
        subprocess.run(prometheus_of_its_own, check=True)
    equal(sample('lives_total{kind="short"}'), 1000)
    equal(sample('life_seconds_bucket{le="2"}') if 'le="2"' in dump() else sample('life_seconds_bucket{le="2.0"}'),
          1000)
    equal(sample("life_seconds_sum"), 1500)
    equal(blocks(), after, "blocks of the segment after 1000 processes")


def live_a_short_life():
    pid = os.fork()
    if not pid:
        try:
            exec(SHORT_LIFE, {})
        finally:
            os._exit(0)
    equal(os.waitpid(pid, 0)[1], 0)


@test
def gauges_of_killed_processes_leave():
    gauge = prometheus.Gauge("held", "Held.", registry=prometheus.CollectorRegistry())
    gauge.set(0)
    children = []
    for _ in range(5):
        ours, theirs = FORK.Pipe()

        def hold():
            gauge.inc(2)
            theirs.send("held")
            signal.pause()
        process = FORK.Process(target=hold, daemon=True)
        process.start()
        theirs.close()
        ours.recv()
        children.append(process)
    equal(sample("held"), 10)
    for process in children[:3]:
        process.kill()
        process.join()
    equal(sample("held"), 4)
    for process in children[3:]:
        process.kill()
        process.join()
    equal(sample("held"), 0)


def add_in_pool(number):
    ADDED.labels(str(number % 3)).inc(number)
    return number


ADDED = prometheus.Counter("added", "Added.", ["rest"], registry=prometheus.CollectorRegistry())


def pool_of(method):
    before = {rest: read(f'added_total{{rest="{rest}"}}') for rest in "012"}
    context = multiprocessing.get_context(method)
    with context.Pool(4) as pool:
        pool.map(add_in_pool, range(1, 201), chunksize=10)
        pool.close()
        pool.join()
    for rest in range(3):
        equal(read(f'added_total{{rest="{rest}"}}') - before[str(rest)], sum(n for n in range(1, 201) if n % 3 == rest),
              f"{method}, rest {rest}")


def read(name):
    return sample(name) if f"\n{name} " in dump() else 0


@test
def pools_of_multiprocessing_count_exactly_by_fork():
    pool_of("fork")


@test
def pools_of_multiprocessing_count_exactly_by_spawn():
    pool_of("spawn")


@test
def pools_of_multiprocessing_count_exactly_by_forkserver():
    pool_of("forkserver")


@test
def threads_and_forks_at_once_count_exactly():
    import threading
    counter = prometheus.Counter("threads", "Threads.", registry=prometheus.CollectorRegistry())
    histogram = prometheus.Histogram("threads_seconds", "Threads.", buckets=(1,),
                                     registry=prometheus.CollectorRegistry())

    def work():
        for _ in range(20000):
            counter.inc()
            histogram.observe(0.5)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    pids = []
    for _ in range(10):
        pid = os.fork()
        if not pid:
            for _ in range(1000):
                counter.inc()
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        equal(os.waitpid(pid, 0)[1], 0)
    for thread in threads:
        thread.join()
    equal(sample("threads_total"), 90000)
    equal(sample("threads_seconds_count"), 80000)


NAMED = """
import os
import sys
import shmeter
meter = shmeter.open(sys.argv[1], worker="worker " + sys.argv[2])
meter.attach_worker()
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@test
def health_knows_the_workers_by_name():
    segment = os.path.join(FOLDER, "named")
    workers = [subprocess.Popen([sys.executable, "-c", NAMED, segment, name], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
               for name in ("one", "two")]
    try:
        wanted = sorted((int(worker.stdout.readline()), f"worker {name}", "live")
                        for worker, name in zip(workers, ("one", "two")))
        done = subprocess.run([COMMAND, "health", segment, "--json"], capture_output=True, text=True, check=False)
        told = json.loads(done.stdout)
        workers_told = sorted((one["pid"], one["worker"], one["life"]) for one in told["segments"][0]["workers"])
        equal((workers_told, told["status"], told["worker_counts"]["live"], done.returncode), (wanted, "ok", 2, 0))
    finally:
        for worker in workers:
            worker.communicate("")


CLOSED = """
import os
import sys
for fd in map(int, sys.argv[1]):
    os.close(fd)
import shmeter.prometheus as p
c = p.Counter("closed_total", "Lives with closed streams.")
g = p.Gauge("closed_living", "Living.")
c.inc()
g.inc()
if not os.fork():
    g.inc()
    os._exit(0)
os.wait()
for fd in map(int, sys.argv[1]):
    try:
        os.write(fd, b"printed to a closed stream")
    except OSError:
        pass
there = os.stat(os.environ["SHMETER_SEGMENT"])
for fd in range(256):
    try:
        open_file = os.fstat(fd)
    except OSError:
        continue
    if (open_file.st_dev, open_file.st_ino) == (there.st_dev, there.st_ino):
        os._exit(1 + fd)
"""


@test
def what_is_printed_to_a_closed_stream_never_reaches_the_segment():
    for streams in ("0", "1", "2", "12", "012"):
        segment = os.path.join(FOLDER, "closed-" + streams)
        environment = dict(os.environ, SHMETER_SEGMENT=segment)
        done = subprocess.run([sys.executable, "-c", CLOSED, streams], env=environment, check=False)
        equal(done.returncode, 0)
        told = subprocess.run([COMMAND, "dump", segment], check=True, capture_output=True, text=True).stdout
        assert "closed_total 1\n" in told.replace(".0\n", "\n"), told


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
