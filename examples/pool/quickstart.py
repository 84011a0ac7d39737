"""Builds what is needed, then shows a pool of 4 workers, the exporter and some load; with --once, one round that proves the numbers.

Usage: quickstart.py [--once] [--build FOLDER (which is there already)]
"""
import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import time

from load import Load
from processes import Process, Trouble, guarded, segment_path
from scrape import health, metrics, quantile

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
POOL, EXPORTER, SHMETER = "examples/pool/shmeter-pool", "exporter/shmeter-exporter", "cli/shmeter"
WORKERS = 4
CLIENTS = 8
REQUESTS = 300  # of each client, in each of the three parts of a round
USUAL_PORT = 10077
LISTENING = r"\blistening\b.*?127\.0\.0\.1:(\d+)"


def run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise Trouble(f"{done.stdout}\nthis failed: {' '.join(command)}")


def build():
    """Returns the folder."""
    folder = os.path.join(TOP, "build")
    print("building in build/ ...", flush=True)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run(["meson", "setup", folder, TOP])
    run(["ninja", "-C", folder, POOL, EXPORTER, SHMETER])
    return folder


class Demo:
    """The running things: segment, pool and exporter."""

    def __init__(self, folder, segment, exporter_port):
        self.folder, self.segment = folder, segment
        self.shmeter("create")
        print(f"segment   {segment_path(segment)}", flush=True)
        self.pool = Process([os.path.join(folder, POOL), "--port", "0", "--workers", str(WORKERS), "--segment", segment])
        self.pool_port = int(self.pool.expect(r"serving http://127\.0\.0\.1:(\d+)/")[1])
        self.workers = {}
        while len(self.workers) < WORKERS:
            self.next_worker()
        print(f"pool      http://127.0.0.1:{self.pool_port}/  workers {' '.join(map(str, self.workers.values()))}",
              flush=True)
        self.exporter = Process([os.path.join(folder, EXPORTER), "--segment", segment,
                                 "--web.listen-address", f"127.0.0.1:{exporter_port}"])
        self.url = f"http://127.0.0.1:{self.exporter.expect(LISTENING)[1]}"
        print(f"exporter  {self.url}/metrics  {self.url}/health  {self.url}/", flush=True)

    def shmeter(self, command):
        done = subprocess.run([os.path.join(self.folder, SHMETER), command, self.segment], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(done.stderr.strip())

    def next_worker(self):
        """Waits until the pool says that it has started a worker, and returns that one's process id."""
        match = self.pool.expect(r"worker (\d+) is process (\d+)")
        self.workers[int(match[1])] = int(match[2])
        return int(match[2])

    def stop(self):
        self.pool.stop()
        self.exporter.stop()
        self.shmeter("rm")


def total(scrape):
    return int(scrape.total("pool_requests_total"))


def expect_equal(what, got, wanted):
    if got != wanted:
        raise Trouble(f"{what}: {got}, and not {wanted}")


def quiet_part(demo):
    """Requests while nobody dies. Returns (answers seen, growth of the scraped total), equal in each series."""
    before = metrics(demo.url)
    load = Load(demo.pool_port, CLIENTS, REQUESTS)
    load.wait()
    if load.unexpected():
        raise Trouble(load.unexpected()[0])
    after = metrics(demo.url)
    names = ("method", "route", "status")
    had, has = (scrape.series("pool_requests_total", *names) for scrape in (before, after))
    grown = {series: int(value - had.get(series, 0)) for series, value in has.items()}
    expect_equal("growth by method, route, status", {s: n for s, n in grown.items() if n}, dict(load.answered()))
    return load.answered().total(), total(after) - total(before)


def kill_part(demo):
    """Requests while each worker in turn is killed. Returns (begun, answers seen, growth of the scraped total)."""
    first = last = total(metrics(demo.url))
    load = Load(demo.pool_port, CLIENTS, REQUESTS)
    victims = list(demo.workers.items())
    print()
    while load.running():
        if victims and load.answered().total() > CLIENTS * REQUESTS * (1 - len(victims) / (WORKERS + 1)):
            number, victim = victims.pop(0)
            os.kill(victim, signal.SIGKILL)
            print(f"killed    worker {number}, process {victim}, with -9; process {demo.next_worker()} takes its place")
        scraped = total(metrics(demo.url))
        if scraped < last:
            raise Trouble(f"the total went back from {last} to {scraped}")
        last = scraped
    load.wait()
    if victims:
        raise Trouble("the load ended before all workers were killed")
    if load.unexpected():
        raise Trouble(load.unexpected()[0])
    return load.begun().total(), load.answered().total(), total(metrics(demo.url)) - first


def prove(demo):
    """One round: before the kills, with them, after them."""
    answers_before, total_before = quiet_part(demo)
    begun, answers, grown = kill_part(demo)
    answers_after, total_after = quiet_part(demo)
    last = metrics(demo.url)
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
    expect_equal("the total of all, less those counted without an answer", total(last) - counted,
                 answers_before + answers + answers_after)
    check_the_rest(demo, last)
    print(f"Scraped total {total(last)} = {total(last) - counted} answers seen + {counted} counted without an answer: "
          "nothing lost, nothing twice.")


def check_the_rest(demo, scrape):
    """The histogram, the gauge, and who lives."""
    observed = int(scrape.total("pool_request_duration_seconds_count"))
    if not total(scrape) - WORKERS <= observed <= total(scrape):  # each killed worker may have been between the two
        raise Trouble(f"{observed} durations for {total(scrape)} requests")
    expect_equal("requests in progress, with nobody asking", scrape.total("pool_requests_in_progress"), 0)
    workers = health(demo.url)["segments"][0]["workers"]
    alive = {worker["pid"] for worker in workers if worker["life"] == "live"}
    expect_equal("live processes", alive, {*demo.workers.values(), demo.pool.pid})


def show_live(demo):
    """Numbers once a second, until a signal."""
    print("\nTry: curl " + demo.url + "/metrics   or: kill -9 " + str(demo.workers[1]) + "   Ctrl-C stops everything.\n")
    print("  requests   per second   p50 ms   p99 ms   in progress   live processes   health")
    Load(demo.pool_port, CLIENTS, pause=0.02)
    before, since = metrics(demo.url), time.monotonic()
    while True:
        time.sleep(1)
        after, now, state = metrics(demo.url), time.monotonic(), health(demo.url)
        name = "pool_request_duration_seconds"
        p50, p99 = (quantile(before.buckets(name), after.buckets(name), share) or 0 for share in (0.5, 0.99))
        print(f"{total(after):10d} {(total(after) - total(before)) / (now - since):12.0f} {p50 * 1e3:8.2f} {p99 * 1e3:8.2f} "
              f"{int(after.total('pool_requests_in_progress')):13d} {state['worker_counts']['live']:16d}   {state['status']}")
        for line in demo.pool.said() + demo.exporter.said():
            print("  " + line)
        sys.stdout.flush()
        before, since = after, now


def free_port(wanted):
    """wanted, or 0 for any when somebody has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def work(options, segment):
    demo = Demo(options.build or build(), segment, 0 if options.once else free_port(USUAL_PORT))
    if not options.once:
        show_live(demo)
    prove(demo)
    demo.stop()
    return 0


def main():
    parser = argparse.ArgumentParser(prog="quickstart")
    parser.add_argument("--once", action="store_true", help="one round that proves the numbers")
    parser.add_argument("--build", metavar="FOLDER", help="a build that is there already")
    options = parser.parse_args()
    segment = f"quickstart-{os.getpid()}-{secrets.token_hex(3)}"
    return guarded(segment, lambda: work(options, segment))


if __name__ == "__main__":
    sys.exit(main())
