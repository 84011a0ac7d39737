"""Classes of the program that derive from MetricWrapperBase alone: what prometheus_client has for them. They say in
_metric_init() and
_child_samples() what they are; their numbers are their own, and a registry takes them for custom collectors.
"""

import threading
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Tuple

from ... import names
from ..metrics_core import Metric
from ..registry import REGISTRY
from ..samples import Sample
from ..validation import _validate_labelnames, _validate_metric_name


def _sample(one: Iterable[Any]) -> Sample:
    """What a class of the program has given, which may be any tuple."""
    return Sample(*one)


class Bare:
    """What such a class gets of methods that it does not have."""

    _type: str
    _get_metric: Callable[[], Metric]

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Iterable[str] = (),
        namespace: str = "",
        subsystem: str = "",
        unit: str = "",
        registry: Any = REGISTRY,
        _labelvalues: Optional[Sequence[str]] = None,
    ):
        if not name:
            raise ValueError("Metric name should not be empty")
        self._original_name, self._namespace, self._subsystem = name, namespace, subsystem
        self._name = names.full_name(self._type, name, namespace, subsystem, unit)
        self._labelnames = _validate_labelnames(self, labelnames)
        self._labelvalues = tuple(_labelvalues or ())
        self._kwargs: Dict[str, Any] = {}
        self._documentation, self._unit = documentation, unit
        _validate_metric_name(self._name)
        if self._is_parent():
            self._lock = threading.Lock()
            self._metrics: Dict[Tuple[str, ...], Any] = {}
        if self._is_observable():
            self._metric_init()
        if not self._labelvalues and registry:
            registry.register(self)

    def _is_observable(self):
        return not self._is_parent()

    def _is_parent(self):
        return bool(self._labelnames) and not self._labelvalues

    def _raise_if_not_observable(self):
        if not self._is_observable():
            raise ValueError(f"{self._type} metric is missing label values")

    def _values_of(self, values, by_name):
        if not self._labelnames:
            raise ValueError(f"No label names were set when constructing {self}")
        if self._labelvalues:
            raise ValueError(
                f"{self} already has labels set ({dict(zip(self._labelnames, self._labelvalues))}); "
                "can not chain calls to .labels()"
            )
        if values and by_name:
            raise ValueError("Can't pass both *args and **kwargs")
        if by_name:
            if sorted(by_name) != sorted(self._labelnames):
                raise ValueError("Incorrect label names")
            values = [by_name[name] for name in self._labelnames]
        if len(values) != len(self._labelnames):
            raise ValueError("Incorrect label count")
        return tuple(map(str, values))

    def labels(self, *labelvalues: Any, **labelkwargs: Any):
        """The child of these label values, made when it is new."""
        values = self._values_of(labelvalues, labelkwargs)
        with self._lock:
            if values not in self._metrics:
                self._metrics[values] = type(self)(
                    self._original_name,
                    documentation=self._documentation,
                    labelnames=self._labelnames,
                    namespace=self._namespace,
                    subsystem=self._subsystem,
                    unit=self._unit,
                    _labelvalues=values,
                    **self._kwargs,
                )
            return self._metrics[values]

    def remove(self, *labelvalues: Any) -> None:
        """Takes the child of these label values out."""
        if len(labelvalues) != len(self._labelnames):
            raise ValueError(f"Incorrect label count (expected {len(self._labelnames)}, got {labelvalues})")
        with self._lock:
            self._metrics.pop(tuple(map(str, labelvalues)), None)

    def _known_values(self):
        with self._lock:
            return list(self._metrics)

    def _discard(self, values):
        with self._lock:
            return self._metrics.pop(tuple(values), None) is not None

    def clear(self) -> None:
        """Takes all children out."""
        if self._labelnames:
            with self._lock:
                self._metrics = {}

    def collect(self) -> Iterable[Metric]:
        """The family with its samples."""
        metric = self._get_metric()
        metric.samples = [sample._replace(name=self._name + sample.name) for sample in map(_sample, self._samples())]
        return [metric]

    def _samples(self) -> Iterable[Sample]:
        return self._multi_samples() if self._is_parent() else self._child_samples()

    def _multi_samples(self) -> Iterable[Sample]:
        with self._lock:
            children = dict(self._metrics)
        for values, child in children.items():
            for sample in map(_sample, child._samples()):
                yield sample._replace(labels={**dict(zip(self._labelnames, values)), **sample.labels})

    def _child_samples(self) -> Iterable[Sample]:
        raise NotImplementedError(f"_child_samples() must be implemented by {self!r}")

    def _metric_init(self) -> None:
        raise NotImplementedError(f"_metric_init() must be implemented by {self!r}")


def complete(kind, base):
    """Gives the class what it has from the base alone, or not at all."""
    for name, method in vars(Bare).items():
        if not callable(method) or (name.startswith("__") and name != "__init__"):
            continue
        owner = next((one for one in kind.__mro__ if name in vars(one)), None)
        if owner is None or owner in base.__mro__:
            setattr(kind, name, method)
    if next(one for one in kind.__mro__ if "_metrics" in vars(one)) is base:
        kind._metrics = None  # its own dictionary, in the object
