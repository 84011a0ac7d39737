"""Functions around functions."""
import functools


def decorate(func, caller):
    """A function like func, which calls caller(func, *args, **kwargs)."""
    @functools.wraps(func)
    def inside(*args, **kwargs):
        return caller(func, *args, **kwargs)
    return inside
