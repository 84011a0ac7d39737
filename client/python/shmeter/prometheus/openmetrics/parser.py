"""Reads OpenMetrics 1.0, and native histograms as version 2 has them. What the specification forbids is refused
(formats/judge.py)."""

import io
from typing import IO, Iterable, Set

from ..formats.judge import Family
from ..formats.scan import ESCAPE_SEQUENCES as ESCAPE_SEQUENCES, parse_labels as parse_labels
from ..formats.scan import invalid, Line, NAME, sample, stamp, unescape
from ..metrics_core import Metric as Metric, METRIC_TYPES
from ..samples import (
    BucketSpan as BucketSpan, Exemplar as Exemplar, NativeHistogram as NativeHistogram, Sample as Sample,
    Timestamp as Timestamp,
)
from ..utils import floatToGoString as floatToGoString


def text_string_to_metric_families(text: str) -> Iterable[Metric]:
    """The families of a text."""
    yield from text_fd_to_metric_families(io.StringIO(text))


def _metadata(text):
    """(HELP, TYPE or UNIT, name, what is said) of a line."""
    line = Line(text, True)
    for character in "# ":
        line.expect(character)
    word = next((word for word in ("HELP", "TYPE", "UNIT") if text.startswith(word + " ", line.at)), None)
    if word is None:
        raise invalid(text)
    line.at += len(word) + 1
    name = line.name(NAME)
    line.expect(" ")
    said = text[line.at :]
    if word == "TYPE" and said not in METRIC_TYPES:
        raise invalid(text)
    return word, name, unescape(said, True) if word == "HELP" else said


def text_fd_to_metric_families(fd: IO[str]) -> Iterable[Metric]:
    """The families of a file, line by line. ValueError: it is no OpenMetrics, or does not end with # EOF."""
    family, ended = None, False
    seen: Set[str] = set()
    for line in fd:
        line = line[:-1] if line.endswith("\n") else line
        if ended:
            raise ValueError("Received line after # EOF: " + line)
        if not line:
            raise ValueError("Received blank line")
        if line == "# EOF":
            ended = True
            continue
        one, said = (None, _metadata(line)) if line.startswith("#") else (sample(line, stamp, True), None)
        if family is None or (family.name != said[1] if said else not family.has(one)):
            if family:
                yield family.family(seen)
            family = Family(said[1] if said else one.name)
        if said:
            family.say(said[0], said[2], line)
        else:
            family.add(one, line)
    if family:
        yield family.family(seen)
    if not ended:
        raise ValueError("Missing # EOF at end")
