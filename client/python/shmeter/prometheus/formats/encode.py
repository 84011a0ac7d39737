"""Families as text, in Python: for families that collectors give. Metrics of this package are rendered in C."""

from ... import _core, exposed, store
from .. import family
from ..registry import CollectorRegistry, is_metric, of_segment
from ..utils import floatToGoString
from .escaping import ALLOWUTF8, DOTS, escape_label_name, escape_metric_name, escaped, UNDERSCORES

APART = ("_created", "_gsum", "_gcount")  # samples that text 0.0.4 has in gauges of their own
TEXT_TYPES = {"info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram", "unknown": "untyped"}
TEXT_SUFFIXES = {"counter": "_total", "info": "_info"}


def _escape_help(text):
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _labels(labels, escaping):
    return ",".join(f'{escape_label_name(name, escaping)}="{escaped(value)}"' for name, value in sorted(labels.items()))


def _named(sample, escaping):
    """Name and labels; a name that stands in quotes is within the braces."""
    name = escape_metric_name(sample.name, escaping)
    labels = _labels(sample.labels, escaping) if sample.labels else ""
    if name.startswith('"'):
        return f"{{{name},{labels}}}" if labels else f"{{{name}}}"
    return f"{name}{{{labels}}}" if labels else name


def text_of(metric, escaping=UNDERSCORES):
    """The lines of a family in text 0.0.4, or 1.0.0 where names are in quotes."""
    shown = escape_metric_name(metric.name + TEXT_SUFFIXES.get(metric.type, ""), escaping)
    documentation = _escape_help(metric.documentation)
    lines = [f"# HELP {shown} {documentation}\n", f"# TYPE {shown} {TEXT_TYPES.get(metric.type, metric.type)}\n"]
    apart = {}
    for sample in metric.samples:
        stamp = "" if sample.timestamp is None else f" {int(float(sample.timestamp) * 1000):d}"
        suffix = next((suffix for suffix in APART if sample.name == metric.name + suffix), None)
        if sample.native_histogram and sample.value is None:
            continue  # this text has no way to write it
        to = apart.setdefault(suffix, []) if suffix else lines
        to.append(f"{_named(sample, escaping)} {floatToGoString(sample.value)}{stamp}\n")
    for suffix, others in sorted(apart.items()):
        shown = escape_metric_name(metric.name + suffix, escaping)
        lines += [f"# HELP {shown} {documentation}\n", f"# TYPE {shown} gauge\n", *others]
    return "".join(lines)


def _may_have_exemplar(metric, sample):
    if metric.type == "histogram" and sample.name == metric.name:
        return True  # a native one
    allowed = {"counter": "_total", "histogram": "_bucket", "gaugehistogram": "_bucket"}.get(metric.type)
    return bool(allowed) and sample.name.endswith(allowed)


def _exemplar(metric, sample, exemplar):
    if not _may_have_exemplar(metric, sample):
        raise ValueError(f"Metric {metric.name} has exemplars, but is not a histogram bucket or counter")
    stamp = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {{{_labels(exemplar.labels, ALLOWUTF8)}}} {floatToGoString(exemplar.value)}{stamp}"


def _native(histogram):
    from .native import native_text  # here: few programs have any
    return native_text(histogram)


def openmetrics_of(metric, escaping=UNDERSCORES, native=False):
    """The lines of a family in OpenMetrics. native: whether native histograms are written, which version 1 has not."""
    name = escape_metric_name(metric.name, escaping)
    lines = [f"# HELP {name} {escaped(metric.documentation)}\n", f"# TYPE {name} {metric.type}\n"]
    if metric.unit:
        lines.append(f"# UNIT {name} {metric.unit}\n")
    for sample in metric.samples:
        if sample.native_histogram and not native:
            continue
        stamp = "" if sample.timestamp is None else f" {sample.timestamp}"
        value = _native(sample.native_histogram) if sample.native_histogram else floatToGoString(sample.value)
        exemplars = ([sample.exemplar] if sample.exemplar else []) + list(
            sample.native_histogram and sample.native_histogram.nh_exemplars or ()
        )
        lines.append(
            f"{_named(sample, escaping)} {value}{stamp}{''.join(_exemplar(metric, sample, one) for one in exemplars)}\n"
        )
    return "".join(lines)


def _in_c(collector, pool=True, escaping=UNDERSCORES, openmetrics=False):
    """Whether C may render it: one of our metrics, whose collect() is ours, whose samples are the segment's, whose
    names stand as they are, and which has no exemplars to be shown."""
    if escaping == DOTS or not is_metric(collector) or not collector._in_segment(pool):
        return False
    return collector._is_plain() and not (openmetrics and collector._has_exemplars())


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


def _odd(escaping):
    """Names in the segment of families whose names do not stand in a text as they are."""
    return exposed.names() if escaping == DOTS else exposed.odd_names()


def _render_rest(registry, openmetrics, one, escaping, given):
    """What else the segment has; what C does not render, in Python."""
    left_out, odd = given | registry._not_shown(), _odd(escaping)
    text = exposed.render(openmetrics, left_out | odd)
    if odd <= left_out:
        return text
    return text + _render_families(of_segment(exposed.use_created(), left_out | (exposed.names() - odd)), one)


def _render_collectors(registry, collectors, openmetrics, one, escaping):
    """In their order, neighbours that C renders together; then what else the registry shows of the segment."""
    pool, names = registry._shared, _Names(registry)
    ours = [collector for collector in collectors if _in_c(collector, pool, escaping, openmetrics)]
    whole = registry._whole and not any(getattr(collector, "_is_whole", False) for collector in collectors)
    family.take(ours, [store.counting()] if whole else [])
    parts, run = [], []

    def flush():
        if run:
            parts.append(_core.render(run, openmetrics, family.use_created()))
            run.clear()

    for collector in collectors:
        if _in_c(collector, pool, escaping, openmetrics):
            run.append(collector)
            names.given.add(collector._stored_name)
            continue
        flush()
        render = getattr(collector, "_render", None)
        parts.append(
            render(openmetrics) if render and not _odd(escaping) else _render_families(names.of(collector), one)
        )
    flush()
    if whole:
        parts.append(_render_rest(registry, openmetrics, one, escaping, names.given))
    return b"".join(parts)


def render(registry, openmetrics, escaping=UNDERSCORES, native=False):
    """All families of a registry, or of anything that has a method collect."""

    def one(metric):
        return openmetrics_of(metric, escaping, native) if openmetrics else text_of(metric, escaping)

    if not isinstance(registry, CollectorRegistry) or type(registry).collect is not CollectorRegistry.collect:
        return _render_families(registry.collect(), one)
    collectors, target = registry._parts()
    registry._tell_of_pool(collectors)
    return _render_families([target] if target else [], one) + _render_collectors(
        registry, collectors, openmetrics, one, escaping
    )
