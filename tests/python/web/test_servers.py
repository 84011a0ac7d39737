"""A FastAPI application under gunicorn and uvicorn: what is counted is what the load generator saw answered, also when
workers are recycled and killed with -9.

Usage: test_servers.py FOLDER_WITH_THE_SHMETER_PACKAGE SHMETER_COMMAND FOLDER_OF_THE_APPLICATION
"""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PACKAGE, COMMAND, APPLICATION = map(os.path.abspath, sys.argv[1:4])
TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [TESTS]

from tap import equal, main, test, wait_for  # noqa: E402


WORKERS = 4
CLIENTS = 6
REQUESTS = 3000  # hey gives each client the same number: all numbers of requests are multiples of CLIENTS
SERIES = 'shop_http_requests_total{{method="GET",endpoint="{}",status="200"}}'


class Server:
    """A server of the application, on a port of its own, with a segment of its own."""

    def __init__(self, folder, command, listening):
        self.segment = os.path.join(folder, "segment")
        environment = {**os.environ, "SHMETER_SEGMENT": self.segment, "PYTHONPATH": PACKAGE,
                       "PYTHONDONTWRITEBYTECODE": "1"}
        self.log = os.path.join(folder, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", *command], cwd=APPLICATION, stdin=subprocess.DEVNULL,
                                            stdout=log,
                                            stderr=log, env=environment)
        try:
            found = wait_for(lambda: re.search(listening, self.said()), "the server's port")
            self.url = "http://127.0.0.1:" + found[1]
            wait_for(lambda: len(self.workers()) == WORKERS
                     and self.said().count("Application startup complete") >= WORKERS, "workers")
        except BaseException:
            self.stop()
            raise

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="utf-8") as file:
            return [int(pid) for pid in file.read().split()]

    def workers(self):
        """Processes that serve: children that have the segment mapped. (multiprocessing has a helper of its own.)"""
        return [pid for pid in self.children() if self.segment in maps(pid)]

    def dump(self):
        return subprocess.run([COMMAND, "dump", self.segment], check=True, capture_output=True, text=True).stdout

    def sample(self, name):
        """The value of a sample by name and labels, as they are printed; 0 when it is not there."""
        return sum(float(line.rpartition(" ")[2]) for line in self.dump().splitlines()
                   if line.rpartition(" ")[0] == name)

    def total(self, metric):
        """The sum over all series of a metric."""
        return sum(float(line.rpartition(" ")[2]) for line in self.dump().splitlines()
                   if re.match(re.escape(metric) + r"[{ ]", line))

    def live(self):
        """Processes that health calls live."""
        told = subprocess.run([COMMAND, "health", "--json", self.segment], capture_output=True, text=True,
                              check=False).stdout
        return {worker["pid"] for worker in json.loads(told)["segments"][0]["workers"] if worker["life"] == "live"}

    def losses(self):
        """What doctor tells of losses, and the reasons of health: none of either in a correct program, whatever became
        of its workers."""
        told = [json.loads(subprocess.run([COMMAND, command, "--json", self.segment], capture_output=True, text=True,
                                          check=False).stdout)
                for command in ("doctor", "health")]
        return [one["value"] for one in told[0]["findings"] if one["what"].startswith("loss ")] + [one["message"]
                                                                                                   for one in told[1]["reasons"]]

    def stop(self):
        children = self.children() if self.process.poll() is None else []
        self.process.terminate()
        self.process.wait()
        for pid in children:  # whom a server that has failed has left behind
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def maps(pid):
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


@contextlib.contextmanager
def gunicorn(*more):
    with tempfile.TemporaryDirectory(prefix="shmeter-test-", dir="/dev/shm") as folder:
        server = Server(folder, ["gunicorn", "--bind", "127.0.0.1:0", "--workers", str(WORKERS), "--worker-class",
                                 "uvicorn.workers.UvicornWorker", "--worker-tmp-dir", folder, "--timeout", "300", *more,
                                 "app:app"],
                        r"Listening at: http://127\.0\.0\.1:(\d+)")
        try:
            yield server
            wait_for(lambda: not server.losses(), f"no losses and no reasons: {server.losses()}")
        finally:
            server.stop()


def free_port():
    """uvicorn does not tell which port it was given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@contextlib.contextmanager
def uvicorn():
    with tempfile.TemporaryDirectory(prefix="shmeter-test-", dir="/dev/shm") as folder:
        server = Server(folder, ["uvicorn", "--host", "127.0.0.1", "--port", free_port(), "--workers", str(WORKERS),
                                 "app:app"],
                        r"running on http://127\.0\.0\.1:(\d+)")
        try:
            yield server
            wait_for(lambda: not server.losses(), f"no losses and no reasons: {server.losses()}")
        finally:
            server.stop()


def load(server, path, requests_n=REQUESTS, meanwhile=None):
    """Asks by hey, calls meanwhile() again and again until it is done. Returns (answers with 200, requests without an
    answer)."""
    done = threading.Event()
    told = []

    def run():
        told.append(subprocess.run(["hey", "-n", str(requests_n), "-c", str(CLIENTS), "-t", "0", server.url + path],
                                   capture_output=True,
                                   text=True, check=False).stdout)
        done.set()
    thread = threading.Thread(target=run)
    thread.start()
    while not done.is_set():
        if meanwhile:
            meanwhile()
        done.wait(0.02)
    thread.join()
    answers = sum(int(n) for n in re.findall(r"\[200\]\s+(\d+) responses", told[0]))
    others = re.findall(r"\[(?!200)\d+\]\s+\d+ responses", told[0])
    assert not others, told[0]
    errors = sum(int(n) for n in re.findall(r"^\s+\[(\d+)\]\s+(?!\d+ responses)", told[0], re.MULTILINE))
    assert answers + errors == requests_n, told[0]
    return answers, errors


class Watch:
    """Scrapes under load: nothing goes back."""

    def __init__(self, server, series):
        self.server, self.series, self.last = server, series, 0

    def __call__(self):
        now = self.server.sample(self.series)
        assert now >= self.last, f"{self.series} went back from {self.last} to {now}"
        self.last = now


def exact(server, path, endpoint):
    series = SERIES.format(endpoint)
    before = server.sample(series)
    answers, errors = load(server, path, meanwhile=Watch(server, series))
    equal(errors, 0, "requests without an answer")
    equal(server.sample(series) - before, answers, "growth of the counter")


def nobody_in_progress(server):
    wait_for(lambda: server.total("shop_http_requests_in_progress") == 0, "no requests in progress")


def memory_of_slots_alone(server, blocks, workers_more):
    """Series take no more memory than before. A slot that was never used is taken before a dead worker's, so each new
    worker may take one: nearly all of the segment's memory is that of the slots of the first workers and their parent,
    of which one more is at most half."""
    now = os.stat(server.segment).st_blocks
    assert now - blocks <= workers_more * blocks / (WORKERS / 2), \
        f"memory of the segment: {now} from {blocks} with {workers_more} workers more"


def survives_kills(server, kills):
    series = SERIES.format("/items/{item_id}")
    watch, killed = Watch(server, series), []
    before = server.sample(series)
    blocks = os.stat(server.segment).st_blocks

    def meanwhile():
        watch()
        if len(killed) < kills and watch.last - before > (len(killed) + 1) * REQUESTS / (kills + 2):
            victim = next(pid for pid in server.workers() if pid not in killed)
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)
    answers = errors = 0
    while len(killed) < kills:
        more = load(server, "/items/7", meanwhile=meanwhile)
        answers, errors = answers + more[0], errors + more[1]
    counted = server.sample(series) - before
    # hey asks again where a connection broke before an answer began: such a request may have been counted twice.
    assert answers <= counted <= answers + kills * CLIENTS, \
        f"{counted} counted, {answers} answered, {errors} without an answer"
    assert errors <= kills * CLIENTS, f"{errors} requests failed by {kills} kills"
    nobody_in_progress(server)
    memory_of_slots_alone(server, blocks, kills)


def whole(server):
    """A round without kills, one with them, and one after them."""
    load(server, "/items/7", 198)
    exact(server, "/items/7", "/items/{item_id}")
    survives_kills(server, 3)
    wait_for(lambda: len(server.workers()) == WORKERS, "workers in the place of those killed")
    exact(server, "/items/7", "/items/{item_id}")
    nobody_in_progress(server)


@test
def under_gunicorn_every_counter_is_what_was_answered_also_with_workers_killed():
    with gunicorn() as server:
        whole(server)


@test
def with_preload_app_too_and_health_knows_workers_before_their_first_request():
    with gunicorn("--preload") as server:
        equal(set(server.workers()) - server.live(), set(), "workers that health does not know")
        whole(server)


@test
def recycled_workers_lose_nothing_and_leave_nothing():
    with gunicorn("--max-requests", "150", "--max-requests-jitter", "50") as server:
        series = SERIES.format("/")
        load(server, "/", 300)
        blocks, before = os.stat(server.segment).st_blocks, server.sample(series)
        workers = answers = errors = 0
        while workers <= 2 * WORKERS:  # how many requests find the same one depends on how fast others come
            more = load(server, "/", meanwhile=Watch(server, series))
            answers, errors, workers = answers + more[0], errors + more[1], server.said().count("Booting worker")
        nobody_in_progress(server)
        counted, workers = server.sample(series) - before, server.said().count("Booting worker")
        assert answers <= counted <= answers + CLIENTS * workers, \
            f"{counted} counted, {answers} answered, {errors} without an answer"
        memory_of_slots_alone(server, blocks, workers - WORKERS)


@test
def under_uvicorn_with_workers_every_counter_is_what_was_answered():
    with uvicorn() as server:
        load(server, "/", 102)
        exact(server, "/", "/")
        nobody_in_progress(server)


@test
def the_application_exposes_the_numbers_of_all_workers():
    with gunicorn() as server:
        import urllib.request
        answers, _ = load(server, "/", 402)
        equal(answers, 402)
        with urllib.request.urlopen(server.url + "/metrics/") as response:
            text = response.read().decode()
        found = re.search(re.escape(SERIES.format("/"))
                          + r" ([\d.]+)|shop_http_requests_total\{endpoint=\"/\",method=\"GET\",status=\"200\"\} "
                            r"([\d.]+)", text)
        assert found, text
        equal(float(found[1] or found[2]), 402)


if __name__ == "__main__":
    main()
