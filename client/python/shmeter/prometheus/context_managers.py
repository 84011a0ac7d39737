"""Blocks and functions that are counted or timed."""
from .._core import Timer  # noqa: F401 (part of this module's interface)
from ..decorate import within


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
        return within(f, lambda: self)


class InprogressTracker:
    """Counts how often a block or function is being run."""

    def __init__(self, gauge):
        self._gauge = gauge

    def __enter__(self):
        self._gauge.inc()

    def __exit__(self, typ, value, traceback):
        self._gauge.dec()

    def __call__(self, f):
        return within(f, lambda: self)
