"""Families as values: what collectors give to registries and encoders."""
from typing import Dict, Iterable, List, Optional, Sequence, Tuple, Union

from ..names import (  # people import them from here
    METRIC_LABEL_NAME_RE as METRIC_LABEL_NAME_RE, METRIC_NAME_RE as METRIC_NAME_RE,
    RESERVED_METRIC_LABEL_NAME_RE as RESERVED_METRIC_LABEL_NAME_RE,
)
from .samples import (
    Exemplar as Exemplar, NativeHistogram as NativeHistogram, Sample as Sample, Timestamp as Timestamp,
)
from .validation import _validate_metric_name

METRIC_TYPES = ("counter", "gauge", "summary", "histogram", "gaugehistogram", "unknown", "info", "stateset")

Stamp = Optional[Union[Timestamp, float]]
Bucket = Union[Tuple[str, float], Tuple[str, float, Exemplar]]  # le, count, and perhaps an exemplar


class Metric:
    """A family and its samples."""

    def __init__(self, name: str, documentation: str, typ: str, unit: str = ""):
        if unit and not name.endswith("_" + unit):
            name += "_" + unit
        _validate_metric_name(name)
        typ = "unknown" if typ == "untyped" else typ
        if typ not in METRIC_TYPES:
            raise ValueError("Invalid metric type: " + typ)
        self.name: str = name
        self.documentation: str = documentation
        self.unit: str = unit
        self.type: str = typ
        self.samples: List[Sample] = []

    def add_sample(self, name: str, labels: Dict[str, str], value: float, timestamp: Stamp = None,
                   exemplar: Optional[Exemplar] = None, native_histogram: Optional[NativeHistogram] = None) -> None:
        """Adds a sample by its whole name."""
        self.samples.append(Sample(name, labels, value, timestamp, exemplar, native_histogram))

    def _key(self):
        return self.name, self.documentation, self.type, self.unit, self.samples

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and self._key() == other._key()

    def __repr__(self) -> str:
        return "Metric({}, {}, {}, {}, {})".format(*self._key())

    def _restricted_metric(self, names: Iterable[str]):
        """The same with the samples of these names only; None: it has none of them."""
        samples = [sample for sample in self.samples if sample.name in names]
        if not samples:
            return None
        metric = Metric(self.name, self.documentation, self.type)
        metric.samples = samples
        return metric


class _Family(Metric):
    """What the families for collectors have in common: label names, and one value at once or add_metric() for each
    label set."""

    def __init__(self, name, documentation, typ, labels, values, unit="", words="value"):
        super().__init__(name, documentation, typ, unit)
        given = [value for value in values if value is not None]
        if labels is not None and given:
            raise ValueError(f"Can only specify at most one of {words} and labels.")
        self._labelnames = tuple(labels or ())

    def _add(self, suffix, labels, value, timestamp, more=(), exemplar=None):
        names = dict(zip(self._labelnames, labels))
        names.update(more)
        self.samples.append(Sample(self.name + suffix, names, value, timestamp, exemplar))


class UnknownMetricFamily(_Family):
    """A value of which nobody knows what it is."""

    def __init__(self, name: str, documentation: str, value: Optional[float] = None,
                 labels: Optional[Sequence[str]] = None,
                 unit: str = ""):
        super().__init__(name, documentation, "unknown", labels, [value], unit)
        if value is not None:
            self.add_metric([], value)

    def add_metric(self, labels: Sequence[str], value: float, timestamp: Stamp = None) -> None:
        self._add("", labels, value, timestamp)


UntypedMetricFamily = UnknownMetricFamily


class CounterMetricFamily(_Family):
    """A value that only grows."""

    def __init__(self, name: str, documentation: str, value: Optional[float] = None,
                 labels: Optional[Sequence[str]] = None,
                 created: Optional[float] = None, unit: str = "", exemplar: Optional[Exemplar] = None):
        name = name[:-len("_total")] if name.endswith("_total") else name
        super().__init__(name, documentation, "counter", labels, [value], unit)
        if value is not None:
            self.add_metric([], value, created, exemplar=exemplar)

    def add_metric(self, labels: Sequence[str], value: float, created: Optional[float] = None, timestamp: Stamp = None,
                   exemplar: Optional[Exemplar] = None) -> None:
        """One label set. created: seconds since 1970."""
        self._add("_total", labels, value, timestamp, exemplar=exemplar)
        if created is not None:
            self._add("_created", labels, created, timestamp)


class GaugeMetricFamily(_Family):
    """A value that goes up and down."""

    def __init__(self, name: str, documentation: str, value: Optional[float] = None,
                 labels: Optional[Sequence[str]] = None,
                 unit: str = ""):
        super().__init__(name, documentation, "gauge", labels, [value], unit)
        if value is not None:
            self.add_metric([], value)

    def add_metric(self, labels: Sequence[str], value: float, timestamp: Stamp = None) -> None:
        self._add("", labels, value, timestamp)


class SummaryMetricFamily(_Family):
    """Count and sum of observations."""

    def __init__(self, name: str, documentation: str, count_value: Optional[int] = None,
                 sum_value: Optional[float] = None,
                 labels: Optional[Sequence[str]] = None, unit: str = ""):
        Metric.__init__(self, name, documentation, "summary", unit)
        if (sum_value is None) != (count_value is None):
            raise ValueError("count_value and sum_value must be provided together.")
        if labels is not None and count_value is not None:
            raise ValueError("Can only specify at most one of value and labels.")
        self._labelnames = tuple(labels or ())
        if count_value is not None and sum_value is not None:
            self.add_metric([], count_value, sum_value)

    def add_metric(self, labels: Sequence[str], count_value: int, sum_value: float, timestamp: Stamp = None) -> None:
        self._add("_count", labels, count_value, timestamp)
        self._add("_sum", labels, sum_value, timestamp)


class HistogramMetricFamily(_Family):
    """Observations in cumulative buckets."""

    def __init__(self, name: str, documentation: str, buckets: Optional[Sequence[Bucket]] = None,
                 sum_value: Optional[float] = None,
                 labels: Optional[Sequence[str]] = None, unit: str = ""):
        Metric.__init__(self, name, documentation, "histogram", unit)
        if sum_value is not None and buckets is None:
            raise ValueError("sum value cannot be provided without buckets.")
        if labels is not None and buckets is not None:
            raise ValueError("Can only specify at most one of buckets and labels.")
        self._labelnames = tuple(labels or ())
        if buckets is not None:
            self.add_metric([], buckets, sum_value)

    def add_metric(self, labels: Sequence[str], buckets: Sequence[Bucket], sum_value: Optional[float],
                   timestamp: Stamp = None) -> None:
        """buckets: (le, count) or (le, count, exemplar), in order, +Inf last. A sum is for what cannot be negative."""
        for bucket in buckets:
            names = dict(zip(self._labelnames, labels), le=bucket[0])
            self.samples.append(Sample(self.name + "_bucket", names, bucket[1], timestamp,
                                       bucket[2] if len(bucket) == 3 else None))
        if float(buckets[0][0]) >= 0 and sum_value is not None:
            self._add("_count", labels, buckets[-1][1], timestamp)
            self._add("_sum", labels, sum_value, timestamp)


class GaugeHistogramMetricFamily(_Family):
    """A histogram of what there is now."""

    def __init__(self, name: str, documentation: str, buckets: Optional[Sequence[Tuple[str, float]]] = None,
                 gsum_value: Optional[float] = None, labels: Optional[Sequence[str]] = None, unit: str = ""):
        super().__init__(name, documentation, "gaugehistogram", labels, [buckets], unit, "buckets")
        if buckets is not None:
            self.add_metric([], buckets, gsum_value)

    def add_metric(self, labels: Sequence[str], buckets: Sequence[Tuple[str, float]], gsum_value: Optional[float],
                   timestamp: Stamp = None) -> None:
        for le, count in buckets:
            self._add("_bucket", labels, count, timestamp, {"le": le})
        self._add("_gcount", labels, buckets[-1][1], timestamp)
        self._add("_gsum", labels, gsum_value, timestamp)


class InfoMetricFamily(_Family):
    """Constant 1, whose labels say something."""

    def __init__(self, name: str, documentation: str, value: Optional[Dict[str, str]] = None,
                 labels: Optional[Sequence[str]] = None):
        super().__init__(name, documentation, "info", labels, [value])
        if value is not None:
            self.add_metric([], value)

    def add_metric(self, labels: Sequence[str], value: Dict[str, str], timestamp: Stamp = None) -> None:
        self._add("_info", labels, 1, timestamp, value)


class StateSetMetricFamily(_Family):
    """Which of some states hold."""

    def __init__(self, name: str, documentation: str, value: Optional[Dict[str, bool]] = None,
                 labels: Optional[Sequence[str]] = None):
        super().__init__(name, documentation, "stateset", labels, [value])
        if value is not None:
            self.add_metric([], value)

    def add_metric(self, labels: Sequence[str], value: Dict[str, bool], timestamp: Stamp = None) -> None:
        for state, holds in sorted(value.items()):
            self._add("", labels, 1 if holds else 0, timestamp, {self.name: state})
