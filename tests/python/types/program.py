"""A program as people write it on prometheus_client's interface: type checkers find nothing wrong in it, with strict
settings too."""

import asyncio
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Optional

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    generate_latest,
    Histogram,
    Info,
    make_asgi_app,
    make_wsgi_app,
    Metric,
    push_to_gateway,
    REGISTRY,
    start_http_server,
    Summary,
    write_to_textfile,
)
from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, HistogramMetricFamily, Sample
from prometheus_client.exposition import basic_auth_handler, choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

REQUESTS = Counter("requests", "Requests.", ["method", "status"], namespace="shop", unit="")
LATENCY = Histogram("latency_seconds", "Latency.", labelnames=("route",), buckets=(0.1, 1, 10))
SIZE = Summary("size_bytes", "Size.")
LEVEL = Gauge("level", "Level.", multiprocess_mode="livesum")
BUILD = Info("build", "Build.")
STATE = Enum("state", "State.", states=["starting", "running"])
FAILURES = Counter("failures", "Failures.")


@REQUESTS.labels("GET", "200").count_exceptions()
def parse(text: str, base: int = 10) -> int:
    return int(text, base)


@LEVEL.track_inprogress()
def half(number: int) -> float:
    return number / 2


@LATENCY.labels(route="/").time()
def joined(*parts: str, separator: str = ",") -> str:
    return separator.join(parts)


@FAILURES.count_exceptions((ValueError, KeyError))
async def fetched(name: str) -> bytes:
    return name.encode()


@SIZE.time()
def counted(some: List[int]) -> int:
    return len(some)


def work() -> float:
    REQUESTS.labels(method="POST", status=500).inc()
    REQUESTS.labels("POST", 404).inc(2.5, exemplar={"trace_id": "abc"})
    with LATENCY.labels("/a").time() as timer:
        timer.labels(route="/b")
    LATENCY.labels("/a").observe(0.5, {"trace_id": "abc"})
    with LEVEL.track_inprogress(), FAILURES.count_exceptions(), SIZE.time():
        LEVEL.set(3)
        LEVEL.inc()
        LEVEL.dec(amount=2)
        LEVEL.set_to_current_time()
    LEVEL.set_function(lambda: 1.5)
    BUILD.info({"version": "1"})
    STATE.state("running")
    REQUESTS.remove("GET", "200")
    REQUESTS.remove_by_labels({"method": "GET"})
    REQUESTS.clear()
    number: int = parse("12", base=16)
    text: str = joined("a", "b", separator="-")
    return half(number) + len(text) + counted([1, 2])


async def later() -> int:
    return len(await fetched("x"))


class Queue:
    """A collector without a base class."""

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily("queue", "Queue.", labels=["name"])
        family.add_metric(["a"], 3, timestamp=1.5)
        yield family
        yield CounterMetricFamily("done", "Done.", value=7, exemplar=Exemplar({"t": "1"}, 1))
        yield HistogramMetricFamily("took", "Took.", buckets=[("1.0", 1), ("+Inf", 2, Exemplar({}, 1))], sum_value=3)


class Derived(Collector):
    def collect(self) -> List[Metric]:
        return []


def exposed(registry: Collector, accept: Optional[str]) -> bytes:
    encoder, content_type = choose_encoder(accept or "")
    return encoder(registry) + content_type.encode() + generate_latest(registry) + generate_openmetrics(registry)


def handler(url: str, method: str, timeout: Optional[float], headers: Any, data: bytes) -> Callable[[], None]:
    return basic_auth_handler(url, method, timeout, headers, data, "user", "word")


def main() -> None:
    registry = CollectorRegistry(auto_describe=True, target_info={"env": "test"})
    registry.register(Queue())
    registry.register(Derived())
    value: Optional[float] = REGISTRY.get_sample_value("shop_requests_total", {"method": "GET", "status": "200"})
    samples: List[Sample] = [sample for family in text_string_to_metric_families("a 1\n") for sample in family.samples]
    labels: Dict[str, str] = samples[0].labels
    base: MetricWrapperBase = REQUESTS
    waiting: Awaitable[int] = later()
    server, thread = start_http_server(0, registry=registry)
    server.shutdown()
    thread.join()
    push_to_gateway("localhost", "job", registry, grouping_key={"a": 1}, handler=handler, compression="gzip")
    write_to_textfile("some.prom", registry)
    print(value, labels, base, exposed(registry, None), make_wsgi_app(registry), make_asgi_app(registry), work())
    print(asyncio.run(later()), waiting)


if __name__ == "__main__":
    main()
