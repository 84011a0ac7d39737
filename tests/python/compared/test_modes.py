"""A gauge's multiprocess_mode means what it means in prometheus_client's multiprocess mode.

Usage: test_modes.py FOLDER_WITH_THE_SHMETER_PACKAGE

Processes play random calls on gauges of both libraries side by side; some of them end or are killed, and others come.
What MultiProcessCollector makes of prometheus_client's files is compared with what shmeter.prometheus exposes. The two
modes that Debian's prometheus_client does not have are held against expected values.
"""
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile

FOLDER = tempfile.mkdtemp(prefix="shmeter-test-", dir="/dev/shm")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.path.join(FOLDER, "files")
os.environ["SHMETER_SEGMENT"] = os.path.join(FOLDER, "segment")
os.mkdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])
sys.path[:0] = [os.path.abspath(sys.argv[1]), os.path.dirname(os.path.abspath(__file__)),
                os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]

import expositions  # noqa: E402
import prometheus_client  # noqa: E402
from prometheus_client import multiprocess  # noqa: E402
from tap import equal, main, nothing, test  # noqa: E402

import shmeter.prometheus as ours  # noqa: E402

FORK = multiprocessing.get_context("fork")
MODES = ("all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum")
ROUNDS = 60


class Worker:
    def __init__(self, plans):
        self.pipe, theirs = FORK.Pipe()
        self.process = FORK.Process(target=work, args=(theirs, plans), daemon=True)
        self.process.start()
        theirs.close()
        self.pipe.recv()  # the gauges are there

    @property
    def pid(self):
        return self.process.pid

    def ask(self, *call):
        self.pipe.send(call)
        return self.pipe.recv()

    def end(self, how):
        if how == "kill":
            os.kill(self.pid, signal.SIGKILL)
        else:
            self.pipe.send(None)
        self.process.join()


def work(pipe, plans):
    """plans: (name, mode, label names) of gauges, made in both libraries."""
    made = {name: [make(name, mode, names) for make in (theirs_gauge, ours_gauge)] for name, mode, names in plans}
    pipe.send("ready")
    while True:
        call = pipe.recv()
        if call is None:
            os._exit(0)
        name, labels, method, argument = call
        for gauge in made[name]:
            getattr(gauge.labels(*labels) if labels else gauge, method)(argument)
        pipe.send(os.getpid())


def theirs_gauge(name, mode, names):
    return prometheus_client.Gauge(name, "Help.", names, registry=None, multiprocess_mode=mode)


def ours_gauge(name, mode, names):
    return ours.Gauge(name, "Help.", names, registry=REGISTRY, multiprocess_mode=mode)


REGISTRY = ours.CollectorRegistry(shared=True)


def theirs_text():
    registry = prometheus_client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return prometheus_client.generate_latest(registry).decode()


def compare(seed):
    """Complaints about one round: gauges, calls, deaths, and what is exposed then."""
    chance = random.Random(seed)
    plans = [(f"g{seed}_{mode}_{len(names)}", mode, names) for mode in MODES for names in ([], ["a"])]
    crew = [Worker(plans) for _ in range(3)]
    complaints = []
    for step in range(60):
        name, _, names = chance.choice(plans)
        method = chance.choice(("set", "inc", "dec"))
        worker = chance.choice(crew)
        worker.ask(name, [chance.choice("xy")] if names else [], method, chance.randrange(-64, 64) / 4)
        if step in (30, 45):
            dead = crew.pop(chance.randrange(len(crew)))
            dead.end(chance.choice(("kill", "end")))
            multiprocess.mark_process_dead(dead.pid)
            if chance.random() < 0.5:
                crew.append(Worker(plans))
    wanted = expositions.families(theirs_text(), False)
    got = expositions.families(ours_exposed(plans), False)
    complaints += expositions.differences(*(narrow(found, plans) for found in (wanted, got)))
    for worker in crew:
        worker.end("end")
    for file in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]):
        os.remove(os.path.join(os.environ["PROMETHEUS_MULTIPROC_DIR"], file))
    return complaints


def narrow(found, plans):
    names = {name for name, _, _ in plans}
    return {name: (*family[:2], "", {key: value for key, value in family[3].items()}) for name, family in found.items()
            if name in names}


def ours_exposed(plans):
    """What a process says that has all of these gauges; it starts, asks, and ends."""
    pipe, theirs = FORK.Pipe()

    def ask():
        registry = multiprocess_registry()
        theirs.send(ours.generate_latest(registry).decode())
        os._exit(0)
    process = FORK.Process(target=ask)
    process.start()
    theirs.close()
    text = pipe.recv()
    process.join()
    return text


def multiprocess_registry():
    """A registry with everything in the segment, as MultiProcessCollector has everything in the files."""
    from shmeter.prometheus import multiprocess as module
    registry = ours.CollectorRegistry(shared=True)
    module.MultiProcessCollector(registry)
    return registry


@test
def the_eight_modes_show_what_prometheus_client_shows():
    complaints = []
    for seed in range(ROUNDS):
        told = compare(seed)
        complaints += [f"round {seed}: {line}" for line in told]
        if len(complaints) > 30:
            break
    print(f"# {ROUNDS} rounds, {len(complaints)} complaints", flush=True)
    nothing(complaints, "what differs")


def value_of(text, name):
    return {key: value for key, value in expositions.families(text, False)[name][3].items()}


def recent(mode):
    """The value after a first worker set 1, a second one 2, the first one 3 and died."""
    name = f"recent_{mode}"
    plans = [(name, mode, [])]
    registry = ours.CollectorRegistry(shared=True)

    def run(pipe, numbers):
        gauge = ours.Gauge(name, "Help.", registry=registry, multiprocess_mode=mode)
        pipe.send("ready")
        for _ in numbers:
            gauge.set(pipe.recv())
            pipe.send("set")
        pipe.recv()
    crew = []
    for numbers in ((1, 3), (2,)):
        pipe, theirs = FORK.Pipe()
        process = FORK.Process(target=run, args=(theirs, numbers), daemon=True)
        process.start()
        theirs.close()
        pipe.recv()
        crew.append((pipe, process))
    seen = []
    for member, number in ((0, 1), (1, 2), (0, 3)):
        crew[member][0].send(number)
        crew[member][0].recv()
        seen.append(value_of(ours_exposed(plans), name))
    os.kill(crew[0][1].pid, signal.SIGKILL)
    crew[0][1].join()
    seen.append(value_of(ours_exposed(plans), name))
    crew[1][0].send("end")
    crew[1][1].join()
    return [one.get((name, ())) for one in seen]


@test
def mostrecent_keeps_the_last_value_that_any_process_set():
    equal(recent("mostrecent"), [1, 2, 3, 3])


@test
def livemostrecent_forgets_what_a_dead_process_set():
    equal(recent("livemostrecent"), [1, 2, 3, 2])


@test
def mostrecent_gauges_cannot_be_added_to():
    for mode in ("mostrecent", "livemostrecent"):
        gauge = ours.Gauge(f"added_{mode}", "Help.", registry=ours.CollectorRegistry(shared=True),
                           multiprocess_mode=mode)
        for method in ("inc", "dec"):
            try:
                getattr(gauge, method)()
            except RuntimeError as error:
                assert "mostrecent" in str(error) or method in str(error), error
            else:
                raise AssertionError(f"{method} on {mode} raised nothing")


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
