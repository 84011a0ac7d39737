"""Names of any UTF-8: which are allowed, how they are written in each escaping, and read."""

import os
import subprocess
import sys
import warnings

from lib import equal, FOLDER, main, raises, test

import shmeter
from shmeter import exposed
from shmeter.prometheus import CollectorRegistry, Counter, Gauge, generate_latest, Metric, REGISTRY, validation
from shmeter.prometheus.core import CounterMetricFamily, GaugeMetricFamily
from shmeter.prometheus.formats.escaping import escaped
from shmeter.prometheus.openmetrics import exposition
from shmeter.prometheus.openmetrics.exposition import (
    ALLOWUTF8,
    DOTS,
    escape_label_name,
    escape_metric_name,
    UNDERSCORES,
    VALUES,
)
from shmeter.prometheus.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from shmeter.prometheus.parser import text_string_to_metric_families as text_families

SCHEMES = (ALLOWUTF8, UNDERSCORES, DOTS, VALUES)
METRICS = {  # name: as it is written in each of SCHEMES
    "plain:name_1": ("plain:name_1", "plain:name_1", "plain:name__1", "plain:name_1"),
    "my.metric": ('"my.metric"', "my_metric", "my_dot_metric", "U__my_2e_metric"),
    "a_b.c": ('"a_b.c"', "a_b_c", "a__b_dot_c", "U__a__b_2e_c"),
    "1a": ('"1a"', "_a", "__a", "U___31_a"),
    'q"\\\n': ('"q\\"\\\\\\n"', "q___", "q______", "U__q_22__5c__a_"),
    "\u00fc\U0001f600": ('"\u00fc\U0001f600"', "__", "____", "U___fc__1f600_"),
    "": ("", "", "", ""),
}
LABELS = {
    "plain": ("plain",) * 4,
    "a:b": ('"a:b"', "a_b", "a__b", "U__a_3a_b"),
    "a-b": ('"a-b"', "a_b", "a__b", "U__a_2d_b"),
    "__x": ('"__x"', "__x", "____x", "U______x"),
    "": ("",) * 4,
}


class Families:
    shmeter_publish = False

    def __init__(self, *families):
        self._families = families

    def collect(self):
        return self._families


def registry_of(*families):
    one = CollectorRegistry(shared=False)
    one.register(Families(*families))
    return one


@test
def names_are_escaped_in_four_ways():
    for name, wanted in METRICS.items():
        equal(tuple(escape_metric_name(name, scheme) for scheme in SCHEMES), wanted, name)
    for name, wanted in LABELS.items():
        equal(tuple(escape_label_name(name, scheme) for scheme in SCHEMES), wanted, name)
    equal(
        (
            escape_metric_name("a.b"),
            escape_label_name("a.b"),
            escape_metric_name("a.b", "none"),
            escape_metric_name("\ud800", VALUES),
        ),
        ("a_b", "a_b", "a.b", "U___FFFD_"),
    )
    equal(escaped('a\\"\nb'), 'a\\\\\\"\\nb')


def odd():
    gauge = GaugeMetricFamily("my.gauge", "My \\ gauge.", labels=["a", "b-c"])
    gauge.add_metric(["x", 'y"'], 1)
    return registry_of(
        gauge, CounterMetricFamily("my.counter", "C.", value=2), GaugeMetricFamily("plain", "P.", value=3)
    )


@test
def text_has_them_as_the_reader_takes_them():
    equal(
        generate_latest(odd()).decode(),
        """# HELP my_gauge My \\\\ gauge.
# TYPE my_gauge gauge
my_gauge{a="x",b_c="y\\""} 1.0
# HELP my_counter_total C.
# TYPE my_counter_total counter
my_counter_total 2.0
# HELP plain P.
# TYPE plain gauge
plain 3.0
""",
    )
    equal(
        generate_latest(odd(), ALLOWUTF8).decode(),
        """# HELP "my.gauge" My \\\\ gauge.
# TYPE "my.gauge" gauge
{"my.gauge",a="x","b-c"="y\\""} 1.0
# HELP "my.counter_total" C.
# TYPE "my.counter_total" counter
{"my.counter_total"} 2.0
# HELP plain P.
# TYPE plain gauge
plain 3.0
""",
    )
    equal(generate_latest(odd(), DOTS).decode().splitlines()[2], 'my_dot_gauge{a="x",b__c="y\\""} 1.0')
    equal(
        exposition.generate_latest(odd(), VALUES).decode().splitlines()[2], 'U__my_2e_gauge{a="x",U__b_2d_c="y\\""} 1.0'
    )
    equal(
        exposition.generate_latest(odd(), ALLOWUTF8, "1.0.0").decode().splitlines()[2],
        '{"my.gauge",a="x","b-c"="y\\""} 1.0',
    )


@test
def what_is_written_in_quotes_is_read_again():
    wanted = [
        (family.name, family.type, [tuple(sample[:3]) for sample in family.samples]) for family in odd().collect()
    ]
    for families, text in (
        (text_families, generate_latest(odd(), ALLOWUTF8)),
        (openmetrics_families, exposition.generate_latest(odd(), ALLOWUTF8)),
    ):
        equal(
            [
                (family.name, family.type, [tuple(sample[:3]) for sample in family.samples])
                for family in families(text.decode())
            ],
            wanted,
        )
    for text in ('{"a.b"} 1\n', '{"a.b",} 1\n'):
        equal([sample[:3] for family in text_families(text) for sample in family.samples], [("a.b", {}, 1)])
    for text in (
        "{} 1\n",
        '{a="b"} 1\n',
        '{"a.b","c.d"} 1\n',
        'a{"a.b"} 1\n',
        '{a="b","a.b"} 1\n',
        '{""} 1\n',
        '{"a.b} 1\n',
        '{"a.b"=} 1\n',
    ):
        raises(ValueError, None, lambda: list(text_families(text)))
        raises(ValueError, None, lambda: list(openmetrics_families(text + "# EOF\n")))


@test
def metrics_of_this_package_are_written_in_dots_too():
    one = CollectorRegistry(shared=True)
    Counter("in_dots", "D.", ["a_b"], registry=one).labels("x").inc()
    wanted = '# HELP in__dots__total D.\n# TYPE in__dots__total counter\nin__dots__total{a__b="x"} 1.0\n'
    equal(generate_latest(one, DOTS).decode()[: len(wanted)], wanted)
    assert wanted in generate_latest(REGISTRY, DOTS).decode(), "also those that another registry has"
    equal(generate_latest(one, VALUES), generate_latest(one))


@test
def names_are_allowed_as_the_validation_says():
    equal(validation.get_legacy_validation(), False)
    for name in ("my.metric", "1a", "\u00fc"):
        equal(
            (
                Metric(name, "M.", "gauge").name,
                validation._validate_labelname(name),
                validation._validate_metric_label_name_token(f'"{name}"'),
            ),
            (name, None, None),
        )
    raises(ValueError, "metric name cannot be empty", lambda: Metric("", "M.", "gauge"))
    raises(ValueError, "invalid metric name \ud800", lambda: Metric("\ud800", "M.", "gauge"))
    for name, words in (
        ("", "Invalid label metric name: "),
        ("\ud800", "Invalid label metric name: \ud800"),
        ("__a", "Reserved label metric name: __a"),
    ):
        raises(ValueError, words, lambda: validation._validate_labelname(name))
    for token in ("", "a-b", '"', "1"):
        raises(
            ValueError, "invalid label name token " + token, lambda: validation._validate_metric_label_name_token(token)
        )
    raises(ValueError, "Metric name should not be empty", lambda: Counter("", "x", namespace="a"))
    validation.enable_legacy_validation()
    try:
        raises(ValueError, "invalid metric name my.metric", lambda: Metric("my.metric", "M.", "gauge"))
        raises(ValueError, "Invalid label metric name: a-b", lambda: Gauge("a", "b", ["a-b"]))
        raises(ValueError, 'invalid label name token "a"', lambda: validation._validate_metric_label_name_token('"a"'))
        raises(ValueError, None, lambda: list(text_families('{"a.b"} 1\n')))
    finally:
        validation.disable_legacy_validation()


@test
def a_metric_has_such_a_name_where_the_store_takes_it():
    """Else prometheus_client's words say that it is none."""
    for make, name in (
        (lambda: Gauge("my.metric", "x"), "metric name: my.metric"),
        (lambda: Gauge("a", "b", ["a-b"]), "label metric name: a-b"),
    ):
        try:
            metric = make()
        except ValueError as error:
            equal(str(error), "Invalid " + name)
        else:
            metric.labels("x").set(1) if metric._labelnames else metric.set(1)
            assert escape_metric_name(metric._name).encode() in generate_latest(REGISTRY)


@test
def names_of_the_segment_that_need_quotes_are_known():
    meter = shmeter.open(os.path.join(FOLDER.name, "odd"))
    for name, labels in (("plain:1", ["a_1"]), ("my.metric", []), ("labelled", ["a-b"])):
        try:
            gauge = meter.gauge(name, "", labels)
        except ValueError:
            continue  # the store takes no such names
        (gauge.labels("x") if labels else gauge).set(1)
    meter._take()
    generate_latest()
    assert exposed.odd_names() <= exposed.names() and exposed.names(), exposed.names()
    equal(meter._odd(), {name for name, *_ in meter._families()} - {"plain:1"})


OLD = r"""
from shmeter.prometheus import *
from shmeter.prometheus import exposition, validation
from shmeter.prometheus.openmetrics import exposition as openmetrics
from shmeter.prometheus.utils import floatToGoString
g = Gauge("level", "L.", ["a"])
g.labels("x").set(1e10)
assert b'level{a="x"} 1e+010\n' in generate_latest(), generate_latest()
numbers = {1e9: "1e+09", 1e10: "1e+010",
           12345678901.5: "1.23456789015e+010", 9e15: "9e+015", 1e16: "1e+16", -1e10: "-10000000000.0"}
assert [floatToGoString(one) for one in numbers] == list(numbers.values())
assert CONTENT_TYPE_LATEST == "text/plain; version=0.0.4; charset=utf-8"
assert "version=0.0.1" in openmetrics.CONTENT_TYPE_LATEST
assert exposition.choose_encoder("application/openmetrics-text; version=1.0.0")[1] == openmetrics.CONTENT_TYPE_LATEST
assert exposition.choose_encoder("text/plain; version=1.0.0")[1] == CONTENT_TYPE_LATEST
assert validation.get_legacy_validation()
try: g.remove("y"); raise SystemExit("it is not there")
except KeyError as error: assert str(error) == "('y',)", error
for make, words in ((lambda: Metric("a.b", "", "gauge"), "Invalid metric name: a.b"),
                    (lambda: Gauge("a", "b", ["a-b"]), "Invalid label metric name: a-b")):
    try: make(); raise SystemExit(words)
    except ValueError as error: assert str(error) == words, error
assert Counter("", "x", namespace="a")._name == "a_"
import shmeter
assert callable(shmeter._core._spell_as_old)
told = []
make_wsgi_app()({"PATH_INFO": "/metrics", "REQUEST_METHOD": "POST"}, lambda status, headers: told.append(status))
assert told == ["200 OK"], told
"""


@test
def a_variable_has_all_as_it_was_in_0_16():
    subprocess.run(
        [sys.executable, "-B", "-c", OLD],
        env={**os.environ, "SHMETER_PROMETHEUS_CLIENT": "0.16", "SHMETER_SEGMENT": "private"},
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", "import shmeter.prometheus.release as r; print(r.FOLLOWED)"],
        check=True,
        text=True,
        capture_output=True,
        env={**os.environ, "SHMETER_PROMETHEUS_CLIENT": "0.2"},
    )
    equal(
        (done.stdout, "SHMETER_PROMETHEUS_CLIENT is 0.16 or 0.26, and not '0.2'; 0.26 is followed" in done.stderr),
        ("0.26\n", True),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        subprocess.run(
            [
                sys.executable,
                "-B",
                "-c",
                "from shmeter.prometheus import validation as v; assert v.get_legacy_validation()",
            ],
            check=True,
            env={**os.environ, "PROMETHEUS_LEGACY_NAME_VALIDATION": "True"},
        )


if __name__ == "__main__":
    main()
