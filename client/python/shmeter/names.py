"""Which names are allowed, how a metric's name is made, and the names of its samples."""
import re
from typing import List

METRIC_NAME_RE = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
METRIC_LABEL_NAME_RE = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")
RESERVED_METRIC_LABEL_NAME_RE = re.compile(r"^__.*$")
PACKAGE = __package__ + "."
SUFFIXES = {
    "counter": ("_total", "_created"),
    "summary": ("_sum", "_count", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info",),
}


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


def sample_names(name: str, kind: str) -> List[str]:
    """A family's name and those that its samples may have."""
    return [name] + [name + suffix for suffix in SUFFIXES.get(kind, ())]
