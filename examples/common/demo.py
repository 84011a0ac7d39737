"""The common part of the worker-pool demonstrations: the build, the segment, the exporter, live numbers, the command
line."""
import argparse
import os
import secrets
import socket
import subprocess
import sys
import time

from load import Load
from processes import Process, Trouble, guarded, segment_path
from rounds import CLIENTS, Pool, prove
from scrape import health, metrics, quantile

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
EXPORTER, SHMETER = "exporter/shmeter-exporter", "cli/shmeter"
WORKERS = 4
USUAL_PORT = 10077
LISTENING = r"\blistening\b.*?127\.0\.0\.1:(\d+)"


def run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True,
                          check=False)
    if done.returncode != 0:
        raise Trouble(f"{done.stdout}\nthis failed: {' '.join(command)}")


def build(targets):
    """Returns the folder."""
    folder = os.path.join(TOP, "build")
    print("building in build/ ...", flush=True)
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        run(["meson", "setup", folder, TOP])
    command = ["ninja", "-C", folder, *targets, EXPORTER, SHMETER]
    try:
        run(command)
    except Trouble:  # an earlier configuration may not know what has been installed since
        run(["meson", "setup", "--reconfigure", folder, TOP])
        run(command)
    return folder


class Demo(Pool):
    """The running things: segment, pool and exporter."""

    targets = ()  # what the build has to make besides
    started = r"worker (\d+) is process (\d+)"  # what the pool says when it has started a worker

    def __init__(self, folder, segment, exporter_port):
        self.folder, self.segment = folder, segment
        self.shmeter("create")
        print(f"segment   {segment_path(segment)}", flush=True)
        self.pool = self.start_pool()
        self.workers, self.others = {}, self.openers()
        while len(self.workers) < WORKERS:
            self.next_worker()
        print(f"pool      http://127.0.0.1:{self.port}/  workers {' '.join(map(str, self.workers.values()))}",
              flush=True)
        self.exporter = Process([os.path.join(folder, EXPORTER), "--segment", segment,
                                 "--web.listen-address", f"127.0.0.1:{exporter_port}"])
        self.url = f"http://127.0.0.1:{self.exporter.expect(LISTENING)[1]}"
        print(f"exporter  {self.url}/metrics  {self.url}/health  {self.url}/", flush=True)

    def openers(self):
        """Processes of the pool that are no workers, and have the segment open."""
        return {self.pool.pid}

    def start_pool(self):
        """Starts the pool's first process, sets self.port, and returns it."""
        raise NotImplementedError

    def shmeter(self, command):
        done = subprocess.run([os.path.join(self.folder, SHMETER), command, self.segment], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(done.stderr.strip())

    def next_worker(self):
        match = self.pool.expect(self.started)
        self.workers[int(match[1])] = int(match[2])
        return int(match[2])

    def stop(self):
        self.pool.stop()
        self.exporter.stop()
        self.shmeter("rm")


def show_live(demo):
    """Numbers once a second, until a signal."""
    print("\nTry: curl " + demo.url + "/metrics   or: kill -9 " + str(max(demo.workers.values()))
          + "   Ctrl-C stops everything.\n")
    print("  requests   per second   p50 ms   p99 ms   in progress   live processes   health")
    Load(demo.port, CLIENTS, pause=0.02, mix=demo.mix)
    before, since = metrics(demo.url), time.monotonic()
    while True:
        time.sleep(1)
        after, now, state = metrics(demo.url), time.monotonic(), health(demo.url)
        p50, p99 = (quantile(before.buckets(demo.durations), after.buckets(demo.durations), share) or 0
                    for share in (0.5, 0.99))
        print(f"{demo.total(after):10d} {(demo.total(after) - demo.total(before)) / (now - since):12.0f} "
              f"{p50 * 1e3:8.2f} {p99 * 1e3:8.2f} "
              f"{int(after.total(demo.in_progress)):13d} {state['worker_counts']['live']:16d}   {state['status']}")
        for line in demo.pool.said() + demo.exporter.said():
            print("  " + line)
        sys.stdout.flush()
        before, since = after, now


def free_port(wanted):
    """The port wanted, or 0 (any port) when it is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def work(kind, options, segment):
    demo = kind(options.build or build(kind.targets), segment, 0 if options.once else free_port(USUAL_PORT))
    if not options.once:
        show_live(demo)
    prove(demo)
    demo.stop()
    return 0


def main(kind, name):
    """Shows a demonstration. kind: a class made of Demo; name: what the user has called. Returns the exit code."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--once", action="store_true", help="one round that proves the numbers")
    parser.add_argument("--build", metavar="FOLDER", help="a build that is there already")
    options = parser.parse_args()
    segment = f"{name}-{os.getpid()}-{secrets.token_hex(3)}"
    return guarded(name, segment, lambda: work(kind, options, segment))
