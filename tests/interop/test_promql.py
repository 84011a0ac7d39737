"""Conditions against Prometheus itself: promtool evaluates the same text over the same samples.

Usage: test_promql.py RULES_JUDGE [TEST...]
"""
import json
import math
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from servers import need, note, true  # noqa: E402
from tap import main_with, test  # noqa: E402
from lib import Bench  # noqa: E402

JUDGE = sys.argv[1]
SECONDS = 841
AT = [130, 600, 840]
SEED = 20240611


class Samples:
    """Series for both sides: the judge's lines and promtool's input_series."""

    def __init__(self):
        self.lines, self.input = [], []

    def add(self, kind, name, a, values):
        self.lines.append(f"{kind} {name} {a} " + " ".join("-" if value is None else repr(value) for value in values))
        self.input.append({"series": f'{name}{{a="{a}"}}', "values": " ".join(self.notation(values))})

    @staticmethod
    def notation(values):
        """An absent sample ends the series for promtool too, instead of letting the last one live for five minutes."""
        before = None
        for value in values:
            yield repr(value) if value is not None else "stale" if before is not None else "_"
            before = value

    def histogram(self, name, a, bounds, counts):
        """counts: for each second, one number for each bucket, not cumulative, the last one above all bounds."""
        self.lines.append("bounds " + " ".join(map(repr, bounds)))
        self.lines.append(f"histogram {name} {a} " + " ".join("/".join(map(str, one)) for one in counts))
        for i, bound in enumerate([*map(repr, bounds), "+Inf"]):
            self.input.append({"series": f'{name}_bucket{{a="{a}",le="{bound}"}}',
                               "values": " ".join(str(sum(one[:i + 1])) for one in counts)})


def ours(samples, conditions):
    """{(second, index): (state, left)}"""
    text = "\n".join([*(f"expr {one}" for one in conditions), *samples.lines, "at " + " ".join(map(str, AT)), ""])
    done = subprocess.run([JUDGE], input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        second, number, state, left, _ = line.split()
        found[int(second), int(number)] = (state, float(left))
    true(len(found) == len(AT) * len(conditions), "the judge has said too little")
    return found


def claim(expression, state, value, tolerance, absolute=1e-300):
    """What promtool is to find if it agrees: an expression and its samples."""
    one = [{"labels": "{}", "value": 1}]
    if state == "none":
        return expression, []
    if math.isnan(value):
        return f"({expression}) != bool ({expression})", one
    if math.isinf(value):
        return f"({expression}) == bool {value!r}".replace("inf", "Inf"), one
    return f"abs(({expression}) - ({value!r})) <= bool {tolerance * abs(value) + absolute!r}", one


def theirs(bench, samples, claims):
    """Lets promtool judge {(second, expression): samples}; returns what it says."""
    path = bench.folder() + "/test.yml"
    tests = [{"expr": expression, "eval_time": f"{second}s", "exp_samples": wanted}
             for (second, expression), wanted in claims]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"evaluation_interval": "1s",
                   "tests": [{"interval": "1s", "input_series": samples.input, "promql_expr_test": tests}]}, file)
    done = subprocess.run([need("promtool"), "test", "rules", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True,
                          check=False)
    return done.returncode, done.stdout


def longest_window(expression):
    units = {"s": 1, "m": 60}
    return max([int(number) * units[unit] for number, unit in re.findall(r"\[(\d+)([sm])\]", expression)], default=0)


def compare(bench, samples, expressions, tolerance=1e-12, absolute=1e-300, text_for_them=lambda text: text):
    found = ours(samples, [f"{one} > 1e300" for one in expressions])
    claims = []
    for (second, number), (state, value) in found.items():
        if longest_window(expressions[number]) > second:
            continue  # it is not covered: Prometheus divides by the whole window
        expression, wanted = claim(text_for_them(expressions[number]), state, value, tolerance, absolute)
        claims.append(((second, expression), wanted))
    code, said = theirs(bench, samples, claims)
    true(code == 0, said[:4000])
    true(len(claims) > len(expressions), "hardly anything was compared")
    note(f"{len(claims)} results are Prometheus' own, {sum(1 for _, wanted in claims if not wanted)} of them empty, "
         f"{sum(1 for (_, expression), _ in claims if '!= bool' in expression)} NaN")
    return found


def counter(draw, rate, resets=0):
    """Increments of whole numbers, with some resets."""
    total, values = draw.randrange(1000), []
    for _ in range(SECONDS):
        total += draw.randrange(2 * rate + 1) if draw.random() < 0.7 else 0
        if draw.random() < resets:
            total = draw.randrange(5)
        values.append(total)
    return values


def gauge(draw, holes=0):
    """Values that are floats too, with stretches in which there is none."""
    values, absent = [], 0
    for _ in range(SECONDS):
        if draw.random() < holes:
            absent = draw.randrange(1, 200)
        absent = max(absent - 1, 0)
        values.append(None if absent else draw.randrange(-4000, 4000) / 4)
    return values


@test
def rates_and_increases_are_prometheus_own(bench):
    draw, samples = random.Random(SEED), Samples()
    for a, rate, resets in (("x", 5, 0), ("y", 1000, 0), ("z", 3, 0.02), ("5xx", 1, 0)):
        samples.add("counter", "shop_total", a, counter(draw, rate, resets))
    samples.add("counter", "shop_other_total", "x", counter(draw, 7))
    samples.add("counter", "shop_still_total", "x", [5] * SECONDS)
    expressions = [f"{aggregate}({function}(shop_total{matchers}[{window}]))"
                   for aggregate in ("sum", "min", "max", "avg", "count")
                   for function in ("rate", "increase")
                   for matchers in ("", '{a=~"x|z"}', '{a=~"x.*|5.*"}', '{a!="y"}', '{a!~".*[xz]"}', '{b=""}',
                                    '{a="nobody"}')
                   for window in ("10s", "1m", "2m", "5m", "10m") if window != "10m" or matchers == ""]
    expressions += ["sum(rate(shop_total{a=\"5xx\"}[5m])) / sum(rate(shop_total[5m]))",
                    "1 - sum(rate(shop_other_total[1m])) * -2 / (sum(rate(shop_total[2m])) + 3)",
                    "sum(rate(shop_still_total[1m])) / sum(rate(shop_still_total[5m]))",
                    "sum(rate(shop_total[1m])) / sum(rate(shop_still_total[5m]))",
                    "-sum(rate(shop_total[1m])) / sum(rate(shop_still_total[5m]))",
                    "sum(rate(shop_total[1m])) + sum(rate(shop_none_total[1m]))",
                    "sum(delta(shop_other_total[5m]))", "max(shop_total)", "count(shop_total) + NaN"]
    compare(bench, samples, expressions)


@test
def values_over_time_are_prometheus_own(bench):
    """Of [5m], Prometheus 2 has the sample at the very beginning too, which Prometheus 3 and we leave out."""
    draw, samples = random.Random(SEED + 1), Samples()
    for a, holes in (("x", 0), ("y", 0)):
        samples.add("gauge", "shop_level", a, gauge(draw, holes))
    windows = {"10s": "9s500ms", "1m": "59s500ms", "2m": "1m59s500ms", "5m": "4m59s500ms"}
    expressions = [f"{aggregate}({function}_over_time(shop_level{matchers}[{window}]))"
                   for aggregate in ("sum", "min", "max", "avg", "count")
                   for function in ("min", "max", "avg")
                   for matchers in ("", '{a="x"}', '{a="z"}') for window in windows]

    def shorter(text):
        for window, short in windows.items():
            text = text.replace(f"[{window}]", f"[{short}]")
        return text

    means = [one for one in expressions if "avg_over_time" in one and "[5m]" in one]  # of ten seconds each, as float
    compare(bench, samples, [one for one in expressions if one not in means], text_for_them=shorter)
    compare(bench, samples, means, absolute=1e-4, text_for_them=shorter)


@test
def gauges_come_and_go_as_in_prometheus(bench):
    draw, samples = random.Random(SEED + 2), Samples()
    for a in "uvwxyz":
        samples.add("gauge", "shop_level", a, gauge(draw, 0.01))
    expressions = [f"{aggregate}(shop_level{matchers})" for aggregate in ("sum", "min", "max", "avg", "count")
                   for matchers in ("", '{a=~"[u-w]"}', '{a="x"}', '{a="y"}', '{a="z"}')]
    expressions += [f"{aggregate}({function}_over_time(shop_level{matchers}[1m]))"
                    for aggregate in ("sum", "count", "max")
                    for function in ("min", "max", "avg") for matchers in ("", '{a="x"}', '{a="y"}', '{a="z"}')]
    found = compare(bench, samples, expressions, text_for_them=lambda text: text.replace("[1m]", "[59s500ms]"))
    true(any(state == "none" for state, _ in found.values()), "no series was absent")


BOUNDS = ([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], [1], [-1, 0, 1], [-5, -1], [0, 0.5], [1e-9, 1e9])
QUANTILES = ("0.5", "0.95", "0.99", "0", "1", "-0.1", "1.1", "NaN", "0.001")


@test
def quantiles_of_classic_buckets_are_prometheus_own(bench):
    draw, samples, expressions = random.Random(SEED + 3), Samples(), []
    for number in range(48):
        bounds = BOUNDS[number % len(BOUNDS)]
        weights = [draw.choice((0, 0, 1, 5, 40)) for _ in range(len(bounds) + 1)]
        for a in "xy":
            counts, rows = [draw.randrange(50) for _ in weights], []
            for _ in range(SECONDS):
                counts = [count + (draw.randrange(weight + 1) if weight else 0)
                          for count, weight in zip(counts, weights)]
                rows.append(counts)
            samples.histogram(f"shop_{number}_seconds", a, [float(one) for one in bounds], rows)
        for q in QUANTILES:
            window = draw.choice(("30s", "2m"))
            expressions.append(f"histogram_quantile({q}, sum by (le) (rate(shop_{number}_seconds_bucket[{window}])))")
            expressions.append(f'histogram_quantile({q}, '
                               f'sum(increase(shop_{number}_seconds_bucket{{a="x"}}[{window}])) by (le))')
    compare(bench, samples, expressions, tolerance=1e-12)


@test
def conditions_hold_when_prometheus_says_so(bench):
    draw, samples = random.Random(SEED + 4), Samples()
    samples.add("counter", "shop_total", "x", counter(draw, 5))
    samples.add("counter", "shop_total", "y", counter(draw, 5))
    samples.add("gauge", "shop_level", "x", gauge(draw))
    samples.add("gauge", "shop_whole", "x", [3] * SECONDS)
    sides = ["sum(rate(shop_total[1m]))", "max(increase(shop_total[2m]))", "sum(shop_level)", "sum(shop_whole)",
             "sum(shop_none)",
             "sum(shop_whole) / 0", "0 * sum(shop_whole) / 0", "3", "-Inf"]
    conditions = [f"{left} {sign} {right}" for left in sides for right in sides
                  for sign in (">", ">=", "<", "<=", "==", "!=")
                  if "(" in left + right]
    claims = []
    for (second, number), (state, _) in ours(samples, conditions).items():
        both = "count(%s)" % conditions[number]
        claims.append(((second, both), [{"labels": "{}", "value": 1}] if state == "firing" else []))
    code, said = theirs(bench, samples, claims)
    true(code == 0, said[:4000])
    note(f"{len(claims)} verdicts are Prometheus' own, {sum(1 for _, wanted in claims if wanted)} of them true")


@test
def promtool_notices_a_wrong_result(bench):
    samples = Samples()
    samples.add("counter", "shop_total", "x", list(range(SECONDS)))
    expression, wanted = claim("sum(rate(shop_total[1m]))", "inactive", 1 + 1e-9, 1e-12)
    code, said = theirs(bench, samples, [((600, expression), wanted)])
    true(code != 0, said)


if __name__ == "__main__":
    main_with(Bench, sys.argv[2:])
