"""Which Python this is."""
import platform as pf
from typing import Any, Iterable, Optional

from .metrics_core import GaugeMetricFamily as GaugeMetricFamily, Metric as Metric
from .registry import Collector as Collector, CollectorRegistry as CollectorRegistry, REGISTRY as REGISTRY


class PlatformCollector(Collector):
    """The family python_info."""

    shmeter_publish = False

    def __init__(self, registry: CollectorRegistry = REGISTRY, platform: Optional[Any] = None):
        platform = pf if platform is None else platform
        major, minor, patchlevel = platform.python_version_tuple()
        info = {"version": platform.python_version(), "implementation": platform.python_implementation(),
                "major": major,
                "minor": minor, "patchlevel": patchlevel}
        family = GaugeMetricFamily("python_info", "Python platform information", labels=list(info))
        family.add_metric(list(info.values()), 1)
        self._metrics = [family]
        if registry:
            registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Always the same."""
        return self._metrics


PLATFORM_COLLECTOR = PlatformCollector()
