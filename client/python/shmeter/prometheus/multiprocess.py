"""For programs that were written for prometheus_client's multi-process mode: everything is shared already."""
from .. import store
from . import refresh
from .metrics_core import Metric
from .samples import Sample


class MultiProcessCollector:
    """All metrics of the segment, whichever process made them. path is not used."""

    shmeter_publish = False

    def __init__(self, registry, path=None):
        if registry:
            registry.register(self)

    def collect(self):
        """The families of all processes, without _created."""
        refresh.refresh()
        meter = store.shared()
        meter._take()
        refresh.leave()
        families = []
        for stored, name, kind, documentation, unit in meter._families():
            family = Metric(name, documentation, kind, unit)
            family.samples = meter._samples(stored, name, Sample, False)
            families.append(family)
        return families

    def _render(self, openmetrics):
        """The same as text, in C."""
        refresh.refresh()
        text = store.shared().expose(openmetrics)
        refresh.leave()
        return text


def mark_process_dead(pid, path=None):
    """Does nothing: readers see by themselves that a worker has died."""
