"""Functions that run within a context manager: what decorators return."""
import functools


def within(function, context):
    """The function, called within context(), whose result is a context manager. A coroutine function stays one, and is in it until it ends."""
    from inspect import iscoroutinefunction  # here: it takes longer to import than all of shmeter
    if iscoroutinefunction(function):
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
