"""Random programs of calls on prometheus_client's API, as plain data: lists of steps that
tests/python/compared/player.py plays on any module that has that API.

Sums must come out the same in any order of additions, so amounts are multiples of 1/64 below 2^20: their sums are exact
in doubles. What differs by design is left out (docs/PYTHON.md lists it): NaN and infinities given to counters and
observations, label values above 255 bytes, amounts that are no numbers at all.
"""
import random

WORDS = ("shop", "cart", "queue", "db", "cache", "jobs")
LABELS = ("method", "status", "path", "kind", "zone_id", "x")
VALUES = ("", "GET", "200", "a b", 'say "hi"', "back\\slash", "new\nline", "tab\t", "Zürich", "数", "😀", "a,b=c", "{x}",
          "0", "None")
HELPS = ("", "Help.", "Two\nlines.", "back\\slash and \"quotes\"", "ünïcode 😀", " spaces ")
BUCKETS = ((0.5, 1, 2.5, 10), (1,), (0.25, float("inf")), ("0.5", "4"), (1e-7, 1e6, 123456789.5), None)
SIGNED_BUCKETS = (-2, -1, 0, 1)
BAD_BUCKETS = ((2, 1), (), (float("inf"),))
STATES = (("starting", "running", "stopped"), ("on", "off"), ("only",))
ERRORS = ("ValueError", "KeyError", "OSError")
KINDS = ("Counter", "Gauge", "Histogram", "Summary", "Info", "Enum")
# One process of prometheus_client shows a gauge's own value whatever the mode; the modes are compared in
# tests/python/compared/test_modes.py.


class Program:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.prefix = f"p{seed}"
        self.steps = []
        self.metrics = []  # (variable, kind, number of labels, states)
        self.functions = set()  # series whose value is a function: nothing else may touch them
        self.negative = self.chance(20)  # OpenMetrics has no negative sums: such expositions are compared as text only

    def pick(self, some):
        return self.random.choice(some)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def amount(self, signed=False):
        kind = self.random.randrange(6)
        value = (1, self.random.randrange(1000), self.random.randrange(1 << 20), self.random.randrange(1 << 12) / 64, 0,
                 0.5)[kind]
        return -value if signed and self.chance(30) else value

    def value(self):
        if self.chance(10):
            return self.pick((7, 2.5, True, None)) if self.chance(70) else self.random.randrange(100)
        return self.pick(VALUES)

    # ---- definitions

    def keywords(self, kind):
        more = {}
        if self.chance(25):
            more["namespace"] = self.pick(("app", "ns", ""))
        if self.chance(20):
            more["subsystem"] = self.pick(("http", ""))
        if self.chance(20) and (kind not in ("Info", "Enum") or self.chance(20)):
            more["unit"] = self.pick(("seconds", "bytes"))
        if kind == "Histogram":
            buckets = (self.pick(BAD_BUCKETS) if self.chance(4)
                       else SIGNED_BUCKETS if self.negative and self.chance(30) else self.pick(BUCKETS))
            if buckets is not None:
                more["buckets"] = list(buckets)
        if kind == "Enum":
            more["states"] = list(self.pick(STATES))
        return more

    def define(self):
        kind = self.random.choices(KINDS, (30, 30, 20, 10, 5, 5))[0]
        name = f"{self.prefix}_{self.pick(WORDS)}{self.random.randrange(4)}"
        if kind == "Counter" and self.chance(50):
            name += "_total"
        labels = self.random.sample(LABELS, self.pick((0, 0, 1, 1, 2, 2, 3)))
        if self.chance(4):
            name = self.pick(("1bad", "with space", "dash-ed", "", "ünï"))
        if self.chance(4):
            labels = self.pick((["le"], ["quantile"], ["__reserved"], ["bad-label"], ["method", "le"]))
        variable = f"v{len(self.metrics)}"
        more = self.keywords(kind)
        self.steps.append({"do": "define", "as": variable, "kind": kind, "name": name, "help": self.pick(HELPS),
                           "labels": labels, "more": more})
        self.metrics.append((variable, kind, len(labels), labels, more.get("states") or []))

    # ---- calls

    def series(self, metric):
        """Label values for a metric: a list, a dictionary, or None for none; now and then wrong ones."""
        _, _, labels_n, names, _ = metric
        if self.chance(3):
            return self.pick(([], ["too", "many", "by", "far"], {"unknown": "x"}, None))
        if not labels_n:
            return None if not self.chance(2) else ["unasked"]
        values = [self.value() if not self.chance(60) else self.pick(("GET", "200")) for _ in range(labels_n)]
        if self.chance(30):
            pairs = list(zip(names, values))
            self.random.shuffle(pairs)
            return dict(pairs)
        return values

    def call_of(self, kind, states):
        """(method, positional arguments, keyword arguments)."""
        if kind == "Counter":
            return self.random.choices((
                ("inc", [], {}), ("inc", [self.amount()], {}), ("inc", [], {"amount": self.amount()}),
                ("inc", [-1.5], {}),
                ("inc", [1], {"exemplar": {"trace_id": "abc"}})), (40, 30, 10, 4, 4))[0]
        if kind == "Gauge":
            return self.random.choices((
                ("inc", [], {}), ("inc", [self.amount(True)], {}), ("dec", [], {}), ("dec", [self.amount(True)], {}),
                ("set", [self.amount(True)], {}), ("set", [self.pick((float("inf"), float("-inf"), float("nan")))], {}),
                ("set", ["4.5"], {}), ("inc", [], {"amount": self.amount()})), (25, 15, 15, 10, 25, 3, 3, 4))[0]
        if kind in ("Histogram", "Summary"):
            return ("observe", [self.amount(self.negative)], {}) if self.chance(90) else ("observe", [],
                                                                                          {"amount": self.amount()})
        if kind == "Info":
            return ("info", [{self.pick(("version", "host", "x")): self.pick(VALUES)
                              for _ in range(self.random.randrange(3))}], {})
        state = self.pick(states) if states and not self.chance(5) else "no such state"
        return ("state", [state], {})

    def call(self):
        metric = self.pick(self.metrics)
        variable, kind, _, _, states = metric
        labels = self.series(metric)
        if (variable, repr(labels)) in self.functions or (variable in self.functions):
            return
        method, arguments, keywords = self.call_of(kind, states)
        self.steps.append({"do": "call", "on": variable, "labels": labels, "method": method, "args": arguments,
                           "kwargs": keywords})

    def block(self):
        """A with statement or a decorated function, which may raise."""
        metric = self.pick(self.metrics)
        variable, kind, _, _, _ = metric
        if kind not in ("Counter", "Gauge") or variable in self.functions:
            return
        method = "count_exceptions" if kind == "Counter" else "track_inprogress"
        catches = self.pick((None, "ValueError", "LookupError")) if kind == "Counter" else None
        self.steps.append({"do": "block", "on": variable, "labels": self.series(metric), "method": method,
                           "catches": catches,
                           "raises": self.pick((None, *ERRORS)), "decorated": self.chance(40)})

    def timed(self):
        metric = self.pick(self.metrics)
        if metric[1] not in ("Histogram", "Summary", "Gauge") or metric[0] in self.functions:
            return
        self.steps.append({"do": "timed", "on": metric[0], "labels": self.series(metric), "decorated": self.chance(40)})

    def remove(self):
        metric = self.pick(self.metrics)
        if metric[0] in self.functions:
            return
        if self.chance(20):
            self.steps.append({"do": "call", "on": metric[0], "labels": None, "method": "clear", "args": [],
                               "kwargs": {}, "parent": True})
            return
        values = self.series(metric)
        if not isinstance(values, dict):
            self.steps.append({"do": "call", "on": metric[0], "labels": None, "method": "remove", "args": values or [],
                               "kwargs": {}, "parent": True})

    def function(self):
        """A gauge's value by a function. Nothing else touches that metric from then on: who evaluates it is one
        process."""
        metric = self.pick(self.metrics)
        if metric[1] != "Gauge" or metric[0] in self.functions:
            return
        self.functions.add(metric[0])
        self.steps.append({"do": "function", "on": metric[0], "labels": self.series(metric),
                           "gives": self.amount(True)})

    def collector(self):
        base = f"{self.prefix}_own{len(self.steps)}"
        families = []
        for i in range(self.pick((1, 2))):
            kind = self.pick(("GaugeMetricFamily", "CounterMetricFamily", "SummaryMetricFamily",
                              "HistogramMetricFamily", "InfoMetricFamily"))
            families.append({"kind": kind, "name": f"{base}_{i}", "help": self.pick(HELPS),
                             "labels": ["part"] if self.chance(60) else [],
                             "values": [[text, self.amount()] for text in self.random.sample(VALUES, 2)]})
        self.steps.append({"do": "collector", "families": families})

    def ask(self):
        """What one sample's value is."""
        metric = self.pick(self.metrics)
        step = next(one for one in self.steps if one["do"] == "define" and one["as"] == metric[0])
        suffix = {"Counter": "_total", "Gauge": "", "Histogram": "_count", "Summary": "_sum", "Info": "_info",
                  "Enum": ""}[metric[1]]
        values = self.series(metric)
        labels = values if isinstance(values, dict) else dict(zip(metric[3], values or []))
        self.steps.append({"do": "ask", "name": step["name"].removesuffix("_total") + suffix,
                           "labels": {k: str(v) for k, v in labels.items()}})


def make(seed):
    """The steps of the program with this number."""
    program = Program(seed)
    for _ in range(program.random.randrange(1, 6)):
        program.define()
    for _ in range(program.random.randrange(10, 50)):
        one = program.random.choices((program.call, program.block, program.timed, program.remove, program.function,
                                      program.collector,
                                      program.ask, program.define), (70, 6, 3, 5, 1, 1, 4, 2))[0]
        one()
    return program.steps
