"""OpenMetrics that its specification forbids is refused, sample by sample and as a whole; and native histograms as
version 2 writes them."""

import random
import re

from lib import equal, main, raises, test

from shmeter.prometheus import CollectorRegistry
from shmeter.prometheus.core import (
    BucketSpan,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
    NativeHistogram,
    Sample,
    Timestamp,
)
from shmeter.prometheus.exposition import generate_latest
from shmeter.prometheus.formats.judge import Family, judge_histogram
from shmeter.prometheus.formats.native import native_of, native_text
from shmeter.prometheus.formats.scan import invalid, Line, NAME
from shmeter.prometheus.metrics_core import Metric
from shmeter.prometheus.openmetrics import exposition
from shmeter.prometheus.openmetrics.parser import text_string_to_metric_families
from shmeter.prometheus.parser import parse_labels, replace_escape_sequence
from shmeter.prometheus.parser import text_string_to_metric_families as text_families


def families(text):
    return list(text_string_to_metric_families(text + "# EOF\n"))


def samples(text):
    return [sample for family in families(text) for sample in family.samples]


GRAMMAR = (
    'a{a"value"} 1',
    'a{a=="v"} 1',
    'a{,a="v"} 1',
    'a{a="v",,b="w"} 1',
    'a{a="v",} 1',
    "a  1",
    'a{b="c"}1',
    'a{b="c"}  1',
    'a{a="1"b="2"} 1',
    'a{ a="1"} 1',
    'a{a ="1"} 1',
    'a{a= "1"} 1',
    'a{a="1" } 1',
    'a {a="1"} 1',
    "a\t1",
    "a 1\t",
    "a 1 ",
    " a 1",
    "a 1 1 ",
    "a 1  1",
    "a 1 1 1",
    "a 0x1p-3",
    "a 0b1",
    "a 1_2",
    "a \u0661",
    "a 1 z",
    "a 1 1_2",
    "a 1 1.1.1",
    "a 1 NaN",
    "a 1 +Inf",
    "a 1 0x1p-3",
    "0a 1",
    "a.b 1",
    "a-b 1",
    "a{a='1'} 1",
    "a{a} 1",
    'a{""} 1',
    "a{a=} 1",
    'a{a="} 1',
    'a{1="1"} 1',
    "# HELP a",
    "# TYPE a meh",
    "# TYPE a gauge ",
    "# TYPE a untyped",
    " # HELP a x",
    "#  HELP a x",
    "# UNIT a",
    "# FOO a x",
    "# TYPE 0a gauge",
    "#",
    "# ",
    "# EOFx",
    "# TYPE a",
)
EXEMPLARS = (
    "1 #",
    "1# {} 1",
    "1 #{} 1",
    "1 # {}1",
    "1 # {} 1 ",
    "1 # {} 1 1 ",
    "1 # {}",
    "1 # {} 1 1 1",
    "1 # {a} 1",
    "1  # {} 1",
    '1 # {"a"} 1',
    "1 # {} x",
    "1 # {} 1 # {} 1",
    '1 # {a="%s"} 1' % ("x" * 128),
)


@test
def lines_that_are_none_are_refused():
    for line in GRAMMAR:
        raises(ValueError, None, lambda: families(line + "\n"))
    for exemplar in EXEMPLARS:
        raises(ValueError, None, lambda: families(f'# TYPE a histogram\na_bucket{{le="+Inf"}} {exemplar}\n'))
    text = '# TYPE a histogram\na_bucket{le="+Inf"} 1 # {a="%s"} 1\n' % ("x" * 127)
    equal(samples(text)[0].exemplar.value, 1)


@test
def text_that_is_none_is_refused():
    for line in (
        'a{foo="bar",, } 1',
        'a{foo=="b"} 1',
        'a{a"v"} 1',
        'a{a="1"b="2"} 1',
        "a{a='1'} 1",
        'a{,,a="1"} 1',
        "a{1} 1",
    ):
        raises(ValueError, None, lambda: list(text_families(line + "\n")))
    for line in ('a{foo="bar"}1', 'a { a = "b" , } 1', 'a{,a="b"} 1', "a\t1", 'a{a="b"}\t1\t5'):
        equal(len(list(text_families(line + "\n"))), 1, line)


FORBIDDEN = {
    "TYPE twice": "# TYPE a counter\n# TYPE a counter\n",
    "HELP twice": "# HELP a x\n# HELP a x\n",
    "UNIT twice": "# UNIT a_s s\n# UNIT a_s s\n",
    "metadata behind samples": "# HELP a x\na 1\n# TYPE a gauge\n",
    "a unit that the name has not": "# UNIT a seconds\n",
    "a unit of an info": "# TYPE x_u info\n# UNIT x_u u\n",
    "a unit of a stateset": "# TYPE x_u stateset\n# UNIT x_u u\n",
    "a stateset of 2": '# TYPE a stateset\na{a="x"} 2\n',
    "a stateset without its label": "# TYPE a stateset\na 1\n",
    "an info of 2": "# TYPE a info\na_info 2\n",
    "a counter of -1": "# TYPE a counter\na_total -1\n",
    "a counter of NaN": "# TYPE a counter\na_total NaN\n",
    "a summary's count of -1": "# TYPE a summary\na_count -1\n",
    "a sum of -1": "# TYPE a summary\na_sum -1\na_count 1\n",
    "half a count": "# TYPE a summary\na_count 0.5\n",
    "a sum of NaN": "# TYPE a summary\na_sum NaN\n",
    "no quantile": "# TYPE a summary\na 0\n",
    "a quantile of 2": '# TYPE a summary\na{quantile="2"} 0\n',
    "a quantile of NaN": '# TYPE a summary\na{quantile="NaN"} 0\n',
    "a quantile that is no number": '# TYPE a summary\na{quantile="foo"} 0\n',
    "a negative quantile": '# TYPE a summary\na{quantile="0.5"} -1\n',
    "an exemplar on a gauge": "# TYPE a gauge\na 1 # {} 1\n",
    "an exemplar on an unknown": "a 1 # {} 1\n",
    "an exemplar on a sum": "# TYPE a summary\na_sum 1 # {} 1\n",
    "a bucket without le": "# TYPE a histogram\na_bucket 0\n",
    "a bucket of NaN": '# TYPE a histogram\na_bucket{le="NaN"} 0\n',
    "infinity in other words": '# TYPE a histogram\na_bucket{le="Inf"} 0\n',
    "half a bucket": '# TYPE a histogram\na_bucket{le="+Inf"} 0.5\n',
    "buckets out of order": '# TYPE a histogram\na_bucket{le="2"} 0\na_bucket{le="1"} 0\na_bucket{le="+Inf"} 0\n',
    "buckets that fall": '# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\n',
    "no last bucket": '# TYPE a histogram\na_bucket{le="1"} 0\n',
    "another count": '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_count 2\na_sum 1\n',
    "no count": '# TYPE a histogram\na_bucket{le="+Inf"} 0\na_sum 0\n',
    "no sum": '# TYPE a histogram\na_bucket{le="+Inf"} 0\na_count 0\n',
    "a sum of negative ones": '# TYPE a histogram\na_bucket{le="-1.0"} 1\na_bucket{le="+Inf"} 2\na_sum -1\na_count 2\n',
    "no gcount": '# TYPE a gaugehistogram\na_bucket{le="+Inf"} 0\na_gsum 0\n',
    "a negative gsum": '# TYPE a gaugehistogram\na_bucket{le="+Inf"} 0\na_gsum -1\na_gcount 0\n',
    "groups that are mixed": '# TYPE a histogram\na_sum{a="1"} 0\na_sum{a="2"} 0\na_count{a="1"} 0\n',
    "a group that comes again": '# TYPE a gauge\na{a="1"} 0\na{a="2"} 0\na{a="1"} 0\n',
    "times that go back": "# TYPE a gauge\na 0 2\na 0 1\n",
    "times that go back by a nanosecond": "# TYPE a gauge\na 0 1.000000001\na 0 1\n",
    "some without a time": "# TYPE a gauge\na 0\na 0 0\n",
    "and the other way": "# TYPE a gauge\na 0 0\na 0\n",
    "a name that clashes": "# TYPE a_created gauge\n# TYPE a counter\n",
    "and later": "# TYPE a info\na_info 1\n# TYPE a_info gauge\n",
    "a family in two parts": "a 1\nb 1\na 1\n",
}
ALLOWED = (
    '# TYPE a counter\na_total 1 # {a="b"} 1 5\n',
    "# TYPE a gauge\na -1\n",
    "# TYPE a gauge\na NaN\n",
    '# TYPE a histogram\na_bucket{le="-1.0"} 1\na_bucket{le="+Inf"} 2\n',
    '# TYPE a summary\na{quantile="0.5"} 1\na{quantile="1"} 2\na_sum 5\na_count 2\n',
    '# TYPE a gaugehistogram\na_bucket{le="+Inf"} 3 # {} 1\na_gsum 2\na_gcount 3\n',
    "# TYPE a_s counter\n# UNIT a_s s\na_s_total 1\n",
    '# TYPE a info\na_info{b="1"} 1\na_info{b="2"} 1\n',
    '# TYPE a stateset\na{a="x"} 1\na{a="y"} 0\n',
    "a_total -1\n",
    "# TYPE a gauge\na_sum 0.5\n",
    '# TYPE a histogram\na_bucket{b="1",le="+Inf"} 1\na_count{b="1"} 1\na_sum{b="1"} 1\na_bucket{b="2",le="+Inf"} 1\n',
    "# HELP a \n",
    "# UNIT a \n",
)


@test
def families_that_are_none_are_refused():
    for why, text in FORBIDDEN.items():
        try:
            families(text)
        except ValueError:
            continue
        raise AssertionError(f"{why}: {text}")
    for text in ALLOWED:
        equal(len(families(text)), 1 + text.startswith("# TYPE a gauge\na_sum"), text)


@test
def times_have_all_of_their_digits():
    equal([sample.timestamp for sample in samples("# TYPE a counter\na_total 0 123\n")], [Timestamp(123, 0)])
    equal(
        [sample.timestamp for sample in samples("a 0 -1\na 0 1.5\na 0 1e3\n")],
        [Timestamp(-1, 0), Timestamp(1, 500000000), 1000.0],
    )
    equal(
        [
            (sample.value, sample.timestamp)
            for sample in samples("a 1 0.0000000000\na 2 0.0000000001\na 3 0.000000001\n")
        ],
        [(1, Timestamp(0, 0)), (3, Timestamp(0, 1))],
        "the one whose time is the same to the nanosecond is left out",
    )


NATIVE = NativeHistogram(
    24, 100.5, 3, 0.001, 4, (BucketSpan(0, 2), BucketSpan(1, 1)), (BucketSpan(-3, 1),), (2, 1, -3), (5,)
)
NATIVE_TEXT = (
    "{count:24,sum:100.5,schema:3,zero_threshold:0.001,zero_count:4,negative_spans:[-3:1],negative_deltas:[5],"
    "positive_spans:[0:2,1:1],positive_deltas:[2,1,-3]}"
)


def native_registry():
    registry, metric = CollectorRegistry(shared=False), Metric("nat", "N.", "histogram")
    metric.add_sample(
        "nat",
        {"a": "b"},
        None,
        5,
        None,
        NATIVE._replace(nh_exemplars=(Exemplar({"t": "1"}, 2.0, 3), Exemplar({}, 1.0))),
    )
    metric.add_sample("nat", None, None, None, None, NATIVE)

    class One:
        shmeter_publish = False

        def collect(self):
            return [metric, GaugeMetricFamily("level", "L.", value=1)]

    registry.register(One())
    return registry


@test
def native_histograms_are_written_from_version_2_on():
    registry, rest = native_registry(), "# HELP level L.\n# TYPE level gauge\nlevel 1.0\n"
    head = "# HELP nat N.\n# TYPE nat histogram\n"
    equal(
        exposition.generate_latest(registry, version="2.0.0").decode(),
        f'{head}nat{{a="b"}} {NATIVE_TEXT} 5 # {{t="1"}} 2.0 3 # {{}} 1.0\nnat {NATIVE_TEXT}\n{rest}# EOF\n',
    )
    equal(exposition.generate_latest(registry).decode(), f"{head}{rest}# EOF\n")
    equal(generate_latest(registry).decode(), head + rest)


@test
def native_histograms_are_read_again():
    text = exposition.generate_latest(native_registry(), version="2.0.0").decode()
    first, second = next(iter(text_string_to_metric_families(text))).samples
    equal(
        first,
        Sample(
            "nat",
            {"a": "b"},
            None,
            Timestamp(5, 0),
            None,
            NATIVE._replace(nh_exemplars=(Exemplar({"t": "1"}, 2.0, Timestamp(3, 0)), Exemplar({}, 1.0))),
        ),
    )
    equal(second, Sample("nat", None, None, None, None, NATIVE))
    equal((native_text(NATIVE), native_of(NATIVE_TEXT)), (NATIVE_TEXT, NATIVE))
    plain = "{count:4,sum:6,schema:0,zero_threshold:0.5,zero_count:1}"
    equal(native_of(plain), NativeHistogram(4, 6.0, 0, 0.5, 1))
    both = families(f'# TYPE a histogram\na {plain}\na_bucket{{le="+Inf"}} 4\na_count 4\na_sum 6\n')[0]
    equal([sample.name for sample in both.samples], ["a", "a_bucket", "a_count", "a_sum"], "one family may have both")


@test
def native_histograms_that_are_none_are_refused():
    for wrong in (
        NATIVE_TEXT.replace("count:24,", ""),
        NATIVE_TEXT.replace("sum:", "some:"),
        NATIVE_TEXT.replace("schema:3", "schema:3,schema:3"),
        NATIVE_TEXT.replace("schema:3", "schema:x"),
        NATIVE_TEXT.replace("[5]", "[5.5]"),
        NATIVE_TEXT.replace("0:2", "0:-2"),
        NATIVE_TEXT[:-1],
        "{}",
        "{count:1}",
        NATIVE_TEXT.replace("24", "2_4"),
        NATIVE_TEXT.replace(",sum", " ,sum"),
        NATIVE_TEXT + "x",
    ):
        raises(ValueError, None, lambda: families(f"# TYPE a histogram\na {wrong}\n"))
    for head in ("# TYPE a gauge\na ", "a ", "# TYPE a histogram\na_bucket ", '# TYPE a histogram\na_sum{a="b"} '):
        raises(ValueError, None, lambda: families(f"{head}{NATIVE_TEXT}\n"))


@test
def no_text_but_a_good_one_gets_through_unharmed():
    """Lines with characters that were put in, taken out or changed are read, or refused by ValueError, and by nothing
    else."""
    good = [
        "# HELP a A.",
        "# TYPE a histogram",
        'a_bucket{b="c",le="1.0"} 1 5.5 # {t="x"} 1 2',
        'a_bucket{b="c",le="+Inf"} 2 5.5',
        'a_count{b="c"} 2 5.5',
        'a_sum{b="c"} 3 5.5',
        "# TYPE n histogram",
        f"n {NATIVE_TEXT}",
        '{"q.q",x="y"} 1',
    ]
    choose = random.Random(14)
    for _ in range(4000):
        lines = list(good)
        number = choose.randrange(len(lines))
        line, at = lines[number], choose.randrange(len(lines[number]) + 1)
        lines[number] = line[:at] + choose.choice(["", *'",={}[]:#\\ \t1a.\u00fc']) + line[at + choose.randrange(3) :]
        text = "\n".join(lines)
        for read in (
            lambda: list(text_string_to_metric_families(text + "\n# EOF\n")),
            lambda: list(text_families(text)),
        ):
            try:
                read()
            except ValueError:
                pass
    equal(len(list(text_string_to_metric_families("\n".join(good) + "\n# EOF\n"))), 3)


@test
def parts_of_the_parsers_say_what_they_are():
    line = Line("  ab=", False)
    equal((line.blanks(), line.matched(NAME), line.peek(), line.take("x"), line.at), (2, "ab", "=", False, 4))
    line = Line('"a\\"b" c', True)
    equal((line.quoted(), line.blanks(), str(invalid("x"))), ('a"b', 0, "Invalid line: x"))
    raises(ValueError, 'Invalid line: "a\\"b" c', lambda: line.expect("x"))
    equal(Line('"a.b"', True).name(NAME), "a.b")
    family = Family("h")
    family.say("TYPE", "histogram", "")
    bucket = Sample("h_bucket", {"a": "b", "le": "+Inf"}, 1)
    equal((family.has(bucket), family.has(Sample("h", {}, 1)), family.group_of(bucket)), (True, False, (("a", "b"),)))
    family.add(bucket, "")
    equal(family.family(set()).samples, [bucket])
    equal(
        (parse_labels('a="b",c="}"', True), parse_labels('"q.q", a="b" ,')),
        ({"a": "b", "c": "}"}, {"__name__": "q.q", "a": "b"}),
    )
    for labels in ('a="b"}', "a=b", 'a="b'):
        raises(ValueError, f"Invalid labels: {labels}", lambda: parse_labels(labels))
    equal(re.sub(r"\\.", replace_escape_sequence, r"a\n\\"), "a\n\\")
    equal(judge_histogram("h", HistogramMetricFamily("h", "H.", [("1.0", 1), ("+Inf", 2)], 3).samples), None)


if __name__ == "__main__":
    main()
