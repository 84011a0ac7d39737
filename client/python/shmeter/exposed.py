"""What the segment has, whichever process has made it."""
import os
from typing import Any, Callable, Collection, Iterator, List, Optional, Set, Tuple

from . import store

_created = os.environ.get("PROMETHEUS_DISABLE_CREATED_SERIES", "False").lower() not in ("true", "1", "t")


def show_created(shown: bool) -> None:
    """Whether _created samples are exposed from now on."""
    global _created
    _created = shown


def use_created() -> bool:
    return _created


def families(sample: Callable[..., Any], created: bool, left_out: Collection[str] = ()) -> Iterator[Tuple[str, str, str,
                                                                                                          str,
                                                                                                          List[Any]]]:
    """(name, documentation, type, unit, samples) of each family of the moment whose name in the segment is not left
    out."""
    meter = store.counting()
    meter._take()
    for stored, name, kind, documentation, unit in meter._families():
        if stored not in left_out:
            yield name, documentation, kind, unit, meter._samples(stored, name, sample, created)


def names() -> Set[str]:
    """Of all families in the segment, of the last take."""
    return {stored for stored, *_ in store.counting()._families()}


def odd_names() -> Set[str]:
    """Of those whose own names, or their labels', do not stand in a text as they are."""
    return store.counting()._odd()


def render(openmetrics: bool, left_out: Optional[Collection[str]] = None) -> bytes:
    """The same as text, in C; of the last take."""
    return store.counting()._render(openmetrics, _created, frozenset(left_out or ()))
