"""For tests of programs: all metrics begin again, and values by their names. docs/testing.md tells how to use it;
shmeter.pytest_plugin has it as a fixture of pytest.
"""
import contextlib
import gc
import sys
from typing import Optional

from . import _core, segment, store
from .prometheus import REGISTRY
from .prometheus.samples import Sample

# References to a child that nobody holds: its table's, the list's, the variable's and the argument's.
UNHELD = 4


def begin_again() -> None:
    """All metrics of this process are as if they had just been made, and so are the series that the program holds.

    RuntimeError: they count in a segment that other processes share; its numbers are theirs too.
    """
    meter = store.shared()
    if not segment.is_own_of(meter):
        raise RuntimeError(f"{meter.path} is shared with other processes: nothing is reset in it. Set "
                           f"SHMETER_SEGMENT=private")
    metrics = [one for one in gc.get_objects() if isinstance(one, _core.Metric) and one._meter and not one._labelvalues]
    for each in {id(metric._meter): metric._meter for metric in metrics}.values():
        each._take()
    for metric in metrics:
        _begin(metric)


def _begin(metric):
    if not metric._labelnames or isinstance(metric, _core.Info):
        metric._reset()
        return
    shown = {tuple(sample.labels.get(name) for name in metric._labelnames)
             for sample in metric._meter._samples(metric._stored_name, metric._name, Sample, False)}
    children = list(metric._metrics.values())
    while children:
        child = children.pop()
        if sys.getrefcount(child) < UNHELD:
            shown.add(child._labelvalues)
        else:
            child._begin_again()
            shown.discard(child._labelvalues)
    for values in shown:
        with contextlib.suppress(KeyError):  # another thread was faster
            metric.remove(*values)


def value(name: str, registry=REGISTRY, **labels: str) -> Optional[float]:
    """The value of the sample of this name and these labels; None: there is none."""
    return registry.get_sample_value(name, labels)
