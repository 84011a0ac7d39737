"""Functions that run within a context manager: what decorators return."""

import functools

TYPE_CHECKING = (
    False  # type checkers take it for True; the import of typing would take as long as that of all of shmeter
)
if TYPE_CHECKING:
    from typing import Any, Callable, ContextManager, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


def alike(inside: "Callable[..., Any]", function: "F") -> "F":
    """The function inside, which looks like the other one: name, documentation, and arguments also for who does not
    look behind wrappers."""
    import inspect  # here: it takes longer to import than all of shmeter

    functools.update_wrapper(inside, function)
    try:
        setattr(inside, "__signature__", inspect.signature(function))
    except (TypeError, ValueError):
        pass  # it has none, as some that are written in C
    return inside  # type: ignore[return-value]


def within(function: "F", context: "Callable[[], ContextManager[Any]]") -> "F":
    """The function, called within context(), whose result is a context manager. A coroutine function stays one, and is
    in it until it ends."""
    from inspect import iscoroutinefunction

    if iscoroutinefunction(function):

        async def inside(*args, **kwargs):
            with context():
                return await function(*args, **kwargs)

        return alike(inside, function)

    def around(*args, **kwargs):
        with context():
            return function(*args, **kwargs)

    return alike(around, function)
