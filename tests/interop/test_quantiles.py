"""Quantiles of exponential histograms: what a rule finds is what Prometheus makes of the native histogram that it
scraped."""
import json
import math
import random

from servers import Prometheus, main, need, note, test, true, wait_for


def rules_of(exporter):
    return json.loads(exporter.ask("/health").body)["rules"]


@test
def quantiles_of_a_native_histogram_are_prometheus_own(bench):
    need("prometheus")
    quantiles = [-1, 0, *[number / 100 for number in range(1, 100)], 1, 2]
    config = bench.folder() + "/config.yml"
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"health": {"rules": [
            {"name": "count", "expr": "histogram_count(sum(increase(shop_work_seconds[1h]))) > 1e300"}] + [
            {"name": str(q), "expr": f"histogram_quantile({q}, sum(rate(shop_work_seconds[1h]))) > 1e300"}
                for q in quantiles]}}, file)
    name = bench.name()
    feeder = bench.feeder(name)
    exporter = bench.exporter(f"--segment={name}", f"--config.file={config}")
    wait_for(lambda: rules_of(exporter)[1]["problem"] is not None, "the first reading")
    dice = random.Random(11)
    count = 0
    for _ in range(400):
        times = dice.choice((1, 1, 3, 10))
        feeder.do("work", repr(dice.lognormvariate(-2, 2)), times)
        count += times
    feeder.do("work", 0.00001, 25)  # the zero bucket
    count += 25
    feeder.do("requests", "GET", "200", 1)  # last
    wait_for(lambda: rules_of(exporter)[0]["value"] == count, "all observations")
    prometheus = Prometheus(bench, exporter, features=["native-histograms"])
    prometheus.wait_for_number("sum(shop_requests_total)", 1)
    true(prometheus.number("histogram_count(sum(shop_work_seconds))") == count, "Prometheus has not got all")
    compared = 0
    for rule in rules_of(exporter)[1:]:
        theirs = prometheus.number(f"histogram_quantile({rule['name']}, sum(shop_work_seconds))")
        if rule["value"] is None:  # infinite: JSON has no word for it
            true(math.isinf(theirs), f"{rule['name']}: {theirs}")
            continue
        true(math.isclose(rule["value"], theirs, rel_tol=1e-12), f"{rule['name']}: {rule['value']} is not {theirs}")
        compared += 1
    note(f"{compared} quantiles of {count} observations are the same to 1e-12")


if __name__ == "__main__":
    main()
