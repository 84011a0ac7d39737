"""Numbers as text, and addresses."""
import socket
from typing import List, Tuple, Union

from .. import _core

INF = float("inf")
MINUS_INF = float("-inf")
NaN = float("NaN")


def floatToGoString(d) -> str:
    """1.0 0.25 1.234567e+06 +Inf: repr(), and from a million on the exponent that Go writes."""
    return _core.number(float(d))


def parse_version(version_str: str) -> Tuple[Union[int, str], ...]:
    """Its parts, as numbers where they are."""
    parts: List[Union[int, str]] = []
    for part in version_str.split("."):
        try:
            parts.append(int(part))
        except ValueError:
            parts.append(part)
    return tuple(parts)


def best_family(address, port):
    """Address family, and the address as it is in it."""
    family, _, _, _, place = next(iter(socket.getaddrinfo(address, port)))
    return family, place[0]
