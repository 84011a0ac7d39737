"""Every reason that health can give has a cause that makes it, and goes when the cause does: nothing is left in the
end.

Usage: test_reasons.py EXPORTER FEEDER CAUSES FOLDER_OF_THE_SOURCES
"""
import contextlib
import json
import os
import re
import subprocess
import sys

from lib import Bench, Skip, equal, main_with, segment_path, test, true, wait_for

CAUSES, SOURCES = sys.argv[3:5]
DONE = set()  # (check, what) that a test has made and seen go


def rows(file, macro):
    """The rows of a table: their second column is the word; and whether the last column is 1."""
    with open(os.path.join(SOURCES, file), encoding="utf-8") as table:
        text = re.sub(r"/\*.*?\*/", "", table.read(), flags=re.DOTALL)
    found = re.findall(rf'^{macro}\(\w+,\s*"(\w+)"((?:[^")]|"[^"]*")*)\)', text, re.MULTILINE)
    return {word: rest.rpartition(",")[2].strip() == "1" for word, rest in found}


class Worker:
    """tests/exporter/health/causes.c."""

    def __init__(self, bench, segment, name="web", *more, before=()):
        self.process = bench.process([*before, CAUSES, segment, name, *more], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ok\n":
            raise Skip(f"{' '.join(before)} is not to be had here") if before else AssertionError("the worker does not "
                                                                                                  "start")

    def do(self, *words):
        for word in words:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
            equal(self.process.stdout.readline(), "ok\n", word)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def start(bench, *names, hand=None, **health):
    path = bench.folder() + "/config.yml"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"health": health}, file)
    return bench.exporter(*(f"--segment={name}" for name in names), f"--config.file={path}", hand=hand)


def health(exporter):
    return json.loads(exporter.ask("/health").body)


def reasons(exporter):
    return {(one["check"], one["what"]): one for one in health(exporter)["reasons"]}


@contextlib.contextmanager
def caused(exporter, status, check, *what, beside=()):
    """Within it these reasons, and none beside but those that are named, have been made; at its end they are gone."""
    wanted = {(check, one) for one in what or ("",)}
    found = wait_for(lambda: (now := reasons(exporter)).keys() >= wanted and now, f"{wanted}")
    equal(found.keys() - wanted - set(beside), set(), "reasons beside")
    equal({found[one]["status"] for one in wanted}, {status}, "the status")
    for one in wanted:
        true(found[one]["message"], "a sentence")
    yield [found[one] for one in sorted(wanted)]
    wait_for(lambda: not reasons(exporter), f"nothing is left of {wanted}: {reasons(exporter)}")
    equal(health(exporter)["status"], "ok")
    DONE.update(wanted)


@test
def segments_that_are_not_there_and_that_have_lost_their_name(bench):
    name = bench.name()
    pattern = start(bench, name + "*")
    with caused(pattern, "failing", "segment", "none"):
        worker = Worker(bench, name)
    exporter = start(bench, name)
    worker.end()
    os.unlink(segment_path(name))
    with caused(exporter, "failing", "segment", "unreadable") as [reason]:
        true("start the application" in reason["message"], reason)
        worker = Worker(bench, name)  # as it says
    os.unlink(segment_path(name))
    with caused(exporter, "degraded", "segment", "unlinked") as [reason]:
        true("restart the application" in reason["message"], reason)
        worker.end()
        Worker(bench, name)


@test
def room_that_is_used_up(bench):
    for what in ("cells", "records", "gauges", "series"):
        name = bench.name()
        worker = Worker(bench, name, "web", "small")
        exporter = start(bench, name)
        worker.do(what)
        others = [("capacity", one) for one in ("cells", "records", "series")] + [("slots", "exhausted")]
        found = wait_for(lambda: (now := reasons(exporter)).get(("capacity", what)) and now, what)
        with caused(exporter, found["capacity", what]["status"], "capacity", what, beside=others) as [reason]:
            true("create it larger" in reason["message"], reason)
            worker.end()
            os.unlink(segment_path(name))
            Worker(bench, name).do(what)  # as it says


@test
def slots_that_are_all_taken(bench):
    name = bench.name()
    worker = Worker(bench, name, "web", "small")
    exporter = start(bench, name)
    with caused(exporter, "degraded", "slots", "exhausted"):
        worker.do("close")


@test
def a_worker_that_died(bench):
    name = bench.name()
    exporter = start(bench, name)
    worker = Worker(bench, name)
    worker.do("busy")
    equal(reasons(exporter), {})
    worker.kill()
    with caused(exporter, "degraded", "worker_dead"):
        Worker(bench, name)
    clock = bench.clock()
    exporter = start(bench, name, hand=clock)
    worker = Worker(bench, name, "mail")
    worker.do("busy")
    equal(reasons(exporter), {})
    worker.kill()
    with caused(exporter, "degraded", "worker_dead"):
        clock.advance(301)


@test
def workers_that_are_stuck(bench):
    name = bench.name()
    worker = Worker(bench, name)
    exporter = start(bench, name, stuck_after="10ms")
    worker.do("beat")
    equal(reasons(exporter), {})
    worker.do("busy")
    with caused(exporter, "failing", "worker_stuck", "busy"):
        worker.do("idle")
    exporter = start(bench, name, silent_after="10ms")
    with caused(exporter, "failing", "worker_stuck", "heartbeat"):
        worker.end()


@test
def a_workers_own_check(bench):
    name = bench.name()
    worker = Worker(bench, name)
    exporter = start(bench, name)
    worker.do("failing")
    with caused(exporter, "failing", "worker_check", "database"):
        worker.do("fine")
    worker.do("failing")
    with caused(exporter, "failing", "worker_check", "database"):
        worker.end()


@test
def a_worker_of_whom_nobody_can_tell(bench):
    name = bench.name()
    worker = Worker(bench, name, before=("unshare", "--pid", "--fork", "--kill-child"))
    path = os.path.join(os.path.dirname(os.path.abspath(sys.argv[2])), "hand_locks.so")
    exporter = bench.exporter(f"--segment={name}", env={**os.environ, "LD_PRELOAD": path})
    with caused(exporter, "ok", "worker_unknown"):
        worker.end()


@test
def room_that_is_held_back(bench):
    name, clock = bench.name(), bench.clock()
    silent, lively = Worker(bench, name, "silent"), Worker(bench, name, "lively")
    exporter = start(bench, name, hand=clock)
    lively.do("remove")
    equal(reasons(exporter), {})
    clock.advance(86400)
    with caused(exporter, "ok", "room", "held") as [reason]:
        true(f"worker silent (pid {silent.process.pid})" in reason["message"] and "lively" not in reason["message"],
             reason)
        equal(reason["worker"], "silent")
        silent.do("done")
    lively.do("remove")
    with caused(exporter, "ok", "room", "held") as [reason]:
        silent.end()
    lively.do("done")
    other = Worker(bench, name, "other")
    other.do("close")  # it has no slot any more, and its handles
    lively.do("remove")
    with caused(exporter, "ok", "room", "held") as [reason]:
        true("a process without a slot" in reason["message"], reason)
        other.end()
    lively.do("unlocked")
    with caused(exporter, "ok", "room", "unlocked"):
        lively.end()
        os.unlink(segment_path(name))
        Worker(bench, name)  # as it says


@test
def losses_of_each_kind(bench):
    for kind, is_reason in rows("lib/read/snapshot/losses.def", "LOSS").items():
        if not is_reason:
            continue
        name, clock = bench.name(), bench.clock()
        worker = Worker(bench, name, "web", *(["small"] if kind == "slots_exhausted" else []))
        exporter = start(bench, name, hand=clock)
        equal(reasons(exporter).keys() - {("slots", "exhausted")}, set(), "before")
        worker.do(kind)
        with caused(exporter, "degraded", "losses", kind, beside=[("slots", "exhausted")]) as [reason]:
            true(reason["value"] >= 1, reason)
            worker.do("close")
            clock.advance(301)


@test
def a_definition_that_is_not_exposed(bench):
    name = bench.name()
    old, new = Worker(bench, name, "old"), Worker(bench, name, "new")
    exporter = start(bench, name)
    old.do("counter")
    equal(reasons(exporter), {})
    new.do("other")
    with caused(exporter, "degraded", "losses", "superseded"):
        old.end()


@test
def a_rule_that_fires(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    exporter = start(bench, name, rules=[{"name": "crowded", "expr": "sum(shop_active) > 3"}])
    feeder.do("active", 4)
    with caused(exporter, "degraded", "rule", "crowded"):
        feeder.do("active", -4)


@test
def every_reason_was_made(bench):
    if sys.argv[5:]:
        raise Skip("some tests alone were asked for")
    checks = rows("lib/health/checks.def", "CHECK")
    losses = rows("lib/read/snapshot/losses.def", "LOSS")
    true(len(checks) >= 9 and len(losses) >= 17, (checks, losses))
    equal(set(checks) - {check for check, _ in DONE}, set(), "checks without a cause here")
    equal({kind for kind, is_reason in losses.items() if is_reason} - {what for check, what in DONE
                                                                       if check == "losses"}, set(),
          "losses without a cause here")
    for file in ("lib/health/health.c", "lib/health/deaths.c", "lib/health/losses.c", "lib/health/rules/rules.c"):
        with open(os.path.join(SOURCES, file), encoding="utf-8") as source:
            for check, what in re.findall(r'add_reason\(&?judge, HEALTH_(\w+),\s*\w+,\s*"(\w+)"', source.read()):
                true((check.lower(), what) in DONE, f"{file}: {check} {what}")


if __name__ == "__main__":
    main_with(Bench, sys.argv[5:])
