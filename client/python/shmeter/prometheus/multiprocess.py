"""For programs that were written for prometheus_client's multi-process mode: everything is shared already."""

import json
import os
from collections import defaultdict
from typing import Any, Dict, Iterable, Tuple

from .. import store
from . import refresh
from .metrics import Gauge as Gauge
from .metrics_core import Metric as Metric
from .mmap_dict import MmapedDict as MmapedDict
from .registry import of_segment
from .samples import Sample as Sample
from .utils import floatToGoString as floatToGoString

Labels = Tuple[Tuple[str, str], ...]


class MultiProcessCollector:
    """All metrics of the segment, whichever process made them. path is not used."""

    shmeter_publish = False
    _is_whole = True  # a registry that has one needs nothing else of the segment

    def __init__(self, registry, path=None):
        if registry:
            registry.register(self)

    def collect(self):
        """The families of all processes, without _created."""
        refresh.refresh()
        families = of_segment(created=False)
        refresh.leave()
        return families

    def _render(self, openmetrics):
        """The same as text, in C."""
        refresh.refresh()
        text = store.shared().expose(openmetrics)
        refresh.leave()
        return text

    @staticmethod
    def merge(files: Iterable[str], accumulate: bool = True) -> Iterable[Metric]:
        """The families of files that prometheus_client has left. accumulate: buckets as they are exposed, and a count;
        else as files have them."""
        return MultiProcessCollector._accumulate_metrics(MultiProcessCollector._read_metrics(files), accumulate)

    @staticmethod
    def _read_metrics(files: Iterable[str]) -> Dict[str, Metric]:
        """{name: family} with the samples of all files; labels are tuples, and of gauges the process and its mode are
        told."""
        metrics: Dict[str, Metric] = {}
        for path in files:
            kind, *more = os.path.basename(path).split("_")
            try:
                entries = list(MmapedDict.read_all_values_from_file(path))
            except FileNotFoundError:
                if kind == "gauge" and more[0].startswith("live"):
                    continue  # its process has died, and somebody was told
                raise
            for key, value, timestamp, _ in entries:
                metric_name, name, labels, documentation = json.loads(key)
                metric = metrics.setdefault(metric_name, Metric(metric_name, documentation, kind))
                pairs: Any = tuple(sorted(labels.items()))
                if kind == "gauge":
                    setattr(metric, "_multiprocess_mode", more[0])
                    pairs += (("pid", more[1].rpartition(".")[0]),)
                metric.add_sample(name, pairs, value, timestamp if kind == "gauge" else None)
        return metrics

    @staticmethod
    def _accumulate_metrics(metrics: Dict[str, Metric], accumulate: bool) -> Iterable[Metric]:
        """The same with one sample for each name and labels."""
        for metric in metrics.values():
            merge = {"gauge": _merged_gauge, "histogram": _merged_histogram}.get(metric.type, _merged)
            numbers = merge(metric, accumulate)
            metric.samples = [Sample(name, dict(labels), value) for (name, labels), value in numbers.items()]
        return metrics.values()


def _merged(metric, _accumulate):
    numbers = defaultdict(float)  # (name, labels) -> value
    for sample in metric.samples:
        numbers[sample.name, sample.labels] += sample.value
    return numbers


def _merged_gauge(metric, _accumulate):
    mode = getattr(metric, "_multiprocess_mode", "all")
    how, numbers, stamps = mode.removeprefix("live"), {}, defaultdict(float)
    for sample in metric.samples:
        labels = sample.labels if how == "all" else tuple(pair for pair in sample.labels if pair[0] != "pid")
        key, stamp = (sample.name, labels), float(sample.timestamp or 0)
        if key not in numbers:
            numbers[key], stamps[key] = sample.value, stamp
        elif how == "mostrecent":
            numbers[key], stamps[key] = max((stamps[key], numbers[key]), (stamp, sample.value))[::-1]
        else:
            numbers[key] = {"min": min, "max": max, "sum": lambda a, b: a + b}.get(how, lambda _, last: last)(
                numbers[key], sample.value
            )
    return numbers


def _merged_histogram(metric, accumulate):
    numbers, buckets = {}, defaultdict(lambda: defaultdict(float))
    for (name, labels), value in _merged(metric, accumulate).items():
        bound = dict(labels).get("le")
        if bound is None:
            numbers[name, labels] = value
        else:
            buckets[tuple(pair for pair in labels if pair[0] != "le")][float(bound)] += value
    for labels, of in buckets.items():
        below = 0.0
        for bound, value in sorted(of.items()):
            below += value
            numbers[metric.name + "_bucket", (*labels, ("le", floatToGoString(bound)))] = below if accumulate else value
        if accumulate:
            numbers[metric.name + "_count", labels] = below
    return numbers


def mark_process_dead(pid, path=None):
    """Does nothing: readers see by themselves that a worker has died."""
