"""The end-to-end check of a pool's numbers: the scraped counts equal the answers that clients saw, also while workers
are killed with -9.

It knows a running pool only by the methods of Pool below.
"""
import os
import signal

from load import Load
from processes import Trouble
from scrape import health, metrics

CLIENTS = 8
REQUESTS = 300  # of each client, in each of the three parts of a round; in the second one, at least


class Pool:
    """What the check has to know of a running pool; a demonstration implements it."""

    port = None  # where it serves
    url = None  # the exporter's
    workers = {}  # number: process id
    others = set()  # processes of it that are no workers, and have the segment open
    mix = None  # what is asked of it (load.py)
    requests = "pool_requests_total"
    labels = ("method", "route", "status")
    durations = "pool_request_duration_seconds"
    in_progress = "pool_requests_in_progress"

    def next_worker(self):
        """Waits until the pool has started a worker, and returns that one's process id."""
        raise NotImplementedError

    def total(self, scrape=None):
        """Requests counted."""
        return int((scrape or metrics(self.url)).total(self.requests))


def expect_equal(what, got, wanted):
    if got != wanted:
        raise Trouble(f"{what}: {got}, and not {wanted}")


def quiet_part(pool):
    """Requests while nobody dies. Returns (answers seen, growth of the scraped total), equal in each series."""
    before = metrics(pool.url)
    load = Load(pool.port, CLIENTS, REQUESTS, mix=pool.mix)
    load.wait()
    if load.unexpected():
        raise Trouble(load.unexpected()[0])
    after = metrics(pool.url)
    had, has = (scrape.series(pool.requests, *pool.labels) for scrape in (before, after))
    grown = {series: int(value - had.get(series, 0)) for series, value in has.items()}
    expect_equal("growth by " + ", ".join(pool.labels), {s: n for s, n in grown.items() if n}, dict(load.answered()))
    return load.answered().total(), pool.total(after) - pool.total(before)


def kill_part(pool):
    """Requests while each worker in turn is killed. Returns (begun, answers seen, growth of the scraped total)."""
    first = last = pool.total()
    load = Load(pool.port, CLIENTS, mix=pool.mix)
    victims, workers_n = list(pool.workers.items()), len(pool.workers)
    print()
    while victims or load.answered().total() < CLIENTS * REQUESTS:
        if victims and load.answered().total() > CLIENTS * REQUESTS * (1 - len(victims) / (workers_n + 1)):
            number, victim = victims.pop(0)
            os.kill(victim, signal.SIGKILL)
            print(f"killed    worker {number}, process {victim}, with -9; process {pool.next_worker()} takes its place")
        if load.begun().total() - load.answered().total() > CLIENTS * REQUESTS:
            raise Trouble("the pool does not answer any more")
        scraped = pool.total()
        if scraped < last:
            raise Trouble(f"the total went back from {last} to {scraped}")
        last = scraped
    load.stop()
    if load.unexpected():
        raise Trouble(load.unexpected()[0])
    return load.begun().total(), load.answered().total(), pool.total() - first


def prove(pool):
    """One round: before the kills, with them, after them. Prints what it saw; raises Trouble where a number is not what
    it has to be."""
    answers_before, total_before = quiet_part(pool)
    begun, answers, grown = kill_part(pool)
    answers_after, total_after = quiet_part(pool)
    last = metrics(pool.url)
    print(f"""
                      begun   answers seen   scraped total
before the kills   {answers_before:8d}   {answers_before:12d}   {total_before:13d}
with the kills     {begun:8d}   {answers:12d}   {grown:13d}
after the kills    {answers_after:8d}   {answers_after:12d}   {total_after:13d}
""", flush=True)
    counted = grown - answers
    print(f"{begun - answers} requests never got their answer: the worker that had them was killed. "
          f"{counted} of them had been counted.")
    expect_equal("the total before the kills", total_before, answers_before)
    expect_equal("the total after the kills", total_after, answers_after)
    if not answers <= grown <= begun:
        raise Trouble(f"the total {grown} is not between answers seen {answers} and requests begun {begun}")
    expect_equal("the total of all, less those counted without an answer", pool.total(last) - counted,
                 answers_before + answers + answers_after)
    check_the_rest(pool, last)
    print(f"Scraped total {pool.total(last)} = {pool.total(last) - counted} answers seen + {counted} counted without "
          f"an answer: "
          "nothing lost, nothing twice.")


def check_the_rest(pool, scrape):
    """The histogram, the gauge, the number of living workers; that nothing is lost, and that health has no reason: the
    workers that were killed have their successors."""
    observed, total, workers_n = int(scrape.total(pool.durations + "_count")), pool.total(scrape), len(pool.workers)
    if not total - workers_n <= observed <= total:  # each killed worker may have been between the two
        raise Trouble(f"{observed} durations for {total} requests")
    expect_equal("requests in progress, with nobody asking", scrape.total(pool.in_progress), 0)
    expect_equal("losses", {kind: n for kind, n in scrape.series("shmeter_lost_total", "kind").items() if n}, {})
    found = health(pool.url)
    alive = {worker["pid"] for worker in found["segments"][0]["workers"] if worker["life"] == "live"}
    expect_equal("live processes", alive, {*pool.workers.values(), *pool.others})
    expect_equal("reasons in health", [reason["message"] for reason in found["reasons"]], [])
