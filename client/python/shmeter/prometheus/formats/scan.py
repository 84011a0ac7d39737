"""Lines of expositions, read character by character where quotes and escapes may be: what both parsers share.

Text is lenient about blanks; OpenMetrics (strict) has one where it must be, and none elsewhere.
"""

import re
from typing import Dict, Optional, Tuple

from ..samples import Exemplar, Sample, Timestamp
from ..validation import EXEMPLAR_CHARACTERS, get_legacy_validation
from .native import native_of

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
INTEGER = re.compile(r"[+-]?[0-9]+")
ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
ESCAPE_SEQUENCES = {"\\" + character: meant for character, meant in ESCAPED.items()}
BLANKS = " \t"


def invalid(line):
    """What a line is refused with."""
    return ValueError(f"Invalid line: {line}")


def unescape(text: str, quotes: bool) -> str:
    """Text with its escapes resolved; an unknown one stays as it is."""
    return re.sub(
        r"\\(.)", lambda found: ESCAPED[found[1]] if found[1] in ("\\n" + ('"' if quotes else "")) else found[0], text
    )


class Line:
    """A line and the place where it is being read."""

    def __init__(self, text: str, strict: bool):
        self.text, self.strict, self.at = text, strict, 0

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def blanks(self) -> int:
        """Passes them by where they are allowed. Returns their number."""
        before = self.at
        while not self.strict and self.peek() and self.peek() in BLANKS:
            self.at += 1
        return self.at - before

    def take(self, character: str) -> bool:
        """Passes the character by, if it is the next one."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def expect(self, character: str) -> None:
        """Passes the character by, which must be the next one."""
        if not self.take(character):
            raise invalid(self.text)

    def matched(self, pattern) -> str:
        """Passes what the pattern matches by, which must be there."""
        found = pattern.match(self.text, self.at)
        if not found:
            raise invalid(self.text)
        self.at = found.end()
        return found[0]

    def quoted(self) -> str:
        """Passes a text in quotes by, which must be there."""
        self.expect('"')
        start = self.at
        while self.peek() != '"':
            if not self.peek():
                raise invalid(self.text)
            self.at += 2 if self.peek() == "\\" else 1
        self.at += 1
        return unescape(self.text[start : self.at - 1], True)

    def name(self, pattern) -> str:
        """A name, which may be any UTF-8 in quotes."""
        if self.peek() == '"' and not get_legacy_validation():
            name = self.quoted()
            if not name:
                raise invalid(self.text)
            return name
        return self.matched(pattern)


def labels_of(line: Line, named: bool) -> Tuple[Dict[str, str], Optional[str]]:
    """Labels that begin behind a brace, and the name that stands among them in quotes. named: it has a name already.
    The line is behind the
    closing brace then."""
    labels: Dict[str, str] = {}
    name = None
    line.blanks()
    if not line.strict:  # one comma may be where there is nothing before it, or behind it
        line.take(",")
        line.blanks()
    while not line.take("}"):
        is_quoted = line.peek() == '"'
        label = line.name(LABEL)
        line.blanks()
        if is_quoted and line.peek() in (",", "}"):
            if named or name is not None or labels:
                raise invalid(line.text)
            name = label
        else:
            line.expect("=")
            line.blanks()
            if label in labels:
                raise ValueError(f"Invalid line, duplicate label name: {line.text}")
            labels[label] = line.quoted()
            line.blanks()
        if line.take(","):
            line.blanks()
            if line.strict and line.peek() == "}":
                raise invalid(line.text)
        elif line.peek() != "}":
            raise invalid(line.text)
    return labels, name


def parse_labels(labels_string: str, openmetrics: bool = False) -> Dict[str, str]:
    """Labels without their braces. A name that stands among them in quotes is that of __name__."""
    line = Line(labels_string + "}", openmetrics)
    try:
        labels, name = labels_of(line, False)
    except ValueError:
        raise ValueError("Invalid labels: " + labels_string) from None
    if line.peek():
        raise ValueError("Invalid labels: " + labels_string)
    return labels if name is None else {"__name__": name, **labels}


def number(text: str):
    """A value, as the formats spell it."""
    if "_" in text or text != text.strip() or not text.isascii():
        raise ValueError(f"Invalid number: {text!r}")
    value = float(text)
    return int(value) if INTEGER.fullmatch(text) and abs(value) < 2**53 else value


def stamp(text: str):
    """A time in seconds, with all of its digits. A float where it has an exponent."""
    whole, point, fraction = text.partition(".")
    if INTEGER.fullmatch(whole) and (fraction.isdecimal() and fraction.isascii() if point else True):
        return Timestamp(int(whole), int(fraction[:9].ljust(9, "0")))
    value = number(text)
    if value - value != 0:
        raise ValueError(f"Invalid timestamp: {text!r}")
    return value


def _token(line):
    """Passes what is before the next blank by, which must be something."""
    start = line.at
    while line.peek() not in ("", " "):
        line.at += 1
    if line.at == start or line.text[start] == "#":
        raise invalid(line.text)
    return line.text[start : line.at]


def _stamp_at(line):
    """A time that stands behind a blank, if what is there is no exemplar."""
    if line.text[line.at : line.at + 2] in ("", " #"):
        return None
    line.expect(" ")
    return stamp(_token(line))


def _exemplars(line):
    """What follows a value in OpenMetrics, up to the end of the line."""
    found = []
    while line.peek():
        for character in " # {":
            line.expect(character)
        labels, _ = labels_of(line, True)
        if sum(len(name) + len(value) for name, value in labels.items()) > EXEMPLAR_CHARACTERS:
            raise ValueError(f"Exemplar labels are too long: {line.text}")
        line.expect(" ")
        value = number(_token(line))
        found.append(Exemplar(labels, value, _stamp_at(line)))
    return found


def _native_at(line):
    """Passes a native histogram by."""
    start = line.at
    line.at = line.text.find("}", start) + 1
    if not line.at:
        raise invalid(line.text)
    return native_of(line.text[start : line.at])


def _head(line):
    """Name and labels; the line is at the value then."""
    name, labels = None, {}
    if line.peek() != "{":
        name = line.matched(NAME)
    passed = line.blanks()
    if line.take("{"):
        labels, inner = labels_of(line, name is not None)
        name = inner if name is None else name
        passed = 1  # text needs no blank there
    if name is None:
        raise invalid(line.text)
    line.blanks()
    if line.strict:
        line.expect(" ")
    elif not passed:
        raise invalid(line.text)
    return name, labels


def _openmetrics_sample(line):
    name, labels = _head(line)
    native = _native_at(line) if line.peek() == "{" else None
    value = None if native else number(_token(line))
    time = _stamp_at(line)
    exemplars = _exemplars(line)
    if native:
        native = native._replace(nh_exemplars=tuple(exemplars) or None)
        return Sample(name, labels or None, value, time, None, native)  # type: ignore[arg-type]
    if len(exemplars) > 1:
        raise invalid(line.text)
    return Sample(name, labels, value, time, exemplars[0] if exemplars else None)


def sample(text: str, of_time, openmetrics: bool) -> Sample:
    """A line's sample. of_time: makes a timestamp of its text; of OpenMetrics that is stamp()."""
    line = Line(text, openmetrics)
    if openmetrics:
        return _openmetrics_sample(line)
    name, labels = _head(line)
    fields = line.text[line.at :].split()
    if not 1 <= len(fields) <= 2:
        raise invalid(text)
    return Sample(name, labels, number(fields[0]), of_time(fields[1]) if len(fields) == 2 else None)
