"""What OpenMetrics 1.0 forbids beyond its grammar: of a family's samples, one after the other and all together."""

import math
from typing import Dict, List, Optional, Set, Tuple

from ...names import sample_names
from ..metrics_core import Metric
from ..samples import Sample
from ..utils import floatToGoString

COUNTS = ("_total", "_sum", "_count", "_bucket", "_gcount")  # what only grows, or counts
UNITLESS = ("info", "stateset")
HISTOGRAMS = ("histogram", "gaugehistogram")

Labels = Tuple[Tuple[str, str], ...]


def _is_canonical(text):
    """Whether a bound is spelled as it must be: infinity in one way."""
    return float(text) != math.inf or text == floatToGoString(math.inf)


def _number(labels, name, line, why):
    """The number that a label has."""
    try:
        value = float(labels[name])
    except (KeyError, ValueError):
        raise ValueError(f"Invalid {why} label: {line}") from None
    if math.isnan(value) or not _is_canonical(labels[name]):
        raise ValueError(f"Invalid {why} label: {line}")
    return value


def _seconds(stamp):
    return None if stamp is None else float(stamp)


class Family:
    """A family that is being read, and what has been seen of it."""

    def __init__(self, name: str):
        self.name, self.kind = name, "unknown"
        self.said: Dict[str, str] = {}  # HELP, TYPE and UNIT
        self.samples: List[Sample] = []
        self._group: Optional[Labels] = None
        self._groups: Set[Labels] = set()
        self._stamp = None
        self._at_stamp: Set[Tuple[str, Labels]] = set()  # series of the group that have a sample of this time

    def has(self, sample: Sample) -> bool:
        """Whether a sample belongs to it, by its name."""
        if self.kind in ("counter", "info") or (self.kind in HISTOGRAMS and not sample.native_histogram):
            return sample.name in sample_names(self.name, self.kind)[1:]
        return sample.name in sample_names(self.name, self.kind)

    def say(self, word: str, text: str, line: str) -> None:
        """What a line of metadata says."""
        if self.samples:
            raise ValueError("Received metadata after samples: " + line)
        if word in self.said:
            raise ValueError(f"More than one {word} for metric: {line}")
        self.said[word] = text
        if word == "TYPE":
            self.kind = text

    def add(self, sample: Sample, line: str) -> None:
        """One more sample. One that the time of another hides, because times have no more digits, is left out."""
        self._judge(sample, line)
        if sample.native_histogram or not self._is_hidden(sample, line):
            self.samples.append(sample)

    # ---- one sample ----

    def _judge(self, sample, line):
        suffix = sample.name[len(self.name) :]
        if sample.native_histogram:
            if self.kind != "histogram" or suffix:
                raise ValueError("Invalid line: " + line)
            return
        if self.kind == "stateset":
            self._judge_state(sample, line)
        elif self.kind == "info" and sample.value != 1:
            raise ValueError("Info samples can only have value one: " + line)
        elif self.kind == "summary" and not suffix:
            self._judge_quantile(sample, line)
        if self.kind in HISTOGRAMS and suffix == "_bucket":
            _number(sample.labels, "le", line, "le")
        self._judge_count(sample, suffix, line)
        if sample.exemplar and not (
            self.kind in HISTOGRAMS and suffix == "_bucket" or self.kind == "counter" and suffix == "_total"
        ):
            raise ValueError(
                "Invalid line only histogram/gaugehistogram buckets and counters can have exemplars: " + line
            )

    def _judge_state(self, sample, line):
        if self.name not in sample.labels:
            raise ValueError("Stateset missing label: " + line)
        if sample.value not in (0, 1):
            raise ValueError("Stateset samples can only have values zero and one: " + line)

    def _judge_quantile(self, sample, line):
        if not 0 <= _number(sample.labels, "quantile", line, "quantile") <= 1:
            raise ValueError("Invalid quantile label: " + line)
        if sample.value < 0:
            raise ValueError("Quantile values cannot be negative: " + line)

    def _judge_count(self, sample, suffix, line):
        if self.kind in ("unknown", "gauge", "info", "stateset"):
            return
        if suffix in ("_bucket", "_count", "_gcount") and sample.value != math.inf and sample.value % 1:
            raise ValueError(("Bucket" if suffix == "_bucket" else "Count") + " value must be an integer: " + line)
        if suffix in (*COUNTS, "_gsum") and math.isnan(sample.value):
            raise ValueError("Counter-like samples cannot be NaN: " + line)
        if suffix in COUNTS and sample.value < 0:
            raise ValueError("Counter-like samples cannot be negative: " + line)

    # ---- groups: samples of the same labels, but for those that make a metric of several samples ----

    def group_of(self, sample: Sample) -> Labels:
        """The labels that a sample shares with others of its metric."""
        suffix = sample.name[len(self.name) :]
        own = {"summary": "" if suffix else "quantile", "stateset": self.name}.get(self.kind, "")
        if self.kind in HISTOGRAMS and suffix == "_bucket":
            own = "le"
        return () if self.kind == "info" else tuple(sorted(pair for pair in sample.labels.items() if pair[0] != own))

    def _is_hidden(self, sample, line):
        group, series = self.group_of(sample), (sample.name, tuple(sorted(sample.labels.items())))
        if group != self._group:
            if group in self._groups:
                raise ValueError("Invalid metric grouping: " + line)
            self._at_stamp = set()
        elif (sample.timestamp is None) != (self._stamp is None):
            raise ValueError("Mix of timestamp presence within a group: " + line)
        elif self._stamp is not None and float(self._stamp) > float(sample.timestamp) and self.kind != "info":
            raise ValueError("Timestamps went backwards within a group: " + line)
        hidden = sample.timestamp == self._stamp and series in self._at_stamp
        self._at_stamp.add(series)
        self._group, self._stamp = group, sample.timestamp
        self._groups.add(group)
        return hidden

    # ---- all of it ----

    def family(self, seen: Set[str]) -> Metric:
        """The family as a value. seen: names of those before it, to which its own are added."""
        unit = self.said.get("UNIT", "")
        if unit and not self.name.endswith("_" + unit):
            raise ValueError("Unit does not match metric name: " + self.name)
        if unit and self.kind in UNITLESS:
            raise ValueError("Units not allowed for this metric type: " + self.name)
        for name in sample_names(self.name, self.kind):
            if name in seen:
                raise ValueError("Clashing name: " + name)
            seen.add(name)
        if self.kind in HISTOGRAMS:
            self._judge_histograms()
        metric = Metric(self.name, self.said.get("HELP", ""), self.kind, unit)
        metric.samples = self.samples
        return metric

    def _judge_histograms(self):
        metrics: Dict[Tuple[Labels, Optional[float]], List[Sample]] = {}
        for sample in self.samples:
            if not sample.native_histogram:
                metrics.setdefault((self.group_of(sample), _seconds(sample.timestamp)), []).append(sample)
        for samples in metrics.values():
            judge_histogram(self.name, samples)


def judge_histogram(name: str, samples: List[Sample]) -> None:
    """ValueError: these are not the samples of one histogram at one time."""
    bounds, counts, others = [], [], {}
    for sample in samples:
        if sample.name == name + "_bucket":
            bounds.append(float(sample.labels["le"]))
            counts.append(sample.value)
        else:
            others[sample.name[len(name) :]] = sample.value
    if any(bound <= before for before, bound in zip(bounds, bounds[1:])):
        raise ValueError("Buckets out of order: " + name)
    if any(count < before for before, count in zip(counts, counts[1:])):
        raise ValueError("Bucket values out of order: " + name)
    if not bounds or bounds[-1] != math.inf:
        raise ValueError("+Inf bucket missing: " + name)
    _judge_others(name, bounds[0] < 0, counts[-1], others)


def _judge_others(name, negative, last, others):
    count = others.get("_count", others.get("_gcount"))
    if count is not None and count != last:
        raise ValueError("Count does not match +Inf value: " + name)
    for total, of in (("_sum", "_count"), ("_gsum", "_gcount")):
        if total in others and count is None:
            raise ValueError(f"{of} must be present if {total} is present: {name}")
    if count is not None and not {"_sum", "_gsum"} & others.keys():
        raise ValueError("_sum/_gsum must be present if _count is present: " + name)
    if negative and "_sum" in others:
        raise ValueError("Cannot have _sum with negative buckets: " + name)
    if not negative and others.get("_gsum", 0) < 0:
        raise ValueError("Cannot have negative _gsum with non-negative buckets: " + name)
