"""What custom collectors are made of."""
from .metrics import Counter, Gauge, Histogram, Summary
from .metrics_core import (
    CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily, Metric,
    StateSetMetricFamily, SummaryMetricFamily, UnknownMetricFamily, UntypedMetricFamily,
)
from .registry import CollectorRegistry, REGISTRY
from .samples import Exemplar, Sample, Timestamp
from .states import Enum, Info

__all__ = (
    "CollectorRegistry", "Counter", "CounterMetricFamily", "Enum", "Exemplar", "Gauge", "GaugeHistogramMetricFamily", "GaugeMetricFamily",
    "Histogram", "HistogramMetricFamily", "Info", "InfoMetricFamily", "Metric", "REGISTRY", "Sample", "StateSetMetricFamily", "Summary",
    "SummaryMetricFamily", "Timestamp", "UnknownMetricFamily", "UntypedMetricFamily",
)
