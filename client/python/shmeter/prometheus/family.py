"""What all metrics have in common: construction and collection. Updates are C."""
import threading
from typing import TYPE_CHECKING, Any, Dict, Iterable, Optional, Sequence, Tuple, TypeVar

from .. import _core, exposed, forks, names, store
from . import refresh
from .metrics_core import Metric
from .parts import exemplars
from .registry import Collector, CollectorRegistry, REGISTRY
from .release import IS_OLD
from .samples import Sample
from .validation import (
    _is_valid_legacy_labelname, _is_valid_legacy_metric_name, _validate_labelnames, _validate_metric_name,
)


_M = TypeVar("_M", bound="MetricWrapperBase")


def disable_created_metrics():
    """From now on no _created samples are exposed."""
    exposed.show_created(False)


def enable_created_metrics():
    """From now on _created samples are exposed."""
    exposed.show_created(True)


use_created = exposed.use_created


def take(metrics, meters=()):
    """Reads the segments of metrics, and those of meters, once each, when the functions of gauges have been
    evaluated."""
    refresh.functions(metrics)
    for meter in {id(meter): meter for meter in (*meters, *(metric._meter for metric in metrics))}.values():
        meter._take()
    refresh.leave()


def _of_names(name, labelnames, error):
    """The error of a definition that the store refuses, in prometheus_client's words where it is for its names."""
    if not _is_valid_legacy_metric_name(name):
        return ValueError("Invalid metric name: " + name)
    odd = next((label for label in labelnames if not _is_valid_legacy_labelname(label)), None)
    return ValueError("Invalid label metric name: " + odd) if odd is not None else error


class MetricWrapperBase(Collector):
    """What all metrics have in common.

    A class of the program that derives from one of the package's metrics is one too: its children are made by its own
    __init__, as their parent is. One that derives from this class alone counts in its own memory, and is a custom
    collector (parts/bare.py).
    """

    _type: Optional[str] = None
    _reserved_labelnames: Sequence[str] = ()
    _lock = threading.RLock()
    if TYPE_CHECKING:  # of _core.Metric, or of Bare
        _name: str
        _labelnames: Tuple[str, ...]
        _labelvalues: Tuple[str, ...]
        _documentation: str
        _unit: str
        _meter: _core.Meter
        _stored_name: str
        _ready: bool
        _shows_own: bool

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if not issubclass(cls, _core.Metric):
            from .parts import bare  # here: few programs have such classes
            bare.complete(cls, MetricWrapperBase)
        elif MetricWrapperBase in cls.__bases__:  # what is hot is C's, without a step between
            cls.labels = vars(cls).get("labels", _core.Metric.labels)  # type: ignore[method-assign]
            cls.clear = vars(cls).get("clear", _core.Metric.clear)  # type: ignore[method-assign]

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "",
                 subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY,
                 _labelvalues: Optional[Sequence[str]] = None,
                 _extra: Any = None, _mode: int = _core.POOL, _bounds: Optional[list] = None, *,
                 expire_after: float = 0,
                 max_series: int = 0, evict: bool = False):
        if _labelvalues and self._ready:  # a child, whose class has an __init__ of its own
            return
        if not name and not IS_OLD:
            raise ValueError("Metric name should not be empty")
        kind = self._type or ""
        full = names.full_name(kind, name, namespace, subsystem, unit)
        labelnames = _validate_labelnames(self, labelnames)
        _validate_metric_name(full)
        if isinstance(registry, CollectorRegistry):
            registry._refuse_taken(names.sample_names(full, kind))
        stored = full + _core.SUFFIXES.get(kind, "")
        view = _core.VIEW_POOL if getattr(registry, "_shared", True) else _core.VIEW_OWN
        if not registry and not store.importing():
            view = _core.VIEW_TRACKED  # it may come into a registry that shows what its own metrics do
        self._inits_children = self._has_own_init()
        if self._inits_children:
            self._original_name, self._namespace, self._subsystem = name, namespace, subsystem
        try:
            store.open_metric(self, stored, (full, documentation, unit, labelnames, _extra, _mode, _bounds), view,
                              (expire_after, max_series, evict))
        except ValueError as error:
            raise _of_names(full, labelnames, error) from None
        if registry:
            registry.register(self)

    def _has_own_init(self):
        """Whether a class of the program has an __init__ of its own, which children run too."""
        owner = next(base for base in type(self).__mro__ if "__init__" in vars(base))
        return not owner.__module__.startswith(names.PACKAGE)

    def _init_child(self, child, values):
        """C has made a child of such a class."""
        type(self).__init__(
            child, self._original_name, documentation=self._documentation, labelnames=self._labelnames,
            namespace=self._namespace, subsystem=self._subsystem, unit=self._unit, _labelvalues=values,
            **self._child_arguments())

    def _child_arguments(self):
        """What a child's __init__ is called with besides; a class of the program may keep more in _kwargs."""
        return dict(getattr(self, "_kwargs", {}))

    def labels(self: _M, *labelvalues: object, **labelkwargs: object) -> _M:
        """The child of these label values, made when it is new."""
        raise NotImplementedError  # classes have C's, or that of bare.py

    def clear(self) -> None:
        """Takes all series out, for all processes."""
        raise NotImplementedError

    def remove(self, *labelvalues: object) -> None:
        """Takes the series of these label values out, for all processes, if there is one."""
        if not self._discard([str(value) for value in labelvalues]) and IS_OLD:
            raise KeyError(tuple(map(str, labelvalues)))

    def _discard(self, values):
        """Whether there was one of these texts."""
        try:
            super().remove(*values)
        except KeyError:
            return False
        return True

    def remove_by_labels(self, labels: Dict[str, str]) -> None:
        """Takes all series out that have these values of some labels, for all processes."""
        if not self._labelnames:
            raise ValueError(f"No label names were set when constructing {self}")
        if not isinstance(labels, dict):
            raise TypeError("labels must be a dict of {label_name: label_value}")
        unknown = [name for name in labels if name not in self._labelnames]
        if unknown:
            raise ValueError(f"Unknown label names: {unknown}; expected {self._labelnames}")
        wanted = {name: str(value) for name, value in labels.items()}
        for values in self._known_values() if wanted else ():
            if wanted.items() <= dict(zip(self._labelnames, values)).items():
                self._discard(values)

    def _known_values(self):
        """Label values of the series of this process and of the segment."""
        known = dict.fromkeys(self._metrics)
        for sample in self.collect()[0].samples:
            known[tuple(sample.labels[name] for name in self._labelnames)] = None
        return list(known)

    def _has_exemplars(self):
        """Whether there may be some to be shown."""
        return exemplars.has(self)

    def _is_plain(self):
        """Whether its names stand in a text as they are."""
        return _is_valid_legacy_metric_name(self._name) and all(map(names.METRIC_LABEL_NAME_RE.match, self._labelnames))

    def __copy__(self):
        """Itself: a copy would count in the same series."""
        return self

    @property
    def _metrics(self):
        """{label values: child}, of this process; what is taken out of it is removed."""
        return _Children(self, super()._metrics)

    def _get_metric(self):
        return Metric(self._name, self._documentation, self._type, self._unit)

    def describe(self) -> Iterable[Metric]:
        """The family without samples."""
        return [self._get_metric()]

    def collect(self) -> Iterable[Metric]:
        """The family with its samples: of all processes, or of this one, as its registry shows them."""
        return self._collect(not self._shows_own)

    def _collect(self, pool):
        """The family with its samples; pool: of all processes, which a metric that is apart from the segment does not
        have."""
        metric = self._get_metric()
        if not self._in_segment(pool):
            refresh.functions_of(self)
            metric.samples = self._own_samples(Sample, use_created())
        else:
            take([self])
            metric.samples = self._meter._samples(self._stored_name, self._name, Sample, use_created())
        metric.samples = exemplars.put(self, super()._metrics, metric.samples)
        if self._labelvalues:
            metric.samples = [sample._replace(labels=rest) for sample, rest in self._own(metric.samples)]
        return [metric]

    def _in_segment(self, pool):
        """Whether its samples are those of the segment."""
        return not self._tracks or (pool and not self._apart)

    _package_collect = collect  # a subclass may have another collect

    def _own(self, samples):
        """(sample, its labels without those of this child) of the child's samples."""
        own = dict(zip(self._labelnames, self._labelvalues))
        for sample in samples:
            rest = {name: value for name, value in sample.labels.items() if name not in own}
            if len(rest) == len(sample.labels) - len(own) and all(sample.labels[name] == value
                                                                  for name, value in own.items()):
                yield sample, rest

    def _sample_value(self, suffix, **labels):
        """The value of one of its samples now, of all processes; 0: there is none."""
        samples = self.collect()[0].samples
        return next((sample.value for sample in samples if sample.name == self._name + suffix
                     and sample.labels == labels), 0.0)

    def _is_observable(self):
        return self._ready

    def _is_parent(self):
        return bool(self._labelnames) and not self._labelvalues

    def _raise_if_not_observable(self):
        if not self._ready:
            raise ValueError(f"{self._type} metric is missing label values")

    def __str__(self) -> str:
        return f"{self._type}:{self._name}"

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({self._name})"


class _Children(dict):
    """The children of a metric as programs look for them, by label values; taking one out removes its series."""

    def __init__(self, metric, children):
        super().__init__(children)
        self._metric = metric

    def __delitem__(self, values):
        super().__delitem__(values)
        self._metric.remove(*values)

    def pop(self, values, *otherwise):
        if values in self:
            self._metric.remove(*values)
        return super().pop(values, *otherwise)

    def clear(self):
        super().clear()
        self._metric.clear()


class Value:
    """One number of a metric, where programs look for it: in _value, _sum, _count and _buckets."""

    def __init__(self, metric, suffix, **labels):
        self._metric, self._suffix, self._labels = metric, suffix, labels

    def get(self) -> float:
        """Of all processes."""
        return self._metric._sample_value(self._suffix, **self._labels)

    def set(self, value: float, timestamp: Optional[float] = None) -> None:
        """Of a gauge; a counter begins anew with the value. A histogram or summary can only begin anew: with 0."""
        if hasattr(self._metric, "set"):
            self._metric.set(value)
            return
        adds = hasattr(self._metric, "inc")
        if not adds and value:
            raise ValueError(f"{self._metric}{self._suffix} is the sum or number of observations: "
                             "only 0 can be set, for all of them")
        self._metric._begin_again()
        if adds:
            self._metric.inc(value)

    def inc(self, amount: float) -> None:
        """Adds, to a counter or a gauge."""
        if not hasattr(self._metric, "inc"):
            raise ValueError(f"{self._metric}{self._suffix} is the sum or number of observations: call observe()")
        self._metric.inc(amount)

    _value = property(get, set)

    def get_exemplar(self):
        """The newest one of this process; None: there is none."""
        return (self._metric._exemplars or {}).get(self._labels.get("le"))


def _after_fork():
    MetricWrapperBase._lock = threading.RLock()  # another thread may have held it


forks.after_in_child(_after_fork)
