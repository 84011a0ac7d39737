"""Lines of expositions, read character by character where quotes and escapes may be: what both parsers share."""
import re

from .samples import Exemplar, Sample, Timestamp

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}
BLANKS = " \t"


def unescape(text, quotes):
    """Text with its escapes resolved; an unknown one stays as it is."""
    return re.sub(r"\\(.)", lambda found: ESCAPED[found[1]] if found[1] in ("\\n" + ('"' if quotes else "")) else found[0], text)


def _value_end(line, at):
    """Where the quote is that ends a label value."""
    while line[at] != '"':
        at += 2 if line[at] == "\\" else 1
    return at


def labels_at(line, at):
    """Labels that begin behind a brace at this place. Returns them, and the place behind the closing brace."""
    labels = {}
    while True:
        while line[at] in BLANKS + ",":
            at += 1
        if line[at] == "}":
            return labels, at + 1
        name = LABEL.match(line, at)
        if not name:
            raise ValueError(f"Invalid line: {line}")
        at = name.end()
        while line[at] in BLANKS + "=":
            at += 1
        if line[at] != '"':
            raise ValueError(f"Invalid line: {line}")
        end = _value_end(line, at + 1)
        if name[0] in labels:
            raise ValueError(f"Invalid line, duplicate label name: {line}")
        labels[name[0]] = unescape(line[at + 1:end], True)
        at = end + 1


def number(text):
    """A value, as the formats spell it."""
    if "_" in text or text != text.strip():
        raise ValueError(f"Invalid number: {text!r}")
    value = float(text)
    return int(value) if re.fullmatch(r"[+-]?[0-9]+", text) and abs(value) < 2 ** 53 else value


def stamp(text):
    """A time in seconds; with all of its digits where it has a fraction."""
    whole, point, fraction = text.partition(".")
    if not point or not re.fullmatch(r"-?[0-9]+", whole) or not re.fullmatch(r"[0-9]+", fraction):
        return number(text)
    return Timestamp(int(whole), int(fraction[:9].ljust(9, "0")))


def _exemplar(text, line):
    text = text.strip(BLANKS)
    if not text.startswith("{"):
        raise ValueError(f"Invalid line: {line}")
    labels, at = labels_at(text, 1)
    fields = text[at:].split()
    if not 1 <= len(fields) <= 2:
        raise ValueError(f"Invalid line: {line}")
    return Exemplar(labels, number(fields[0]), stamp(fields[1]) if len(fields) == 2 else None)


def sample(line, of_time, exemplars):
    """A line's sample. of_time: makes a timestamp of its text. exemplars: whether there may be one."""
    try:
        name = NAME.match(line)
        if not name:
            raise ValueError(f"Invalid line: {line}")
        at, labels = name.end(), {}
        while line[at] in BLANKS:
            at += 1
        if line[at] == "{":
            labels, at = labels_at(line, at + 1)
        elif at == name.end():
            raise ValueError(f"Invalid line: {line}")
    except IndexError:
        raise ValueError(f"Invalid line: {line}") from None
    rest, mark, behind = line[at:].partition("#") if exemplars else (line[at:], "", "")
    fields = rest.split()
    if not 1 <= len(fields) <= 2:
        raise ValueError(f"Invalid line: {line}")
    return Sample(name[0], labels, number(fields[0]), of_time(fields[1]) if len(fields) == 2 else None,
                  _exemplar(behind, line) if mark else None)
