"""A scrape of 1,000 series that 64 processes have written. Usage: scrape.py MODULE PREFIX"""
import importlib
import os
import sys

from clock import each_ns, put

PROCESSES = 64
SERIES = 1000


def write(counter, number):
    for i in range(SERIES):
        counter.labels(f"value {i}").inc(number)


def main():
    client, prefix = importlib.import_module(sys.argv[1]), sys.argv[2]
    registry = client.CollectorRegistry()
    counter = client.Counter("bench_series", "Series.", ["label"], registry=registry)
    ends = [os.pipe() for _ in range(PROCESSES)]  # they live while they are scraped
    waiting = os.pipe()
    for number in range(PROCESSES):
        if not os.fork():
            os.close(waiting[1])
            write(counter, number + 1)
            os.write(ends[number][1], b"x")
            os.read(waiting[0], 1)  # until the parent ends
            os._exit(0)
    for reading, _ in ends:
        os.read(reading, 1)
    if client.__name__ == "prometheus_client":
        from prometheus_client import multiprocess
        registry = client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    text = client.generate_latest(registry).decode()
    wanted = PROCESSES * (PROCESSES + 1) // 2
    if text.count(f" {wanted}.0\n") + text.count(f" {wanted}\n") != SERIES:
        sys.exit("the exposition is wrong:\n" + text[:2000])
    put(f"{prefix}-scrape", each_ns("latest(registry)", {"latest": client.generate_latest, "registry": registry}) / 1e3)


if __name__ == "__main__":
    main()
