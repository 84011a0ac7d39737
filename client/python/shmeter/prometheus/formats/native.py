"""Native histograms as text, as OpenMetrics 2 has them:
{count:24,sum:100.0,schema:0,zero_threshold:0.001,zero_count:4,positive_spans:[0:2],...}."""

import re
from typing import Any, Dict

from ..samples import BucketSpan, NativeHistogram

_FIELD = re.compile(r"([a-z_]+):(\[[^\]]*\]|[0-9A-Za-z.+-]+)(?:,(?=[a-z])|$)")
_SPANS = re.compile(r"\[(?:-?[0-9]+:[0-9]+(?:,-?[0-9]+:[0-9]+)*)?\]")
_DELTAS = re.compile(r"\[(?:-?[0-9]+(?:,-?[0-9]+)*)?\]")
_NUMBERS = {"count": int, "sum": float, "schema": int, "zero_threshold": float, "zero_count": int}
_FIELDS = {name: name + "_value" * (name in ("count", "sum")) for name in _NUMBERS}  # of NativeHistogram
_LISTS = {"negative_spans": _SPANS, "negative_deltas": _DELTAS, "positive_spans": _SPANS, "positive_deltas": _DELTAS}


def _side(word, spans, deltas):
    if not spans:
        return ""
    return (
        f",{word}_spans:[{','.join(f'{span[0]}:{span[1]}' for span in spans)}]"
        f",{word}_deltas:[{','.join(str(delta) for delta in deltas or ())}]"
    )


def native_text(histogram: NativeHistogram) -> str:
    """The value of a sample that is a native histogram."""
    return (
        f"{{count:{histogram.count_value},sum:{histogram.sum_value},schema:{histogram.schema},"
        f"zero_threshold:{histogram.zero_threshold},zero_count:{histogram.zero_count}"
        f"{_side('negative', histogram.neg_spans, histogram.neg_deltas)}"
        f"{_side('positive', histogram.pos_spans, histogram.pos_deltas)}}}"
    )


def _fields(text):
    """{name: text} of what is between the braces."""
    fields, at = {}, 0
    while at < len(text):
        found = _FIELD.match(text, at)
        if not found or found[1] in fields:
            raise ValueError(f"Invalid native histogram: {text}")
        fields[found[1]] = found[2]
        at = found.end()
    return fields


def _numbers(text):
    inner = text[1:-1]
    return inner.split(",") if inner else []


def _spans(fields, name):
    if name not in fields:
        return None
    return tuple(BucketSpan(*map(int, pair.split(":"))) for pair in _numbers(fields[name]))


def _deltas(fields, name):
    return tuple(map(int, _numbers(fields[name]))) if name in fields else None


def native_of(text: str) -> NativeHistogram:
    """What the text says, with its braces. ValueError: it is none."""
    fields = _fields(text[1:-1])
    if not _NUMBERS.keys() <= fields.keys() <= _NUMBERS.keys() | _LISTS.keys():
        raise ValueError(f"Invalid native histogram: {text}")
    if not all(_LISTS[name].fullmatch(fields[name]) for name in fields.keys() & _LISTS.keys()):
        raise ValueError(f"Invalid native histogram: {text}")
    values: Dict[str, Any] = {_FIELDS[name]: read(fields[name]) for name, read in _NUMBERS.items()}
    spans = (_spans(fields, "positive_spans"), _spans(fields, "negative_spans"))
    return NativeHistogram(**values, pos_spans=spans[0], neg_spans=spans[1],
                           pos_deltas=_deltas(fields, "positive_deltas"),
                           neg_deltas=_deltas(fields, "negative_deltas"))
