"""Reads what the exporter serves: metrics in Prometheus' text format, and health. Knows the formats, not the pool."""
import json
import re
import urllib.request

SAMPLE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def fetch(url):
    with urllib.request.urlopen(url) as response:
        return response.read().decode()


class Scrape:
    """One exposition."""

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            match = SAMPLE.fullmatch(line)
            if match:
                self.samples.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))

    def series(self, name, *labels):
        """Values by the given labels."""
        return {tuple(have[label] for label in labels): value for got, have, value in self.samples if got == name}

    def total(self, name):
        return sum(value for got, _, value in self.samples if got == name)

    def buckets(self, name):
        """Upper bound -> how many were at most that, over all series of a histogram, in ascending order."""
        counts = {}
        for got, labels, value in self.samples:
            if got == name + "_bucket":
                bound = float(labels["le"])
                counts[bound] = counts.get(bound, 0) + value
        return dict(sorted(counts.items()))


def metrics(url):
    return Scrape(fetch(url + "/metrics"))


def health(url):
    try:
        return json.loads(fetch(url + "/health"))
    except urllib.error.HTTPError as error:  # 503 has the same body
        return json.loads(error.read())


def quantile(before, after, share):
    """The value below which this share of what was observed between two sets of buckets lies, as Prometheus
    interpolates it."""
    new = [(bound, count - before.get(bound, 0)) for bound, count in after.items()]
    if not new or new[-1][1] <= 0:
        return None
    wanted, low, below = share * new[-1][1], 0.0, 0.0
    for bound, count in new:
        if count >= wanted:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / max(count - below, 1)
        low, below = bound, count
    return low
