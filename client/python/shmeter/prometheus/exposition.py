"""Text for Prometheus."""
from .registry import CollectorRegistry, REGISTRY
from .utils import floatToGoString

CONTENT_TYPE_LATEST = "text/plain; version=0.0.4; charset=utf-8"

APART = ("_created", "_gsum", "_gcount")  # samples that text 0.0.4 has in a gauge of their own


def _escape(text):
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _line(sample):
    labels = ",".join('{}="{}"'.format(name, _escape(value).replace('"', r"\"")) for name, value in sorted(sample.labels.items()))
    stamp = "" if sample.timestamp is None else f" {int(float(sample.timestamp) * 1000):d}"
    return f"{sample.name}{{{labels}}} {floatToGoString(sample.value)}{stamp}\n" if labels else \
        f"{sample.name} {floatToGoString(sample.value)}{stamp}\n"


def family_text(metric):
    """The lines of one family."""
    name, kind = metric.name, metric.type
    shown = {"counter": (name + "_total", kind), "info": (name + "_info", "gauge"), "stateset": (name, "gauge"),
             "gaugehistogram": (name, "histogram"), "unknown": (name, "untyped")}.get(kind, (name, kind))
    lines = [f"# HELP {shown[0]} {_escape(metric.documentation)}\n", f"# TYPE {shown[0]} {shown[1]}\n"]
    apart = {}
    for sample in metric.samples:
        suffix = sample.name[len(name):] if sample.name.startswith(name) else None
        (apart.setdefault(suffix, []) if suffix in APART else lines).append(_line(sample))
    for suffix, others in sorted(apart.items()):
        lines += [f"# HELP {name}{suffix} {_escape(metric.documentation)}\n", f"# TYPE {name}{suffix} gauge\n", *others]
    return "".join(lines)


def generate_latest(registry: CollectorRegistry = REGISTRY) -> bytes:
    """The registry's metrics as text 0.0.4."""
    parts = []
    for metric in registry.collect():
        try:
            parts.append(family_text(metric))
        except Exception as exception:
            exception.args = (exception.args or ("",)) + (metric,)
            raise
    return "".join(parts).encode("utf-8")
