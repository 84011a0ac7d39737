"""uWSGI: its workers count together, each refreshes its values where it may run threads, and where it may not no value
stands still unnoticed."""
import http.client
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess

from lib import FOLDER, Skip, equal, main, test, wait_for

import shmeter

PROGRAM = """
import itertools
import os
import time
if os.environ.get("HOOK") == "before":
    import uwsgi
    hooked = []
    uwsgi.post_fork_hook = lambda: hooked[0]()
import shmeter.prometheus as prometheus
from shmeter.prometheus.core import GaugeMetricFamily

requests = prometheus.Counter("requests", "R.")
turn = itertools.count(1)
preloaded = prometheus.Gauge("preloaded", "P.", multiprocess_mode="all")
preloaded.set_function(os.getpid)
prometheus.Gauge("by_function", "F.").set_function(lambda: next(turn))


class Collector:
    def collect(self):
        yield GaugeMetricFamily("by_collector", "C.", value=next(turn))


prometheus.REGISTRY.register(Collector())


def busy():
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    return 1


if os.environ.get("HOOK"):
    inc = prometheus.Counter("hooked", "H.").inc
    if os.environ["HOOK"] == "before":
        hooked.append(inc)
    elif os.environ["HOOK"] == "after":
        import uwsgi
        uwsgi.post_fork_hook = inc
    else:
        import uwsgidecorators
        uwsgidecorators.postfork(inc)

if os.environ.get("BUSY"):
    prometheus.Gauge("busy", "B.").set_function(busy)
    time.sleep(0.1)  # a thread that evaluates it has the interpreter now, if there is one, and asks for it again while this one forks


def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/metrics":
        return [prometheus.generate_latest()]
    requests.inc()
    return [b"counted"]
"""


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=300)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)  # a worker that stands still fails its test
        self.sock.connect(self.path)


class Server:
    """uWSGI with two workers on a Unix socket, and a segment of its own."""

    def __init__(self, name, *options, processes=2, master=True, **environment):
        if not shutil.which("uwsgi"):
            raise Skip("uwsgi is missing (uwsgi-core, uwsgi-plugin-python3)")
        self.folder = os.path.join(FOLDER.name, name)
        os.mkdir(self.folder)
        self.segment, self.socket, self.log = (os.path.join(self.folder, word) for word in ("segment", "socket", "log"))
        program = os.path.join(self.folder, "program.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["uwsgi", "--plugin", "python3", "--http-socket", self.socket, "--wsgi-file", program,
                 "--processes", str(processes), *(["--master"] if master else []), "--die-on-term", "--need-app",
                 "--no-orphans", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "SHMETER_SEGMENT": self.segment, "PYTHONDONTWRITEBYTECODE": "1", **environment})

    def __enter__(self):
        wait_for(lambda: self.process.poll() is not None or self.ask("/") == "counted", "the server")
        if self.process.poll() is not None and "python3" in self.said() and "unable to load" in self.said().lower():
            raise Skip("uWSGI's plugin for Python is missing (uwsgi-plugin-python3)")
        equal(self.process.poll(), None, self.said())
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:  # a worker stands still
            self.process.kill()
            self.process.wait()

    def ask(self, path):
        connection = Connection(self.socket)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def workers(self):
        """The processes that answer."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def exposed(self):
        """{sample: value} as the exporter has them."""
        lines = (line.rpartition(" ") for line in shmeter.open(self.segment).expose().decode().splitlines()
                 if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


@test
def without_threads_values_that_nobody_refreshes_are_not_left_to_be_seen():
    with Server("without") as server:
        for _ in range(9):
            server.ask("/")
        text = server.ask("/metrics")
        assert re.search(r"^by_function \d", text, re.M) and re.search(r"^by_collector \d", text, re.M), \
            "its own scrape has them"
        equal(server.exposed(), {"requests_total": 10})
        said = [line for line in server.said().splitlines()
                if "RuntimeWarning: uWSGI runs no threads here (enable-threads)" in line]
        equal(len(said), 1, server.said())


@test
def with_threads_each_worker_refreshes_its_values():
    with Server("with", "--enable-threads") as server:
        first = server.exposed().get("by_function", 0)
        wait_for(lambda: server.exposed().get("by_function", 0) > first + 1 and server.exposed().get("by_collector"),
                 "the thread of a worker")
        wanted = {f'preloaded{{pid="{pid}"}}': pid for pid in server.workers()}
        equal(len(wanted), 2)
        wait_for(lambda: {name: value for name, value in server.exposed().items()
                          if name.startswith("preloaded")} == wanted,
                 "the values of both workers, and none of their parent, which would stand still")
        assert "RuntimeWarning" not in server.said(), server.said()


@test
def no_thread_has_the_interpreter_while_uwsgi_forks():
    with Server("busy", "--enable-threads", BUSY="1") as server:
        wait_for(lambda: server.exposed().get("busy") == 1, "the thread of a worker")


@test
def a_worker_that_loads_the_program_itself_refreshes_its_values():
    with Server("lazy", "--enable-threads", "--lazy-apps") as server:
        wanted = {f'preloaded{{pid="{pid}"}}': pid for pid in server.workers()}
        wait_for(lambda: wanted.items() <= server.exposed().items(), "the values of both workers")


@test
def the_only_worker_may_be_the_process_that_loaded_the_program():
    with Server("alone", "--enable-threads", processes=1, master=False) as server:
        name = f'preloaded{{pid="{server.process.pid}"}}'
        wait_for(lambda: server.exposed().get(name) == server.process.pid, "the value of the worker")


@test
def a_hook_of_the_program_that_uwsgi_calls_after_its_fork_is_called():
    for when in ("before", "after", "decorator"):
        if when == "decorator" and not importlib.util.find_spec("uwsgidecorators"):
            raise Skip("the decorators of uWSGI are missing (python3-uwsgidecorators)")
        with Server(when, "--enable-threads", HOOK=when) as server:
            wanted = {f'preloaded{{pid="{pid}"}}': pid for pid in server.workers()}
            wait_for(lambda: wanted.items() <= server.exposed().items(), "the values of both workers")
            wait_for(lambda: server.exposed().get("hooked_total") == 2, "the program's hooks, which come behind ours")


if __name__ == "__main__":
    main()
