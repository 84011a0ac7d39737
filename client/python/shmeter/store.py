"""Where metrics count: in the segment that all processes share, or, where there is none, in one of this process and its
children alone.

Metrics of one name and one definition are one family of the segment, in whatever process and registry they are: what is
counted anywhere adds up. An object that goes away, or is made again, changes none of it.
"""
import atexit
import os
import sys
import threading
import warnings
import weakref

from . import _core, forks, remade, segment

# prometheus_client has no limits: these are wide, and cost memory as far as they are used. They count for the creator
# of the segment alone.
SIZES = {"max_series": 65536, "max_family_series": 10000, "max_gauges": 4096, "lane_bytes": 8 << 20}
# the program itself, as multiprocessing names it in its children, and what is typed
MAIN = ("__main__", "__mp_main__", "__console__")

_lock = threading.RLock()
_registered: dict = {}  # stored name -> {id: weak reference} of the metrics that are in a registry, or never were
_shared = None
_private = None
publishers: "weakref.WeakSet" = weakref.WeakSet()  # who leaves a name to a metric of this process
_told: set = set()  # sentences that are said once


def use(meter):
    """The first segment that the program opens is the one that metrics count in."""
    global _shared
    with _lock:
        if _shared is None:
            _shared = meter


def shared():
    """The meter of the shared segment; opens the one that the environment says (segment.py) when the program has opened
    none."""
    with _lock:
        opened = _shared is None
        if opened:
            use(segment.attach(**SIZES))
    # without the lock: a program's own hook of warnings may wait for a thread that makes metrics
    if opened and not _shared.attached:
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


def counting():
    """The meter that metrics count in."""
    meter = shared()
    return meter if meter.attached else private()


def importing():
    """Whether a module other than the program itself is being imported, by the caller or by what has called it."""
    frame = sys._getframe(1)
    while frame:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__", MAIN[0]) not in MAIN:
            return True
        frame = frame.f_back
    return False


def tell_once(words, stacklevel=5):
    """A warning, once in a process."""
    if words not in _told:
        _told.add(words)
        warnings.warn(words, RuntimeWarning, stacklevel=stacklevel)


def _alone(error, name):
    """The error as a sentence that says what comes of it."""
    return error if error.endswith("in this process alone") else f"{error}; {name} counts in this process alone"


def open_metric(metric, name, definition, view, lifetime=()):
    """Opens a metric. name: in the segment. definition, view and lifetime: the other arguments of
    Meter._open_metric."""
    meter = counting()
    with _lock:
        for publisher in list(publishers):
            publisher.yield_name(name)
        again = name in _registered and not _living(name)
        anew = again and view == _core.VIEW_POOL and remade.begins_anew(meter)
        if anew:
            remade.begin_again(meter, name)
        if again:
            meter._forget(name)  # one that was unregistered, and is there still, leaves its name to another definition
        stored = meter._open_metric(metric, name, *definition, view, *lifetime)
        if anew:
            metric._reset()
        hold(metric)
        remade.note(metric, name, definition)
    if metric._apart:
        tell_once(f"{name} is in use in this process with another type, labels or buckets: the metric that is made now "
                  f"counts in this process alone")
    elif stored is False:
        warnings.warn(_alone(meter.error, name), RuntimeWarning, stacklevel=4)


def _living(name):
    return [metric for metric in (reference() for reference in list(_registered.get(name, {}).values()))
            if metric is not None]


def is_held(name):
    """Whether a metric of this process has the name in the segment."""
    with _lock:
        return any(not metric._apart for metric in _living(name))


def release(metric):
    """The metric is in no registry any more."""
    with _lock:
        _registered.get(metric._stored_name, {}).pop(id(metric), None)


def hold(metric):
    """The metric is new, or in a registry again."""
    with _lock:
        references, key = _registered.setdefault(metric._stored_name, {}), id(metric)
        references[key] = weakref.ref(metric, lambda reference: references.get(key) is reference
                                      and references.pop(key))


class _Anchor:
    """What multiprocessing's list of functions to call in children hangs on."""


_anchor = _Anchor()


def _goodbye():
    """The interpreter ends: its meters are closed, so that health does not take the worker for dead. libc closes others
    at exit."""
    for meter in (_shared, _private):
        if meter is not None:
            meter.close()


def _end(**_):
    """The process ends in order, and without atexit."""
    _core._end()


def _announce(_=None):
    """Processes of multiprocessing, and of billiard, which is Celery's, end by os._exit()."""
    for name in ("multiprocessing.util", "billiard.util"):
        util = sys.modules.get(name)
        if util:
            util.Finalize(None, _end, exitpriority=-100)
    signals = sys.modules.get("celery.signals")
    if signals:
        signals.worker_process_shutdown.connect(_end, weak=False, dispatch_uid="shmeter")


def _after_fork():
    global _lock
    _lock = threading.RLock()  # another thread may have held it
    _core._forked()
    for name in ("multiprocessing.util", "billiard.util"):
        util = sys.modules.get(name)
        if util:  # it forgets all finalizers in a moment, and then calls these
            util.register_after_fork(_anchor, _announce)
    _announce()


def _is_child():
    """Whether this is a process of multiprocessing, which has begun before this package was imported."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


forks.after_in_child(_after_fork)
atexit.register(_goodbye)
if _is_child():
    _announce()
