"""Infos and enums: texts and states that all processes share."""
from typing import Any, Dict, Iterable, Optional, Sequence

from ... import _core
from ..family import MetricWrapperBase
from ..registry import CollectorRegistry, REGISTRY

MOST_VALUE_BYTES, MOST_BYTES = 255, 1023  # of label values in the store, each with one byte more


def _cut(text):
    return text.encode("utf-8", "replace")[:MOST_VALUE_BYTES].decode("utf-8", "ignore")


class Info(MetricWrapperBase, _core.Info):
    """An info: constant 1, whose labels say something. What is said last, by whatever process, is shown."""

    _type = "info"

    def info(self, val: Dict[str, str]) -> None:
        """Says this in the place of all before."""
        if set(self._labelnames).intersection(val):
            raise ValueError(f"Overlapping labels for Info metric, metric: {self._labelnames} child: {val}")
        if None in val.values():
            raise ValueError("Label value cannot be None")
        self._raise_if_not_observable()
        values = tuple(_cut(value) for value in val.values())
        if sum(len(value.encode("utf-8")) + 1 for value in (*self._labelvalues, *values)) > MOST_BYTES:
            raise ValueError(f"the labels of an Info have more than {MOST_BYTES} bytes: {self._name}")
        self._put(tuple(val), values)


class Enum(MetricWrapperBase, _core.Stateset):
    """An enum: one of some states holds, at first the first one. The state that is set last, by whatever process, is
    shown."""

    _type = "stateset"

    def __init__(self, name: str, documentation: str, labelnames: Sequence[str] = (), namespace: str = "",
                 subsystem: str = "",
                 unit: str = "", registry: Optional[CollectorRegistry] = REGISTRY,
                 _labelvalues: Optional[Sequence[str]] = None,
                 states: Optional[Iterable[str]] = None, **lifetime: Any):
        if name in labelnames:
            raise ValueError(f"Overlapping labels for Enum metric: {name}")
        if not states:
            raise ValueError(f"No states provided for Enum metric: {name}")
        super().__init__(name, documentation, labelnames, namespace, subsystem, unit, registry, _labelvalues,
                         _extra=states,
                         _bounds=list(states), **lifetime)

    def _child_arguments(self):
        return {"states": self._extra, **super()._child_arguments()}

    @property
    def _states(self):
        return self._extra

    def state(self, state: str) -> None:
        """This state holds from now on. ValueError: it is none of them."""
        self._raise_if_not_observable()
        self._put(self._extra.index(state))
