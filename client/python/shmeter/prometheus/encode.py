"""Families as text, in Python: for families that collectors give. Metrics of this package are rendered in C."""
from .. import _core
from . import family, turns
from .registry import CollectorRegistry
from .utils import floatToGoString

APART = ("_created", "_gsum", "_gcount")  # samples that text 0.0.4 has in gauges of their own


def _escape_help(text):
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _escape_value(text):
    return _escape_help(text).replace('"', r"\"")


def _labels(labels):
    return "{" + ",".join(f'{name}="{_escape_value(value)}"' for name, value in sorted(labels.items())) + "}"


def _line(sample, stamp, exemplar=""):
    labels = _labels(sample.labels) if sample.labels else ""
    return f"{sample.name}{labels} {floatToGoString(sample.value)}{stamp}{exemplar}\n"


def text_of(metric):
    """The lines of a family in text 0.0.4."""
    name, kind = metric.name, metric.type
    shown, shown_type = {
        "counter": (name + "_total", kind), "info": (name + "_info", "gauge"), "stateset": (name, "gauge"),
        "gaugehistogram": (name, "histogram"), "unknown": (name, "untyped"),
    }.get(kind, (name, kind))
    documentation = _escape_help(metric.documentation)
    lines = [f"# HELP {shown} {documentation}\n", f"# TYPE {shown} {shown_type}\n"]
    apart = {}
    for sample in metric.samples:
        stamp = "" if sample.timestamp is None else f" {int(float(sample.timestamp) * 1000):d}"
        suffix = next((suffix for suffix in APART if sample.name == name + suffix), None)
        (apart.setdefault(suffix, []) if suffix else lines).append(_line(sample, stamp))
    for suffix, others in sorted(apart.items()):
        lines += [f"# HELP {name}{suffix} {documentation}\n", f"# TYPE {name}{suffix} gauge\n", *others]
    return "".join(lines)


def _exemplar(metric, sample):
    exemplar = sample.exemplar
    if not exemplar:
        return ""
    allowed = {"counter": "_total", "histogram": "_bucket", "gaugehistogram": "_bucket"}.get(metric.type)
    if not allowed or not sample.name.endswith(allowed):
        raise ValueError(f"Metric {metric.name} has exemplars, but is not a histogram bucket or counter")
    stamp = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {_labels(exemplar.labels)} {floatToGoString(exemplar.value)}{stamp}"


def openmetrics_of(metric):
    """The lines of a family in OpenMetrics."""
    name = metric.name
    lines = [f"# HELP {name} {_escape_value(metric.documentation)}\n", f"# TYPE {name} {metric.type}\n"]
    if metric.unit:
        lines.append(f"# UNIT {name} {metric.unit}\n")
    for sample in metric.samples:
        stamp = "" if sample.timestamp is None else f" {sample.timestamp}"
        lines.append(_line(sample, stamp, _exemplar(metric, sample)))
    return "".join(lines)


def _in_c(collector):
    """Whether C may render it: one of our metrics, whose collect() is ours."""
    return isinstance(collector, family.MetricWrapperBase) and type(collector).collect is family.MetricWrapperBase.collect


def _render_families(families, one):
    parts = []
    for metric in families:
        try:
            parts.append(one(metric))
        except Exception as exception:
            exception.args = (exception.args or ("",)) + (metric,)
            raise
    return "".join(parts).encode("utf-8")


def _render_collectors(collectors, openmetrics, one):
    """In their order, neighbours that C renders together."""
    ours = [collector for collector in collectors if _in_c(collector)]
    family.take(ours)
    parts, run = [], []

    def flush():
        if run:
            parts.append(_core.render(run, openmetrics, family.use_created()))
            run.clear()

    for collector in collectors:
        if _in_c(collector):
            run.append(collector)
            continue
        flush()
        render = getattr(collector, "_render", None)
        parts.append(render(openmetrics) if render else _render_families(turns.collected(collector), one))
    flush()
    return b"".join(parts)


def render(registry, openmetrics):
    """All families of a registry, or of anything that has a method collect."""
    one = openmetrics_of if openmetrics else text_of
    if not isinstance(registry, CollectorRegistry) or type(registry).collect is not CollectorRegistry.collect:
        return _render_families(registry.collect(), one)
    collectors, target = registry._parts()
    return _render_families([target] if target else [], one) + _render_collectors(collectors, openmetrics, one)
