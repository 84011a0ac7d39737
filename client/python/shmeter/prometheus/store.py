"""Where metrics count: in the segment that all processes share, or in one of this process alone.

A name has one holder in a process: the metric that counts in the shared segment. Another metric of the same name (in another registry) counts
in a private segment that this process shares with those forked from it. When the holder has gone, the next metric of the name begins at 0 in the
shared one.
"""
import os
import secrets
import threading
import warnings
import weakref

from .. import _core

PRIVATE_SIZES = {"max_series": 262144, "max_family_series": 262144, "lane_bytes": 16 << 20, "max_gauges": 65536}

_lock = threading.RLock()
_holders = {}  # stored name -> weak reference to the metric
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
    """The meter of the shared segment; opens $SHMETER_SEGMENT, or default, when the program has opened none."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = _core.open()
            if not _shared.attached:
                warnings.warn(f"{_shared.error}; metrics of this process are not shared", RuntimeWarning, stacklevel=4)
        return _shared


def private():
    """A meter of a segment without a name, which goes away with the last of the processes that have it."""
    global _private
    with _lock:
        if _private is None:
            path = f"/dev/shm/.shmeter-private-{os.getpid()}-{secrets.token_hex(8)}"
            meter = _core.open(path, **PRIVATE_SIZES)
            meter._take()  # so that it is mapped for reading too
            try:
                os.unlink(path)
            except OSError:
                pass
            _private = meter
        return _private


def _alias(name):
    """A name that no other metric of the private segment has, whichever process makes it."""
    global _private_n
    _private_n += 1
    return f"p{os.getpid()}_{_private_n}_{name}"[:199]


def _open_private(metric, name, definition):
    private()._open_metric(metric, _alias(name), *definition)


def open_metric(metric, name, definition, alone):
    """Opens a metric. name: in the segment. definition: the other arguments of Meter._open_metric. alone: not in the shared segment."""
    with _lock:
        before = _holders.get(name)
        holder = before and before()
        if alone or holder is not None:
            _open_private(metric, name, definition)
            return
        meter = shared()
        if not meter.attached:
            _open_private(metric, name, definition)
            return
        if not meter._open_metric(metric, name, *definition):
            warnings.warn(f"{meter.error}; {name} counts in this process alone", RuntimeWarning, stacklevel=4)
        if before:
            metric.clear()
        _holders[name] = weakref.ref(metric)


def release(metric):
    """The metric is in no registry any more: its name is free for another one."""
    name = getattr(metric, "_stored_name", None)
    with _lock:
        before = _holders.get(name)
        if before and before() is metric:
            _holders[name] = _gone


def hold(metric):
    """The metric is in a registry again."""
    name = getattr(metric, "_stored_name", None)
    with _lock:
        if name and _holders.get(name) is _gone:
            _holders[name] = weakref.ref(metric)


def _gone():
    """Stands for the reference of a holder that gave its name up."""


def _after_fork():
    global _lock
    _lock = threading.RLock()  # another thread may have held it


os.register_at_fork(after_in_child=_after_fork)
