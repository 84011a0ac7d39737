"""Plays the steps of tests/python/compared/programs.py on a module with prometheus_client's API."""
import builtins
import os

os.environ["SHMETER_PROMETHEUS_CLIENT"] = "0.16"  # which is the one that ours is held against


class Player:
    def __init__(self, module, core, **options):
        self.module, self.core = module, core
        self.registry = module.CollectorRegistry(**options)
        self.metrics = {}

    def play(self, step):
        """What the step gave: ("ok", value) or (name of the exception's type, its message)."""
        try:
            return "ok", getattr(self, step["do"])(step)
        except Exception as error:
            name = type(error).__name__
            return "ValueError" if name == "DuplicateTimeseries" else name, str(error)

    def define(self, step):
        make = getattr(self.module, step["kind"])
        self.metrics.pop(step["as"], None)
        self.metrics[step["as"]] = make(step["name"], step["help"], step["labels"], registry=self.registry,
                                        **step["more"])

    def target(self, step):
        metric, labels = self.metrics.get(step["on"]), step["labels"]
        if metric is None:
            raise LookupError("the definition failed")
        if labels is None or step.get("parent"):
            return metric
        return metric.labels(**labels) if isinstance(labels, dict) else metric.labels(*labels)

    def call(self, step):
        return getattr(self.target(step), step["method"])(*step["args"], **step["kwargs"])

    @staticmethod
    def run(manager, raises, decorated):
        def work():
            if raises:
                raise getattr(builtins, raises)("on purpose")
            return 7
        if decorated:
            return manager(work)()
        with manager:
            return work()

    def block(self, step):
        catches = [getattr(builtins, step["catches"])] if step["catches"] else []
        manager = getattr(self.target(step), step["method"])(*catches)
        return self.run(manager, step["raises"], step["decorated"])

    def timed(self, step):
        return self.run(self.target(step).time(), None, step["decorated"])

    def function(self, step):
        value = step["gives"]
        self.target(step).set_function(lambda: value)

    def collector(self, step):
        core, families = self.core, step["families"]

        class Own:
            def collect(self):
                return [make_family(core, one) for one in families]
        self.registry.register(Own())

    def ask(self, step):
        value = self.registry.get_sample_value(step["name"], step["labels"])
        return value if value is None or value == value else "NaN"


def make_family(core, plan):
    family = getattr(core, plan["kind"])(plan["name"], plan["help"], labels=plan["labels"])
    for text, number in plan["values"] if plan["labels"] else plan["values"][:1]:
        labels = [text] if plan["labels"] else []
        if plan["kind"] == "SummaryMetricFamily":
            family.add_metric(labels, count_value=3, sum_value=number)
        elif plan["kind"] == "HistogramMetricFamily":
            family.add_metric(labels, buckets=[("1.0", 2), ("+Inf", 3)], sum_value=number)
        elif plan["kind"] == "InfoMetricFamily":
            family.add_metric(labels, {"version": text})
        else:
            family.add_metric(labels, number)
    return family
