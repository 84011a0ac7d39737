"""Names in UTF-8: each escaping scheme in each format, judged by parsers that nobody here wrote."""
import json
import os
import subprocess
import sys

from lib import Skip, equal, main, samples, test, total, true, value

TEXT, OPEN_METRICS = "text/plain;version=1.0.0", "application/openmetrics-text;version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
# A name, and what the schemes make of it (prometheus/common, model.EscapeName).
ESCAPED = {
    "http.requests_total": ("http_requests_total", "http_dot_requests__total", "U__http_2e_requests__total"),
    "größe_total": ("gr__e_total", "gr____e__total", "U__gr_f6__df_e__total"),
    "2xx": ("_xx", "__xx", "U___32_xx"),
    'we"i\\rd name': ("we_i_rd_name", "we__i__rd__name", "U__we_22_i_5c_rd_20_name"),
    "\U0001f600": ("_", "__", "U___1f600_"),
    "plain_total": ("plain_total", "plain_total", "plain_total"),
    "a:b": ("a:b", "a:b", "a:b"),
}
SCHEMES = ("underscores", "dots", "values")


def served(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    for number, family in enumerate(ESCAPED):
        feeder.do("labelled", family, "la.bel", f"v{number}", number + 1)
    feeder.do("sizes", "my.sizes", "le gal", "x", 3)
    return bench.exporter(f"--segment={name}", "--openmetrics.created")


def asked(exporter, accept):
    response = exporter.ask("/metrics?collect[]=application", headers={"Accept": accept})
    equal(response.status, 200, accept)
    return response


@test
def each_scheme_makes_of_a_name_what_prometheus_makes_of_it(bench):
    exporter = served(bench)
    for at, scheme in enumerate(SCHEMES):
        response = asked(exporter, f"text/plain;version=0.0.4;escaping={scheme}")
        equal(response.getheader("Content-Type"), f"text/plain; version=0.0.4; charset=utf-8; escaping={scheme}")
        label = ("la_bel", "la_dot_bel", "U__la_2e_bel")[at]
        found = samples(response.body.decode())
        for number, (name, escaped) in enumerate(ESCAPED.items()):
            equal(value(found, escaped[at], **{label: f"v{number}"}), number + 1, (scheme, name))
        equal(total(found, ("my_sizes", "my_dot_sizes", "U__my_2e_sizes")[at] + "_count"), 3)


@test
def who_asks_for_no_scheme_gets_underscores_and_the_usual_type(bench):
    exporter = served(bench)
    wanted = samples(asked(exporter, "text/plain;escaping=underscores").body.decode())
    for accept, kind in (("text/plain", "text/plain; version=0.0.4; charset=utf-8"), ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
                         ("text/plain;escaping=none", "text/plain; version=0.0.4; charset=utf-8")):
        response = asked(exporter, accept)
        equal(response.getheader("Content-Type"), kind)
        equal({key for key in samples(response.body.decode()) if not key[0].startswith("process_")},
              {key for key in wanted if not key[0].startswith("process_")}, accept)


@test
def the_types_tell_version_and_scheme(bench):
    exporter = served(bench)
    for accept, wanted in (
            (TEXT + ";escaping=allow-utf-8", "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
            (OPEN_METRICS + ";escaping=allow-utf-8", "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
            ("application/openmetrics-text;version=0.0.1", "application/openmetrics-text; version=0.0.1; charset=utf-8"),
            (PROTOBUF + ";escaping=values", PROTOBUF.replace(";", "; ") + "; escaping=values")):
        equal(asked(exporter, accept).getheader("Content-Type"), wanted)


@test
def families_whose_escaped_names_would_be_one_are_not_mixed(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    feeder.do("labelled", "a.b_total", "x", "1", 1)
    feeder.do("labelled", "a_b_total", "x", "2", 2)
    feeder.do("labelled", "a-b_total", "x", "3", 3)
    feeder.do("labelled", "c.d_total", "x.y", "4", 4)
    feeder.do("labelled", "c-d_total", "x.y", "5", 5)
    exporter = bench.exporter(f"--segment={name}")
    found = samples(asked(exporter, "text/plain").body.decode())
    equal((value(found, "a_b_total", x="2"), total(found, "a_b_total")), (2, 2), "the name that needs no escape")
    equal(total(found, "c_d_total"), 5, "the first of those that do")
    found = samples(asked(exporter, "text/plain;escaping=values").body.decode())
    equal([total(found, f"U__{one}__total") for one in ("a_2e_b", "a_2d_b", "c_2e_d", "c_2d_d")], [1, 3, 4, 5], "values mixes none")


NEWER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build-tools/suites/venv/bin/python3")
PARSE = """
import sys, json
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
families = (open_metrics if sys.argv[1] == "open" else text)(sys.stdin.read())
print(json.dumps([[s.name, s.labels, s.value] for family in families for s in family.samples]))
"""


@test
def names_as_they_are_come_through_the_parsers_of_prometheus_client(bench):
    python = NEWER if os.path.exists(NEWER) else sys.executable
    can = "import prometheus_client.validation"
    if subprocess.run([python, "-c", can], capture_output=True, check=False).returncode:
        raise Skip("no prometheus_client that knows names in UTF-8")
    exporter = served(bench)
    for kind, accept in (("text", TEXT), ("open", OPEN_METRICS)):
        body = asked(exporter, accept + ";escaping=allow-utf-8").body.decode()
        done = subprocess.run([python, "-c", PARSE, kind], input=body, capture_output=True, text=True, check=False)
        equal(done.returncode, 0, done.stderr)
        found = {(name, *sorted(labels.items())): number for name, labels, number in json.loads(done.stdout)}
        for number, name in enumerate(ESCAPED):
            suffix = "" if kind == "open" or name.endswith("_total") else "_total"  # their reader of text adds it to every counter
            equal(found.get((name + suffix, ("la.bel", f"v{number}"))), number + 1, (kind, name))
        equal(found[("my.sizes_bucket", ("le", "1.0"), ("le gal", "x"))], 3)


@test
def protobuf_has_names_as_they_are_or_escaped(bench):
    exporter = served(bench)
    for scheme, at in (("allow-utf-8", None), ("underscores", 0), ("dots", 1), ("values", 2)):
        body = asked(exporter, f"{PROTOBUF};escaping={scheme}").body
        for name, escaped in ESCAPED.items():
            text = (name if at is None else escaped[at]).encode()
            true(b"\n" + bytes([len(text)]) + text in body, (scheme, name))


if __name__ == "__main__":
    main()
