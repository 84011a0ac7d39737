"""Registries: which metrics are exposed together."""
import os
import threading
import weakref
from abc import ABC, abstractmethod
from typing import Dict, Iterable, List, Optional

from .. import store
from ..names import sample_names
from . import refresh, turns
from .metrics_core import Metric

TARGET_INFO = "target_info"


class Collector(ABC):
    """Anything with a method collect that gives families."""

    @abstractmethod
    def collect(self) -> Iterable[Metric]:
        """The families of the moment."""


def registered(registry, collector):
    """A collector is in a registry: what is ours counts where its name says, what is not is evaluated and published."""
    if hasattr(collector, "_stored_name"):
        store.hold(collector)
    elif registry._shared:
        refresh.add_collector(collector)


def unregistered(collector):
    """And out of it."""
    if hasattr(collector, "_stored_name"):
        store.release(collector)
    else:
        refresh.drop_collector(collector)


class _Reserved(Collector):
    """Holds a name and has nothing to say."""

    def collect(self) -> Iterable[Metric]:
        return []


class CollectorRegistry(Collector):
    """Collectors whose families are exposed together.

    shared=False: its metrics count in this process, and in those forked from it, alone.
    """

    def __init__(self, auto_describe: bool = False, target_info: Optional[Dict[str, str]] = None, *, shared: bool = True):
        self._collector_to_names: Dict[Collector, List[str]] = {}
        self._names_to_collectors: Dict[str, Collector] = {}
        self._auto_describe = auto_describe
        self._shared = shared
        self._lock = threading.RLock()
        self._target_info: Optional[Dict[str, str]] = {}
        _registries.add(self)
        self.set_target_info(target_info)

    def register(self, collector: Collector) -> None:
        """Adds a collector. ValueError: a name of it is taken."""
        names = self._get_names(collector)  # the program's own code: without the lock, for which others wait
        with self._lock:
            self._refuse_taken(names)
            for name in names:
                self._names_to_collectors[name] = collector
            self._collector_to_names[collector] = names
        registered(self, collector)

    def unregister(self, collector: Collector) -> None:
        """Takes a collector out. KeyError: it is not in."""
        with self._lock:
            for name in self._collector_to_names.pop(collector):
                del self._names_to_collectors[name]
        unregistered(collector)

    def _refuse_taken(self, names):
        taken = set(names).intersection(self._names_to_collectors)
        if taken:
            raise ValueError(f"Duplicated timeseries in CollectorRegistry: {taken}")

    def _get_names(self, collector):
        describe = getattr(collector, "describe", None)
        if not describe and self._auto_describe:
            describe = collector.collect
        return [name for metric in (describe() if describe else ()) for name in sample_names(metric.name, metric.type)]

    def _parts(self):
        """The collectors of the moment, and the target's family or None."""
        with self._lock:
            return list(self._collector_to_names), self._target_info_metric() if self._target_info else None

    def collect(self) -> Iterable[Metric]:
        """The families of all collectors."""
        collectors, target = self._parts()
        if target:
            yield target
        for collector in collectors:
            yield from turns.collected(collector)

    def restricted_registry(self, names: Iterable[str]) -> "RestrictedRegistry":
        """Something whose collect() gives the samples of these names only."""
        return RestrictedRegistry(names, self)

    def set_target_info(self, labels: Optional[Dict[str, str]]) -> None:
        """Labels of the family target; None or empty: it has none."""
        with self._lock:
            if labels:
                if not self._target_info and TARGET_INFO in self._names_to_collectors:
                    raise ValueError("CollectorRegistry already contains a target_info metric")
                self._names_to_collectors[TARGET_INFO] = _Reserved()
            elif self._target_info:
                self._names_to_collectors.pop(TARGET_INFO, None)
            self._target_info = labels

    def get_target_info(self) -> Optional[Dict[str, str]]:
        """What was set."""
        with self._lock:
            return self._target_info

    def _target_info_metric(self):
        metric = Metric("target", "Target metadata", "info")
        metric.add_sample(TARGET_INFO, self._target_info, 1)
        return metric

    def get_sample_value(self, name: str, labels: Optional[Dict[str, str]] = None) -> Optional[float]:
        """The value of one sample; None: there is none. For tests."""
        labels = {} if labels is None else labels
        for metric in self.collect():
            for sample in metric.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None


class RestrictedRegistry:
    """The samples of some names of a registry."""

    def __init__(self, names: Iterable[str], registry: CollectorRegistry):
        self._name_set = set(names)
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """The families that have such samples, with those alone."""
        registry, target, collectors = self._registry, None, {}
        with registry._lock:
            if TARGET_INFO in self._name_set and registry._target_info:
                target = registry._target_info_metric()
            for name in self._name_set - {TARGET_INFO}:
                if name in registry._names_to_collectors:
                    collectors[registry._names_to_collectors[name]] = True
        if target:
            yield target
        for collector in collectors:
            for metric in turns.collected(collector):
                some = metric._restricted_metric(self._name_set)
                if some:
                    yield some


def _after_fork():
    for registry in list(_registries):
        registry._lock = threading.RLock()  # another thread may have held it


_registries = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)

REGISTRY = CollectorRegistry(auto_describe=True)
