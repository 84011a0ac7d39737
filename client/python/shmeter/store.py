"""Where metrics count: in the segment that all processes share, or in one of this process alone.

A name has one holder in a process: the metric that counts in the shared segment. Another metric of the same name (in
another registry) counts in a private segment that this process shares with its forked children. When the holder has
been removed, the next metric of the name begins at 0 in the shared segment.
"""
import atexit
import os
import threading
import warnings
import weakref

from . import remade, segment

# prometheus_client has no limits: these are wide, and cost memory as far as they are used. They count for the creator
# of the segment alone.
SIZES = {"max_series": 65536, "max_family_series": 10000, "max_gauges": 4096, "lane_bytes": 8 << 20}

_lock = threading.RLock()
_holders = {}  # stored name -> _Holder
_shared = None
_private = None
_private_n = 0


def use(meter):
    """The first segment that the program opens is the one that metrics count in."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = meter


def shared():
    """The meter of the shared segment; opens the one that the environment says (segment.py) when the program has opened none."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = segment.attach(**SIZES)
            if not _shared.attached:
                warnings.warn(f"{_shared.error}; metrics of this process are not shared", RuntimeWarning, stacklevel=4)
        return _shared


def used():
    """The meter of the shared segment, if it is open; None."""
    return _shared


def note_cpu():
    """What this process has used of CPU is known when it is killed, up to this moment."""
    if _shared is not None:
        _shared._note_cpu()


def private():
    """A meter of a segment without a name, which goes away with the last of the processes that have it."""
    global _private
    with _lock:
        if _private is None:
            _private, _ = segment.nameless(**{**SIZES, "max_family_series": SIZES["max_series"]})
        return _private


def _alias(name):
    """A name that no other metric of the private segment has, whichever process makes it."""
    global _private_n
    _private_n += 1
    return f"p{os.getpid()}_{_private_n}_{name}"[:199]


def _open_private(metric, name, definition):
    private()._open_metric(metric, _alias(name), *definition)


class _Holder:
    """Who has a name in the shared segment."""

    def __init__(self):
        self._metric = None  # weak reference
        self._released = False

    def live(self):
        return not self._released and self._metric is not None and self._metric() is not None

    def take(self, metric):
        self._metric = weakref.ref(metric)
        self._released = False

    def release(self, metric, released=True):
        if self._metric is not None and self._metric() is metric:
            self._released = released


def open_metric(metric, name, definition, alone):
    """Opens a metric. name: in the segment. definition: the other arguments of Meter._open_metric. alone: not in the
    shared segment."""
    with _lock:
        holder = _holders.get(name)
        meter = None if alone or holder and holder.live() else shared()
        if meter is None or not meter.attached:
            _open_private(metric, name, definition)
            return
        if holder:
            remade.begin_again(meter, name)
            meter._forget(name)
        if not meter._open_metric(metric, name, *definition):
            warnings.warn(f"{meter.error}; {name} counts in this process alone", RuntimeWarning, stacklevel=4)
        if holder:
            metric._reset()
        _holders.setdefault(name, _Holder()).take(metric)
        remade.note(metric, name, definition)


def is_held(name):
    """Whether a metric of this process has the name in the shared segment."""
    with _lock:
        holder = _holders.get(name)
        return bool(holder and holder.live())


def release(metric):
    """The metric is in no registry any more: its name is free for another one."""
    with _lock:
        holder = _holders.get(metric._stored_name)
        if holder:
            holder.release(metric)


def hold(metric):
    """The metric is in a registry again."""
    with _lock:
        holder = _holders.get(metric._stored_name)
        if holder:
            holder.release(metric, False)


def _after_fork():
    global _lock
    _lock = threading.RLock()  # another thread may have held it


def _goodbye():
    """The worker ends in order: its slot is free, and health does not call it dead."""
    for meter in (_shared, _private):
        if meter is not None:
            meter.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_goodbye)
