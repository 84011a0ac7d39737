"""Builds what is needed, then shows a pool of 4 workers, the exporter and some load; with --once, one round that proves the numbers.

Usage: quickstart.py [--once] [--build FOLDER (which is there already)]
"""
import argparse
import os
import secrets
import socket
import subprocess
import sys
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(1, os.path.join(TOP, "examples/common"))

from load import Load  # noqa: E402
from processes import Process, Trouble, guarded, segment_path  # noqa: E402
from rounds import CLIENTS, Pool, prove  # noqa: E402
from scrape import health, metrics, quantile  # noqa: E402

POOL, EXPORTER, SHMETER = "examples/pool/shmeter-pool", "exporter/shmeter-exporter", "cli/shmeter"
WORKERS = 4
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


class Demo(Pool):
    """The running things: segment, pool and exporter."""

    def __init__(self, folder, segment, exporter_port):
        self.folder, self.segment = folder, segment
        self.shmeter("create")
        print(f"segment   {segment_path(segment)}", flush=True)
        self.pool = Process([os.path.join(folder, POOL), "--port", "0", "--workers", str(WORKERS), "--segment", segment])
        self.port = int(self.pool.expect(r"serving http://127\.0\.0\.1:(\d+)/")[1])
        self.workers, self.others = {}, {self.pool.pid}
        while len(self.workers) < WORKERS:
            self.next_worker()
        print(f"pool      http://127.0.0.1:{self.port}/  workers {' '.join(map(str, self.workers.values()))}",
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
        match = self.pool.expect(r"worker (\d+) is process (\d+)")
        self.workers[int(match[1])] = int(match[2])
        return int(match[2])

    def stop(self):
        self.pool.stop()
        self.exporter.stop()
        self.shmeter("rm")


def show_live(demo):
    """Numbers once a second, until a signal."""
    print("\nTry: curl " + demo.url + "/metrics   or: kill -9 " + str(demo.workers[1]) + "   Ctrl-C stops everything.\n")
    print("  requests   per second   p50 ms   p99 ms   in progress   live processes   health")
    Load(demo.port, CLIENTS, pause=0.02)
    before, since = metrics(demo.url), time.monotonic()
    while True:
        time.sleep(1)
        after, now, state = metrics(demo.url), time.monotonic(), health(demo.url)
        name = "pool_request_duration_seconds"
        p50, p99 = (quantile(before.buckets(name), after.buckets(name), share) or 0 for share in (0.5, 0.99))
        print(f"{demo.total(after):10d} {(demo.total(after) - demo.total(before)) / (now - since):12.0f} {p50 * 1e3:8.2f} {p99 * 1e3:8.2f} "
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
