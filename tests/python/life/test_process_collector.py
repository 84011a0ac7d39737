"""process_*: what the kernel knows of the pool, whichever worker is asked.

Usage: test_process_collector.py PYTHON_PACKAGE SHMETER
"""
import os
import signal
import sys
import time

PACKAGE, SHMETER = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path[:0] = [PACKAGE, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
os.environ["SHMETER_REFRESH_SECONDS"] = "0"

from lib import equal, FOLDER, in_child, join, main, test  # noqa: E402

from shmeter import store  # noqa: E402
from shmeter.prometheus import CollectorRegistry, Counter, ProcessCollector  # noqa: E402

NAMES = ["cpu_seconds_total", "start_time_seconds", "resident_memory_bytes", "virtual_memory_bytes", "threads",
         "open_fds", "max_fds"]


class Worker:
    """A forked process that does what it is told to, line by line."""

    def __init__(self):
        self.orders, orders = os.pipe()[::-1]
        answers, self.answers = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(orders), os.close(self.answers)
            self.answers = os.fdopen(answers)
            self.ask("attach")
            return
        os.close(self.orders), os.close(answers)
        with os.fdopen(orders) as lines:
            for line in lines:
                if line == "end\n":
                    break
                os.write(self.answers, (repr(getattr(self, "do_" + line.split()[0])(*line.split()[1:]))
                                        + "\n").encode())
        os._exit(0)

    def ask(self, order):
        os.write(self.orders, order.encode() + b"\n")
        return eval(self.answers.readline())

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.leave()

    def end(self):
        os.write(self.orders, b"end\n")  # closing would not do: workers that were forked later have it as well
        self.leave()

    def leave(self):
        os.waitpid(self.pid, 0)
        os.close(self.orders)
        self.answers.close()

    @staticmethod
    def do_attach():
        Counter(f"w_{os.getpid()}", "C.", registry=None).inc()
        store.used().attach_worker()

    @staticmethod
    def do_spin(seconds):
        until = time.process_time() + float(seconds)
        while time.process_time() < until:
            pass

    @staticmethod
    def do_close():
        store.used().close()

    @staticmethod
    def do_pool():
        return pool()

    @staticmethod
    def do_note():
        store.note_cpu()


def samples(collector):
    return {(sample.name, *sample.labels.items()): sample.value for family in collector.collect()
            for sample in family.samples}


def pool():
    """The pool's figures, as this process tells them."""
    found = samples(ProcessCollector(registry=None))
    return {key[0].removeprefix("process_") if len(key) == 1 else key[1][1]: value for key, value in found.items()}


def cpu(worker):
    return worker.ask("pool")["cpu_seconds_total"]


def own(pid):
    """{name: value} of one process, as prometheus_client's collector reads it."""
    return {key[0].removeprefix("process_"): value for key, value in samples(ProcessCollector(pid=lambda: pid,
                                                                                              registry=None)).items()}


Counter("begins", "The segment is in use.")


@test
def sums_are_those_of_all_workers_and_the_same_from_each():
    workers = [Worker() for _ in range(3)]
    pids = [os.getpid(), *(worker.pid for worker in workers)]
    # who reads has a descriptor more from then on
    told = [worker.ask("pool") for _ in range(2) for worker in workers][3:]
    equal([set(one) for one in told], [{*NAMES, "counted", "foreign", "hidden"}] * 3)
    equal([(one["counted"], one["foreign"], one["hidden"]) for one in told], [(4, 0, 0)] * 3)
    each = [own(pid) for pid in pids]
    for one in told:
        equal((one["open_fds"], one["max_fds"], one["threads"]),
              (sum(own["open_fds"] for own in each), sum(own["max_fds"] for own in each), 4))
        equal(one["start_time_seconds"], min(own["start_time_seconds"] for own in each))
        equal(one["virtual_memory_bytes"], sum(own["virtual_memory_bytes"] for own in each))
        resident = sum(own["resident_memory_bytes"] for own in each)
        assert resident / 8 < one["resident_memory_bytes"] < resident * 0.95, \
            "forked processes share most of their pages"
    for worker in workers:
        worker.end()


@test
def cpu_time_never_falls_whoever_ends_and_whoever_is_asked():
    asked = Worker(), Worker()
    begun = cpu(asked[0])
    last = begun
    for turn, end in enumerate(("kill", "end", "close", "kill", "end", "kill")):
        one = Worker()
        one.ask("spin 0.05")
        now = cpu(asked[turn % 2])
        assert now >= last + 0.039, (now, last)
        if end == "close":
            one.ask("close")
        (one.kill if end == "kill" else one.end)()
        for worker in asked:
            after = cpu(worker)
            assert after >= now, (end, after, now)
            now = last = after
    assert last - begun >= 6 * 0.039, (begun, last)
    assert last - begun < 6 * 0.05 + 2, "nothing is counted twice"
    for worker in asked:
        worker.end()


@test
def what_the_dead_have_noted_is_known_to_who_comes_later():
    one = Worker()
    before = pool()["cpu_seconds_total"]
    one.ask("spin 0.2")
    one.ask("note")
    one.kill()
    after = pool()["cpu_seconds_total"]
    assert after - before >= 0.19, (before, after)
    for _ in range(3):  # others take the slot over
        Worker().end()
    later = pool()["cpu_seconds_total"]
    assert after <= later < after + 0.15, (after, later)


@test
def a_process_that_closes_and_opens_again_is_counted_once():
    def play():
        Worker.do_spin(0.1)
        before = pool()["cpu_seconds_total"]
        for _ in range(5):
            store.used().close()
            in_child(lambda: None)
            store._shared = None
            Counter(f"again_{os.getpid()}", "C.", registry=None).inc()
            store.used().attach_worker()
        after = pool()["cpu_seconds_total"]
        assert before <= after < before + 0.1 + 0.3, (before, after)

    join([in_child(play)])


@test
def each_worker_is_told_of_by_its_pid_on_request():
    one = Worker()
    found = samples(ProcessCollector(registry=None, workers=True))
    pids = {str(os.getpid()), str(one.pid)}
    equal({dict(key[1:])["pid"] for key in found if key[0] == "process_open_fds"}, pids)
    equal(found["process_open_fds", ("pid", str(one.pid))], own(one.pid)["open_fds"])
    equal(found["process_workers", ("state", "counted")], 2)
    one.end()


@test
def a_process_that_is_asked_for_and_a_registry_of_its_own_are_not_the_pools():
    one = Worker()
    equal("threads" in own(one.pid), False, "as prometheus_client has it")
    registry = CollectorRegistry(shared=False)
    ProcessCollector(registry=registry)
    equal(registry.get_sample_value("process_threads"), None)
    equal(registry.get_sample_value("process_open_fds"), own(os.getpid())["open_fds"])
    registry = CollectorRegistry(shared=True)
    ProcessCollector("shop", registry=registry)
    equal(registry.get_sample_value("shop_process_workers", {"state": "counted"}), 2)
    one.end()


@test
def the_core_tells_figures_of_the_pool_and_of_each_worker():
    meter = store.shared()
    meter.attach_worker()
    meter._note_cpu()
    figures, states, workers = meter._processes()
    own_figures = next(of for pid, of, _ in workers if pid == os.getpid())
    equal((len(figures), len(states), len(own_figures)), (len(NAMES), 3, len(NAMES)))
    assert figures[0] >= own_figures[0] >= 0, "the sum of CPU time has the worker's"


main()
