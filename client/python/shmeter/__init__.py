"""Metrics of a pool of processes, in shared memory.

`from shmeter.prometheus import Counter` in the place of `from prometheus_client import Counter` is all that most programs need; install() does
it for libraries too. open() gives the plain API. docs/PYTHON.md has both.
"""
from . import _core
from ._core import Error, Meter, __version__
from .alias import install
from .decorate import within

__all__ = ("Error", "Meter", "__version__", "install", "open")

_core._hand_over(within)  # for timers as decorators


def open(segment=None, **options) -> Meter:
    """Attaches to a segment, creating it if need be: a name, or the path of a file on a tmpfs; None: $SHMETER_SEGMENT, or default.

    The first segment that is opened is also the one that shmeter.prometheus counts in. options: worker, mode, group, any_owner, and the sizes
    lane_bytes, max_series, max_family_series, max_slots, max_gauges, cpu_lanes and shared_lanes, which count for its creator alone. So does
    load, a file that `shmeter save` has made, with which the segment begins (None: $SHMETER_LOAD); one that is not there is passed by.
    ValueError: no segment could have this name. Where the store cannot be had, the meter counts into private memory, and error says why.
    """
    from . import store
    meter = _core.open(segment, **options)
    store.use(meter)
    return meter
