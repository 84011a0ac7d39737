"""prometheus_client's interface, counted in a segment that all processes share."""
from .exposition import CONTENT_TYPE_LATEST, generate_latest
from .metrics import Counter, disable_created_metrics, enable_created_metrics, Gauge, Histogram
from .metrics_core import Metric
from .registry import CollectorRegistry, REGISTRY

__all__ = (
    "CollectorRegistry", "REGISTRY", "Metric", "Counter", "Gauge", "Histogram", "CONTENT_TYPE_LATEST", "generate_latest",
    "enable_created_metrics", "disable_created_metrics",
)
