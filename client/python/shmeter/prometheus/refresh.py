"""What only its own process can evaluate: gauges' functions and custom collectors. A thread does so again and again and
publishes the values, so that other processes and the exporter see them. Where threads do not run, they see none of
them: a value that stands still would be wrong.
"""
import atexit
import os
import threading
import warnings
import weakref

from .. import _core, forks, publish, store
from . import turns

DEFAULT_SECONDS = 1.0
LATE_SECONDS = 10.0  # an evaluation that takes longer holds up all others, and is told
LATE_CHECK = "shmeter refresh"
END_SECONDS = 5.0  # so long the end of the interpreter waits for an evaluation that is under way

# weak reference to a gauge -> whether its failure was reported; dictionaries, whose lists no other thread can disturb
_gauges: dict = {}
_collectors: dict = {}  # collector -> publish.Published
_complained: list = []  # collectors whose failure was reported
_thread = None
_watcher = None
_wake = threading.Event()
_quit = threading.Event()  # of the watcher
_ended = False
_told = False  # that threads do not run


def _log():
    import logging  # here: most programs have nothing to tell
    return logging.getLogger("shmeter")


def _threads_run():
    """uWSGI's workers run no thread but that of a request, unless it is told to."""
    server = forks.uwsgi()
    asked = {name.decode() if isinstance(name, bytes) else name for name in getattr(server, "opt", ())}
    return server is None or bool(asked & {"enable-threads", "threads", "gevent", "gevent-monkey-patch"})


def _can_refresh():
    """Whether a thread can refresh values; where none can, the program is told once. Not yet, where one can only after
    a fork."""
    global _told
    if _threads_run():
        return not forks.will_be_forked()
    if not _told:
        _told = True
        warnings.warn("uWSGI runs no threads here (enable-threads): functions of gauges and custom collectors are "
                      "evaluated only when this process is asked, and neither the exporter nor other processes see their values", RuntimeWarning,
                      stacklevel=4)
    return False


def _seconds_wanted():
    text = os.environ.get("SHMETER_REFRESH_SECONDS", "")
    try:
        return float(text) if text else DEFAULT_SECONDS
    except ValueError:
        _log().warning("SHMETER_REFRESH_SECONDS is no number: %r", text)
        return DEFAULT_SECONDS


_seconds = _seconds_wanted()


def set_refresh_seconds(seconds: float) -> None:
    """How often functions of gauges and custom collectors are evaluated. 0: only when this process is asked for its
    metrics."""
    global _seconds
    _seconds = float(seconds)
    _start()


def add_gauge(gauge):
    """A gauge whose value a function gives; published at once, if the function can give one."""
    _gauges.setdefault(weakref.ref(gauge, lambda gone: _gauges.pop(gone, None)), False)
    if not _can_refresh():
        gauge._hide()  # 0, which it has so far, is no value of the function
        return
    try:
        _evaluate_gauge(gauge, turns.deadline())
    except Exception:
        pass  # a later time tells
    _start()


def add_collector(collector):
    """A collector that was registered."""
    if getattr(collector, "shmeter_publish", True):
        _collectors.setdefault(collector, publish.Published())
        if _can_refresh():
            _start()


def drop_collector(collector):
    """What it has published goes."""
    published = _collectors.pop(collector, None)
    if published:
        published.withdraw()


def published():
    """Names in the segment of what collectors of this process have published."""
    return {name for one in list(_collectors.values()) for name in one.names()}


def _evaluate_gauge(gauge, until):
    turns.evaluate(gauge, lambda: gauge._publish(gauge._function()), until)


def functions(metrics):
    """Evaluates the functions of these gauges and of their children. Raises what they raise."""
    if turns.inside():
        return
    until = turns.deadline()
    wanted = {(metric._meter, metric._stored_name) for metric in metrics}
    for reference in list(_gauges):
        gauge = reference()
        if gauge is not None and (gauge._meter, gauge._stored_name) in wanted:
            _evaluate_gauge(gauge, until)


def leave():
    """After a reading: what no thread will refresh is not left to be seen by others."""
    if turns.inside() or (_threads_run() and not forks.will_be_forked()):
        return
    for reference in list(_gauges):
        gauge = reference()
        if gauge is not None:
            gauge._hide()
    for published in list(_collectors.values()):
        published.withdraw()


def functions_of(metric):
    """Evaluates those of one metric and of its children. Raises what they raise."""
    if turns.inside():
        return
    until = turns.deadline()
    for gauge in (metric, *metric._metrics.values()):
        if getattr(gauge, "_by_function", False):
            _evaluate_gauge(gauge, until)


def refresh():
    """Evaluates and publishes everything once; what fails is logged, once for each gauge and collector."""
    if turns.inside():
        return
    until = turns.deadline()
    for reference in list(_gauges):
        gauge = reference()
        error = gauge is not None and _failure(_evaluate_gauge, gauge, until)
        if error and not _gauges.get(reference, True):
            _gauges[reference] = True
            _complain(gauge, error)
    for collector, published in list(_collectors.items()):
        error = _failure(turns.evaluate, collector, lambda: published.put(turns.collected(collector)), until)
        if error and not any(one is collector for one in _complained):
            _complained.append(collector)
            _complain(collector, error)


def _failure(function, *arguments):
    """Calls it; returns what it raises, or None. In the thread also what is no Exception, as sys.exit() raises: others
    may count on it."""
    try:
        function(*arguments)
    except Exception as error:
        return error
    except BaseException as error:
        if threading.current_thread() is not _thread:
            raise
        return error
    return None


def _complain(whose, error):
    with forks.between_forks():
        _log().error("%r cannot be evaluated; it is tried again, and not reported again", whose, exc_info=error)


def _run():
    while _seconds > 0 and not _ended:
        _wake.wait(_seconds)
        _wake.clear()
        if not _ended:
            refresh()
            store.note_cpu()


def _whose(what):
    """A gauge's name, or a collector's type: in words that run no code of the program's."""
    return what._name if isinstance(what, _core.Metric) else type(what).__qualname__


def _tell_late(told):
    """Tells of what does not come back: once in the log, and in health by a check of this worker, until it has. told:
    what was told before. Returns what is told now."""
    late = turns.late(LATE_SECONDS)
    meter = store.used()
    for what in late:
        if not any(one is what for one in told):
            with forks.between_forks():
                _log().warning("%s has been evaluated for %g s and has not come back: the values of functions and "
                               "collectors stand still until it does", _whose(what), LATE_SECONDS)
    if meter is not None and late:
        meter.check(LATE_CHECK, "degraded", f"{_whose(late[0])[:40]} does not come back: values stand still")
    elif meter is not None and told:
        meter.check(LATE_CHECK, "ok")
    return late


def _watch():
    """The thread that evaluates cannot tell that it hangs."""
    told = []
    while not _quit.wait(LATE_SECONDS):
        told = _tell_late(told)


def _start():
    """Evaluates soon, and then again and again."""
    global _thread, _watcher
    _wake.set()
    if _seconds <= 0 or _ended or not (_gauges or _collectors) or not _threads_run() or forks.will_be_forked():
        return
    if not (_thread and _thread.is_alive()):
        _thread = threading.Thread(target=_run, name="shmeter-refresh", daemon=True)
        _thread.start()
    if not (_watcher and _watcher.is_alive()):
        _watcher = threading.Thread(target=_watch, name="shmeter-watch", daemon=True)
        _watcher.start()


def _end():
    """Before the interpreter ends: a thread that writes to the log while it does would abort the process."""
    global _ended
    _ended = True
    _wake.set()
    _quit.set()
    for thread in (_thread, _watcher):
        if thread and thread.is_alive():
            thread.join(END_SECONDS)


def _after_fork():
    """Threads do not survive a fork, and the events' locks may have been held."""
    global _thread, _watcher, _wake, _quit
    _wake, _quit = threading.Event(), threading.Event()
    _thread = _watcher = None
    for published in _collectors.values():
        published.forget()


forks.after_in_child(_after_fork)
forks.when_threads_may_run(_start)
atexit.register(_end)
