"""What the ASGI and the WSGI middleware share: their metrics, and which paths are left out."""
import re
import threading
import weakref

from . import _core, forks
from .prometheus import Counter, Gauge, Histogram, REGISTRY

# From half a millisecond to a minute; and powers of 4 from 64 bytes to 16 MiB.
SECONDS = (.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60)
BYTES = tuple(64 * 4 ** n for n in range(10))

UNMATCHED = "__unmatched__"

_lock = threading.RLock()
_made: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # registry -> {prefix: metrics}
_webs: "weakref.WeakSet" = weakref.WeakSet()


def metrics(prefix, registry=REGISTRY, buckets=SECONDS, size_buckets=BYTES):
    """(requests, durations, in progress, request sizes, response sizes) of a prefix, made at its first use."""
    start = f"{prefix}_http_" if prefix else "http_"
    route = ("method", "endpoint")
    with _lock:
        made = _made.setdefault(registry, {})
        if prefix not in made:
            made[prefix] = (
                Counter(start + "requests_total", "Requests by method, endpoint and status.", (*route, "status"),
                        registry=registry),
                Histogram(start + "request_duration_seconds", "Time from a request to the end of its answer.", route,
                          buckets=buckets,
                          registry=registry),
                Gauge(start + "requests_in_progress", "Requests that are being answered.", route, registry=registry),
                Histogram(start + "request_size_bytes", "Bodies of requests.", route, buckets=size_buckets,
                          registry=registry),
                Histogram(start + "response_size_bytes", "Bodies of answers.", route, buckets=size_buckets,
                          registry=registry))
        return made[prefix]


def _one_excluded(entry):
    if isinstance(entry, re.Pattern):
        return lambda path: entry.search(path) is not None
    if entry.endswith("*"):
        return lambda path: path.startswith(entry[:-1])
    return None


def excluded(entries):
    """A function that tells whether a path is left out, or None when none is. Entries: a path, a path's beginning with
    a * behind it, or a compiled expression that is searched for."""
    if isinstance(entries, (str, re.Pattern)):
        entries = (entries,)
    tests = [one for one in map(_one_excluded, entries) if one]
    paths = frozenset(entry for entry in entries if isinstance(entry, str) and not entry.endswith("*"))
    if not tests:
        return paths.__contains__ if paths else None
    return lambda path: path in paths or any(test(path) for test in tests)


def web(app, resolve, always, prefix, entries, registry, buckets, size_buckets, sizes):
    """The part in C of one middleware. always: every request is resolved, and not only those that come a new way."""
    made = metrics(prefix, registry, buckets, size_buckets)
    found = _core.web(app, resolve, excluded(entries), made if sizes else (*made[:3], None, None), always)
    _webs.add(found)
    return found


def _after_fork():
    global _lock
    _lock = threading.RLock()
    for each in list(_webs):
        each._forked()


forks.after_in_child(_after_fork)
