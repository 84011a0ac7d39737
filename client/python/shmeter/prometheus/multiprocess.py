"""For programs that were written for prometheus_client's multi-process mode: everything is shared already."""
from .. import store
from . import refresh
from .registry import of_segment


class MultiProcessCollector:
    """All metrics of the segment, whichever process made them. path is not used."""

    shmeter_publish = False
    _is_whole = True  # a registry that has one needs nothing else of the segment

    def __init__(self, registry, path=None):
        if registry:
            registry.register(self)

    def collect(self):
        """The families of all processes, without _created."""
        refresh.refresh()
        families = of_segment(created=False)
        refresh.leave()
        return families

    def _render(self, openmetrics):
        """The same as text, in C."""
        refresh.refresh()
        text = store.shared().expose(openmetrics)
        refresh.leave()
        return text


def mark_process_dead(pid, path=None):
    """Does nothing: readers see by themselves that a worker has died."""
