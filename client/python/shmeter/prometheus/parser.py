"""Reads text 0.0.4."""
import io
from typing import IO, Iterable, Match

from .metrics_core import Metric as Metric
from .samples import Sample as Sample
from .formats.scan import ESCAPE_SEQUENCES as ESCAPE_SEQUENCES, parse_labels as parse_labels
from .formats.scan import Line, NAME, sample, unescape

SUFFIXES = {"counter": ("", "_total"), "summary": ("_count", "_sum", ""), "histogram": ("_count", "_sum", "_bucket")}


def text_string_to_metric_families(text: str) -> Iterable[Metric]:
    """The families of a text."""
    yield from text_fd_to_metric_families(io.StringIO(text))


def replace_escape_sequence(match: Match[str]) -> str:
    """What an escape stands for, which a pattern has found."""
    return ESCAPE_SEQUENCES[match.group(0)]


class _Reading:
    """The family that is being read."""

    def __init__(self, name="", documentation="", kind="untyped"):
        self.name, self.documentation, self.kind, self.samples = name, documentation, kind, []

    def has(self, name):
        """Whether a sample of this name belongs to it."""
        return name in [self.name + suffix for suffix in SUFFIXES.get(self.kind, ("",))]

    def family(self):
        name, samples = self.name, self.samples
        if self.kind == "counter":
            if name.endswith("_total"):
                name = name[:-len("_total")]
            else:
                samples = [one if one.name.endswith("_total") else one._replace(name=one.name + "_total")
                           for one in samples]
        metric = Metric(name, self.documentation, self.kind)
        metric.samples = samples
        return metric


def _seconds(text):
    return float(text) / 1000


def _words(line):
    """#, HELP or TYPE, the name, which may stand in quotes, and the rest; those that there are."""
    words = line.split(None, 2)
    if len(words) < 3 or words[1] not in ("HELP", "TYPE"):
        return words[:2]
    rest = Line(words[2], False)
    return [*words[:2], rest.name(NAME), *([rest.text[rest.at:].strip()] if rest.blanks() else [])]


def text_fd_to_metric_families(fd: IO[str]) -> Iterable[Metric]:
    """The families of a file, line by line. ValueError: it has a line that is none."""
    reading = None
    for line in fd:
        line = line.strip()
        if line.startswith("#"):
            words = _words(line)
            if len(words) < 3:
                continue
            if reading is None or reading.name != words[2] or (words[1] == "HELP" and reading.samples):
                if reading:
                    yield reading.family()
                reading = _Reading(words[2])
            if words[1] == "HELP":
                reading.documentation = unescape(words[3], False) if len(words) == 4 else ""
            elif len(words) == 4:
                reading.kind = words[3]
            else:
                raise ValueError("Invalid line: " + line)
        elif line:
            one = sample(line, _seconds, False)
            if reading is None or not reading.has(one.name):
                if reading:
                    yield reading.family()
                reading = _Reading(one.name)
            reading.samples.append(Sample(one.name, one.labels, float(one.value), one.timestamp, None))
    if reading:
        yield reading.family()
