"""Segments that are missing, appear, disappear, are created again, come in numbers; and what health says of them."""

import json
import os
import signal
import stat
import subprocess
import sys

from lib import Skip, equal, main, segment_path, test, total, true, value, wait_for


def health(exporter, status):
    response = exporter.ask("/health")
    equal(response.getheader("Content-Type"), "application/json")
    equal(response.status, status, response.body)
    return json.loads(response.body)


def reasons(found, check):
    return [reason for reason in found["reasons"] if reason["check"] == check]


@test
def a_missing_segment_is_no_end_of_the_exporter(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}")
    exporter.wait_for_log(f"level=warn msg=\"segment cannot be read\" segment={name} error=.*does not exist")
    found = exporter.samples()
    equal(value(found, "shmeter_segment_readable", segment=name), 0)
    true(value(found, "shmeter_exporter_start_time_seconds") > 0, "its own series are served")
    ready = exporter.ask("/-/ready")
    equal(ready.status, 503)
    true(segment_path(name) in ready.body.decode() and "not ready" in ready.body.decode(), ready.body)
    found = health(exporter, 503)
    equal(found["status"], "failing")
    reason = reasons(found, "segment")[0]
    equal((reason["segment"], reason["status"]), (name, "failing"))
    true("does not exist" in reason["message"], reason)
    equal(exporter.ask("/-/healthy").status, 200)


@test
def a_segment_that_appears_is_served(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}")
    equal(exporter.ask("/-/ready").status, 503)
    bench.feeder(name).do("requests", "GET", "200", 7)
    equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200"), 7)
    equal(exporter.ask("/-/ready").status, 200)
    equal(health(exporter, 200)["status"], "ok")
    exporter.wait_for_log(f"msg=\"segment found\" segment={name}")


@test
def a_scrape_shows_everything_that_was_done_before_it(bench):
    name = bench.name()
    worker = bench.feeder(name)
    exporter = bench.exporter(f"--segment={name}")
    for number in range(1, 101):
        worker.do("requests", "GET", "200", 1)
        equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200"), number)


@test
def every_kind_of_series_is_served(bench):
    name = bench.name()
    worker = bench.feeder(name, "one")
    for words in (("requests", "GET", "200", 5), ("cpu", 1.25), ("latency", "/a", 0.25, 3), ("latency", "/a", 4, 1),
                  ("active", 2), ("temperature", 36.5), ("build", 'a "b"\\\n')):
        worker.do(*words)
    exporter = bench.exporter(f"--segment={name}")
    text, found = exporter.text(), exporter.samples()
    equal(value(found, "shop_requests_total", method="GET", status="200"), 5)
    equal(value(found, "shop_cpu_seconds_total"), 1.25)
    equal(value(found, "shop_latency_seconds_bucket", route="/a", le="0.1"), 0)
    equal(value(found, "shop_latency_seconds_bucket", route="/a", le="0.25"), 3)
    equal(value(found, "shop_latency_seconds_bucket", route="/a", le="5.0"), 4)
    equal(value(found, "shop_latency_seconds_bucket", route="/a", le="+Inf"), 4)
    equal(value(found, "shop_latency_seconds_count", route="/a"), 4)
    equal(value(found, "shop_latency_seconds_sum", route="/a"), 4.75)
    equal(value(found, "shop_active"), 2)
    equal(value(found, "shop_temperature_celsius", worker="one", slot="0"), 36.5)
    equal(value(found, "shop_build_info", version='a "b"\\\n'), 1)
    for name, kind in (("shop_requests_total", "counter"), ("shop_latency_seconds", "histogram"),
                       ("shop_active", "gauge"), ("shop_build_info", "gauge")):
        true(f"# TYPE {name} {kind}\n" in text and f"# HELP {name} " in text, name)


@test
def the_exporter_speaks_of_itself(bench):
    found = bench.exporter(f"--segment={bench.name()}").samples()
    names = {name for name, labels in found}
    for name in ("shmeter_exporter_build_info", "shmeter_exporter_start_time_seconds", "shmeter_scrape_duration_seconds",
                 "shmeter_scrape_render_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes",
                 "process_virtual_memory_bytes", "process_start_time_seconds", "process_open_fds", "process_max_fds",
                 "shmeter_segments", "shmeter_segment_readable"):
        true(name in names, name)
    true("up" not in names, "up is Prometheus' own")


@test
def an_application_has_the_names_of_process_series_for_itself(bench):
    name = bench.name()
    bench.feeder(name).do("counter", "process_cpu_seconds_total", 12345)
    exporter = bench.exporter(f"--segment={name}")
    for _ in range(3):
        found = exporter.samples()
        equal(value(found, "process_cpu_seconds_total"), 12345)
        equal(value(found, "process_open_fds"), None)


def of_pool(found, suffix, **labels):
    return value(found, "shmeter_pool_process_" + suffix, **labels)


@test
def processes_of_workers_are_summed_and_told_one_by_one_on_request(bench):
    name, file = bench.name(), bench.folder() + "/config.yml"
    workers = [bench.feeder(name, worker) for worker in ("one", "two", "three")]
    with open(file, "w", encoding="utf-8") as config:
        config.write("processes: {workers: true}\n")
    found = bench.exporter(f"--segment={name}", "--config.file=" + file).samples()
    labels = {"segment": name}
    fds = [len(os.listdir(f"/proc/{worker.pid}/fd")) for worker in workers]
    equal((of_pool(found, "open_fds", **labels), of_pool(found, "threads", **labels)), (sum(fds), 3))
    equal([value(found, "shmeter_pool_processes", state=state, **labels) for state in ("counted", "foreign", "hidden")], [3, 0, 0])
    for slot, (worker, n) in enumerate(zip(("one", "two", "three"), fds)):
        one = {"worker": worker, "slot": str(slot), "pid": str(workers[slot].pid), **labels}
        equal(value(found, "shmeter_worker_process_open_fds", **one), n)
        true(value(found, "shmeter_worker_process_start_time_seconds", **one) >= of_pool(found, "start_time_seconds", **labels), worker)
    true(0 < of_pool(found, "resident_memory_bytes", **labels) < of_pool(found, "virtual_memory_bytes", **labels), "memory")
    true(value(found, "process_open_fds") != of_pool(found, "open_fds", **labels), "the exporter's own are others")
    found = bench.exporter(f"--segment={name}").samples()
    equal(of_pool(found, "threads", **labels), 3)
    equal([one for one in found if one[0].startswith("shmeter_worker_process_")], [], "nobody has asked for them")
    with open(file, "w", encoding="utf-8") as config:
        config.write("processes: {pool: false}\n")
    found = bench.exporter(f"--segment={name}", "--config.file=" + file).samples()
    equal([one for one in found if one[0].startswith("shmeter_pool_")], [])


@test
def the_pools_cpu_time_never_falls(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}")
    last = 0
    for turn in range(6):
        worker = bench.feeder(name)
        worker.do("latency", "/a", "0.5", 10000000)
        used = of_pool(exporter.samples(), "cpu_seconds_total", segment=name)
        true(used >= last + 0.01, (used, last))
        if turn % 2:
            worker.kill()
        else:
            worker.do("release")
            worker.end()
        for _ in range(2):
            last = of_pool(exporter.samples(), "cpu_seconds_total", segment=name)
            true(last >= used, (turn, last, used))
    later = of_pool(bench.exporter(f"--segment={name}").samples(), "cpu_seconds_total", segment=name)
    true(0.03 <= later <= last, ("those that have ended in order, as an exporter finds them that comes later", later, last))


@test
def workers_of_another_pid_namespace_are_told_and_not_guessed(bench):
    name = bench.name()
    process = bench.process(["unshare", "--pid", "--fork", sys.argv[2], name, "far"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if process.stdout.readline() != "ok\n":
        raise Skip("pid namespaces are not allowed here")
    bench.feeder(name, "near")
    found = bench.exporter(f"--segment={name}").samples()
    equal([value(found, "shmeter_pool_processes", segment=name, state=state) for state in ("counted", "foreign", "hidden")], [1, 1, 0])
    equal(of_pool(found, "threads", segment=name), 1)


@test
def totals_do_not_drop_when_a_worker_dies_and_health_says_who(bench):
    name = bench.name()
    one, two = bench.feeder(name, "one"), bench.feeder(name, "two")
    for worker in (one, two):
        worker.do("requests", "GET", "200", 10)
        worker.do("active", 1)
        worker.do("temperature", 20)
    exporter = bench.exporter(f"--segment={name}")
    equal(value(exporter.samples(), "shop_active"), 2)
    equal(health(exporter, 200)["worker_counts"]["live"], 2)
    one.kill()
    found = exporter.samples()
    equal(total(found, "shop_requests_total"), 20)
    equal(value(found, "shop_active"), 1)
    equal(value(found, "shop_temperature_celsius", worker="one", slot="0"), None)
    equal(value(found, "shmeter_slots", segment=name, state="dead"), 1)
    found = health(exporter, 200)
    equal(found["status"], "degraded")
    dead = reasons(found, "worker_dead")
    equal([(reason["worker"], reason["pid"], reason["status"]) for reason in dead], [("one", one.pid, "degraded")])
    two.end()
    found = exporter.samples()
    equal(total(found, "shop_requests_total"), 20)
    equal(value(found, "shmeter_workers_died_total", segment=name), 1)


@test
def a_supervisor_that_replaces_killed_workers_leaves_health_ok_and_a_count(bench):
    name = bench.name()
    bench.feeder(name, "other")
    exporter = bench.exporter(f"--segment={name}")
    for number in range(1, 6):
        worker = bench.feeder(name, "web")
        worker.do("active", 1)
        equal(health(exporter, 200)["reasons"], [])
        worker.kill()
        message = reasons(health(exporter, 200), "worker_dead")[0]["message"]
        equal(message, f"1 worker died in the last 5 minutes and has no successor yet: web (pid {worker.pid})")
        for reader in (exporter, bench.exporter(f"--segment={name}")):  # one that has seen all, and one that starts now
            equal(value(reader.samples(), "shmeter_workers_died_total", segment=name), number)
            equal(health(reader, 200)["status"], "degraded")
    worker = bench.feeder(name, "web")
    found = health(exporter, 200)
    equal((found["status"], found["reasons"], found["worker_counts"]["dead"]), ("ok", [], 5))
    workers = [worker, bench.feeder(name, "web")]
    for one in workers:
        one.do("busy")
        one.kill()
    reason, = reasons(health(exporter, 200), "worker_dead")
    true(reason["message"].startswith("2 workers died in the last 5 minutes and have no successor yet: web (pid "), reason)
    equal((reason["value"], "pid" in reason), (2, False))
    path = bench.folder() + "/config.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("health:\n  died_within: 1s\n")
    hasty = bench.exporter(f"--segment={name}", f"--config.file={path}")
    wait_for(lambda: health(hasty, 200)["status"] == "ok", "the reason ends by itself")
    equal(value(hasty.samples(), "shmeter_workers_died_total", segment=name), 7)


@test
def a_worker_that_was_killed_with_nothing_under_way_is_a_reason_where_the_kernel_tells(bench):
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 15):
        raise Skip("the kernel does not tell how processes have ended")
    name = bench.name()
    exporter, blind = bench.exporter(f"--segment={name}"), None
    open_files = len(os.listdir(f"/proc/{exporter.pid}/fd"))
    for number, signal_number in enumerate((signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT), 1):
        worker = bench.feeder(name, "web")
        equal(health(exporter, 200)["status"], "ok")
        worker.kill(signal_number)
        blind = bench.exporter(f"--segment={name}")  # it has not seen the worker alive
        found = health(exporter, 200)
        equal((found["status"], reasons(found, "worker_dead")[0]["pid"]), ("degraded", worker.pid))
        found = exporter.samples()
        equal([value(found, f"shmeter_workers_{how}_total", segment=name) for how in ("killed", "died")], [number, 0])
        equal(health(blind, 200)["status"], "ok")
    worker = bench.feeder(name, "web")
    equal((health(exporter, 200)["status"], value(exporter.samples(), "shmeter_workers_killed_total", segment=name)), ("ok", 3))
    equal(value(blind.samples(), "shmeter_workers_killed_total", segment=name), 0)
    worker.do("busy")
    worker.kill()
    found = exporter.samples()
    equal([value(found, f"shmeter_workers_{how}_total", segment=name) for how in ("killed", "died")], [3, 1])
    one = bench.feeder(name, "web")
    health(exporter, 200)
    one.end()
    health(exporter, 200)
    true(len(os.listdir(f"/proc/{exporter.pid}/fd")) <= open_files + 3, "descriptors of workers that have ended are given back")


@test
def what_ended_with_nothing_under_way_is_no_reason(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}")
    for commands in (["busy", "idle"], ["beat"], ["active 1", "active -1"], ["check db 1 slow"], ["busy", "release"]):
        worker = bench.feeder(name, "web")
        for command in commands:
            worker.do(*command.split())
        health(exporter, 200)
        worker.kill(signal.SIGTERM)
        found = health(exporter, 200)
        equal((commands, found["status"], found["reasons"]), (commands, "ok", []))
    equal(value(exporter.samples(), "shmeter_workers_died_total", segment=name), 0)


@test
def a_segment_that_is_created_again_adds_up(bench):
    name = bench.name()
    old = bench.feeder(name, "old")
    old.do("requests", "GET", "200", 100)
    old.do("latency", "/a", 1, 10)
    exporter = bench.exporter(f"--segment={name}")
    equal(total(exporter.samples(), "shop_requests_total"), 100)
    os.unlink(segment_path(name))
    found = health(exporter, 200)
    equal(found["status"], "degraded")
    equal([reason["what"] for reason in reasons(found, "segment")], ["unlinked"])
    new = bench.feeder(name, "new")
    new.do("requests", "GET", "200", 11)
    new.do("latency", "/a", 1, 1)
    old.do("requests", "GET", "200", 1000)  # it has the old segment and goes on
    found = exporter.samples()
    equal(total(found, "shop_requests_total"), 1111)
    equal(value(found, "shop_latency_seconds_count", route="/a"), 11)
    equal(value(found, "shmeter_segment_generation", segment=name), 2)
    exporter.wait_for_log(f"msg=\"segment was created again\" segment={name}")
    old.kill()
    equal(total(exporter.samples(), "shop_requests_total"), 1111)


@test
def totals_come_back_when_a_segment_was_away_for_a_while(bench):
    name = bench.name()
    worker = bench.feeder(name)
    worker.do("requests", "GET", "200", 5)
    exporter = bench.exporter(f"--segment={name}")
    equal(total(exporter.samples(), "shop_requests_total"), 5)
    worker.end()
    os.unlink(segment_path(name))
    exporter.text()
    equal(exporter.ask("/-/ready").status, 503)
    equal(value(exporter.samples(), "shmeter_segment_readable", segment=name), 0)
    bench.feeder(name).do("requests", "GET", "200", 2)
    equal(total(exporter.samples(), "shop_requests_total"), 7)
    equal(exporter.ask("/-/ready").status, 200)


@test
def several_segments_are_told_apart_by_a_label(bench):
    one, two, none = bench.name(), bench.name(), bench.name()
    bench.feeder(one).do("requests", "GET", "200", 1)
    bench.feeder(two).do("requests", "GET", "200", 2)
    exporter = bench.exporter(f"--segment={one}", f"--segment={two}", f"--segment={none}")
    text, found = exporter.text(), exporter.samples()
    equal(value(found, "shop_requests_total", segment=one, method="GET", status="200"), 1)
    equal(value(found, "shop_requests_total", segment=two, method="GET", status="200"), 2)
    equal(text.count("# TYPE shop_requests_total "), 1)
    equal(value(found, "shmeter_segments"), 3)
    equal(value(found, "shmeter_segment_readable", segment=none), 0)
    equal(exporter.ask("/-/ready").status, 200)
    found = health(exporter, 503)
    equal([reason["segment"] for reason in reasons(found, "segment")], [none])


@test
def a_pattern_finds_segments_that_come_and_go(bench):
    name = bench.name()
    exporter = bench.exporter(f"--segment={name}-*")
    equal(exporter.ask("/-/ready").status, 503)
    true("no segment matches" in health(exporter, 503)["reasons"][0]["message"], "the reason")
    one = bench.feeder(name + "-one")
    one.do("requests", "GET", "200", 1)
    bench.feeder(name + "-two").do("requests", "GET", "200", 2)
    bench.feeder(name).do("requests", "GET", "200", 4)
    found = exporter.samples()
    equal(value(found, "shop_requests_total", segment=name + "-one", method="GET", status="200"), 1)
    equal(value(found, "shop_requests_total", segment=name + "-two", method="GET", status="200"), 2)
    equal(total(found, "shop_requests_total"), 3)
    one.end()
    os.unlink(segment_path(name + "-one"))
    found = exporter.samples()
    equal(total(found, "shop_requests_total"), 2)
    equal(value(found, "shmeter_segments"), 1)
    exporter.wait_for_log(f"msg=\"segment is gone\" segment={name}-one")
    equal(health(exporter, 200)["status"], "ok")


@test
def a_path_is_a_segment_too(bench):
    folder = bench.folder("/dev/shm")
    bench.feeder(folder + "/a").do("requests", "GET", "200", 1)
    bench.feeder(folder + "/b").do("requests", "GET", "200", 2)
    exporter = bench.exporter(f"--segment={folder}/a")
    equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200"), 1)
    exporter = bench.exporter(f"--segment={folder}/*")
    found = exporter.samples()
    equal(value(found, "shop_requests_total", segment=folder + "/b", method="GET", status="200"), 2)
    equal(total(found, "shop_requests_total"), 3)


@test
def a_file_that_is_no_segment_is_named_and_harmless(bench):
    for make, word in ((lambda path: open(path, "wb").close(), "not a shmeter segment"),
                       (lambda path: open(path, "wb").write(os.urandom(8192)), "not a shmeter segment"),
                       (lambda path: os.mkfifo(path, 0o600), "FIFO"),
                       (lambda path: os.symlink("/dev/null", path), "symbolic link")):
        name = bench.name()
        make(segment_path(name))
        exporter = bench.exporter(f"--segment={name}")
        ready = exporter.ask("/-/ready")
        equal(ready.status, 503)
        true(word in ready.body.decode() and segment_path(name) in ready.body.decode(), ready.body)
        equal(exporter.ask("/metrics").status, 200)
        equal(exporter.stop(), 0)


@test
def a_segment_that_anybody_may_write_is_refused(bench):
    name = bench.name()
    bench.feeder(name)
    os.chmod(segment_path(name), 0o666)
    exporter = bench.exporter(f"--segment={name}")
    true(b"may be written by anybody" in exporter.ask("/-/ready").body, "the reason")
    os.chmod(segment_path(name), stat.S_IRUSR | stat.S_IWUSR)
    equal(exporter.ask("/-/ready").status, 200)


@test
def segments_of_other_owners_can_be_refused(bench):
    name = bench.name()
    bench.feeder(name)
    uid = os.stat(segment_path(name)).st_uid
    equal(bench.exporter(f"--segment={name}", f"--segment.owner={uid}").ask("/-/ready").status, 200)
    ready = bench.exporter(f"--segment={name}", f"--segment.owner={uid + 1}").ask("/-/ready")
    equal(ready.status, 503)
    true(f"belongs to user {uid}" in ready.body.decode(), ready.body)


@test
def a_truncated_segment_does_not_take_the_exporter_along(bench):
    name = bench.name()
    bench.feeder(name, max_series=20000).do("many", 0, 5000)
    exporter = bench.exporter(f"--segment={name}")
    equal(total(exporter.samples(), "shop_many_total"), 5000)
    os.truncate(segment_path(name), 100000)
    equal(exporter.ask("/metrics").status, 200)
    equal(health(exporter, 503)["status"], "failing")
    true(b"truncated" in exporter.ask("/-/ready").body, "the reason")
    os.truncate(segment_path(name), 0)
    equal(exporter.ask("/metrics").status, 200)


@test
def a_worker_that_is_stuck_makes_health_fail(bench):
    name = bench.name()
    busy, silent = bench.feeder(name, "busy"), bench.feeder(name, "silent")
    busy.do("busy")
    silent.do("beat")
    patient = bench.exporter(f"--segment={name}", "--health.stuck-after=0")
    exporter = bench.exporter(f"--segment={name}", "--health.stuck-after=0.2")
    path = bench.folder() + "/config.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("health:\n  silent_after: 200ms\n")
    strict = bench.exporter(f"--segment={name}", "--health.stuck-after=0.2", f"--config.file={path}")
    wait_for(lambda: len(json.loads(strict.ask("/health").body)["reasons"]) == 2, "both workers are stuck")
    found = health(strict, 503)
    stuck = {reason["worker"]: reason for reason in reasons(found, "worker_stuck")}
    equal((stuck["busy"]["what"], stuck["silent"]["what"]), ("busy", "heartbeat"))
    found = health(exporter, 503)  # idle is not stuck, where nobody has promised heartbeats
    stuck = {reason["worker"]: reason for reason in reasons(found, "worker_stuck")}
    equal(set(stuck), {"busy"})
    equal((stuck["busy"]["threshold"], stuck["busy"]["status"]), (0.2, "failing"))
    true(stuck["busy"]["value"] > 0.2, "how long")
    equal(health(patient, 200)["status"], "ok")
    busy.do("idle")
    workers = [reason["worker"] for reason in reasons(json.loads(exporter.ask("/health").body), "worker_stuck")]
    true("busy" not in workers, "a worker that is idle again is not stuck")
    equal(health(exporter, 200)["reasons"], [])


@test
def a_workers_own_check_decides_health(bench):
    name = bench.name()
    worker = bench.feeder(name, "one")
    exporter = bench.exporter(f"--segment={name}")
    worker.do("check", "database", 1, "slow to answer")
    found = health(exporter, 200)
    equal(found["status"], "degraded")
    reason = reasons(found, "worker_check")[0]
    equal((reason["what"], reason["worker"]), ("database", "one"))
    true("slow to answer" in reason["message"], reason)
    worker.do("check", "database", 2, "gone")
    equal(health(exporter, 503)["status"], "failing")
    worker.do("check", "database", 0, "back")
    equal(health(exporter, 200)["status"], "ok")


@test
def a_nearly_full_segment_degrades_health(bench):
    name = bench.name()
    bench.feeder(name, max_series=100).do("many", 0, 90)
    found = health(bench.exporter(f"--segment={name}"), 200)
    equal(found["status"], "degraded")
    true("series" in [reason["what"] for reason in reasons(found, "capacity")], found)


@test
def the_page_shows_segments_and_workers_and_escapes_what_they_say(bench):
    name = bench.name()
    worker = bench.feeder(name, "<script>alert(1)</script>")
    worker.do("check", "x<y", 2, "\"a\" & 'b' </td><img src=x>")
    exporter = bench.exporter(f"--segment={name}")
    response = exporter.ask("/")
    equal((response.status, response.getheader("Content-Type")), (200, "text/html; charset=utf-8"))
    true("default-src 'none'" in response.getheader("Content-Security-Policy"), "scripts are forbidden")
    page = response.body.decode()
    for text in (name, segment_path(name), "&lt;script&gt;", "x&lt;y", "&quot;a&quot; &amp; &#39;b&#39;", "failing",
                 'href="/metrics"', 'href="/health"'):
        true(text in page, text)
    true("<script" not in page and "<img" not in page, "nothing of it is markup")
    worker.end()
    os.unlink(segment_path(name))
    equal(exporter.ask("/").status, 200)


if __name__ == "__main__":
    main()
