"""What all metrics have in common: construction and collection. Updates are C."""
from typing import Any, Iterable, Optional, Sequence

from .. import _core, exposed, names, store
from . import refresh
from .metrics_core import Metric
from .registry import Collector, CollectorRegistry, REGISTRY
from .samples import Sample


def disable_created_metrics():
    """From now on no _created samples are exposed."""
    exposed.show_created(False)


def enable_created_metrics():
    """From now on _created samples are exposed."""
    exposed.show_created(True)


use_created = exposed.use_created


def take(metrics, meters=()):
    """Reads the segments of metrics, and those of meters, once each, when the functions of gauges have been evaluated."""
    refresh.functions(metrics)
    for meter in {id(meter): meter for meter in (*meters, *(metric._meter for metric in metrics))}.values():
        meter._take()
    refresh.leave()


class MetricWrapperBase(Collector):
    """What all metrics have in common."""

    _type: Optional[str] = None
    _reserved_labelnames: Sequence[str] = ()

    def __init__(self, name: str, documentation: str, labelnames: Iterable[str] = (), namespace: str = "", subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY, _labelvalues: Optional[Sequence[str]] = None,
                 _extra: Any = None, _mode: int = _core.POOL, _bounds: Optional[list] = None, *, expire_after: float = 0,
                 max_series: int = 0, evict: bool = False):
        full = names.full_name(self._type, name, namespace, subsystem, unit)
        labelnames = names.check_labels(labelnames, self._reserved_labelnames)
        if not names.METRIC_NAME_RE.match(full):
            raise ValueError("Invalid metric name: " + full)
        if isinstance(registry, CollectorRegistry):
            registry._refuse_taken(names.sample_names(full, self._type))
        stored = full + _core.SUFFIXES.get(self._type, "")
        view = _core.VIEW_POOL if getattr(registry, "_shared", True) else _core.VIEW_OWN
        if not registry and not store.importing():
            view = _core.VIEW_TRACKED  # it may come into a registry that shows what its own metrics do
        store.open_metric(self, stored, (full, documentation, unit, labelnames, _extra, _mode, _bounds), view,
                          (expire_after, max_series, evict))
        if registry:
            registry.register(self)

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
        """The family with its samples; pool: of all processes, which a metric that is apart from the segment does not have."""
        metric = self._get_metric()
        if not self._in_segment(pool):
            refresh.functions_of(self)
            metric.samples = self._own_samples(Sample, use_created())
        else:
            take([self])
            metric.samples = self._meter._samples(self._stored_name, self._name, Sample, use_created())
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
            if len(rest) == len(sample.labels) - len(own) and all(sample.labels[name] == value for name, value in own.items()):
                yield sample, rest

    def _sample_value(self, suffix, **labels):
        """The value of one of its samples now, of all processes; 0: there is none."""
        samples = self.collect()[0].samples
        return next((sample.value for sample in samples if sample.name == self._name + suffix and sample.labels == labels), 0.0)

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

    def set(self, value: float) -> None:
        """Of a gauge; a counter begins anew with the value."""
        if hasattr(self._metric, "set"):
            self._metric.set(value)
            return
        self._metric._begin_again()
        self._metric.inc(value)

    def inc(self, amount: float) -> None:
        """Adds."""
        self._metric.inc(amount)

    def get_exemplar(self):
        """Exemplars are not kept."""
