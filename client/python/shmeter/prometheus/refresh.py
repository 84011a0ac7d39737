"""What only its own process can evaluate: gauges' functions and custom collectors. A thread does so again and again and publishes the values, so
that other processes and the exporter see them.
"""
import atexit
import logging
import os
import threading
import weakref

from .. import publish

DEFAULT_SECONDS = 1.0
END_SECONDS = 5.0  # so long the end of the interpreter waits for an evaluation that is under way

_log = logging.getLogger("shmeter")
_lock = threading.Lock()  # of the evaluation
_gauges = weakref.WeakSet()
_collectors = {}  # collector -> publish.Published
_complained = weakref.WeakSet()
_thread = None
_wake = threading.Event()
_ended = False


def _seconds_wanted():
    text = os.environ.get("SHMETER_REFRESH_SECONDS", "")
    try:
        return float(text) if text else DEFAULT_SECONDS
    except ValueError:
        _log.warning("SHMETER_REFRESH_SECONDS is no number: %r", text)
        return DEFAULT_SECONDS


_seconds = _seconds_wanted()


def set_refresh_seconds(seconds: float) -> None:
    """How often functions of gauges and custom collectors are evaluated. 0: only when this process is asked for its metrics."""
    global _seconds
    _seconds = float(seconds)
    _start()


def add_gauge(gauge):
    """A gauge whose value a function gives; published at once, if the function can give one."""
    _gauges.add(gauge)
    try:
        gauge._publish(gauge._function())
    except Exception:
        pass  # a later time tells
    _start()


def add_collector(collector):
    """A collector that was registered."""
    if getattr(collector, "shmeter_publish", True):
        _collectors.setdefault(collector, publish.Published())
        _start()


def drop_collector(collector):
    """What it has published goes."""
    published = _collectors.pop(collector, None)
    if published:
        published.withdraw()


def functions():
    """Evaluates all functions of gauges. Raises what they raise."""
    for gauge in list(_gauges):
        gauge._publish(gauge._function())


def refresh():
    """Evaluates and publishes everything once; what fails is logged, once for each gauge and collector."""
    with _lock:
        for gauge in list(_gauges):
            _try(gauge, lambda: gauge._publish(gauge._function()))
        for collector, published in list(_collectors.items()):
            _try(collector, lambda: published.put(collector.collect()))


def _try(whose, evaluate):
    try:
        evaluate()
    except Exception:
        if whose not in _complained:
            _complained.add(whose)
            _log.exception("%r cannot be evaluated; it is tried again, and not reported again", whose)


def _run():
    while _seconds > 0 and not _ended:
        _wake.wait(_seconds)
        _wake.clear()
        if not _ended:
            refresh()


def _start():
    """Evaluates soon, and then again and again."""
    global _thread
    _wake.set()
    if _seconds > 0 and not _ended and (_gauges or _collectors) and not (_thread and _thread.is_alive()):
        _thread = threading.Thread(target=_run, name="shmeter-refresh", daemon=True)
        _thread.start()


def _end():
    """Before the interpreter ends: a thread that writes to the log while it does would abort the process."""
    global _ended
    _ended = True
    _wake.set()
    if _thread and _thread.is_alive():
        _thread.join(END_SECONDS)


def _after_fork():
    """Threads do not survive a fork, and locks may have been held."""
    global _lock, _thread, _wake
    _lock = threading.Lock()
    _wake = threading.Event()
    _thread = None
    for published in _collectors.values():
        published.forget()
    _start()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_end)
