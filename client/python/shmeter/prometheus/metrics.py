"""The metrics that programs make."""
import time
from typing import Any, Callable, Iterable, Literal, Optional, Sequence, Tuple, Type, Union

from .. import _core
from . import refresh
from .context_managers import ExceptionCounter as ExceptionCounter, InprogressTracker as InprogressTracker, Timer as Timer
from .family import (
    disable_created_metrics as disable_created_metrics, enable_created_metrics as enable_created_metrics,
    MetricWrapperBase as MetricWrapperBase, Value,
)
from .metrics_core import Metric as Metric
from .registry import Collector as Collector, CollectorRegistry as CollectorRegistry, REGISTRY as REGISTRY
from .samples import Exemplar as Exemplar, Sample as Sample
from .parts.states import Enum as Enum, Info as Info
from .utils import floatToGoString as floatToGoString, INF as INF

MODES = _core.MODES
Mode = Literal["all", "liveall", "min", "livemin", "max", "livemax", "sum", "livesum", "mostrecent", "livemostrecent"]


class Counter(MetricWrapperBase, _core.Counter):
    """A counter: what happens is counted, and the count only grows."""

    _type = "counter"

    def count_exceptions(self, exception: Union[Type[BaseException],
                                                Tuple[Type[BaseException], ...]] = Exception) -> ExceptionCounter:
        """Counts the exceptions of a type (or a tuple of types) that leave a block or function."""
        self._raise_if_not_observable()
        return ExceptionCounter(self, exception)

    def reset(self) -> None:
        """Begins at 0 again, for all processes."""
        self._raise_if_not_observable()
        self._begin_again()

    @property
    def _value(self):
        return Value(self, "_total")


class Gauge(MetricWrapperBase, _core.Gauge):
    """A gauge: a value that goes up and down. Without a multiprocess_mode it shows what one process would show."""

    _type = "gauge"
    _MULTIPROC_MODES = frozenset(MODES)
    _MOST_RECENT_MODES = frozenset(("mostrecent", "livemostrecent"))

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "",
                 subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY,
                 _labelvalues: Optional[Sequence[str]] = None,
                 multiprocess_mode: Optional[Mode] = None, **lifetime: Any):
        if multiprocess_mode is not None and multiprocess_mode not in MODES:
            raise ValueError("Invalid multiprocess mode: " + multiprocess_mode)
        super().__init__(name, documentation, labelnames, namespace, subsystem, unit, registry, _labelvalues,
                         _extra=multiprocess_mode, _mode=MODES[multiprocess_mode] if multiprocess_mode else _core.POOL,
                         **lifetime)

    def _child_arguments(self):
        return {"multiprocess_mode": self._extra, **super()._child_arguments()}

    @property
    def _multiprocess_mode(self):
        return self._extra or "all"

    def set_to_current_time(self) -> None:
        """Sets it to the seconds since 1970."""
        self.set(time.time())

    def track_inprogress(self) -> InprogressTracker:
        """Counts how often a block or function is being run."""
        self._raise_if_not_observable()
        return InprogressTracker(self)

    def set_function(self, f: Callable[[], float]) -> None:
        """From now on a function gives the value, and other updates do nothing. It is called in this process, from any
        thread."""
        self._raise_if_not_observable()
        self._function = f
        self._by_function = True
        refresh.add_gauge(self)

    @property
    def _value(self):
        return Value(self, "")


class Histogram(MetricWrapperBase, _core.Histogram):
    """A histogram: observations, counted in buckets."""

    _type = "histogram"
    _reserved_labelnames = ["le"]
    DEFAULT_BUCKETS = (.005, .01, .025, .05, .075, .1, .25, .5, .75, 1.0, 2.5, 5.0, 7.5, 10.0, INF)

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "",
                 subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY,
                 _labelvalues: Optional[Sequence[str]] = None,
                 buckets: Sequence[Union[float, str]] = DEFAULT_BUCKETS, **lifetime: Any):
        bounds = [float(bound) for bound in buckets]
        if bounds != sorted(bounds):
            raise ValueError("Buckets not in sorted order")
        if bounds and bounds[-1] != INF:
            bounds.append(INF)
        if len(bounds) < 2:
            raise ValueError("Must have at least two buckets")
        finite = sorted({bound for bound in bounds if abs(bound) != INF})
        super().__init__(name, documentation, labelnames, namespace, subsystem, unit, registry, _labelvalues,
                         _extra=bounds, _bounds=finite, **lifetime)

    def _child_arguments(self):
        return {"buckets": self._extra, **super()._child_arguments()}

    @property
    def _upper_bounds(self):
        return self._extra

    @property
    def _sum(self):
        return Value(self, "_sum")

    @property
    def _buckets(self):
        return [Bucket(self, number) for number in range(len(self._extra))]


class Bucket(Value):
    """The observations of one bucket alone."""

    def __init__(self, histogram, number):
        super().__init__(histogram, "_bucket")
        self._number = number

    def get(self) -> float:
        """Of all processes."""
        bounds = self._metric._extra
        below = bounds[self._number - 1] if self._number else None
        count = self._metric._sample_value("_bucket", le=floatToGoString(bounds[self._number]))
        return count - (self._metric._sample_value("_bucket", le=floatToGoString(below)) if below is not None else 0)

    def get_exemplar(self):
        """The newest one of this process; None: there is none."""
        return (self._metric._exemplars or {}).get(floatToGoString(self._metric._extra[self._number]))

    _value = property(get, Value.set)


class Summary(MetricWrapperBase, _core.Summary):
    """A summary: the number and the sum of observations."""

    _type = "summary"
    _reserved_labelnames = ["quantile"]

    @property
    def _count(self):
        return Value(self, "_count")

    @property
    def _sum(self):
        return Value(self, "_sum")
