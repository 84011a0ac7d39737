"""Blocks and functions that are counted or timed."""

from types import TracebackType
from typing import Any, Callable, Literal, Optional, Tuple, Type, TypeVar, Union

from .._core import Counter, Gauge, Timer as Timer  # (part of this module's interface)
from ..decorate import within
from .decorator import decorate as decorate

F = TypeVar("F", bound=Callable[..., Any])


class ExceptionCounter:
    """Counts exceptions that leave a block or function."""

    def __init__(
        self, counter: Counter, exception: Union[Type[BaseException], Tuple[Type[BaseException], ...]]
    ) -> None:
        self._counter = counter
        self._exception = exception

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, typ: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> Literal[False]:
        if isinstance(value, self._exception):
            self._counter.inc()
        return False

    def __call__(self, f: F) -> F:
        return within(f, lambda: self)


class InprogressTracker:
    """Counts how often a block or function is being run."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge

    def __enter__(self) -> None:
        self._gauge.inc()

    def __exit__(
        self, typ: Optional[Type[BaseException]], value: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self._gauge.dec()

    def __call__(self, f: F) -> F:
        return within(f, lambda: self)
