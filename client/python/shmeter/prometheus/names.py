"""Which names are allowed, and how a metric's name is made."""
import re

METRIC_NAME_RE = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
METRIC_LABEL_NAME_RE = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")
RESERVED_METRIC_LABEL_NAME_RE = re.compile(r"^__.*$")
MOST_RUNES = 128  # of an exemplar's labels (OpenMetrics 1.0, section "Exemplars")


def full_name(kind, name, namespace, subsystem, unit):
    """Namespace, subsystem, name and unit as one name; a counter's is without _total."""
    full = "".join(part + "_" for part in (namespace, subsystem) if part) + name
    if kind == "counter" and full.endswith("_total"):
        full = full[:-len("_total")]
    if unit and not full.endswith("_" + unit):
        full += "_" + unit
    if unit and kind in ("info", "stateset"):
        raise ValueError("Metric name is of a type that cannot have a unit: " + full)
    return full


def check_label(name):
    if not METRIC_LABEL_NAME_RE.match(name):
        raise ValueError("Invalid label metric name: " + name)
    if RESERVED_METRIC_LABEL_NAME_RE.match(name):
        raise ValueError("Reserved label metric name: " + name)


def check_labels(names, reserved):
    """The names as a tuple."""
    names = tuple(names)
    for name in names:
        check_label(name)
        if name in reserved:
            raise ValueError("Reserved label metric name: " + name)
    return names


def check_exemplar(exemplar):
    """Exemplars are checked, and not kept."""
    runes = 0
    for name, value in exemplar.items():
        check_label(name)
        runes += len(name) + len(value)
    if runes > MOST_RUNES:
        raise ValueError(f"Exemplar labels have {runes} UTF-8 characters, exceeding the limit of {MOST_RUNES}")
