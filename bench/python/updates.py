"""Updates as a program writes them. Usage: updates.py MODULE PREFIX"""
import importlib
import sys

from clock import each_ns, put

STATEMENTS = (
    ("inc", "counter.inc()"),
    ("labels-inc", "requests.labels('GET', '200').inc()"),
    ("observe", "histogram.observe(0.3)"),
    ("gauge-set", "gauge.set(7)"),
    ("gauge-inc", "gauge.inc()"),
    ("time", "with timer(): pass"),
    ("remove", "jobs.labels('last').inc(); jobs.remove('last')"),
)


def main():
    client, prefix = importlib.import_module(sys.argv[1]), sys.argv[2]
    names = {
        "counter": client.Counter("bench_events", "Events."),
        "requests": client.Counter("bench_requests", "Requests.", ["method", "status"]),
        "histogram": client.Histogram("bench_seconds", "Times."),
        "gauge": client.Gauge("bench_gauge", "A gauge."),
    }
    names["jobs"] = client.Counter("bench_jobs", "Jobs.", ["job"])
    for number in range(9000):
        names["jobs"].labels(str(number)).inc()
    names["timer"] = names["histogram"].time
    for name, statement in STATEMENTS:
        put(f"{prefix}-{name}", each_ns(statement, names))


if __name__ == "__main__":
    main()
