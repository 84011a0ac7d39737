"""What custom collectors are made of."""
from .metrics import Counter, Gauge, Histogram
from .metrics_core import (
    CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric,
    StateSetMetricFamily, SummaryMetricFamily, UnknownMetricFamily, UntypedMetricFamily,
)
from .registry import CollectorRegistry, REGISTRY
from .samples import Exemplar, Sample, Timestamp

__all__ = (
    "CollectorRegistry", "Counter", "CounterMetricFamily", "Exemplar", "Gauge", "GaugeHistogramMetricFamily", "GaugeMetricFamily",
    "Histogram", "HistogramMetricFamily", "InfoMetricFamily", "Metric", "REGISTRY", "Sample", "StateSetMetricFamily",
    "SummaryMetricFamily", "Timestamp", "UnknownMetricFamily", "UntypedMetricFamily",
)
