"""An exporter built by AddressSanitizer answers all sorts of requests, reads other files, and ends: no memory is left.

Usage: test_exporter.py EXPORTER FEEDER [TEST...]
"""
import gzip
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "exporter"))
from lib import equal, main, test  # noqa: E402
from tap import nothing  # noqa: E402

FORMATS = ("text/plain", "application/openmetrics-text; version=1.0.0",
           "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited")
CONFIG = """\
segments:
  - name: {segment}
    labels: {{ pool: {pool} }}
    prefix: {pool}_
    deny: ["shop_secret.*"]
    idle_timeout: 1h
health:
  rules:
    - name: errors
      expr: sum(rate(shop_requests_total{{status=~"5.."}}[5s])) / sum(rate(shop_requests_total[5s])) > 0.05
      for: 1s
  summaries:
    - histogram: shop_latency_seconds
      by: [route]
      apdex: 0.1
"""
WRONG = "health: { rules: [{ name: errors, expr: 'sum(rate(' }] }\n"


def write(path, text):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def fed(bench, name):
    feeder = bench.feeder(name)
    for line in (("requests", "GET", 200, 9), ("requests", "GET", 500, 2), ("latency", "/", 0.2, 3), ("work", 0.5, 2),
                 ("active", 1), ("temperature", 20), ("build", "1.0"), ("many", 0, 300), ("check", "disk", 1, "slow")):
        feeder.do(*line)
    return feeder


def ends_clean(exporter):
    """It has ended by itself, with nothing to complain of."""
    equal(exporter.stop(), 0, "".join(exporter.log))
    nothing([line for line in exporter.log if "Sanitizer" in line or "runtime error" in line], "complaints")


def scrape_all(exporter):
    for accept in FORMATS:
        bodies = []
        for coding in ("identity", "gzip"):
            response = exporter.ask("/metrics", headers={"Accept": accept, "Accept-Encoding": coding})
            equal((response.status, response.getheader("Content-Encoding", "identity")), (200, coding), accept)
            bodies.append(gzip.decompress(response.body) if coding == "gzip" else response.body)
        equal([b"shop_many" in body for body in bodies], [True, True], accept)


@test
def scrapes_of_every_format_and_coding_leave_nothing_behind(bench):
    name = bench.name()
    fed(bench, name)
    exporter = bench.exporter(f"--segment={name}")
    for _ in range(3):
        scrape_all(exporter)
    for path in ("/", "/health", "/-/healthy", "/-/ready", "/api/v1/summary", "/none"):
        exporter.ask(path)
    ends_clean(exporter)


@test
def workers_segments_and_series_that_come_and_go_leave_nothing_behind(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}*")
    for number in range(3):
        feeder = fed(bench, f"{name}{number}")
        scrape_all(exporter)
        feeder.do("many", 300, 600 + 300 * number)
        scrape_all(exporter)
        feeder.kill()
        scrape_all(exporter)
        os.unlink(f"/dev/shm/shmeter.{name}{number}.v1")
        equal(exporter.ask("/metrics").status, 200)
    ends_clean(exporter)


@test
def files_read_again_right_and_wrong_leave_nothing_behind(bench):
    name, path = bench.name(), bench.folder() + "/config.yml"
    fed(bench, name)
    write(path, CONFIG.format(segment=name, pool="a"))
    exporter = bench.exporter(f"--segment={name}", f"--config.file={path}", "--web.enable-lifecycle")
    for text, status in ((CONFIG.format(segment=name, pool="b"), 200), (WRONG, 500), ("a: [", 500),
                         (CONFIG.format(segment=name, pool="c"), 200)):
        scrape_all(exporter)
        equal(exporter.ask("/health").status, 200)
        equal(exporter.ask("/api/v1/summary").status, 200)
        write(path, text)
        equal(exporter.ask("/-/reload", "POST").status, status, text)
    scrape_all(exporter)
    ends_clean(exporter)


if __name__ == "__main__":
    main()
