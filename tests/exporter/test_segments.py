"""Segments that are missing, appear, disappear, are created again, come in numbers; and what health says of them."""

import os
import stat

from lib import health, reasons, equal, main, segment_path, test, total, true, value


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
    for name in ("shmeter_exporter_build_info", "shmeter_exporter_start_time_seconds",
                 "shmeter_scrape_duration_seconds",
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
