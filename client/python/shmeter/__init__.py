"""Metrics of a pool of processes, in shared memory.

`from shmeter.prometheus import Counter` in the place of `from prometheus_client import Counter` is all that most programs need. `open()` gives the
plain API. docs/PYTHON.md has both.
"""
from ._core import Error, Meter, __version__, open

__all__ = ("Error", "Meter", "__version__", "open")
