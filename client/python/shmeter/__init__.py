"""Metrics of a pool of processes, in shared memory.

`from shmeter.prometheus import Counter` in the place of `from prometheus_client import Counter` is all that most
programs need; install() does it for libraries too. open() gives the plain API. docs/PYTHON.md has both.
"""
import importlib
import sys

try:
    from . import _core
except ImportError as error:
    if sys.platform != "linux":
        raise ImportError(f"shmeter runs on Linux only, and this is {sys.platform}") from error
    raise ImportError(f"shmeter's extension module _core is not in {__path__[0]}, or not for this Python "
                      f"({sys.implementation.cache_tag}): build the package with it; docs/PYTHON.md says how ({error})") from error

from ._core import Error, Meter, __version__
from .alias import install
from .decorate import within

__all__ = ("Error", "Meter", "__version__", "install", "open")
ON_DEMAND = ("asgi", "prometheus", "testing", "wsgi")  # modules that are imported when the program asks for them

_core._hand_over(within)  # for timers as decorators


def open(segment=None, **options) -> Meter:
    """Attaches to a segment, creating it if need be: a name, or the path of a file on a tmpfs; None: $SHMETER_SEGMENT,
    or default, or the process's own where that is private and under a test runner.

    The first segment that is opened is also the one that shmeter.prometheus counts in. options: worker, mode, group,
    any_owner, and the sizes lane_bytes, max_series, max_family_series, max_slots, max_gauges, cpu_lanes and
    shared_lanes, which count for its creator alone. So does load, a file that `shmeter save` has made, with which the
    segment begins (None: $SHMETER_LOAD); one that is not there is passed by. ValueError: no segment could have this
    name. Where the store cannot be had, the meter counts in memory of this process, and error says why.
    """
    from . import segment as segments, store
    meter = segments.attach(segment, **options)
    store.use(meter)
    return meter


TYPE_CHECKING = False  # type checkers take it for True; importing typing for it would take as long as all of this
if TYPE_CHECKING:
    from . import asgi as asgi, prometheus as prometheus, testing as testing, wsgi as wsgi
else:
    def __getattr__(name):
        if name in ON_DEMAND:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *ON_DEMAND})
