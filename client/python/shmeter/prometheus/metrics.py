"""The metrics that programs make. Updates are C; this file is construction and collection."""
import os
import time
from typing import Any, Callable, Iterable, Optional, Sequence, Union

from .. import _core
from . import names, store
from .context_managers import ExceptionCounter, InprogressTracker
from .metrics_core import Metric
from .registry import Collector, CollectorRegistry, REGISTRY, sample_names
from .samples import Sample
from .utils import INF

# Of _core: enum shmeter_mode.
MODES = {"all": 10, "liveall": 5, "min": 7, "livemin": 2, "max": 8, "livemax": 3, "sum": 6, "livesum": 1, "mostrecent": 9, "livemostrecent": 4}
POOL = 0

STORED_SUFFIXES = {"counter": "_total", "info": "_info"}

_use_created = os.environ.get("PROMETHEUS_DISABLE_CREATED_SERIES", "False").lower() not in ("true", "1", "t")


def disable_created_metrics():
    """From now on no _created samples are exposed."""
    global _use_created
    _use_created = False


def enable_created_metrics():
    """From now on _created samples are exposed."""
    global _use_created
    _use_created = True


def use_created():
    return _use_created


class MetricWrapperBase(Collector):
    """What all metrics have in common."""

    _type: Optional[str] = None
    _reserved_labelnames: Sequence[str] = ()

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "", subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY, _labelvalues: Optional[Sequence[str]] = None,
                 _extra: Any = None, _mode: int = POOL, _bounds: Optional[list] = None):
        full = names.full_name(self._type, name, namespace, subsystem, unit)
        labelnames = names.check_labels(labelnames, self._reserved_labelnames)
        if not names.METRIC_NAME_RE.match(full):
            raise ValueError("Invalid metric name: " + full)
        if isinstance(registry, CollectorRegistry):
            registry._refuse_taken(sample_names(full, self._type))
        stored = full + STORED_SUFFIXES.get(self._type, "")
        store.open_metric(self, stored, (full, documentation, unit, labelnames, _extra, _mode, _bounds),
                          alone=not getattr(registry, "_shared", True))
        if registry:
            registry.register(self)

    def _get_metric(self):
        return Metric(self._name, self._documentation, self._type, self._unit)

    def describe(self) -> Iterable[Metric]:
        """The family without samples."""
        return [self._get_metric()]

    def collect(self) -> Iterable[Metric]:
        """The family with the samples of all processes."""
        self._meter._take()
        return [self._collected()]

    def _collected(self):
        """Of the last take."""
        metric = self._get_metric()
        metric.samples = self._meter._samples(self._stored_name, self._name, Sample, _use_created)
        return metric

    def __str__(self) -> str:
        return f"{self._type}:{self._name}"

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({self._name})"


class Counter(MetricWrapperBase, _core.Counter):
    """A counter: what happens is counted, and the count only grows."""

    _type = "counter"

    def count_exceptions(self, exception=Exception) -> ExceptionCounter:
        """Counts the exceptions of a type (or a tuple of types) that leave a block or function."""
        self.inc(0)  # raises for a family with labels
        return ExceptionCounter(self, exception)


class Gauge(MetricWrapperBase, _core.Gauge):
    """A gauge: a value that goes up and down. Without a multiprocess_mode it shows what one process would show."""

    _type = "gauge"
    _MULTIPROC_MODES = frozenset(MODES)
    _MOST_RECENT_MODES = frozenset(("mostrecent", "livemostrecent"))

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "", subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY, _labelvalues: Optional[Sequence[str]] = None,
                 multiprocess_mode: Optional[str] = None):
        if multiprocess_mode is not None and multiprocess_mode not in MODES:
            raise ValueError("Invalid multiprocess mode: " + multiprocess_mode)
        super().__init__(name, documentation, labelnames, namespace, subsystem, unit, registry, _labelvalues,
                         _extra=multiprocess_mode, _mode=MODES.get(multiprocess_mode, POOL))

    @property
    def _multiprocess_mode(self):
        return self._extra or "all"

    def set_to_current_time(self) -> None:
        """Sets it to the seconds since 1970."""
        self.set(time.time())

    def track_inprogress(self) -> InprogressTracker:
        """Counts how often a block or function is being run."""
        self.inc(0)
        return InprogressTracker(self)


class Histogram(MetricWrapperBase, _core.Histogram):
    """A histogram: observations, counted in buckets."""

    _type = "histogram"
    _reserved_labelnames = ["le"]
    DEFAULT_BUCKETS = (.005, .01, .025, .05, .075, .1, .25, .5, .75, 1.0, 2.5, 5.0, 7.5, 10.0, INF)

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "", subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY, _labelvalues: Optional[Sequence[str]] = None,
                 buckets: Sequence[Union[float, str]] = DEFAULT_BUCKETS):
        bounds = [float(bound) for bound in buckets]
        if bounds != sorted(bounds):
            raise ValueError("Buckets not in sorted order")
        if bounds and bounds[-1] != INF:
            bounds.append(INF)
        if len(bounds) < 2:
            raise ValueError("Must have at least two buckets")
        finite = sorted({bound for bound in bounds if abs(bound) != INF})
        super().__init__(name, documentation, labelnames, namespace, subsystem, unit, registry, _labelvalues,
                         _extra=bounds, _bounds=finite)

    @property
    def _upper_bounds(self):
        return self._extra
