"""The parsers of shmeter.prometheus: families, samples, times and exemplars exactly; what is no line is refused; and
random texts are read as prometheus_client reads them."""
import io
import math
import random

from lib import equal, main, raises, test

import prometheus_client.openmetrics.parser as their_openmetrics
import prometheus_client.parser as their_text
from shmeter.prometheus import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, openmetrics, parser, Summary
from shmeter.prometheus.formats import scan
from shmeter.prometheus.formats.answer import generate_latest
from shmeter.prometheus.openmetrics import exposition, parser as om_parser
from shmeter.prometheus.samples import Exemplar, Sample, Timestamp

SEEDS = 400


def families(text):
    return [(one.name, one.documentation, one.type, one.unit, one.samples)
            for one in parser.text_string_to_metric_families(text)]


def om(text):
    return [(one.name, one.documentation, one.type, one.unit, one.samples)
            for one in om_parser.text_string_to_metric_families(text)]


@test
def text_is_read_into_families():
    equal(families("""# HELP a_total Line\\nand \\\\ and \\".
# TYPE a_total counter
a_total{x="1",y="q\\"\\\\\\n\\t"} 2 1500
a_total 3.5
# a comment
# TYPE b summary
b{quantile="0.5"} 1
b_sum 2e3
b_count +Inf
# HELP c
# TYPE c histogram
c_bucket{le="+Inf"} 1
c_sum NaN
loose\t{ a = "b" , }\t -1
""")[:2] + families("# HELP c\n# TYPE c gauge\nc 1\nloose\t{ a = \"b\" , }\t -1\n"), [
        ("a", 'Line\nand \\ and \\".', "counter", "", [
            Sample("a_total", {"x": "1", "y": 'q"\\\n\\t'}, 2.0, 1.5, None), Sample("a_total", {}, 3.5, None, None)]),
        ("b", "", "summary", "", [Sample("b", {"quantile": "0.5"}, 1.0), Sample("b_sum", {}, 2000.0),
                                  Sample("b_count", {}, math.inf)]),
        ("c", "", "gauge", "", [Sample("c", {}, 1.0)]),
        ("loose", "", "unknown", "", [Sample("loose", {"a": "b"}, -1.0)])])


@test
def text_is_cut_into_families_where_names_and_types_say_it():
    equal([one[0] for one in families("# TYPE h histogram\nh_bucket 1\nh_sum 1\nh_count 1\nh 1\nh_x 1\n")],
          ["h", "h", "h_x"])
    equal(families("# TYPE n counter\nn 1\n"), [("n", "", "counter", "", [Sample("n_total", {}, 1.0)])],
          "a counter without _total")
    equal(families("# TYPE n counter\nn_total 1\nn 2\n"),
          [("n", "", "counter", "", [Sample("n_total", {}, 1.0), Sample("n_total", {}, 2.0)])])
    equal(families("# HELP g one\ng 1\n# HELP g two\ng 2\n"),
          [("g", "one", "unknown", "", [Sample("g", {}, 1.0)]), ("g", "two", "unknown", "", [Sample("g", {}, 2.0)])],
          "a HELP behind samples")
    equal(families("# TYPE g gauge\n# HELP g text\n# EOF\n#\n# UNIT g s\n"), [("g", "text", "gauge", "", [])],
          "other comments say nothing")
    equal(families("\n \n"), [])
    equal([one.name for one in parser.text_fd_to_metric_families(io.StringIO("a 1\nb 2\n"))], ["a", "b"])


BAD_LINES = ('{a="b"} 1', "a", "a ", "a{", 'a{b="c', 'a{b="c"', 'a{b="c"}', "a{b=c} 1", 'a{1="c"} 1', 'a{b "c} 1',
             "a 1 2 3", "a{} 1 2 3", "a-b 1", "a{b=",
             'a{b="\\')


@test
def a_line_that_is_none_is_refused_whole():
    for line in BAD_LINES:
        raises(ValueError, f"Invalid line: {line.strip()}", lambda: families(line + "\n"))
        if line == line.strip():
            raises(ValueError, f"Invalid line: {line}", lambda: om(line + "\n# EOF\n"))
    raises(ValueError, 'Invalid line, duplicate label name: a{b="c",b="d"} 1', lambda: families('a{b="c",b="d"} 1\n'))
    for number in ("1_0", "x", "0x1"):
        text = f"Invalid number: {number!r}" if "_" in number else f"could not convert string to float: {number!r}"
        raises(ValueError, text, lambda: families(f"a {number}\n"))
    raises(ValueError, "could not convert string to float: 'x'", lambda: families("a 1 x\n"))
    raises(ValueError, "Invalid metric type: bad", lambda: families("# TYPE a bad\n"))
    raises(ValueError, "Invalid line: # TYPE a", lambda: families("# TYPE a\na 1\n"))


@test
def openmetrics_is_read_with_units_times_and_exemplars():
    text = """# HELP a_seconds A \\"b\\" \\\\ \\n.
# TYPE a_seconds counter
# UNIT a_seconds seconds
a_seconds_total{x="y"} 1.5 12.25 # {t="1"} 0.5 3
a_seconds_created 17
# TYPE h histogram
h_bucket{le="1.0"} 1 # {t="#"} 2
h_bucket{le="+Inf"} 1 # {} 2 1.000000001
h_count 1
h_sum 2
# TYPE s summary
s{quantile="0.5"} 1
s_count 1
# TYPE i info
i_info{v="1"} 1
# TYPE e stateset
e{e="x"} 0
# TYPE gh gaugehistogram
gh_bucket{le="+Inf"} 1
gh_gcount 1
gh_gsum 2
free 9007199254740993
# EOF
"""
    equal(om(text), [
        ("a_seconds", 'A "b" \\ \n.', "counter", "seconds", [
            Sample("a_seconds_total", {"x": "y"}, 1.5, Timestamp(12, 250000000),
                   Exemplar({"t": "1"}, 0.5, Timestamp(3, 0))),
            Sample("a_seconds_created", {}, 17)]),
        ("h", "", "histogram", "", [
            Sample("h_bucket", {"le": "1.0"}, 1, None, Exemplar({"t": "#"}, 2)),
            Sample("h_bucket", {"le": "+Inf"}, 1, None, Exemplar({}, 2, Timestamp(1, 1))), Sample("h_count", {}, 1),
            Sample("h_sum", {}, 2)]),
        ("s", "", "summary", "", [Sample("s", {"quantile": "0.5"}, 1), Sample("s_count", {}, 1)]),
        ("i", "", "info", "", [Sample("i_info", {"v": "1"}, 1)]),
        ("e", "", "stateset", "", [Sample("e", {"e": "x"}, 0)]),
        ("gh", "", "gaugehistogram", "", [Sample("gh_bucket", {"le": "+Inf"}, 1), Sample("gh_gcount", {}, 1),
                                          Sample("gh_gsum", {}, 2)]),
        ("free", "", "unknown", "", [Sample("free", {}, 9007199254740992.0)])])
    equal([one.name for one in om_parser.text_fd_to_metric_families(io.StringIO("a 1\nb 1\n# EOF"))], ["a", "b"])
    equal(om("# EOF\n"), [])


@test
def openmetrics_that_is_none_is_refused():
    for text, why in (("a 1\n", "Missing # EOF at end"), ("# EOF\na 1\n", "Received line after # EOF: a 1"),
                      ("a 1\n\n# EOF\n", "Received blank line"),
                      ("# TYPE a bad\n# EOF\n", "Invalid line: # TYPE a bad"),
                      ("# comment\n# EOF\n", "Invalid line: # comment"),
                      ("#TYPE a gauge\n# EOF\n", "Invalid line: #TYPE a gauge"),
                      ("# NOTE a b\n# EOF\n", "Invalid line: # NOTE a b"),
                      ("# HELP\n# EOF\n", "Invalid line: # HELP"), ("a 1\nb 1\na 1\n# EOF\n", "Clashing name: a"),
                      ("a 1 # x 1\n# EOF\n", "Invalid line: a 1 # x 1"),
                      ("a 1 # {}\n# EOF\n", "Invalid line: a 1 # {}"),
                      ("a 1 # {} 1 2 3\n# EOF\n", "Invalid line: a 1 # {} 1 2 3"),
                      ("a #\n# EOF\n", "Invalid line: a #"),
                      ('a 1 # {x="1" 1\n# EOF\n', 'Invalid line: a 1 # {x="1" 1')):
        raises(ValueError, why, lambda: om(text))


@test
def numbers_and_times_are_read_as_they_are_spelled():
    for text, wanted in (("1", 1), ("-7", -7), ("+7", 7), ("1.0", 1.0), ("1e3", 1000.0), ("+Inf", math.inf),
                         ("-Inf", -math.inf),
                         ("9007199254740991", 9007199254740991), ("9007199254740992", 9007199254740992.0)):
        got = scan.number(text)
        equal((got, type(got)), (wanted, type(wanted)), text)
    assert math.isnan(scan.number("NaN"))
    for text in (" 1", "1 ", "1_000"):
        raises(ValueError, f"Invalid number: {text!r}", lambda: scan.number(text))
    equal((scan.stamp("12"), scan.stamp("12.5"), scan.stamp("-1.25"), scan.stamp("1.0000000019")),
          (Timestamp(12, 0), Timestamp(12, 500000000), Timestamp(-1, 250000000), Timestamp(1, 1)))
    equal((scan.stamp("1e3"), scan.stamp("1.5e3")), (1000.0, 1500.0))
    equal((scan.unescape(r'\n\\\"\x', True), scan.unescape(r'\n\\\"\x', False)), ('\n\\"\\x', '\n\\\\"\\x'))
    line = scan.Line('{a="b",c="}"} 1', True)
    equal((line.take("{"), scan.labels_of(line, True), line.at), (True, ({"a": "b", "c": "}"}, None), 13))
    equal(scan.sample('a{b="c"} 1 2', float, False), Sample("a", {"b": "c"}, 1, 2.0, None))


def some_registry():
    registry = CollectorRegistry(target_info={"env": 'a "b"\\'})
    Counter("parsed", "C \\ \n.", ["a"], registry=registry).labels('x"\n\\').inc(3)
    Gauge("level", "G.", unit="bytes", registry=registry).set(-math.inf)
    Histogram("took", "H.", buckets=(1, 2), registry=registry).observe(1.5)
    Summary("sized", "S.", registry=registry).observe(7)
    Info("built", "I.", registry=registry).info({"v": "1"})
    Enum("mood", "E.", states=["good", "bad"], registry=registry)
    return registry


@test
def what_this_package_writes_it_reads_again():
    registry = some_registry()
    wanted = list(registry.collect())
    got = list(om_parser.text_string_to_metric_families(exposition.generate_latest(registry).decode()))
    equal(got, [one for one in wanted], "OpenMetrics")
    got = {sample[:3] for one in parser.text_string_to_metric_families(generate_latest(registry).decode())
           for sample in map(plain, one.samples)}
    equal(got, {plain(sample)[:3] for one in wanted for sample in one.samples}, "text 0.0.4")
    equal(openmetrics.exposition, exposition)


def plain(sample):
    time = sample.timestamp and float(sample.timestamp)
    return sample.name, tuple(sorted(sample.labels.items())), repr(float(sample.value)), time


def flat(found):
    return [(one.name, one.documentation, one.type, one.unit,
             [(*plain(sample), sample.exemplar and (sample.exemplar.labels, float(sample.exemplar.value),
                                                    sample.exemplar.timestamp and float(sample.exemplar.timestamp)))
              for sample in one.samples])
            for one in found]


def label_text(choose):
    return "".join(choose.choice(["a", "\\\\", '\\"', "\\n", "}", "{", ",", "=", "#", " ", "\u00fc", "b"])
                   for _ in range(choose.randrange(6)))


def random_labels(choose):
    names = choose.sample(["a", "b", "c", "_d"], choose.randrange(4))
    return "{" + ",".join(f'{name}="{label_text(choose)}"' for name in names) + "}" if names else choose.choice(["",
                                                                                                                 "{}"])


NUMBERS = ("1", "-2.5", "1e6", "+Inf", "-Inf", "NaN", "0.1", "12345678901234567890", "1E-3")


def random_text(choose, openmetrics_text):
    lines = []
    for number in range(choose.randrange(1, 6)):
        name, kind = f"m{number}", choose.choice(["counter", "gauge", "unknown" if openmetrics_text else "untyped"])
        family = name + "_total" if kind == "counter" and not openmetrics_text else name
        lines += [f"# TYPE {family} {kind}", f"# HELP {family} {label_text(choose)}x"]
        for series in range(choose.randrange(1, 4)):
            value = str(choose.randrange(100)) if kind == "counter" else choose.choice(NUMBERS)
            stamp = choose.choice(["", f" {choose.randrange(10 ** 6)}"]) if not openmetrics_text else ""
            labels = random_labels(choose) if not openmetrics_text else '{n="%d",t="%s"}' % (series, label_text(choose))
            lines.append(f"{name}{'_total' if kind == 'counter' else ''}{labels} {value}{stamp}")
            if openmetrics_text and kind == "counter":
                lines[-1] += choose.choice(["", ' # {t="x"} 1', ' # {t="x"} 0.5 12.5'])
    return "\n".join(lines) + "\n"


@test
def random_texts_are_read_as_prometheus_client_reads_them():
    for seed in range(SEEDS):
        choose = random.Random(seed)
        text = random_text(choose, False)
        equal(flat(parser.text_string_to_metric_families(text)), flat(their_text.text_string_to_metric_families(text)),
              (seed, text))
        text = random_text(choose, True) + "# EOF\n"
        equal(flat(om_parser.text_string_to_metric_families(text)),
              flat(their_openmetrics.text_string_to_metric_families(text)), (seed, text))


@test
def broken_texts_are_read_or_refused_with_a_value_error():
    read = refused = 0
    for seed in range(SEEDS):
        choose = random.Random(seed)
        for openmetrics_text, read_text in ((False, parser), (True, om_parser)):
            text = list(random_text(choose, openmetrics_text))
            for _ in range(choose.randrange(1, 4)):
                text[choose.randrange(len(text))] = choose.choice(['"', "{", "}", "\\", "", " ", "#", "\n", ",", "=",
                                                                   "x", "\0"])
            try:
                list(read_text.text_string_to_metric_families("".join(text) + ("# EOF\n" if openmetrics_text else "")))
                read += 1
            except ValueError:
                refused += 1
    assert read > SEEDS // 10 and refused > SEEDS // 10, (read, refused)


if __name__ == "__main__":
    main()
