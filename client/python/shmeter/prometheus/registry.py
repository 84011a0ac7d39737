"""Registries: which metrics are exposed together."""
import threading
import time
import weakref
from typing import Collection, Dict, Iterable, List, Optional, Protocol, Set

from .. import exposed, forks, store
from ..names import sample_names
from . import refresh, turns
from .metrics_core import Metric as Metric
from .samples import Sample as Sample

TARGET_INFO = "target_info"
# a registry that is exposed again so much later is scraped: it lives on, and was not made for one request
AGAIN_SECONDS = 1.0


class Collector(Protocol):
    """Anything with a method collect that gives families."""

    def collect(self) -> Iterable[Metric]:
        """The families of the moment."""


class DuplicateTimeseries(ValueError):
    """Names of a collector that others in the registry have."""

    def __init__(self, duplicates: Set[str]):
        super().__init__(f"Duplicated timeseries in CollectorRegistry: {duplicates}")
        self.duplicates: Set[str] = duplicates

    def __reduce__(self):
        return type(self), (self.duplicates,)


def of_segment(created: bool, left_out: Collection[str] = ()) -> List[Metric]:
    """The families of the segment, whichever process has made them."""
    found = []
    for name, documentation, kind, unit, samples in exposed.families(Sample, created, left_out):
        family = Metric(name, documentation, kind, unit)
        family.samples = samples
        found.append(family)
    return found


def registered(registry, collector):
    """A collector is in a registry: what is ours counts where its name says, what is not is evaluated and published,
    if the registry is the pool's."""
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


def is_metric(collector):
    """Whether it is one of this package, whose samples the package may take by itself."""
    kind = type(collector)
    return hasattr(kind, "_package_collect") and kind.collect is kind._package_collect


class _Reserved(Collector):
    """Holds a name and has nothing to say."""

    def collect(self) -> Iterable[Metric]:
        return []


class CollectorRegistry(Collector):
    """Collectors whose families are exposed together.

    shared=True: its metrics show what all processes have counted in them. False: what they have counted in this process
    themselves. None: True for a registry that is made while a module is imported, and False for one that a function of
    the running program makes. In both cases the segment has all that is counted, and the default registry shows all of
    the segment.

    support_collectors_without_names: collectors that do not say which names they have are part of restricted
    registries too.
    """

    _whole = False  # shows what other processes have in the segment too

    def __init__(self, auto_describe: bool = False, target_info: Optional[Dict[str, str]] = None,
                 support_collectors_without_names: bool = False, *, shared: Optional[bool] = None):
        self._collector_to_names: Dict[Collector, List[str]] = {}
        self._names_to_collectors: Dict[str, Collector] = {}
        self._auto_describe = auto_describe
        self._support_collectors_without_names = support_collectors_without_names
        self._shared = store.importing() if shared is None else bool(shared)
        self._is_meant = shared is not None
        self._left_out: Set[str] = set()  # names of samples that this process has unregistered
        self._rendered_at = 0.0
        self._lock = threading.RLock()
        self._target_info: Optional[Dict[str, str]] = {}
        _registries.add(self)
        if self._shared:
            _pools.add(self)
        self.set_target_info(target_info)

    def register(self, collector: Collector) -> None:
        """Adds a collector. ValueError: a name of it is taken."""
        names = self._get_names(collector)  # the program's own code: without the lock, for which others wait
        with self._lock:
            self._refuse_taken(names)
            for name in names:
                self._names_to_collectors[name] = collector
            self._collector_to_names[collector] = names
            self._left_out.difference_update(names)
        registered(self, collector)
        if self._shared and is_metric(collector):
            self._tell_of_others(collector)

    def unregister(self, collector: Collector) -> None:
        """Takes a collector out. KeyError: it is not in."""
        with self._lock:
            names = self._collector_to_names.pop(collector)
            for name in names:
                del self._names_to_collectors[name]
            if self._whole:
                self._left_out.update(names)
        unregistered(collector)

    def _tell_of_others(self, metric):
        """Two registries of the pool that have a name show one value."""
        others = [registry._names_to_collectors.get(metric._name) for registry in list(_pools) if registry is not self]
        if not metric._apart and any(other is not metric and is_metric(other) and not other._apart for other in others):
            store.tell_once(f"{metric._name} is in two registries of this process that show the pool's values: both "
                            f"show the sum. "
                            "CollectorRegistry(shared=False) shows what its own metrics count")

    def _refuse_taken(self, names):
        taken = set(names).intersection(self._names_to_collectors)
        if taken:
            raise DuplicateTimeseries(taken)

    def _get_names(self, collector):
        describe = getattr(collector, "describe", None)
        if not describe and self._auto_describe:
            describe = collector.collect
        return [name for metric in (describe() if describe else ()) for name in sample_names(metric.name, metric.type)]

    def _without_names(self):
        """The collectors that are part of restricted registries whatever names are asked for."""
        if not self._support_collectors_without_names:
            return []
        return [collector for collector, names in self._collector_to_names.items() if not names]

    def _parts(self):
        """The collectors of the moment, and the target's family or None."""
        with self._lock:
            return list(self._collector_to_names), self._target_info_metric() if self._target_info else None

    def collect(self) -> Iterable[Metric]:
        """The families of all collectors."""
        collectors, target = self._parts()
        if target:
            yield target
        names: Set[str] = set()
        for collector in collectors:
            for family in self._families_of(collector):
                names.update(self._names_of(collector, family))
                yield family
        yield from self._others(collectors, names)

    def _tell_of_pool(self, collectors):
        """Who exposes such a registry again and again, in several processes, may take it for the pool's."""
        if self._shared or self._is_meant:
            return
        now = time.monotonic()
        self._rendered_at = self._rendered_at or now
        if now - self._rendered_at >= AGAIN_SECONDS and any(is_metric(one) and one._elsewhere() for one in collectors):
            self._is_meant = True
            store.tell_once("this registry was made by a function, so it shows what its metrics have counted in this "
                            "process; other processes have "
                            "the same metrics. REGISTRY and CollectorRegistry(shared=True) show the pool's values; "
                            "shared=False says that this is meant")

    def _families_of(self, collector):
        """Of one collector, as this registry shows them."""
        return collector._collect(self._shared) if is_metric(collector) else turns.collected(collector)

    @staticmethod
    def _names_of(collector, family):
        """What the segment may know of the family: as a metric, or as what a collector has published."""
        return (collector._stored_name,) if is_metric(collector) else (family.name,
                                                                       *(sample.name for sample in family.samples))

    def _others(self, collectors, names):
        """The families of the segment that none of the collectors has given."""
        if not self._whole or any(getattr(collector, "_is_whole", False) for collector in collectors):
            return []
        return of_segment(exposed.use_created(), names | self._not_shown())

    def _not_shown(self):
        """Names in the segment that are not shown as others': of what was unregistered, and what collectors of this
        process have published."""
        return self._left_out | refresh.published()

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
        registry, target = self._registry, None
        names: Set[str] = set()
        with registry._lock:
            collectors = dict.fromkeys(registry._without_names())
            if TARGET_INFO in self._name_set and registry._target_info:
                target = registry._target_info_metric()
            for name in self._name_set - {TARGET_INFO}:
                if name in registry._names_to_collectors:
                    collectors[registry._names_to_collectors[name]] = None
        if target:
            yield target
        for collector in collectors:
            for metric in registry._families_of(collector):
                names.update(registry._names_of(collector, metric))
                some = metric._restricted_metric(self._name_set)
                if some:
                    yield some
        for metric in registry._others(list(registry._collector_to_names), names):
            some = metric._restricted_metric(self._name_set - set(registry._names_to_collectors))
            if some:
                yield some


def _after_fork():
    for registry in list(_registries):
        registry._lock = threading.RLock()  # another thread may have held it


_registries: "weakref.WeakSet" = weakref.WeakSet()
_pools: "weakref.WeakSet" = weakref.WeakSet()  # those that show the pool's values
forks.after_in_child(_after_fork)

REGISTRY = CollectorRegistry(auto_describe=True, shared=True)
REGISTRY._whole = True
