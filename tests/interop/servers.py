"""Real scrapers for tests, on free ports and with their data in temporary folders: Prometheus and VictoriaMetrics."""

import json
import os
import re
import shutil
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "exporter"))
from lib import (Skip, end_process, equal, main, note, segment_path, test, true, value,  # noqa: E402,F401
                 wait_for)


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Server:
    """A time series database that scrapes one exporter, twice a second; more: further settings of its scrape
    configuration.

    On a busy machine a scrape may take longer than it has, which its server takes for a failure. That is none of the
    exporter's: a test waits for a scrape that came in time, and asks about the moment of that one (look_at_a_scrape).
    """

    ready_path = None
    failure = None  # what its log says of a scrape that failed
    late = None  # and of one that came too late: a pattern

    def __init__(self, bench, exporter, **more):
        self.folder, self.moment = bench.folder(), {}
        job = {"job_name": "shop", "scrape_interval": "500ms", "scrape_timeout": "500ms",
               "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"]}], **more}
        with open(self.folder + "/scrape.yml", "w", encoding="utf-8") as file:
            json.dump({"scrape_configs": [job]}, file)  # JSON is YAML
        for _ in range(5):  # somebody may take the free port in between
            self.port = free_port()
            with open(self.folder + "/log", "wb") as log:
                self.process = bench.process(self.command(), stdout=log, stderr=log)
            if wait_for(self.has_started, "the scraper starts") == "ready":
                return
            end_process(self.process)
        raise AssertionError(self.log())

    def command(self):
        raise NotImplementedError

    def log(self):
        with open(self.folder + "/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def has_started(self):
        if self.process.poll() is not None:
            return "ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.ready_path}") as response:
                return "ready" if response.status == 200 else None
        except urllib.error.URLError:
            return None

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url) as response:
            return json.load(response)["data"]

    def query(self, expression):
        """{labels: value} of an instant query: of now, or of the scrape that is looked at."""
        result = self.get("/api/v1/query", query=expression, **self.moment)["result"]
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in result}

    def number(self, expression):
        return self.query(expression).get(())

    def wait_for_number(self, expression, wanted):
        wait_for(lambda: self.number(expression) == wanted, f"{expression} = {wanted}")

    def look_at_a_scrape(self):
        """What is asked from now on is about the last scrape that came in time."""
        self.moment = {}
        self.moment = {"time": wait_for(lambda: self.number("max(timestamp(up) and up == 1)"), "a scrape")}

    def target(self):
        return wait_for(lambda: self.get("/api/v1/targets")["activeTargets"], "a target")[0]

    def was_up_all_along(self):
        """No scrape failed but those that were late; returns how many did not."""
        failures = [line for line in self.log().splitlines() if self.failure in line]
        equal([line for line in failures if not re.search(self.late, line)], [], "failed scrapes")
        return int(self.number("sum(sum_over_time(up[1h]))"))


class Prometheus(Server):
    ready_path = "/-/ready"
    failure, late = "Scrape failed", "context deadline exceeded|timeout"

    def __init__(self, bench, exporter, features=(), **more):
        self.features = features
        super().__init__(bench, exporter, **more)

    def command(self):
        features = [f"--enable-feature={','.join(self.features)}"] if self.features else []
        return [need("prometheus"), f"--config.file={self.folder}/scrape.yml",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=debug", *features]

    def metadata(self, metric):
        """What the scraped target said of a family: type, help, unit."""
        return self.get("/api/v1/targets/metadata", metric=metric, match_target='{job="shop"}')[0]


class VictoriaMetrics(Server):
    ready_path = "/health"
    failure, late = "error when scraping", "timeout$|timed out"

    def command(self):
        return [need("victoria-metrics"), f"-promscrape.config={self.folder}/scrape.yml",
                f"-storageDataPath={self.folder}/data",
                f"-httpListenAddr=127.0.0.1:{self.port}", "-search.latencyOffset=0s", "-search.disableCache",
                "-memory.allowedBytes=128MB", "-retentionPeriod=1d"]
