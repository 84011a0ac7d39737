"""The file of --config.file, read again: what changes then, and what goes on as it was."""

import json
import os
import re
import signal
import subprocess
import threading

from bad_configs import ALL
from file import File, hang_up, post, reloads
from lib import drain, equal, main, note, samples, test, true, value, wait_for

RELOADS = 300


@test
def a_reload_puts_the_changed_file_into_force(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    file = File(bench, "segments:\n  - name: %s\n    labels: {site: berlin}\n" % name)
    # nothing else wakes the loop up
    exporter = bench.exporter(file.option, "--web.enable-lifecycle", "--web.request-timeout=3600")

    def reloaded(site, found):
        equal(value(found, "shop_requests_total", method="GET", status="200", site=site), 3, site)
        equal(value(found, "shmeter_config_last_reload_successful"), 1)
        return value(found, "shmeter_config_last_reload_success_timestamp_seconds")

    times = [reloaded("berlin", exporter.samples())]
    for number, (site, method) in enumerate((("paris", "POST"), ("rome", "PUT"), ("oslo", None))):
        file.write("segments:\n  - name: %s\n    labels: {site: %s}\n" % (name, site))
        if method:
            equal(post(exporter, method), (200, "The settings were reloaded.\n"))
        else:
            true("were reloaded" in hang_up(exporter, number + 1), "the log tells of it")
        times.append(reloaded(site, exporter.samples()))
        true(times[-1] > times[-2], f"{number}: {times}")


@test
def a_bad_file_is_refused_and_the_former_settings_stay(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    file = File(bench, "segments:\n  - name: %s\n    labels: {site: berlin}\n" % name)
    exporter = bench.exporter(file.option, "--web.enable-lifecycle")
    before = exporter.samples()
    good = value(before, "shmeter_config_last_reload_success_timestamp_seconds")
    for text, line, words in ALL:
        file.write(text)
        status, said = post(exporter)
        equal(status, 500)
        true(re.fullmatch(rf"{re.escape(file.path)}:{line}: [^\n]+\n", said) and words in said, said)
    found = exporter.samples()
    equal(value(found, "shop_requests_total", method="GET", status="200", site="berlin"), 3)
    equal(value(found, "shmeter_config_last_reload_successful"), 0)
    equal(value(found, "shmeter_config_last_reload_success_timestamp_seconds"), good)
    os.unlink(file.path)
    true("No such file" in post(exporter)[1], "a file that is gone")
    line = hang_up(exporter, len(ALL) + 2)
    true("level=error" in line and file.path in line, line)
    file.write("")
    equal(post(exporter)[0], 200)
    equal(value(exporter.samples(), "shmeter_config_last_reload_successful"), 1)


@test
def nothing_changes_when_the_web_configuration_has_the_mistake(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    text = "segments:\n  - name: %s\n    labels: {site: %s}\n"
    file, web = File(bench, text % (name, "berlin")), File(bench, "rate_limit:\n  interval: 1ms\n  burst: 1000\n",
                                                           "web.yml")
    exporter = bench.exporter(file.option, f"--web.config.file={web.path}", "--web.enable-lifecycle")
    file.write(text % (name, "paris"))
    web.write("rate_limit:\n  interval: often\n")
    status, said = post(exporter)
    equal(status, 500)
    true(said.startswith(f"{web.path}:2: "), said)
    equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200", site="berlin"), 3)
    web.write("rate_limit:\n  interval: 1h\n  burst: 2\n")
    equal(post(exporter)[0], 200)
    equal([exporter.ask("/metrics").status for _ in range(3)], [200, 200, 429], "the new rate is in force")


@test
def tls_is_not_turned_on_by_a_reload_and_nothing_else_changes_then(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    text = "segments:\n  - name: %s\n    labels: {site: %s}\n"
    file, web = File(bench, text % (name, "berlin")), File(bench, "", "web.yml")
    folder = os.path.dirname(web.path)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=x", "-keyout",
                    f"{folder}/key", "-out", f"{folder}/cert"], check=True, capture_output=True)
    exporter = bench.exporter(file.option, f"--web.config.file={web.path}", "--web.enable-lifecycle")
    file.write(text % (name, "paris"))
    web.write("tls_server_config: {cert_file: cert, key_file: key}\n")
    equal(post(exporter), (500, "TLS cannot be turned on while the exporter runs: start it again\n"))
    equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200", site="berlin"), 3)


@test
def reload_by_http_is_off_unless_it_is_turned_on(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    for method in ("POST", "PUT"):
        status, said = post(exporter, method)
        equal(status, 403)
        true("Lifecycle API is not enabled" in said, said)
    true(not any("reload" in line for line in exporter.log), "nothing happened")


@test
def reload_by_http_takes_post_and_put_without_a_body_only(bench):
    exporter = bench.exporter(f"--segment={bench.name()}", "--web.enable-lifecycle")
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PATCH"):
        response = exporter.ask("/-/reload", method)
        equal((response.status, response.getheader("Allow")), (405, "POST, PUT"), method)
    equal(exporter.ask("/-/reload", "POST", body="x").status, 413)
    for head, status in ((b"Content-Length: 0\r\nContent-Length: 0", b"400"), (b"Transfer-Encoding: chunked", b"400"),
                         (b"Content-Length: 0", b"200"),
                         (b"X: y", b"200")):
        plug = bench.connect(exporter)
        plug.sendall(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n\r\n")
        true(drain(plug).startswith(b"HTTP/1.1 " + status), head)
    equal(len(reloads(exporter, 2)), 2, "only the good ones were done")
    equal(exporter.ask("/metrics", "POST").status, 405)


@test
def many_who_ask_at_once_all_get_an_answer(bench):
    file = File(bench, "health: {}\n")
    exporter = bench.exporter(file.option, f"--segment={bench.name()}", "--web.enable-lifecycle")
    plugs = [bench.connect(exporter) for _ in range(40)]
    for plug in plugs:
        plug.sendall(b"POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    equal({drain(plug)[:12] for plug in plugs}, {b"HTTP/1.1 200"})


@test
def hang_ups_in_a_row_end_with_the_last_file(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    file = File(bench, "")
    exporter = bench.exporter(file.option, f"--segment={name}")
    for turn in range(200):
        file.write("segments:\n  - name: %s\n    labels: {turn: %d}\n" % (name, turn))
        os.kill(exporter.pid, signal.SIGHUP)
    wait_for(lambda: value(exporter.samples(), "shop_requests_total", method="GET", status="200", turn="199") == 3,
             "the last file")


@test
def an_end_in_the_middle_of_reloads_is_an_end(bench):
    file = File(bench, "health: {}\n")
    for _ in range(10):
        exporter = bench.exporter(file.option, f"--segment={bench.name()}", "--web.enable-lifecycle")
        plugs = [bench.connect(exporter) for _ in range(8)]
        for plug in plugs:
            plug.sendall(b"POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        equal(exporter.stop(), 0)


@test
def segments_come_and_go_by_reload(bench):
    one, other = bench.name(), bench.name()
    for name in (one, other):
        bench.feeder(name).do("requests", "GET", "200", 3)
    file = File(bench, f"segments:\n  - name: {one}\n")
    exporter = bench.exporter(file.option, "--web.enable-lifecycle")
    equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200"), 3)
    file.write(f"segments:\n  - name: {one}\n  - name: {other}\n")
    equal(post(exporter)[0], 200)
    found = exporter.samples()
    equal([value(found, "shop_requests_total", method="GET", status="200", segment=name) for name in (one, other)],
          [3, 3])
    file.write(f"segments:\n  - name: {other}\n")
    equal(post(exporter)[0], 200)
    found = exporter.samples()
    equal(value(found, "shop_requests_total", method="GET", status="200"), 3)
    equal([dict(labels)["segment"] for name, labels in found if name == "shmeter_segment_readable"], [other])
    with open(f"/proc/{exporter.pid}/maps", encoding="utf-8") as maps:
        true(f"shmeter.{one}.v1" not in maps.read(), "what is named no more is closed")


@test
def rules_that_stay_go_on_over_a_reload_and_others_begin_and_end_with_it(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    feeder.do("active", 5)
    text = "segments:\n  - name: %s\n    labels: {site: %s}\nhealth:\n  rules:\n    - {name: %s, expr: sum(shop_active) > 3, severity: failing}\n"
    file = File(bench, text % (name, "berlin", "crowded"))
    exporter = bench.exporter(file.option, "--web.enable-lifecycle")

    def firing():
        health = json.loads(exporter.ask("/health").body)
        return health["status"], [(one["what"], one["value"], one["threshold"]) for one in health["reasons"]
                                  if one["check"] == "rule"]

    wait_for(lambda: firing() == ("failing", [("crowded", 5, 3)]), "the rule fires")
    for site in ("paris", "rome"):
        file.write(text % (name, site, "crowded"))
        equal(post(exporter)[0], 200)
        equal(firing(), ("failing", [("crowded", 5, 3)]), "it fires on, without another beginning")
    exporter.wait_for_log("crowded")
    equal(len([line for line in exporter.log if "crowded" in line]), 1, "the log tells of one beginning and of no end")
    file.write(text % (name, "rome", "full"))
    equal(post(exporter)[0], 200)
    wait_for(lambda: firing() == ("failing", [("full", 5, 3)]), "the new rule fires, the former one is gone")
    file.write("segments:\n  - name: %s\n" % name)
    equal(post(exporter)[0], 200)
    equal(firing(), ("ok", []))


class Scraper(threading.Thread):
    """Scrapes over one connection for as long as it is wanted, and looks that a total never falls."""

    def __init__(self, bench, exporter):
        super().__init__(daemon=True)
        self.connection = exporter.connection()
        self.wanted, self.n, self.total, self.wrong = True, 0, 0, []

    def run(self):
        try:
            while self.wanted and not self.wrong:
                self.connection.request("GET", "/metrics")
                response = self.connection.getresponse()
                found = samples(response.read().decode())
                totals = [number for (name, _), number in found.items() if name.endswith("shop_requests_total")]
                if response.status != 200 or len(totals) != 1 or totals[0] < self.total:
                    self.wrong.append((response.status, totals, self.total))
                self.total, self.n = totals[0], self.n + 1
        except Exception as why:
            self.wrong.append(repr(why))


def grown(exporter):
    """Memory of its own in KiB, and descriptors."""
    with open(f"/proc/{exporter.pid}/status", encoding="utf-8") as file:
        memory = int(re.search(r"^RssAnon:\s+(\d+)", file.read(), re.MULTILINE)[1])
    return memory, len(os.listdir(f"/proc/{exporter.pid}/fd"))


@test
def hundreds_of_reloads_cost_no_scrape_no_total_no_memory_and_no_descriptor(bench):
    name = bench.name()
    feeder = bench.feeder(name)
    feeder.do("many", 0, 300)
    feeder.do("requests", "GET", "200", 1)
    good = ["segments:\n  - name: %s\n    labels: {site: s%d, team: checkout}\n    prefix: %s\n    deny: "
            "['shop_debug_.*']\n    idle_timeout: 1h\n"
            "health:\n  rules:\n    - {name: r%d, expr: sum(shop_active) > 3}\n    - {name: many, expr: "
            "'sum(rate(shop_many_total[5m])) > 1e9'}\n"
            % (name, i, "ab"[i % 2] + "_", i) for i in range(4)]
    bad = [text for text, _, _ in ALL]
    file, web = File(bench, good[0]), File(bench, "http_server_config: {http2: false}\n", "web.yml")
    exporter = bench.exporter(file.option, f"--web.config.file={web.path}", "--web.enable-lifecycle")
    scrapers = [Scraper(bench, exporter) for _ in range(2)]
    for scraper in scrapers:
        scraper.start()
    figures = []
    for turn in range(RELOADS):
        file.write(good[turn % 4] if turn % 2 else bad[turn % len(bad)])
        feeder.do("requests", "GET", "200", 1)
        if turn % 3:
            os.kill(exporter.pid, signal.SIGHUP)
        else:
            equal(post(exporter)[0], 200 if turn % 2 else 500)
        line = reloads(exporter, turn + 1)[turn]
        equal("were reloaded" in line, turn % 2 == 1, line)
        wait_for(lambda n=turn // 10: all(scraper.n > n or scraper.wrong for scraper in scrapers), "scrapes meanwhile")
        if turn in (RELOADS // 3, RELOADS - 1):
            figures.append(grown(exporter))
    for scraper in scrapers:
        scraper.wanted = False
        scraper.join()
        equal(scraper.wrong, [])
    note(f"{RELOADS} reloads, {sum(scraper.n for scraper in scrapers)} scrapes; RssAnon {figures[0][0]} KiB after a "
         f"third of them and "
         f"{figures[1][0]} KiB at the end; descriptors {figures[0][1]} and {figures[1][1]}")
    true(figures[1][0] < figures[0][0] + 512, "memory stays flat")
    true(abs(figures[1][1] - figures[0][1]) <= 2, "descriptors stay")
    feeder.do("requests", "GET", "200", 1)
    equal([number for (one, _), number in exporter.samples().items() if one.endswith("shop_requests_total")],
          [RELOADS + 2])


if __name__ == "__main__":
    main()
