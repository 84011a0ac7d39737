"""The files of prometheus_client's multiprocess mode: read by MultiProcessCollector.merge(), and written by who knows
them. Metrics of this
package are in none.

A file is {bytes in use: i, 4 unused}, and for each number {bytes of the key: i, the key, blanks to a multiple of 8,
value: d, seconds: d}.
"""

import json
import mmap
import os
import struct
from typing import Any, Dict, Iterator, Sequence, Tuple

HEAD = 8
FIRST_BYTES = 1 << 16
_LENGTH, _NUMBERS = struct.Struct("i"), struct.Struct("dd")

Entry = Tuple[str, float, float, int]  # key, value, seconds, and where the two numbers are


def _padded(length):
    """Bytes of a key with its blanks."""
    return length + 8 - (length + _LENGTH.size) % 8


def _entries(data, used: int) -> Iterator[Entry]:
    at = HEAD
    while at < used:
        (length,) = _LENGTH.unpack_from(data, at)
        numbers = at + _LENGTH.size + _padded(length)
        if length < 0 or numbers + _NUMBERS.size > used:
            raise RuntimeError("Read beyond file size detected, file is corrupted.")
        key = bytes(data[at + _LENGTH.size : at + _LENGTH.size + length]).decode("utf-8")
        yield (key, *_NUMBERS.unpack_from(data, numbers), numbers)
        at = numbers + _NUMBERS.size


class MmapedDict:
    """Numbers by keys in a mapped file. Not thread-safe."""

    def __init__(self, filename: str, read_mode: bool = False):
        self._f = open(filename, "rb" if read_mode else "a+b")
        self._fname = filename
        self._capacity = os.fstat(self._f.fileno()).st_size
        if not self._capacity:
            self._capacity = FIRST_BYTES
            self._f.truncate(self._capacity)
        self._m: Any = mmap.mmap(
            self._f.fileno(), self._capacity, access=mmap.ACCESS_READ if read_mode else mmap.ACCESS_WRITE
        )
        self._positions: Dict[str, int] = {}
        self._used: int = _LENGTH.unpack_from(self._m)[0]
        if not self._used and not read_mode:
            self._use(HEAD)
        elif not read_mode:
            self._positions = {key: at for key, _, _, at in self._read_all_values()}

    def _use(self, used):
        self._used = used
        self._m[: _LENGTH.size] = _LENGTH.pack(used)  # at once: a reader may look at any time

    @staticmethod
    def read_all_values_from_file(filename: str) -> Iterator[Entry]:
        """What a file has, which others may be writing to."""
        with open(filename, "rb") as file:
            data = file.read(mmap.PAGESIZE)
            if len(data) < HEAD:
                return iter(())
            used: int = _LENGTH.unpack_from(data)[0]
            data += file.read(max(0, used - len(data)))
        return _entries(data, min(used, len(data)))

    def _read_all_values(self):
        return _entries(self._m, self._used)

    def read_all_values(self) -> Iterator[Tuple[str, float, float]]:
        """(key, value, seconds) of all keys."""
        for key, value, seconds, _ in self._read_all_values():
            yield key, value, seconds

    def _place(self, key):
        """Where the numbers of the key are, which gets a place if it has none."""
        if key not in self._positions:
            encoded = key.encode("utf-8")
            entry = _LENGTH.pack(len(encoded)) + encoded.ljust(_padded(len(encoded))) + _NUMBERS.pack(0, 0)
            while self._used + len(entry) > self._capacity:
                self._capacity *= 2
                self._f.truncate(self._capacity)
                self._m = mmap.mmap(self._f.fileno(), self._capacity)
            self._m[self._used : self._used + len(entry)] = entry
            self._use(self._used + len(entry))
            self._positions[key] = self._used - _NUMBERS.size
        return self._positions[key]

    def read_value(self, key: str) -> Tuple[float, float]:
        """Value and seconds; 0 and 0 where there was none."""
        value, seconds = _NUMBERS.unpack_from(self._m, self._place(key))
        return value, seconds

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Both at once."""
        at = self._place(key)
        self._m[at : at + _NUMBERS.size] = _NUMBERS.pack(value, timestamp)

    def close(self) -> None:
        """Once or more often."""
        if self._m is not None:
            self._m.close()
            self._f.close()
            self._m = None


def mmap_key(metric_name: str, name: str, labelnames: Sequence[str], labelvalues: Sequence[str], help_text: str) -> str:
    """The key of a sample."""
    return json.dumps([metric_name, name, dict(zip(labelnames, labelvalues)), help_text], sort_keys=True)
