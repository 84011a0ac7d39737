"""A segment that was filled to make formats err (tests/cli/hostile.c), in real scrapers: every label value and number
arrives, whatever the format."""

import json
import math
import os
import subprocess
import sys

from servers import Prometheus, VictoriaMetrics, equal, main, need, test, true
from tap import nothing

HOSTILE, SHMETER = map(os.path.abspath, sys.argv[3:5])
del sys.argv[3:5]

SLOW = {"scrape_interval": "1s", "scrape_timeout": "1s"}


def number(text):
    return text if not isinstance(text, str) else int(text) if text.isdigit() else float(text)


def start(bench):
    """(exporter, model): the exporter of a segment with a hostile worker, and what the model has of it."""
    name = bench.name()
    worker = bench.process([HOSTILE, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    equal(worker.stdout.readline(), b"ready\n", "the hostile worker")
    dump = subprocess.run([SHMETER, "dump", name, "--json"], stdout=subprocess.PIPE, check=True)
    return bench.exporter(f"--segment={name}"), json.loads(dump.stdout)["families"]


def wanted(families, histograms):
    """sample name -> {labels: value}, as a scraper stores them. histograms: exponential ones have classic buckets."""
    found = {}
    for family in families:
        for one in family["series"]:
            labels = {name: text for name, text in one["labels"].items() if text}
            if family["type"] == "summary":
                key = tuple(sorted(labels.items()))
                found.setdefault(family["name"] + "_count", {})[key] = number(one["count"])
                if number(one["sum"]) >= 0:  # OpenMetrics has no other ones
                    found.setdefault(family["name"] + "_sum", {})[key] = number(one["sum"])
                continue
            if family["type"] != "histogram":
                found.setdefault(family["name"], {})[tuple(sorted(labels.items()))] = number(one["value"])
                continue
            if "native" in one and not histograms:
                continue
            for bucket in one["buckets"]:
                key = tuple(sorted({**labels, "le": str(float(bucket["le"])).replace("inf", "+Inf")}.items()))
                found.setdefault(family["name"] + "_bucket", {})[key] = number(bucket["count"])
    return found


def check(server, families, histograms=True):
    server.look_at_a_scrape()
    server.was_up_all_along()
    wrong = []
    for name, series in wanted(families, histograms).items():
        got = {}
        for labels, sample in server.query(name).items():
            key = []
            for label, text in labels:
                if label == "le":
                    text = str(float(text)).replace("inf", "+Inf")
                if label not in ("__name__", "job", "instance"):
                    key.append((label, text))
            got[tuple(key)] = sample
        wrong += [f"{name}{key}" for key in got.keys() ^ series.keys()]
        wrong += [f"{name}{key}: {got[key]} for {series[key]}" for key in got.keys() & series.keys()
                  if not (got[key] == float(series[key]) or math.isnan(got[key]) and math.isnan(series[key]))]
    nothing(wrong[:20], f"{len(wrong)} series are other ones")


def scraped_as(exporter, format_):
    lines = exporter.text().split("\n")
    sample = f'shmeter_exporter_scrapes_total{{format="{format_}",coding="gzip"}} '
    assert [line for line in lines if line.startswith(sample) and not line.endswith(" 0")], "it was scraped otherwise"


@test
def prometheus_takes_the_hostile_segment_by_openmetrics(bench):
    need("prometheus")
    exporter, families = start(bench)
    check(Prometheus(bench, exporter, **SLOW), families)
    scraped_as(exporter, "openmetrics")


@test
def prometheus_takes_the_hostile_segment_by_protobuf(bench):
    need("prometheus")
    exporter, families = start(bench)
    prometheus = Prometheus(bench, exporter, features=["native-histograms"], **SLOW)
    check(prometheus, families, histograms=False)
    scraped_as(exporter, "protobuf")
    for family in families:
        for one in family["series"] if family["type"] == "histogram" else []:
            if "native" in one:
                equal(prometheus.number(f"max(histogram_count({family['name']}))"), one["count"], family["name"])


@test
def victoria_metrics_takes_the_hostile_segment(bench):
    need("victoria-metrics")
    exporter, families = start(bench)
    victoria = VictoriaMetrics(bench, exporter, **SLOW)
    victoria.look_at_a_scrape()
    true(victoria.number("count(t_any)"), "a series")
    equal(victoria.was_up_all_along() > 0, True, "scrapes")


if __name__ == "__main__":
    main()
