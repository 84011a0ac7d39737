"""A metric that is made again in a process's own store, by the process that has made it, begins at zero, as in one
process of prometheus_client. In its children it goes on: the numbers are their parent's too.
"""
from . import _core, segment

# stored name -> {what makes a definition different: (type of the core, arguments of Meter._open_metric)}
_made: dict = {}


def note(metric, name, arguments):
    """The metric is made with these arguments."""
    if segment.is_own_of(metric._meter):
        kind = next(base for base in type(metric).__mro__ if base.__module__ == _core.__name__)
        _made.setdefault(name, {})[repr((kind, arguments))] = kind, arguments


def begins_anew(meter):
    """Whether it is this process's own store, and this process has made it: then it is as if there were one process
    alone."""
    return segment.is_own_of(meter) and segment.is_maker()


def begin_again(meter, name):
    """Nothing of the metrics of this name that there were is left; their series add up over definitions."""
    if not segment.is_maker():
        return
    for kind, arguments in _made.pop(name, {}).values():
        before = kind()
        meter._forget(name)
        if meter._open_metric(before, name, *arguments):
            (before._reset if before._labelnames else before._hide)()
