"""What is done in a child after a fork, also where it is not Python that forks.

uWSGI loads the program in its master and forks in C: none of what os.register_at_fork() has is called, and a thread
that had the interpreter at that moment has it in the child for ever, where it does not run
(https://github.com/unbit/uwsgi/issues/2387). So a process that will be forked there runs no thread of ours, and uWSGI's
own hook tells of the fork.

And a thread of ours that is writing to the log has the lock of its stream, which a child that is forked at that moment
would wait for, for ever: so a fork waits until it has written (between_forks).
"""
import contextlib
import os
import sys
import threading
import types

_in_child: list = []
_for_threads: list = []
_loaded_by = _pid = os.getpid()
_busy = threading.RLock()
_forking = threading.local()  # held: this thread has the lock for its fork

WAIT_SECONDS = 5.0  # that a fork waits for a log that is not taken


def uwsgi():
    """uWSGI's module, within a process of it; or None."""
    found = sys.modules.get("uwsgi")
    if found is None and "uwsgi" in sys.builtin_module_names:
        import uwsgi as found  # type: ignore[import-not-found,import-untyped,unused-ignore]
    return found if hasattr(found, "worker_id") else None


def will_be_forked():
    """Whether this process has been given the program only to be forked, which a thread must not see."""
    server = uwsgi()
    return server is not None and os.getpid() == _loaded_by and not server.worker_id() and not server.mule_id()


def after_in_child(function):
    """Has the function called in each forked child, before anything else of ours."""
    _in_child.append(function)


def when_threads_may_run(function):
    """Has the function called when threads of an earlier process are gone, or may run at last: in each forked child,
    and in uWSGI's workers."""
    _for_threads.append(function)


@contextlib.contextmanager
def between_forks():
    """What a thread of ours does within is not under way when this process forks, unless it takes seconds."""
    with _busy:
        yield


def _before():
    _forking.held = _busy.acquire(timeout=WAIT_SECONDS)


def _after_in_parent():
    if _forking.__dict__.pop("held", False):
        _busy.release()


def _forked():
    global _pid, _busy
    _pid, _busy = os.getpid(), threading.RLock()
    _forking.__dict__.clear()
    for function in (*_in_child, *_for_threads):
        function()


def _in_worker():
    """uWSGI has forked, or goes on without: its only worker is the process that loaded the program."""
    if os.getpid() != _pid:
        _forked()
    else:
        for function in _for_threads:
            function()


def _chained(hook):
    """What uWSGI calls: ours first, so that the program's finds everything as it should be in a child."""
    def both():
        _in_worker()
        if hook:
            hook()

    return both


class _Server(types.ModuleType):
    """uWSGI's module. It has one hook, which the program or its uwsgidecorators may set at any time, and ours is called
    nevertheless."""

    def __setattr__(self, name, value):
        super().__setattr__(name, _chained(value) if name == "post_fork_hook" else value)


os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_forked)
if will_be_forked():
    server = uwsgi()
    server.__class__ = _Server
    server.post_fork_hook = getattr(server, "post_fork_hook", None)
