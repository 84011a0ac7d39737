"""Functions around functions."""
from ..decorate import alike


def decorate(func, caller):
    """A function like func, which calls caller(func, *args, **kwargs)."""
    def inside(*args, **kwargs):
        return caller(func, *args, **kwargs)
    return alike(inside, func)
