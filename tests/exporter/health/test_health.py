"""Health over HTTP: rules that fire and recover, summaries, losses, and the series that tell of them."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib import equal, main, samples, segment_path, test, true, value, wait_for  # noqa: E402,F401

ERRORS = 'sum(rate(shop_requests_total{status=~"5.."}[5s])) / sum(rate(shop_requests_total[5s])) > 0.05'


def write(path, health):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"health": health}, file)  # JSON is YAML
    os.rename(path + ".new", path)


def start(bench, health, segment=None):
    """An exporter with these rules and summaries; exporter.config is the file."""
    path = bench.folder() + "/config.yml"
    write(path, health)
    exporter = bench.exporter(f"--segment={segment}", f"--config.file={path}")
    exporter.config = path
    return exporter


def health_of(exporter):
    response = exporter.ask("/health")
    found = json.loads(response.body)
    equal(response.status, 503 if found["status"] == "failing" else 200, "the status of /health")
    return found


def rule_of(exporter, name):
    return next(rule for rule in health_of(exporter)["rules"] if rule["name"] == name)


def summary_of(exporter):
    response = exporter.ask("/api/v1/summary")
    equal((response.status, response.headers["Content-Type"]), (200, "application/json"), "/api/v1/summary")
    found = json.loads(response.body)
    equal(found["status"], "success", "the envelope")
    return found["data"]["summaries"]


@test
def an_error_ratio_fires_and_recovers(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    exporter = start(bench, {"rules": [{"name": "errors", "expr": ERRORS, "for": "1s", "severity": "failing",
                                        "message": "too many errors"}]}, name)
    wait_for(lambda: rule_of(exporter, "errors")["problem"], "a rule without data")
    equal(health_of(exporter)["status"], "ok", "before")
    feeder.do("requests", "GET", 200, 90)
    feeder.do("requests", "GET", 500, 10)
    found = wait_for(lambda: (now := health_of(exporter))["status"] == "failing" and now, "the rule fires")
    reason = found["reasons"][0]
    equal((reason["check"], reason["what"], reason["value"], reason["threshold"]), ("rule", "errors", 0.1, 0.05),
          "the reason")
    true("too many errors" in reason["message"], reason["message"])
    equal(value(exporter.samples(), "shmeter_health_check_status", check="rule:errors"), 2, "its series")
    feeder.do("requests", "GET", 200, 100000)
    wait_for(lambda: health_of(exporter)["status"] == "ok", "the rule recovers")
    true(exporter.wait_for_log("rule does not fire any more"), "it is logged")


@test
def rules_are_judged_while_nobody_asks(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    exporter = start(bench, {"rules": [{"name": "crowded", "expr": "sum(shop_active) > 3"}]}, name)
    feeder.do("active", 4)
    line = exporter.wait_for_log("rule fires")
    true("crowded" in line and "value=4" in line, line)
    feeder.do("active", -2)
    exporter.wait_for_log("rule does not fire any more")


@test
def every_check_has_its_series_in_every_format(bench):
    name = bench.name()
    bench.feeder(name)
    exporter = bench.exporter(f"--segment={name}")
    checks = {"segment", "capacity", "slots", "worker_dead", "worker_stuck", "worker_check", "worker_unknown", "room",
              "losses", "rule"}
    found = exporter.samples()
    equal(value(found, "shmeter_health_status"), 0, "the verdict")
    equal({dict(labels)["check"]: number for (one, labels), number in found.items()
           if one == "shmeter_health_check_status"},
          dict.fromkeys(checks, 0), "the checks")
    for accept in ("application/openmetrics-text;version=1.0.0",
                   "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"):
        response = exporter.ask("/metrics", headers={"Accept": accept})
        true(response.headers["Content-Type"].startswith(accept.split(";")[0]), response.headers["Content-Type"])
        true(b"shmeter_health_check_status" in response.body and b"worker_unknown" in response.body, accept)


@test
def a_dead_worker_is_in_the_series_too(bench):
    name = bench.name()
    bench.feeder(name, "one")
    feeder = bench.feeder(name, "two")
    feeder.do("busy")
    exporter = bench.exporter(f"--segment={name}")
    feeder.kill()
    wait_for(lambda: value(exporter.samples(), "shmeter_health_check_status", check="worker_dead") == 1,
             "a dead worker")
    equal(value(exporter.samples(), "shmeter_health_status"), 1, "the verdict")


@test
def each_segment_has_its_own_series(bench):
    name = bench.name()
    bench.feeder(name + "-a", "one")
    feeder = bench.feeder(name + "-b", "two")
    feeder.do("check", "database", 2, "gone")
    absent = bench.name()
    exporter = bench.exporter(f"--segment={name}-*", f"--segment={absent}")
    found = exporter.samples()
    equal({label: value(found, "shmeter_health_status", segment=label) for label in (name + "-a", name + "-b", absent)},
          {name + "-a": 0, name + "-b": 2, absent: 2}, "the verdicts")
    equal(value(found, "shmeter_health_status"), 2, "that on all")
    for check, wanted in (("segment", (0, 0, 2)), ("worker_check", (0, 2, 0)), ("capacity", (0, 0, 0))):
        equal(tuple(value(found, "shmeter_health_check_status", segment=label, check=check) for label in (name + "-a", name + "-b", absent)),
              wanted, check)


@test
def summaries_have_quantiles_for_each_group(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    hostile = 'a"b\\c\n\u00e9<'
    exporter = start(bench, {"summaries": [
        {"histogram": "shop_latency_seconds", "by": ["route"], "over": "5m", "apdex": 0.25},
        {"histogram": "shop_latency_seconds", "apdex": 0.3},
        {"histogram": "shop_nobody_seconds"}]}, name)
    wait_for(lambda: summary_of(exporter)[0]["problem"] != "it has just begun", "the first reading")
    feeder.do("latency", "/fast", 0.2, 100)
    feeder.do("latency", hostile, 0.7, 50)
    wait_for(lambda: sum(one["count"] for one in summary_of(exporter)[0]["groups"]) == 150, "the observations")
    by_route, whole, nobody = summary_of(exporter)
    groups = {one["labels"]["route"]: one for one in by_route["groups"]}
    equal(set(groups), {"/fast", hostile}, "the groups")
    fast, slow = groups["/fast"], groups[hostile]
    equal([fast["count"], fast["mean"], fast["apdex"], slow["apdex"]], [100, 0.2, 1, 0.5], "counts, means, Apdex")
    # buckets end at 0.1, 0.25, 0.5 and 1
    for found, wanted in ((fast["p50"], 0.175), (fast["p95"], 0.2425), (slow["p50"], 0.75), (slow["p99"], 0.995)):
        true(abs(found - wanted) < 1e-12, (found, wanted))
    true(abs(fast["rate"] - 100 / by_route["covered_seconds"]) < 1, "the rate")
    equal((whole["groups"][0]["labels"], whole["groups"][0]["count"], whole["groups"][0]["apdex"]), ({}, 150, None),
          "all together")
    true("Apdex needs buckets" in whole["groups"][0]["problem"], whole["groups"][0]["problem"])
    equal((nobody["groups"], nobody["problem"]), ([], "there is no histogram of this name"), "a name nobody has")
    equal(len(health_of(exporter)["summaries"]), 3, "in /health too")


@test
def groups_are_bounded(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    exporter = start(bench, {"summaries": [{"histogram": "shop_latency_seconds", "by": ["route"]}]}, name)
    for number in range(120):
        feeder.do("latency", f"/{number}", 0.2, 1)
    wait_for(lambda: summary_of(exporter)[0]["left_out_series"] == 20, "series that are left out")
    wait_for(lambda: len(summary_of(exporter)[0]["groups"]) == 100, "the other groups")


@test
def what_was_lost_of_late_degrades_the_verdict(bench):
    name = bench.name()
    feeder = bench.feeder(name, max_series=64)
    feeder.do("cpu", -1)  # refused, before anybody watches
    exporter = bench.exporter(f"--segment={name}")
    equal(health_of(exporter)["status"], "ok", "losses from before")
    feeder.do("cpu", -1)
    feeder.do("cpu", -1)
    found = health_of(exporter)
    reason = next(one for one in found["reasons"] if one["check"] == "losses")
    equal((found["status"], reason["what"], reason["value"], reason["segment"]), ("degraded", "adds_refused", 2, name),
          "the reason")
    true("increments of counters, refused" in reason["message"], reason["message"])
    equal(value(exporter.samples(), "shmeter_health_check_status", check="losses"), 1, "its series")


@test
def a_reload_keeps_histories_and_states(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    rule = {"name": "many", "expr": "sum(increase(shop_requests_total[10m])) >= 7", "severity": "failing"}
    exporter = start(bench, {"rules": [rule]}, name)
    wait_for(lambda: rule_of(exporter, "many"), "the rule")
    feeder.do("requests", "GET", 200, 7)
    wait_for(lambda: rule_of(exporter, "many")["state"] == "firing", "the rule fires")
    write(exporter.config, {"rules": [{"name": "new", "expr": "sum(shop_active) > 3"}, rule]})
    exporter.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(health_of(exporter)["rules"]) == 2, "the reload")
    feeder.do("requests", "GET", 200, 1)
    found = wait_for(lambda: (now := rule_of(exporter, "many"))["value"] == 8 and now, "one more")
    equal(found["state"], "firing", "the state")
    equal(len([line for line in exporter.log if "rule fires" in line]), 1, "it has fired once")
    write(exporter.config, {})
    exporter.process.send_signal(signal.SIGHUP)
    wait_for(lambda: not health_of(exporter)["rules"], "no rules any more")
    equal(health_of(exporter)["status"], "ok", "without rules")


@test
def the_page_shows_rules_and_escapes_them(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    exporter = start(bench, {"rules": [{"name": "<b>&", "expr": 'sum(shop_active{a!="<i>"}) > 3', "message": "<u>"}]},
                     name)
    feeder.do("active", 4)
    exporter.wait_for_log("rule fires")
    page = exporter.text("/")
    true("&lt;b&gt;&amp;" in page and "a!=&quot;&lt;i&gt;&quot;" in page and "firing" in page, page)
    true(not any(tag in page for tag in ("<b>", "<i>", "<u>")), "something is not escaped")


@test
def what_another_release_goes_on_counting_is_a_loss_and_a_reason_as_long_as_it_does(bench):
    name = bench.name()
    old, new = bench.feeder(name, "old"), bench.feeder(name, "new")
    exporter = bench.exporter(f"--segment={name}")
    old.do("turns", 5, 10)
    equal(value(exporter.samples(), "shop_turns_count"), 10, "the only release")
    equal(value(exporter.samples(), "shmeter_lost_total", segment=name, kind="superseded"), 0, "no loss")
    new.do("turns", 7, 1)
    old.do("turns", 5, 3)
    found = exporter.samples()
    equal((value(found, "shop_turns_count"), value(found, "shop_turns_bucket", le="7.0")), (1, 1),
          "the new release is in force")
    equal(value(found, "shmeter_lost_total", segment=name, kind="superseded"), 3, "the loss")
    equal(value(found, "shmeter_health_check_status", check="losses"), 1, "the check")
    found = health_of(exporter)
    reason = next(one for one in found["reasons"] if one["check"] == "losses")
    equal([found["status"]] + [reason[key] for key in ("status", "what", "worker", "pid", "segment")],
          ["degraded", "degraded", "superseded", "old", old.pid, name], "the reason")
    true("shop_turns" in reason["message"] and "other buckets" in reason["message"]
         and "end the workers" in reason["message"], reason["message"])
    new.end()  # it has failed
    equal(value(exporter.samples(), "shop_turns_count"), 13, "the old release is in force again")
    equal([one for one in health_of(exporter)["reasons"] if one["check"] == "losses"], [], "no reason")
    new = bench.feeder(name, "new")
    new.do("turns", 7, 1)
    equal(value(exporter.samples(), "shop_turns_count"), 2, "the next attempt")
    old.end()
    found = exporter.samples()
    equal((value(found, "shop_turns_count"), value(found, "shmeter_lost_total", segment=name, kind="superseded")),
          (2, 3), "at the end")
    equal([one for one in health_of(exporter)["reasons"] if one["check"] == "losses"], [], "no reason any more")


if __name__ == "__main__":
    main()
