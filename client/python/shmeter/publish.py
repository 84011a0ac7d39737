"""The families of a custom collector, as gauges in the shared segment: of those that live workers have published, the
latest value of what goes up and down, and the largest of what only grows.

A collector may speak of its process or of the world; the exporter shows what one of the workers says, and never a sum.
"""
from . import _core, store
from .names import SUFFIXES

LIVE_MAX, LIVE_LATEST = 3, 4  # of _core: enum shmeter_mode
GROWING = ("_total", "_sum", "_count", "_gsum", "_gcount")
# le is not a label of the store, and creation is not known of a value that is copied
UNPUBLISHED = ("_bucket", "_created")


def _suffix(metric, sample):
    return next((suffix for suffix in SUFFIXES.get(metric.type, ()) if sample.name == metric.name + suffix), "")


class Published:
    """What one collector has in the segment."""

    def __init__(self):
        self._gauges = {}  # (name, label names) -> gauge
        self._shown = {}   # gauge -> label values of the last time
        self._refused = set()
        store.publishers.add(self)

    def put(self, families):
        """Publishes the families of the moment; series that are in none of them go."""
        shown = {}
        for metric in families:
            for name, suffix, samples in self._by_name(metric):
                gauge = self._gauge(name, suffix, metric, samples)
                if gauge is not None:
                    shown.setdefault(gauge, set()).update(self._set(gauge, samples))
        before, self._shown = self._shown, shown
        for gauge, values in before.items():
            self._remove(gauge, values - shown.get(gauge, set()))

    def withdraw(self):
        """Takes all of it out."""
        before, self._shown = self._shown, {}
        for gauge, values in before.items():
            self._remove(gauge, values)

    def yield_name(self, name):
        """A metric of this process gets the name."""
        for key in [key for key in self._gauges if key[0] == name]:
            gauge = self._gauges.pop(key)
            self._remove(gauge, self._shown.pop(gauge, ()))

    def names(self):
        """Of all that it has published, in the segment."""
        return {name for name, _ in list(self._gauges)}

    def forget(self):
        """In a forked process: what was shown is the parent's."""
        self._shown = {}

    @staticmethod
    def _by_name(metric):
        names = {}
        for sample in metric.samples:
            suffix = _suffix(metric, sample)
            if suffix not in UNPUBLISHED:
                names.setdefault((sample.name, suffix), []).append(sample)
        return [(name, suffix, samples) for (name, suffix), samples in names.items()]

    def _gauge(self, name, suffix, metric, samples):
        labels = tuple(sorted({label for sample in samples for label in sample.labels}))
        key = name, labels
        if key not in self._gauges and key not in self._refused:
            mode = LIVE_MAX if suffix in GROWING else LIVE_LATEST
            self._gauges[key] = self._open(name, (name, metric.documentation, "", labels, None, mode, None))
            if self._gauges[key] is None:
                del self._gauges[key]
                self._refused.add(key)
        return self._gauges.get(key)

    @staticmethod
    def _open(name, definition):
        """None: a metric of this process has the name, or the store refuses it."""
        if store.is_held(name):
            return None
        gauge = _core.Gauge()
        try:
            store.counting()._open_metric(gauge, name, *definition, _core.VIEW_PLAIN)
        except ValueError:
            return None
        return gauge

    @staticmethod
    def _set(gauge, samples):
        """Returns the label values."""
        shown = set()
        for sample in samples:
            values = tuple(sample.labels.get(label, "") for label in gauge._labelnames)
            (gauge.labels(*values) if values else gauge).set(sample.value)
            shown.add(values)
        return shown

    @staticmethod
    def _remove(gauge, values):
        """What other processes say of the same stays."""
        for one in values:
            gauge._withdraw(*one)
