"""What happens to a segment's file while workers count in it and the exporter is scraped: it is cut, grows, loses its
name, and something else takes it.

The exporter stays up and says so, totals never drop, and where no byte was lost they are what the workers' ledger says.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import threading

from lib import Bench, equal, note, samples, segment_path, test, true, value, wait_for
from tap import main_with

WORKERS = 2
LOADER = sys.argv.pop(3)


class Load:
    """Workers of one name, their ledgers, the exporter, and a thread that scrapes it without a rest."""

    def __init__(self, bench):
        self.bench, self.name, self.folder = bench, bench.name(), bench.folder()
        self.path = segment_path(self.name)
        self.workers, self.ledgers = [], []
        self.faults, self.seen, self.scrapes, self.lossy = [], 0, 0, False
        self.ended = threading.Event()
        self.start()
        self.exporter = bench.exporter(f"--segment={self.name}")
        self.scraper = threading.Thread(target=self.scrape_on, daemon=True)
        self.scraper.start()
        bench.callback(self.ended.set)
        self.live()  # the exporter knows the segment

    def start(self):
        """More workers; they are at work when it returns."""
        for _ in range(WORKERS):
            ledger = os.path.join(self.folder, str(len(self.ledgers)))
            with open(ledger, "wb") as file:
                file.write(bytes(16))
            self.ledgers.append(ledger)  # first: what it begins is in the sums of whoever scrapes meanwhile
            self.workers.append(self.bench.process([LOADER, self.name, ledger], stderr=subprocess.PIPE, text=True))
        for ledger in self.ledgers[-WORKERS:]:
            wait_for(lambda one=ledger: self.read(one)[1] > 1000, "a worker at work")

    @staticmethod
    def read(ledger):
        with open(ledger, "rb") as file:
            return struct.unpack("QQ", file.read(16))

    def sums(self):
        read = [self.read(one) for one in self.ledgers]
        return sum(one[0] for one in read), sum(one[1] for one in read)

    def scrape(self):
        """One scrape, held against the ledger. Returns its samples."""
        least = self.sums()[1]
        found = samples(self.exporter.text())
        most = self.sums()[0]
        total, count = value(found, "load_total"), value(found, "load_sizes_count")
        self.scrapes += 1
        if total is None:
            equal(value(found, "shmeter_segment_readable", segment=self.name), 0,
                  "a readable segment without its total")
        else:
            true(total >= self.seen, f"the total fell from {self.seen} to {total}")
            true(total <= most, f"the total is {total}, {most} were begun")
            true(self.lossy or total >= least, f"the total is {total}, {least} were finished")
            true(self.lossy or least <= count <= most, f"{count} were observed, {least} were finished and {most} begun")
            self.seen = total
        return found

    def scrape_on(self):
        while not self.ended.is_set() and not self.faults:
            try:
                self.scrape()
            except Exception as fault:  # pylint: disable=broad-except
                self.faults.append(fault)

    def check(self):
        if self.faults:
            raise self.faults[0]

    def live(self, scrapes=10):
        """Some scrapes go by."""
        until = self.scrapes + scrapes
        wait_for(lambda: self.scrapes >= until or self.faults, "scrapes")
        self.check()

    def health(self):
        found = json.loads(self.exporter.ask("/health").body)
        return " ".join(reason["message"] + " " + reason["what"] for reason in found["reasons"]
                        if reason["check"] == "segment")

    def says(self, word):
        wait_for(lambda: word in self.health(), f"{word!r} in the health")

    def end(self, survivors=True):
        """All stop; what is shown then is exact."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        states = [worker.wait() for worker in self.workers]
        if survivors:
            equal(states, [0] * len(states), "the workers' exits")
        self.live(2)
        self.ended.set()
        self.scraper.join()
        self.check()
        found = self.scrape()
        if not self.lossy:
            equal(value(found, "load_total"), self.sums()[1], "the total in the end")
        equal(value(found, "shmeter_segment_readable", segment=self.name), 1)
        equal(self.exporter.stop(), 0, "the exporter's exit")
        note(f"{self.scrapes} scrapes, {self.sums()[1]} updates, {value(found, 'load_total'):.0f} shown")


def replaced_by(load, make, word, remove=os.unlink):
    """Something that is no segment takes the name, and then a new segment does."""
    make(load.path)
    load.bench.callback(lambda: os.path.lexists(load.path) and remove(load.path))
    load.says(word)
    load.live()
    remove(load.path)
    load.start()
    wait_for(lambda: value(load.exporter.samples(), "shmeter_segment_generation", segment=load.name) == 2,
             "the new segment")
    load.live()
    load.end()


def beside(make):
    """Makes it beside the segment and gives it the segment's name by a rename: no moment without."""
    def function(path):
        make(path + ".new")
        os.rename(path + ".new", path)
    return function


def directory(path):
    os.unlink(path)
    os.mkdir(path)


@test
def a_fifo_takes_the_name(bench):
    replaced_by(Load(bench), beside(os.mkfifo), "FIFO")


@test
def a_directory_takes_the_name(bench):
    replaced_by(Load(bench), directory, "directory", lambda path: os.rmdir(path) if os.path.isdir(path)
                else os.unlink(path))


@test
def a_symbolic_link_takes_the_name(bench):
    replaced_by(Load(bench), beside(lambda path: os.symlink("/nowhere", path)), "symbolic link")


@test
def a_symbolic_link_to_a_segment_takes_the_name(bench):
    other = bench.name()
    bench.feeder(other).do("requests", "GET", "200", 1)
    replaced_by(Load(bench), beside(lambda path: os.symlink(segment_path(other), path)), "symbolic link")


@test
def a_file_of_other_bytes_takes_the_name(bench):
    def make(path):
        with open(path, "wb") as file:
            file.write(os.urandom(100000))
        os.chmod(path, 0o600)
    replaced_by(Load(bench), beside(make), "not a shmeter segment")


@test
def the_name_is_removed_and_made_again(bench):
    load = Load(bench)
    for generation in range(2, 6):
        os.unlink(load.path)
        load.start()
        wait_for(lambda g=generation: value(load.exporter.samples(), "shmeter_segment_generation",
                                            segment=load.name) == g, "the new segment")
        load.live()
    load.end()


@test
def another_segment_takes_the_name(bench):
    load, other = Load(bench), bench.name()
    bench.feeder(other).do("requests", "GET", "200", 7)
    os.rename(segment_path(other), load.path)
    wait_for(lambda: value(load.exporter.samples(), "shop_requests_total", method="GET", status="200") == 7,
             "the other segment")
    load.start()
    load.live()
    load.end()


@test
def the_file_grows(bench):
    load = Load(bench)
    for _ in range(3):
        os.truncate(load.path, os.stat(load.path).st_size + 100000)
        load.live()
    load.end()


@test
def the_segment_has_another_name_for_a_while(bench):
    load = Load(bench)
    os.rename(load.path, load.path + ".away")
    bench.callback(lambda: os.path.exists(load.path + ".away") and os.unlink(load.path + ".away"))
    load.says("lost its file name")
    load.start()  # a new one, in which they all count
    load.live()
    os.rename(load.path + ".away", load.path)  # and the first one again: the new one has lost its name
    load.start()
    load.live()
    load.end()


def cut_to(bench, left, word="truncated"):
    load = Load(bench)
    load.lossy = True
    before = load.seen
    os.truncate(load.path, left(os.stat(load.path).st_size))
    load.says(word)
    states = [worker.wait() for worker in load.workers]
    equal(states, [-signal.SIGBUS] * WORKERS, "the workers' ends")
    load.live()
    os.unlink(load.path)
    load.workers = []
    load.start()
    wait_for(lambda: value(load.exporter.samples(), "shmeter_segment_generation", segment=load.name) == 2,
             "the new segment")
    load.live()
    begun = sum(load.read(one)[1] for one in load.ledgers[-WORKERS:])
    load.end()
    true(load.seen >= before + begun, f"{load.seen} are shown, {before} were before and {begun} have come")


@test
def the_file_is_cut_to_nothing(bench):
    cut_to(bench, lambda size: 0, "not a shmeter segment")


@test
def the_file_is_cut_in_the_midst(bench):
    cut_to(bench, lambda size: size // 2)


@test
def the_file_is_cut_within_the_header(bench):
    cut_to(bench, lambda size: 300)


@test
def the_file_is_cut_and_grows_again(bench):
    """The bytes behind the cut are lost, and what was counted in them is not."""
    load = Load(bench)
    load.lossy = True
    size, before = os.stat(load.path).st_size, load.seen
    os.truncate(load.path, size // 2)
    load.says("truncated")
    states = [worker.wait() for worker in load.workers]
    equal(states, [-signal.SIGBUS] * WORKERS, "the workers' ends")
    os.truncate(load.path, size)
    # What is counted before the exporter looks again could be what was there: nobody can tell.
    wait_for(lambda: value(load.exporter.samples(), "shmeter_segment_readable", segment=load.name) == 1, "the segment")
    load.workers = []
    load.start()
    load.live()
    load.end()
    true(load.seen >= before + sum(load.read(one)[1] for one in load.ledgers[-WORKERS:]),
         f"{load.seen} are shown, {before} were before")


if __name__ == "__main__":
    main_with(Bench, sys.argv[3:])
