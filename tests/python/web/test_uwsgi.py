"""uWSGI: its workers count together, and where it runs no threads no value stands still unnoticed."""
import http.client
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
import shmeter.prometheus as prometheus
from shmeter.prometheus.core import GaugeMetricFamily

requests = prometheus.Counter("requests", "R.")
turn = itertools.count(1)
prometheus.Gauge("by_function", "F.").set_function(lambda: next(turn))


class Collector:
    def collect(self):
        yield GaugeMetricFamily("by_collector", "C.", value=next(turn))


prometheus.REGISTRY.register(Collector())


def application(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/metrics":
        return [prometheus.generate_latest()]
    requests.inc()
    return [b"counted"]
"""


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Server:
    """uWSGI with two workers on a Unix socket, and a segment of its own."""

    def __init__(self, name, *options):
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
                ["uwsgi", "--plugin", "python3", "--http-socket", self.socket, "--wsgi-file", program, "--processes", "2", "--master",
                 "--die-on-term", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "SHMETER_SEGMENT": self.segment, "PYTHONDONTWRITEBYTECODE": "1"})

    def __enter__(self):
        wait_for(lambda: self.process.poll() is not None or self.ask("/") == "counted", "the server")
        if self.process.poll() is not None and "python3" in self.said() and "unable to load" in self.said().lower():
            raise Skip("uWSGI's plugin for Python is missing (uwsgi-plugin-python3)")
        equal(self.process.poll(), None, self.said())
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def ask(self, path):
        connection = Connection(self.socket)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def exposed(self):
        """{sample: value} as the exporter has them."""
        lines = (line.rpartition(" ") for line in shmeter.open(self.segment).expose().decode().splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}


@test
def without_threads_values_that_nobody_refreshes_are_not_left_to_be_seen():
    with Server("without") as server:
        for _ in range(9):
            server.ask("/")
        text = server.ask("/metrics")
        assert re.search(r"^by_function \d", text, re.M) and re.search(r"^by_collector \d", text, re.M), "its own scrape has them"
        equal(server.exposed(), {"requests_total": 10})
        said = [line for line in server.said().splitlines() if "RuntimeWarning: uWSGI runs no threads here (enable-threads)" in line]
        equal(len(said), 1, server.said())


@test
def with_threads_values_are_refreshed():
    with Server("with", "--enable-threads") as server:
        first = server.exposed().get("by_function", 0)
        wait_for(lambda: server.exposed().get("by_function", 0) > first + 1 and server.exposed().get("by_collector"), "the thread of a worker")
        assert "RuntimeWarning" not in server.said(), server.said()


if __name__ == "__main__":
    main()
