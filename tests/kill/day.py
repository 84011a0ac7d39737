"""A day in the life of a segment: releases that come and go back, workers that are born and end in every way there is, label sets that come
and go under a limit, a full filesystem, failed starts, and an exporter that is started again. At each pause totals are exact and /health
says what it must.

Arguments: the exporter, tests/kill/day.c. $SHMETER_DAY: releases, workers, label sets.
"""
import json
import mmap
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../exporter"))
from lib import Bench, equal, note, samples, status_field, true, wait_for  # noqa: E402
from tap import run, Skip  # noqa: E402

RELEASES, WORKERS, SETS = (int(number) for number in os.environ.get("SHMETER_DAY", "10 160 16000").split())
PLACES, ALIVE, PAGE, KINDS = 8, 100, 4096, 3
CLOSE, RETURN, END_AT_ONCE, KILLED, KILLED_BUSY, TERMINATED, ABORTED, EXEC, FORKS, PARKS, WAYS = range(11)
RESTARTS = 10
RECORD_BYTES = 128  # of a session, at least
EXPORTER_KIB, EXPORTER_RECORD_BYTES = 2048, 512  # what it may have, for all and for each record that there is
THERE = 2


class Pool:
    """Workers in their places, and the journal in which they say what they do."""

    def __init__(self, bench, folder):
        self.bench, self.segment, self.journal = bench, f"{folder}/segment", bench.folder("/dev/shm") + "/journal"
        with open(self.journal, "wb") as file:
            file.truncate(PAGE * (PLACES + 1))
        with open(self.journal, "r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self.turn, self.born, self.workers, self.refused = 0, 0, {}, 0

    def page(self, place):
        at = PAGE // 8 * (place + 1)
        return self.words[at:at + PAGE // 8]

    def start(self, place, release, sets, way):
        self.born += 1
        self.workers[place] = self.bench.process([sys.argv[2], self.segment, self.journal, str(place), str(release), str(sets), str(way)])

    def begin(self, releases, sets):
        """A worker for each place, all of which stand at the gate then."""
        self.turn += 1
        for place, release in enumerate(releases):
            self.start(place, release, sets, (self.born + self.born // WAYS) % WAYS)
        wait_for(lambda: self.at_gate() or self.early(), "the gate")
        equal(self.early(), [], "workers that ended before the gate")

    def at_gate(self):
        return all(self.page(place)[0] == self.turn for place in range(PLACES))

    def early(self):
        return [(place, one.returncode) for place, one in self.workers.items() if one.poll() is not None]

    def go_on(self):
        self.words[0] = self.turn
        for worker in self.workers.values():
            worker.wait()
        self.workers = {}

    def totals(self):
        """(least, most) of requests and of what was observed, for each kind of buckets; and the sessions that are there."""
        pages = [self.page(place) for place in range(PLACES)]
        ranges = {"requests": (sum(page[3] for page in pages), sum(page[2] for page in pages))}
        for kind in range(KINDS):
            ranges[kind] = (sum(page[4 + KINDS + kind] for page in pages), sum(page[4 + kind] for page in pages))
        words = [word for page in pages for word in page[5 + 2 * KINDS:5 + 2 * KINDS + ALIVE] if word & 3]
        equal({word & 3 for word in words} - {THERE}, set(), "sessions in the making at the gate")
        return ranges, {str(word >> 2): (word >> 2) % 997 + 1 for word in words}


def reasons(exporter):
    return {(one["check"], one["what"]) for one in json.loads(exporter.ask("/health").body)["reasons"]}


def says(exporter, *wanted):
    """The verdict is right: these reasons and no others."""
    wait_for(lambda: reasons(exporter) == set(wanted), f"{wanted} is to be said")
    wait_for(lambda: reasons(exporter) == set(wanted), f"{wanted} is to be said still")


class Day:
    def __init__(self, bench, folder):
        self.bench, self.folder, self.pool = bench, folder, Pool(bench, folder)
        self.exporter, self.restarts, self.pauses, self.made_losses, self.first, self.most = None, 0, 0, 0, None, 0

    def restart(self):
        if self.exporter:
            equal(self.exporter.stop(), 0, "the exporter's exit")
        self.exporter = self.bench.exporter(f"--segment={self.pool.segment}")
        self.restarts += 1

    def found(self):
        found = samples(self.exporter.text())
        return {(name, dict(labels).get("kind") or dict(labels).get("session") or dict(labels).get("route")): number
                for (name, labels), number in found.items() if name != "day_seconds_bucket"}

    def check(self, kind=None):
        """All that can be told at a pause. kind: of the buckets that are in force, if all workers have them."""
        ranges, sessions = self.pool.totals()
        found = self.found()
        least, most = ranges["requests"]
        total = sum(found["day_requests_total", route] for route in "abcd")
        true(least <= total <= most, f"{total} requests are not between {least} and {most}")
        equal({session: number for (name, session), number in found.items() if name == "day_session_total"}, sessions, "sessions")
        if kind is not None:
            counted, superseded = found["day_seconds_count", None], found["shmeter_lost_total", "superseded"]
            least, most = ranges[kind]  # also of what was counted before it was in force, or in another release
            true(least <= counted <= most, f"{counted} observations are not between {least} and {most}")
            true(superseded <= sum(ranges[other][1] for other in range(KINDS)), f"{superseded} in other definitions")
        losses = {what: number for (name, what), number in found.items() if name == "shmeter_lost_total" and number and what != "superseded"}
        equal(sum(losses.values()), self.made_losses, f"losses: {losses}")
        equal(found["day_level", None], PLACES, "one for each living worker")
        self.pauses += 1

    def fail_to_start(self, release):
        """A release that nobody gets to see: it opens its families, and ends in order or by a signal that somebody sent."""
        for way in (RETURN, TERMINATED):
            subprocess.run([sys.argv[2], self.pool.segment, "fail", str(release % KINDS), str(way)], check=False)

    def lose_a_worker(self, release, sets):
        """One is killed in the middle of its work: a reason, until it has a successor."""
        self.pool.workers[3].kill()
        self.pool.workers[3].wait()
        says(self.exporter, ("worker_dead", ""))
        self.pool.page(3)[1] -= 1
        self.pool.page(3)[0] = 0
        self.pool.start(3, release, sets, CLOSE)
        wait_for(self.pool.at_gate, "the successor")
        says(self.exporter)

    def fill(self):
        """The filesystem is full for a while: what needs room is lost, is counted and is said; all else goes on."""
        before = self.losses()
        filler = f"{self.folder}/filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
            except OSError:
                pass
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        subprocess.run([sys.argv[2], self.pool.segment, "wide", str(self.pauses)], check=True)
        os.unlink(filler)
        lost = {what: number - before.get(what, 0) for what, number in self.losses().items() if number != before.get(what, 0)}
        true(lost.get("backing_failed", 0) + lost.get("families_refused", 0) + lost.get("series_refused", 0), f"nothing was lost: {lost}")
        self.made_losses += sum(lost.values())
        says(self.exporter, *(("losses", what) for what in lost))
        self.restart()  # who begins after it knows nothing of it
        says(self.exporter)

    def losses(self):
        return {what: number for (name, what), number in self.found().items() if name == "shmeter_lost_total" and what != "superseded"}

    def remember_memory(self):
        found = samples(self.exporter.text())
        now = sum(number for (name, _), number in found.items() if name == "shmeter_records_used_bytes")
        return now, status_field(self.exporter.pid, "RssAnon"), os.stat(self.pool.segment).st_blocks // 2

    def live(self):
        generations = WORKERS // PLACES // RELEASES
        sets = SETS // (generations * PLACES * RELEASES)
        kind, rolled_back, begun = 0, 0, time.monotonic()
        for release in range(RELEASES):
            before, kind = kind, (kind + 1) % KINDS if release % 4 != 3 else (kind + KINDS - 1) % KINDS
            rolled_back += release % 4 == 3
            for generation in range(generations):
                rolling = generation == 0 and release
                self.pool.begin([before if rolling and place < PLACES // 2 else kind for place in range(PLACES)], sets)
                if not self.exporter:
                    self.restart()
                says(self.exporter, *([("losses", "superseded")] if rolling else []))
                self.check(None if rolling else kind)
                if generation == 1 and release % 7 == 2:
                    self.fail_to_start(release)
                    says(self.exporter)
                    self.check(kind)
                if generation == 1 and release % 5 == 1:
                    self.lose_a_worker(kind, sets)
                    self.check(kind)
                if generation == 1 and release in (RELEASES // 3, 2 * RELEASES // 3):
                    self.fill()
                    self.check(kind)
                if generation == 1 and self.restarts * RELEASES < (release + 1) * RESTARTS:
                    self.restart()
                    says(self.exporter)
                    self.check(kind)
                if release == 2 * RELEASES // 3 and generation == 1:
                    self.first = self.remember_memory()
                self.pool.go_on()
        self.pool.begin([kind] * PLACES, 2)
        says(self.exporter)
        self.check(kind)
        last = self.remember_memory()
        self.pool.go_on()
        return time.monotonic() - begun, rolled_back, last


def totals_are_exact_and_health_is_right_all_day():
    with Bench() as bench:
        folder = bench.folder("/dev/shm")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m", "shmeter-day", folder], check=False, stderr=subprocess.DEVNULL).returncode:
            raise Skip("no filesystem can be mounted here")
        bench.callback(subprocess.run, ["umount", "-l", folder], check=False)
        day = Day(bench, folder)
        seconds, rolled_back, last = day.live()
        made = sum(day.pool.page(place)[4 + 2 * KINDS] for place in range(PLACES))
        note(f"{RELEASES} releases, {rolled_back} of them back to the one before; {day.pool.born} workers; {made} label sets; "
             f"{day.restarts} starts of the exporter; {day.pauses} pauses; {day.made_losses} losses, all of them made; {seconds:.0f} s")
        note(f"after two thirds of the day and at its end: {day.first[0]:.0f}, {last[0]:.0f} bytes of records; the exporter's private memory {day.first[1]}, "
             f"{last[1]} KiB; the segment's {day.first[2]}, {last[2]} KiB")
        true(made >= SETS * 0.9, made)
        most = EXPORTER_KIB + last[0] / RECORD_BYTES * EXPORTER_RECORD_BYTES / 1024
        true(last[1] <= most, f"the exporter has {last[1]} KiB, and {most:.0f} are enough")
        true(last[0] <= 20000 * RECORD_BYTES, f"{last[0]} bytes of records for at most 1,000 label sets at once")
        true(last[2] <= 1.5 * day.first[2], f"the segment has grown: {day.first[2]} KiB, {last[2]} KiB")


run([(totals_are_exact_and_health_is_right_all_day.__name__, totals_are_exact_and_health_is_right_all_day)])
