"""What Python's garbage collector has done."""
import gc
from typing import Iterable

from .metrics_core import CounterMetricFamily as CounterMetricFamily, Metric as Metric
from .registry import Collector as Collector, CollectorRegistry as CollectorRegistry, REGISTRY as REGISTRY

FAMILIES = (
    ("python_gc_objects_collected", "Objects collected during gc", "collected"),
    ("python_gc_objects_uncollectable", "Uncollectable object found during GC", "uncollectable"),
    ("python_gc_collections", "Number of times this generation was collected", "collections"),
)


class GCCollector(Collector):
    """Families python_gc_*."""

    shmeter_publish = False

    def __init__(self, registry: CollectorRegistry = REGISTRY):
        if registry:
            registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Counts of each generation."""
        families = []
        for name, documentation, key in FAMILIES:
            family = CounterMetricFamily(name, documentation, labels=["generation"])
            for generation, counts in enumerate(gc.get_stats()):
                family.add_metric([str(generation)], counts[key])
            families.append(family)
        return families


GC_COLLECTOR = GCCollector()
