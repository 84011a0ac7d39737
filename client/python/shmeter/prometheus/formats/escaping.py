"""Names of any UTF-8 in texts whose reader may not take them: in quotes, or as names of letters, digits and
underscores."""

import re

from ..validation import _is_valid_legacy_labelname, _is_valid_legacy_metric_name

ALLOWUTF8, UNDERSCORES, DOTS, VALUES = SCHEMES = "allow-utf-8", "underscores", "dots", "values"
LETTER, COLON = re.compile("[a-zA-Z_]"), ":"


def escaped(text: str) -> str:
    """A text as it stands within quotes."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _is_allowed(character, at, colons):
    return (
        bool(LETTER.match(character))
        or (character.isascii() and character.isdigit() and at > 0)
        or (colons and character == COLON)
    )


def _by_value(character):
    return "_FFFD_" if "\ud800" <= character <= "\udfff" else f"_{ord(character):x}_"


def _replaced(name, scheme, colons):
    """The name without the characters that are not allowed."""
    parts = []
    for at, character in enumerate(name):
        allowed = _is_allowed(character, at, colons)
        if scheme == UNDERSCORES:
            parts.append(character if allowed else "_")
        elif character == "_":
            parts.append("__")
        elif scheme == DOTS:
            parts.append("_dot_" if character == "." else character if allowed else "__")
        else:
            parts.append(character if allowed else _by_value(character))
    return ("U__" if scheme == VALUES else "") + "".join(parts)


def _escape_name(name, scheme, is_legacy, colons):
    if not name or scheme not in SCHEMES:
        return name
    if is_legacy(name) and scheme != DOTS:
        return name
    return f'"{escaped(name)}"' if scheme == ALLOWUTF8 else _replaced(name, scheme, colons)


def escape_metric_name(s: str, escaping: str = UNDERSCORES) -> str:
    """A metric's name as it is written with this escaping: in quotes where it needs them."""
    return _escape_name(s, escaping, _is_valid_legacy_metric_name, True)


def escape_label_name(s: str, escaping: str = UNDERSCORES) -> str:
    """A label's name as it is written with this escaping: in quotes where it needs them."""
    return _escape_name(s, escaping, _is_valid_legacy_labelname, False)
