"""Blocks and functions that are counted or timed."""
import functools
import inspect

from .._core import Timer  # noqa: F401 (part of this module's interface)


def wrap(function, context):
    """The function, called within context(), whose result is a context manager. A coroutine function stays one, and is in it until it ends."""
    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def inside(*args, **kwargs):
            with context():
                return await function(*args, **kwargs)
    else:
        @functools.wraps(function)
        def inside(*args, **kwargs):
            with context():
                return function(*args, **kwargs)
    return inside


def decorate_timer(timer, function):
    """Called by _core: a timer for each call, so that calls may overlap."""
    return wrap(function, timer._again)


class ExceptionCounter:
    """Counts exceptions that leave a block or function."""

    def __init__(self, counter, exception) -> None:
        self._counter = counter
        self._exception = exception

    def __enter__(self) -> None:
        pass

    def __exit__(self, typ, value, traceback) -> bool:
        if isinstance(value, self._exception):
            self._counter.inc()
        return False

    def __call__(self, f):
        return wrap(f, lambda: self)


class InprogressTracker:
    """Counts how often a block or function is being run."""

    def __init__(self, gauge):
        self._gauge = gauge

    def __enter__(self):
        self._gauge.inc()

    def __exit__(self, typ, value, traceback):
        self._gauge.dec()

    def __call__(self, f):
        return wrap(f, lambda: self)
