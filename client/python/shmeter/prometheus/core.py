"""What custom collectors are made of."""
from .metrics import Counter, Gauge, Histogram, Summary
from .metrics_core import (
    CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric,
    StateSetMetricFamily, SummaryMetricFamily, UnknownMetricFamily, UntypedMetricFamily,
)
from .registry import CollectorRegistry, DuplicateTimeseries, REGISTRY
from .samples import BucketSpan, Exemplar, NativeHistogram, Sample, Timestamp
from .parts.states import Enum, Info

__all__ = (
    "BucketSpan", "CollectorRegistry", "Counter", "CounterMetricFamily", "DuplicateTimeseries", "Enum", "Exemplar",
    "Gauge",
    "GaugeHistogramMetricFamily", "GaugeMetricFamily", "Histogram", "HistogramMetricFamily", "Info", "InfoMetricFamily",
    "Metric",
    "NativeHistogram", "REGISTRY", "Sample", "StateSetMetricFamily", "Summary", "SummaryMetricFamily", "Timestamp",
    "UnknownMetricFamily",
    "UntypedMetricFamily",
)
