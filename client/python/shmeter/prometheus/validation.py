"""Which names are allowed: those of any UTF-8, or only those that Prometheus had before its release 3."""

import os
from typing import Dict, Iterable, Sequence, Tuple

from ..names import (
    METRIC_LABEL_NAME_RE as METRIC_LABEL_NAME_RE, METRIC_NAME_RE as METRIC_NAME_RE,
    RESERVED_METRIC_LABEL_NAME_RE as RESERVED_METRIC_LABEL_NAME_RE,
)
from .release import IS_OLD

EXEMPLAR_CHARACTERS = 128  # of all its labels (OpenMetrics 1.0, section "Exemplars")

_legacy_validation = IS_OLD or os.environ.get("PROMETHEUS_LEGACY_NAME_VALIDATION", "False").lower() in (
    "true",
    "1",
    "t",
)


def get_legacy_validation() -> bool:
    """Whether only names of letters, digits, underscores and colons are allowed."""
    return _legacy_validation


def disable_legacy_validation() -> None:
    """From now on names may be any UTF-8."""
    global _legacy_validation
    _legacy_validation = False


def enable_legacy_validation() -> None:
    """From now on only the names are allowed that Prometheus had before its release 3."""
    global _legacy_validation
    _legacy_validation = True


def _is_utf8(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _is_valid_legacy_metric_name(name: str) -> bool:
    return METRIC_NAME_RE.match(name) is not None


def _is_valid_legacy_labelname(name: str) -> bool:
    return METRIC_LABEL_NAME_RE.match(name) is not None and not RESERVED_METRIC_LABEL_NAME_RE.match(name)


def _validate_metric_name(name: str) -> None:
    """ValueError: no metric may have the name."""
    if not name and not IS_OLD:
        raise ValueError("metric name cannot be empty")
    if not METRIC_NAME_RE.match(name) if _legacy_validation else not _is_utf8(name):
        raise ValueError(f"{'Invalid' if IS_OLD else 'invalid'} metric name{':' if IS_OLD else ''} {name}")


def _validate_metric_label_name_token(token: str) -> None:
    """ValueError: no label name may stand so in a text; what is in quotes may be any UTF-8."""
    quoted = len(token) > 1 and token[0] == token[-1] == '"'
    if not token or not (_is_utf8(token) if quoted and not _legacy_validation else METRIC_LABEL_NAME_RE.match(token)):
        raise ValueError("invalid label name token " + token)


def _validate_labelname(name: str) -> None:
    """ValueError: no label may have the name."""
    if not METRIC_LABEL_NAME_RE.match(name) if _legacy_validation else not (name and _is_utf8(name)):
        raise ValueError("Invalid label metric name: " + name)
    if RESERVED_METRIC_LABEL_NAME_RE.match(name):
        raise ValueError("Reserved label metric name: " + name)


def _validate_labelnames(cls, labelnames: Iterable[str]) -> Tuple[str, ...]:
    """The names as a tuple. ValueError: one is not allowed, or reserved by the class."""
    reserved: Sequence[str] = cls._reserved_labelnames
    labelnames = tuple(labelnames)
    for name in labelnames:
        _validate_labelname(name)
        if name in reserved:
            raise ValueError("Reserved label metric name: " + name)
    return labelnames


def _validate_exemplar(exemplar: Dict[str, str]) -> None:
    """ValueError: a label's name is not allowed, or the labels are too long together."""
    characters = 0
    for name, value in exemplar.items():
        _validate_labelname(name)
        characters += len(name) + len(value)
    if characters > EXEMPLAR_CHARACTERS:
        raise ValueError(
            f"Exemplar labels have {characters} UTF-8 characters, exceeding the limit of {EXEMPLAR_CHARACTERS}"
        )
