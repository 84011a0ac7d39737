"""Mistakes that type checkers find: each is in a line that ends with the word MISTAKE, and no other line has one."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    generate_latest,
    Histogram,
    Info,
    start_http_server,
    Summary,
)

COUNTER = Counter("a", "A.", ["b"])
GAUGE = Gauge("c", "C.")
HISTOGRAM = Histogram("d", "D.")
SUMMARY = Summary("e", "E.")
INFO = Info("f", "F.")
STATES = Enum("g", "G.", states=["a", "b"])


@GAUGE.track_inprogress()
def followed(number: int) -> int:
    return number


@COUNTER.labels("x").count_exceptions()
def guarded(text: str) -> str:
    return text


@HISTOGRAM.time()
def timed(number: int) -> int:
    return number


Gauge("h", "H.", multiprocess_mode="bogus")  # MISTAKE
Counter("i", 5)  # MISTAKE
Counter("j")  # MISTAKE
Histogram("k", "K.", buckets=5)  # MISTAKE
COUNTER.labels("x").inc("1")  # MISTAKE
COUNTER.labels("x").observe(1)  # MISTAKE
COUNTER.labels("x").dec()  # MISTAKE
GAUGE.set("x")  # MISTAKE
HISTOGRAM.observe(None)  # MISTAKE
SUMMARY.observe(1, {"trace_id": "x"})  # MISTAKE
INFO.info("version")  # MISTAKE
STATES.state(3)  # MISTAKE
COUNTER.labels("x").count_exceptions(3)  # MISTAKE
followed("one")  # MISTAKE
guarded(1)  # MISTAKE
timed("one")  # MISTAKE
start_http_server("8000")  # MISTAKE
CollectorRegistry().register(generate_latest(5))  # MISTAKE
