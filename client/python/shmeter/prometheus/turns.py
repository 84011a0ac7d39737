"""The program's own code within a reading: functions of gauges, and custom collectors. It may read metrics itself, in
this thread or in another one that it waits for: then they are as they are, and nothing is evaluated for it. So no
evaluation waits for itself.
"""
import threading
import time

from .. import forks

PACKAGE = __package__ + "."
WAIT_SECONDS = 1.0  # that a reading waits for what another thread is evaluating

_state = threading.Condition()  # its lock is reentrant: a signal handler may read, too
_running: dict = {}  # what is being evaluated -> (the thread that does, since when)
_thread = threading.local()


def inside() -> bool:
    """Whether this thread is in the middle of the program's own code within a reading."""
    return getattr(_thread, "inside", False)


def deadline() -> float:
    """Of a reading that begins now."""
    return time.monotonic() + WAIT_SECONDS


def evaluate(what, act, until) -> bool:
    """Calls act() when no other thread is evaluating the same; waits for it until then. Returns whether it was
    called."""
    if inside() or not _begin(what, until):
        return False
    _thread.inside = True
    try:
        act()
    finally:
        _thread.inside = False
        _end(what)
    return True


def _begin(what, until):
    me = threading.get_ident()
    with _state:
        while _running.get(what, (me,))[0] != me:
            left = until - time.monotonic()
            if left <= 0 or not _state.wait(left):
                return False
        _running[what] = me, time.monotonic()
        return True


def _end(what):
    with _state:
        _running.pop(what, None)
        _state.notify_all()


def late(seconds) -> list:
    """What has been under way for longer than that."""
    before = time.monotonic() - seconds
    with _state:
        return [what for what, (_, since) in _running.items() if since <= before]


def _is_ours(collector):
    """Whether it runs no code of the program's."""
    return getattr(getattr(type(collector), "collect", None), "__module__", "").startswith(PACKAGE)


def collected(collector):
    """The families of a collector; none where this thread is in the middle of collecting that one."""
    if _is_ours(collector):
        return collector.collect()
    asked = _thread.__dict__.setdefault("asked", [])
    if any(one is collector for one in asked):
        return []
    was = inside()
    asked.append(collector)
    _thread.inside = True
    try:
        return list(collector.collect())
    finally:
        _thread.inside = was
        asked.pop()


def _after_fork():
    """Other threads do not survive a fork; what they were evaluating is not under way."""
    global _state
    _state = threading.Condition()
    _running.clear()


forks.after_in_child(_after_fork)
