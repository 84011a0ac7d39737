"""Random programs of calls give the same in prometheus_client, in one process, and in shmeter.prometheus, spread over
four; and in one process, in registries that functions make.

Usage: test_differential.py FOLDER_WITH_THE_SHMETER_PACKAGE [PROGRAMS [FIRST]]

Each call goes to a process drawn by chance, one call after the other; what it gives or raises is compared, and at the
end the parsed expositions (text and OpenMetrics) of a process drawn by chance. A program that differs is printed with
its number: play it alone with PROGRAMS 1 and FIRST that number. SHMETER_TEST_MODULE=prometheus_client with
SHMETER_TEST_CREW=1 holds the test against itself.
"""
import json
import multiprocessing
import os
import random
import sys
import tempfile

PACKAGE = os.path.abspath(sys.argv[1])
PROGRAMS = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
FIRST = int(sys.argv[3]) if len(sys.argv) > 3 else 0
CREW = int(os.environ.get("SHMETER_TEST_CREW", "4"))
MODULE = os.environ.get("SHMETER_TEST_MODULE", "shmeter.prometheus")
POOL = {"shared": True} if MODULE == "shmeter.prometheus" else {}  # what a registry of the pool is made with
PER_SEGMENT = 40  # programs that share one segment and one crew of processes
READ = {"asked": 0, "not": 0}

sys.path[:0] = [PACKAGE, os.path.dirname(os.path.abspath(__file__)),
                os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))]
import importlib  # noqa: E402

import expositions  # noqa: E402
import programs  # noqa: E402
from player import Player  # noqa: E402
from tap import main, nothing, test  # noqa: E402

FORK = multiprocessing.get_context("fork")


def modules(name):
    module = importlib.import_module(name)
    return module, importlib.import_module(name + ".core"), importlib.import_module(name + ".openmetrics.exposition")


def serve(pipe, prepared, expositions_of):
    """What a process of the crew does: steps come, outcomes go."""
    module, core, openmetrics = expositions_of
    player = prepared
    while True:
        message = pipe.recv()
        if message == "end":
            os._exit(0)
        if message == "new":
            player = Player(module, core, **POOL)
            continue
        if message == "expose":
            pipe.send((module.generate_latest(player.registry).decode(),
                       openmetrics.generate_latest(player.registry).decode()))
            continue
        pipe.send(player.play(json.loads(message)))


class Crew:
    """Processes that play programs together. prepared: a player whose handles they inherit, or None."""

    def __init__(self, subject, prepared=None):
        self.pipes, self.processes = [], []
        for _ in range(CREW):
            ours, theirs = FORK.Pipe()
            process = FORK.Process(target=serve, args=(theirs, prepared, subject), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def new(self):
        for pipe in self.pipes:
            pipe.send("new")

    def play(self, member, step):
        self.pipes[member].send(json.dumps(step))
        return tuple(self.pipes[member].recv())

    def expose(self, member):
        self.pipes[member].send("expose")
        return self.pipes[member].recv()

    def end(self):
        for pipe, process in zip(self.pipes, self.processes):
            try:
                pipe.send("end")
            except OSError:
                pass
            process.join(20)
            if process.is_alive():
                process.kill()
                process.join()


def spread(crew, step, chance):
    """Definitions and the registration of collectors happen in all processes, what follows in one."""
    if step["do"] in ("define", "collector"):
        outcomes = [crew.play(member, step) for member in range(CREW)]
        assert len(set(map(str, outcomes))) == 1, f"the processes disagree: {outcomes}"
        return outcomes[0]
    return crew.play(chance.randrange(CREW), step)


def timed_of(steps):
    """Families with a timer's measurements, by the names that definitions gave."""
    names = {}
    for step in steps:
        if step["do"] == "define":
            before = step["more"].get("namespace"), step["more"].get("subsystem")
            full = "".join(part + "_" for part in before if part) + step["name"]
            unit = step["more"].get("unit")
            names[step["as"]] = full + "_" + unit if unit and not full.endswith("_" + unit) else full
    return frozenset(names[step["on"]] for step in steps if step["do"] == "timed")


def same(wanted, got):
    if wanted[0] == "AttributeError":  # an accident of prometheus_client's, such as clear() without labels
        return True
    if wanted[0] == "TypeError":
        return got[0] == "TypeError"
    if wanted[0] == "ok" and isinstance(wanted[1], float) and isinstance(got[1], float) and wanted[1] > 1e9:
        return True
    return tuple(wanted) == tuple(got)


def compare(number, oracle, subject, crew_of):
    """Complaints about one program."""
    steps = programs.make(number)
    chance = random.Random(f"spread {number}")
    one = Player(*oracle[:2])
    definitions = next((i for i, step in enumerate(steps) if step["do"] != "define"), len(steps))
    outcomes = [one.play(step) for step in steps]
    timed = timed_of(steps)
    crew, begin = crew_of(steps[:definitions], chance)
    complaints = []
    for step, wanted in zip(steps[begin:], outcomes[begin:]):
        got = spread(crew, step, chance)
        if not same(wanted, got) and not (step["do"] == "ask" and any(name in step["name"] for name in timed)):
            complaints.append(f"{json.dumps(step)} gave {got}, should give {wanted}")
    texts = crew.expose(chance.randrange(CREW))
    return complaints + differences_of(exposed(oracle, one), texts, timed)


def exposed(of, player):
    """A player's registry as text and as OpenMetrics."""
    return of[0].generate_latest(player.registry).decode(), of[2].generate_latest(player.registry).decode()


def differences_of(wanted_texts, texts, timed):
    """Complaints about expositions."""
    complaints = []
    for openmetrics, (wanted, got) in enumerate(zip(wanted_texts, texts)):
        try:
            complaints += expositions.differences(expositions.families(wanted, openmetrics, timed),
                                                  expositions.families(got, openmetrics, timed))
        except Exception as error:
            if not unreadable(wanted, openmetrics, timed):
                complaints.append(f"cannot be read: {error!r}\n{got}")
            else:
                READ["not"] += 1  # prometheus_client cannot read all that it writes
        READ["asked"] += 1
    return complaints


def unreadable(text, openmetrics, timed):
    try:
        expositions.families(text, openmetrics, timed)
    except Exception:
        return True
    return False


def series_of_segments(folder, numbers):
    """Plays programs; crews share a segment, now and then with handles that the processes inherit."""
    os.environ["SHMETER_SEGMENT"] = os.path.join(folder, "segment")
    oracle, subject = modules("prometheus_client"), modules(MODULE)
    shared = Crew(subject)
    complaints = []

    for number in numbers:
        own = []

        def crew_of(definitions, chance):
            if not definitions or chance.random() < 0.9:
                shared.new()
                return shared, 0
            player = Player(*subject[:2], **POOL)
            for step in definitions:
                player.play(step)
            own.append(Crew(subject, player))
            return own[0], len(definitions)
        try:
            told = compare(number, oracle, subject, crew_of)
        finally:
            for crew in own:
                crew.end()
        if told:
            complaints.append(f"program {number}:\n  " + "\n  ".join(told))
    shared.end()
    return complaints, READ


def alone(folder, numbers):
    """Plays programs in this process, each in a registry that shows what its own metrics do."""
    os.environ["SHMETER_SEGMENT"] = os.path.join(folder, "segment")
    oracle, subject = modules("prometheus_client"), modules(MODULE)
    complaints = []
    for number in numbers:
        steps = programs.make(number)
        one, own, told, timed = Player(*oracle[:2]), Player(*subject[:2]), [], timed_of(steps)
        for step in steps:
            wanted, got = one.play(step), own.play(step)
            if not same(wanted, got) and not (step["do"] == "ask" and any(name in step["name"] for name in timed)):
                told.append(f"{json.dumps(step)} gave {got}, should give {wanted}")
        told += differences_of(exposed(oracle, one), exposed(subject, own), timed)
        if told:
            complaints.append(f"program {number}:\n  " + "\n  ".join(told))
    return complaints, READ


def in_a_process(numbers, play):
    """One segment is one process's: what it has opened stays open until its end."""
    with tempfile.TemporaryDirectory(prefix="shmeter-test-", dir="/dev/shm") as folder:
        ours, theirs = FORK.Pipe()

        def run():
            READ.update(dict.fromkeys(READ, 0))  # what earlier processes counted is counted
            try:
                theirs.send(play(folder, numbers))
            except BaseException as error:
                theirs.send(([f"programs {numbers[0]} to {numbers[-1]}: {error!r}"], READ))
                raise
        process = FORK.Process(target=run)
        process.start()
        theirs.close()
        try:
            complaints, read = ours.recv()
        except EOFError:
            complaints, read = [f"programs {numbers[0]} to {numbers[-1]}: the process died"], {}
        process.join()
        for what, times in read.items():
            READ[what] += times
        return complaints + ([f"programs {numbers[0]} to {numbers[-1]}: exit code {process.exitcode}"]
                             if process.exitcode else [])


def play_all(programs_n, play):
    complaints = []
    for first in range(FIRST, FIRST + programs_n, PER_SEGMENT):
        complaints += in_a_process(range(first, min(first + PER_SEGMENT, FIRST + programs_n)), play)
        if len(complaints) > 20:
            break
    print(f"# {programs_n} programs, {len(complaints)} differ; of {READ['asked']} expositions, prometheus_client "
          f"cannot read {READ['not']} of its own",
          flush=True)
    nothing(complaints[:20], "programs that differ")
    assert READ["not"] * 10 <= READ["asked"], "too many expositions that were not compared"


@test
def programs_of_calls_give_the_same_in_four_processes_as_in_one_of_prometheus_client():
    play_all(PROGRAMS, series_of_segments)


@test
def programs_of_calls_give_the_same_in_registries_that_functions_make():
    play_all(PROGRAMS // 2, alone)


if __name__ == "__main__":
    main()
