"""Pushes a registry to Graphite."""
import logging
import re
import socket
import threading
import time

from ..registry import Collector as Collector, REGISTRY as REGISTRY

_INVALID = re.compile(r"[^a-zA-Z0-9_-]")


def _clean(text):
    return _INVALID.sub("_", text)


class _RegularPush(threading.Thread):
    def __init__(self, pusher, interval, prefix):
        super().__init__(daemon=True)
        self._pusher, self._interval, self._prefix = pusher, interval, prefix

    def run(self):
        next_time = time.monotonic()
        while True:
            next_time += self._interval
            time.sleep(max(0, next_time - time.monotonic()))
            try:
                self._pusher.push(prefix=self._prefix)
            except OSError:
                logging.exception("Push failed")


class GraphiteBridge:
    """A registry and where it is pushed to. timeout_seconds: of a connection."""

    def __init__(self, address, registry: Collector = REGISTRY, timeout_seconds: float = 30, _timer=time.time,
                 tags: bool = False):
        self._address, self._registry, self._timeout, self._timer, self._tags = address, registry, timeout_seconds, _timer, tags

    def push(self, prefix: str = "") -> None:
        """Sends all samples once. Raises OSError."""
        now, separators = int(self._timer()), (";", "=") if self._tags else (".", ".")
        start = prefix + "." if prefix else ""
        lines = []
        for family in self._registry.collect():
            for sample in family.samples:
                labels = "".join(f"{separators[0]}{_clean(name)}{separators[1]}{_clean(value)}"
                                 for name, value in sorted(sample.labels.items()))
                lines.append(f"{start}{_clean(sample.name)}{labels} {float(sample.value)} {now}\n")
        with socket.create_connection(self._address, self._timeout) as connection:
            connection.sendall("".join(lines).encode("ascii"))

    def start(self, interval: float = 60.0, prefix: str = "") -> None:
        """Sends all samples every interval seconds, from a thread."""
        _RegularPush(self, interval, prefix).start()
