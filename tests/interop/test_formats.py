"""The other formats and the other scraper: OpenMetrics and protobuf with native histograms in Prometheus, and
VictoriaMetrics."""

import math
import random

from servers import Prometheus, VictoriaMetrics, equal, main, need, note, test, true, value

FACTOR = 2 ** (2 ** -3)  # of the feeder's shop_work_seconds: schema 3


def feed(bench, turns, look):
    """Workers that count, and are killed one after the other while a server looks; returns what they did in all."""
    name = bench.name()
    workers = [bench.feeder(name, f"worker{i}") for i in range(3)]
    yield name
    dice = random.Random(7)
    requests, work = 0, []
    for turn in range(turns):
        for i, worker in enumerate(workers):
            seconds = [dice.lognormvariate(-2, 1.2) for _ in range(20)]
            for one in seconds:
                worker.do("work", repr(one), 1)
            work += seconds
            worker.do("latency", "/a", 0.3, 4)
            worker.do("build", "1.0")
            worker.do("requests", "GET", "200", 10 + i)  # last: a scrape that has this has the others too
            requests += 10 + i
        victim = turn % len(workers)
        workers[victim].kill()
        workers[victim] = bench.feeder(name, f"worker{victim}")
        look(requests)
    yield requests, work


def true_quantile(values, q):
    return sorted(values)[max(0, math.ceil(q * len(values)) - 1)]


def scrape_while_workers_die(bench, make, turns=10, options=()):
    """(server, exporter, requests, work) after the turns."""
    seen = {}
    course = feed(bench, turns, lambda requests: seen["server"].wait_for_number("sum(shop_requests_total)", requests))
    exporter = bench.exporter(f"--segment={next(course)}", *options)
    seen["server"] = make(exporter)
    requests, work = next(course)
    seen["server"].look_at_a_scrape()
    return seen["server"], exporter, requests, work


def check_totals(server, requests, work):
    equal(server.number("sum(shop_requests_total)"), requests)
    equal(server.number("max(resets(shop_requests_total[1h]))"), 0)


@test
def native_histograms_have_their_quantiles_within_the_error_of_their_schema(bench):
    need("prometheus")
    prometheus, exporter, requests, work = scrape_while_workers_die(
        bench, lambda exporter: Prometheus(bench, exporter, features=["native-histograms"]))
    check_totals(prometheus, requests, work)
    scrapes = exporter.samples()
    true(value(scrapes, "shmeter_exporter_scrapes_total", format="protobuf", coding="gzip") > 0, "protobuf was scraped")
    equal(prometheus.number("sum(histogram_count(shop_work_seconds))"), len(work))
    total = prometheus.number("sum(histogram_sum(shop_work_seconds))")
    true(math.isclose(total, math.fsum(work), rel_tol=1e-9), f"{total} for {math.fsum(work)}")
    worst = 1.0
    for percent in range(1, 100):
        got = prometheus.number(f"max(histogram_quantile({percent / 100}, shop_work_seconds))")
        exact = true_quantile(work, percent / 100)
        error = max(got / exact, exact / got)
        worst = max(worst, error)
        true(error <= FACTOR, f"quantile {percent / 100}: {got} for {exact}")
    note(f"{len(work)} observations, 99 quantiles, each within a factor of {worst:.4f}; the schema's is {FACTOR:.4f}")
    equal(prometheus.number("sum(shop_latency_seconds_count)"), 4 * len(work) / 20, "the classic one beside it")
    equal(prometheus.query("count(shop_work_seconds_bucket)"), {}, "no classic buckets beside native ones")
    note(f"{prometheus.was_up_all_along()} scrapes")


@test
def openmetrics_brings_units_and_types(bench):
    need("prometheus")
    prometheus, exporter, requests, work = scrape_while_workers_die(bench, lambda exporter: Prometheus(bench, exporter),
                                                                    turns=3)
    check_totals(prometheus, requests, work)
    true(value(exporter.samples(), "shmeter_exporter_scrapes_total", format="openmetrics", coding="gzip") > 0,
         "it was scraped")
    told = prometheus.metadata("shop_work_seconds")
    equal((told["type"], told["unit"]), ("histogram", "seconds"))
    equal(prometheus.metadata("shop_build")["type"], "info")
    equal(prometheus.metadata("shop_requests")["type"], "counter")
    equal(prometheus.number("sum(shop_work_seconds_count)"), len(work))
    equal(prometheus.number('sum(shop_work_seconds_bucket{le="+Inf"})'), len(work))
    prometheus.was_up_all_along()


@test
def victoria_metrics_holds_the_same_totals(bench):
    need("victoria-metrics")
    victoria, exporter, requests, work = scrape_while_workers_die(bench,
                                                                  lambda exporter: VictoriaMetrics(bench, exporter))
    check_totals(victoria, requests, work)
    equal(victoria.number("sum(shop_work_seconds_count)"), len(work))
    equal(victoria.number("sum(shop_latency_seconds_count)"), 4 * len(work) / 20)
    total = victoria.number("sum(shop_work_seconds_sum)")
    true(math.isclose(total, math.fsum(work), rel_tol=1e-9), f"{total} for {math.fsum(work)}")
    note(f"{victoria.was_up_all_along()} scrapes")


if __name__ == "__main__":
    main()
