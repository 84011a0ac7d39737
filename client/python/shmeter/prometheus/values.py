"""Where prometheus_client keeps its numbers. Metrics of this package keep theirs in the segment; what programs set here
changes nothing."""
import threading

from .mmap_dict import mmap_key as mmap_key, MmapedDict as MmapedDict


class MutexValue:
    """A number behind a lock."""

    _multiprocess = False

    def __init__(self, typ, metric_name, name, labelnames, labelvalues, help_text, **kwargs):
        self._value, self._exemplar, self._lock = 0.0, None, threading.Lock()

    def inc(self, amount):
        with self._lock:
            self._value += amount

    def set(self, value, timestamp=None):
        with self._lock:
            self._value = value

    def get(self):
        with self._lock:
            return self._value

    def set_exemplar(self, exemplar):
        self._exemplar = exemplar

    def get_exemplar(self):
        return self._exemplar


def close_all_multiprocess_files():
    """Does nothing: there are no such files."""


def MultiProcessValue(process_identifier=None):
    """The same class: how processes are told apart is the store's business."""
    return MutexValue


def get_value_class():
    return MutexValue


ValueClass = MutexValue
