"""A pool that starts, forks, is killed, leaves, opens again and hides, for $SHMETER_CHURN_SECONDS (5), and the exporter
beside it.

Arguments: the exporter, and tests/kill/churn.c, which holds totals against its ledger all the time and at the end says
what they are.
"""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../exporter"))
from lib import Bench, equal, note, samples, status_field, true  # noqa: E402
from tap import run  # noqa: E402

SECONDS = int(os.environ.get("SHMETER_CHURN_SECONDS", "5"))
PAUSE = 0.2  # seconds between two scrapes: the churn's own are many more
GROWTH_KIB = 512  # of the exporter's private memory, once all is there: an allocator's whims


class Pool:
    """The churn program; a thread reads what it says."""

    def __init__(self, bench, segment):
        self.process = bench.process([sys.argv[2], segment, str(SECONDS)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, word):
        return word in self.lines

    def lives(self):
        return self.process.poll() is None

    def totals(self):
        lines = self.lines[self.lines.index("done") + 1:self.lines.index("end")]
        return samples("".join(line + "\n" for line in lines if not line.startswith("# ")))

    def words(self):
        return [line for line in self.lines if line.startswith(("#", "wrong"))]


def growing(found):
    """What may never fall while the exporter runs: hidden series begin anew, gauges and ages go as they like."""
    return {key: number for key, number in found.items()
            if key[0].endswith(("_total", "_bucket", "_count")) and key[0] != "kill_dynamic_total"}


def resident(exporter):
    return status_field(exporter.pid, "RssAnon")


def totals_are_exact_and_memory_is_constant():
    with Bench() as bench:
        segment = os.path.join(bench.folder("/dev/shm"), "churn")
        pool = Pool(bench, segment)
        exporter = bench.exporter(f"--segment={segment}")
        before, first, scrapes = {}, None, 0
        while not pool.said("end"):
            true(pool.lives(), pool.words())
            found = samples(exporter.text())
            scrapes += 1
            now = growing(found)
            fallen = [(key, number, now.get(key)) for key, number in before.items() if now.get(key, 0) < number]
            equal(fallen, [], "fallen or gone")
            before = now
            if first is None and pool.said("warm"):
                exporter.text()
                first = resident(exporter)
            time.sleep(PAUSE)
        found = samples(exporter.text())
        for key, number in pool.totals().items():
            equal(found.get(key), number, key)
        last = resident(exporter)
        for line in pool.words():
            note(line.lstrip("# "))
        note(f"{scrapes} scrapes by the exporter, whose private memory was {first} KiB and is {last} KiB")
        true(last <= first + GROWTH_KIB, f"the exporter has grown from {first} KiB to {last} KiB")
        pool.process.stdin.close()
        equal(pool.process.wait(), 0, "the pool's exit")


run([(totals_are_exact_and_memory_is_constant.__name__, totals_are_exact_and_memory_is_constant)])
