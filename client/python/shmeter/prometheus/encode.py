"""Families as text, in Python: for families that collectors give. Metrics of this package are rendered in C."""
from .. import _core, exposed, store
from . import family
from .registry import CollectorRegistry, is_metric
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


def _in_c(collector, pool=True):
    """Whether C may render it: one of our metrics, whose collect() is ours, and whose samples are the segment's."""
    return is_metric(collector) and collector._in_segment(pool)


def _render_families(families, one):
    parts = []
    for metric in families:
        try:
            parts.append(one(metric))
        except Exception as exception:
            exception.args = (exception.args or ("",)) + (metric,)
            raise
    return "".join(parts).encode("utf-8")


class _Names:
    """What the collectors of a registry have given, by names of the segment; whatever is rendered passes through."""

    def __init__(self, registry):
        self._registry, self.given = registry, set()

    def of(self, collector):
        """The families of a collector."""
        for metric in self._registry._families_of(collector):
            self.given.update(self._registry._names_of(collector, metric))
            yield metric


def _render_collectors(registry, collectors, openmetrics, one):
    """In their order, neighbours that C renders together; then what else the registry shows of the segment."""
    pool, names = registry._shared, _Names(registry)
    ours = [collector for collector in collectors if _in_c(collector, pool)]
    whole = registry._whole and not any(getattr(collector, "_is_whole", False) for collector in collectors)
    family.take(ours, [store.counting()] if whole else [])
    parts, run = [], []

    def flush():
        if run:
            parts.append(_core.render(run, openmetrics, family.use_created()))
            run.clear()

    for collector in collectors:
        if _in_c(collector, pool):
            run.append(collector)
            names.given.add(collector._stored_name)
            continue
        flush()
        render = getattr(collector, "_render", None)
        parts.append(render(openmetrics) if render else _render_families(names.of(collector), one))
    flush()
    if whole:
        parts.append(exposed.render(openmetrics, names.given | registry._not_shown()))
    return b"".join(parts)


def render(registry, openmetrics):
    """All families of a registry, or of anything that has a method collect."""
    one = openmetrics_of if openmetrics else text_of
    if not isinstance(registry, CollectorRegistry) or type(registry).collect is not CollectorRegistry.collect:
        return _render_families(registry.collect(), one)
    collectors, target = registry._parts()
    registry._tell_of_pool(collectors)
    return _render_families([target] if target else [], one) + _render_collectors(registry, collectors, openmetrics, one)
