"""Reads OpenMetrics 1.0. Families, samples, exemplars and times; it does not judge what a strict reader would refuse beyond the grammar."""
import io
from typing import Iterable

from ...names import sample_names, SUFFIXES
from ..metrics_core import Metric, METRIC_TYPES
from ..scan import sample, stamp, unescape


def text_string_to_metric_families(text: str) -> Iterable[Metric]:
    """The families of a text."""
    yield from text_fd_to_metric_families(io.StringIO(text))


def _belongs(metric, name):
    if metric is None:
        return False
    bare = metric.type == "summary" or metric.type not in SUFFIXES  # a summary's quantiles have its own name
    return bare and name == metric.name or name in sample_names(metric.name, metric.type)[1:]


def _describe(metric, words, line):
    """What a line of metadata says."""
    text = words[3] if len(words) == 4 else ""
    if words[1] == "HELP":
        metric.documentation = unescape(text, True)
    elif words[1] == "UNIT":
        metric.unit = text
    elif text in METRIC_TYPES:
        metric.type = text
    else:
        raise ValueError("Invalid line: " + line)


def text_fd_to_metric_families(fd) -> Iterable[Metric]:
    """The families of a file, line by line. ValueError: it is none, or does not end with # EOF."""
    metric, ended, seen = None, False, set()
    for line in fd:
        line = line.rstrip("\n")
        if ended:
            raise ValueError("Received line after # EOF: " + line)
        if line == "# EOF":
            ended = True
            continue
        if not line:
            raise ValueError("Received blank line")
        words = line.split(" ", 3)
        one = None if line.startswith("#") else sample(line, stamp, True)
        if one is None and (len(words) < 3 or words[0] != "#" or words[1] not in ("HELP", "TYPE", "UNIT")):
            raise ValueError("Invalid line: " + line)
        if one is None and (metric is None or metric.name != words[2]) or one is not None and not _belongs(metric, one.name):
            if metric:
                yield metric
            metric = Metric(words[2] if one is None else one.name, "", "unknown")
            if metric.name in seen:
                raise ValueError("Duplicate metric: " + metric.name)
            seen.add(metric.name)
        if one is None:
            _describe(metric, words, line)
        else:
            metric.samples.append(one)
    if metric:
        yield metric
    if not ended:
        raise ValueError("Missing # EOF at end")
