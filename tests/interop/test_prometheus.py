"""Real Prometheus scrapes the exporter while workers come and go; what it answers is compared with what the workers
did."""

import math
import os
import subprocess

from servers import Prometheus, equal, main, need, note, segment_path, test, true

BOUNDS = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10]


def quantile(q, observations):
    """histogram_quantile of Prometheus (promql/quantile.go, bucketQuantile) over the standard bounds."""
    counts = [sum(v <= bound for v in observations) for bound in BOUNDS] + [len(observations)]
    rank = q * counts[-1]
    bucket = next(i for i, count in enumerate(counts) if count >= rank)
    if bucket == len(BOUNDS):
        return BOUNDS[-1]
    start, before = (BOUNDS[bucket - 1], counts[bucket - 1]) if bucket else (0, 0)
    return start + (BOUNDS[bucket] - start) * (rank - before) / (counts[bucket] - before)


@test
def prometheus_has_the_numbers_that_the_workers_made(bench):
    need("prometheus")
    name = bench.name()
    workers = [bench.feeder(name, f"worker{i}") for i in range(4)]
    exporter = bench.exporter(f"--segment={name}")
    prometheus = Prometheus(bench, exporter)
    done, cpu, observations = {}, 0.0, []
    for turn in range(12):
        for i, worker in enumerate(workers):
            worker.do("cpu", 0.25)
            cpu += 0.25
            seconds = (0.003, 0.07, 0.3, 1.5, 20)[(i + turn) % 5]
            worker.do("latency", f"/{i % 2}", seconds, 10 + turn)
            observations += [seconds] * (10 + turn)
            # Last: a scrape that has this has the others too.
            method, status, n = ("GET", "POST")[i % 2], ("200", "500")[turn % 2], 1 + 1000 * i + turn
            worker.do("requests", method, status, n)
            done[method, status] = done.get((method, status), 0) + n
        victim = turn % len(workers)  # each turn somebody dies and has a successor
        workers[victim].kill()
        workers[victim] = bench.feeder(name, f"worker{victim}")
        prometheus.wait_for_number("sum(shop_requests_total)", sum(done.values()))
    prometheus.look_at_a_scrape()
    for (method, status), n in done.items():
        equal(prometheus.number(f'sum(shop_requests_total{{method="{method}",status="{status}"}})'), n)
    equal(prometheus.number("sum(shop_cpu_seconds_total)"), cpu)
    equal(prometheus.number("sum(shop_latency_seconds_count)"), len(observations))
    total = prometheus.number("sum(shop_latency_seconds_sum)")
    true(math.isclose(total, math.fsum(observations), rel_tol=1e-12), total)
    for q in (0.1, 0.5, 0.75, 0.9, 0.99):
        got = prometheus.number(f"histogram_quantile({q}, sum by (le) (shop_latency_seconds_bucket))")
        true(math.isclose(got, quantile(q, observations), rel_tol=1e-12), f"quantile {q}: {got}")
    equal(prometheus.number("max(resets(shop_requests_total[1h]))"), 0)
    equal(prometheus.number("max(resets(shop_latency_seconds_count[1h]))"), 0)
    note(f"{prometheus.was_up_all_along()} scrapes, 12 workers killed")


@test
def counters_do_not_go_back_when_exporter_or_segment_begin_again(bench):
    need("prometheus")
    name = bench.name()
    worker = bench.feeder(name)
    worker.do("requests", "GET", "200", 100)
    exporter = bench.exporter(f"--segment={name}")
    prometheus = Prometheus(bench, exporter)
    prometheus.wait_for_number("sum(shop_requests_total)", 100)
    exporter.process.kill()
    exporter.process.wait()
    prometheus.wait_for_number("sum(up)", 0)
    worker.do("requests", "GET", "200", 11)
    bench.exporter(f"--segment={name}", f"--web.listen-address=127.0.0.1:{exporter.port}",
                   listen=False).wait_for_log("listening")
    prometheus.wait_for_number("sum(shop_requests_total)", 111)
    os.unlink(segment_path(name))
    bench.feeder(name).do("requests", "GET", "200", 1000)
    prometheus.wait_for_number("sum(shop_requests_total)", 1111)
    prometheus.look_at_a_scrape()
    equal(prometheus.number("max(resets(shop_requests_total[1h]))"), 0)


@test
def promtool_has_no_complaint(bench):
    promtool = need("promtool")
    name = bench.name()
    worker = bench.feeder(name)
    for words in (("requests", "GET", "200", 5), ("cpu", 1.5), ("latency", "/a", 0.3, 3), ("active", 2),
                  ("temperature", 36.5), ("build", 'v"1"\n'), ("many", 0, 50)):
        worker.do(*words)
    for options in ([f"--segment={name}"], [f"--segment={name}*"], [f"--segment={name}-none"]):
        text = bench.exporter(*options).text()
        done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), options)
    true("shop_requests_total" not in text, "the last of them is the exporter alone")


@test
def the_example_configuration_is_one_that_prometheus_takes(bench):
    promtool = need("promtool")
    example = os.path.join(os.path.dirname(__file__), "../../deploy/prometheus.yml")
    done = subprocess.run([promtool, "check", "config", example], capture_output=True, text=True)
    equal(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    main()
