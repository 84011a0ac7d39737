"""The file of --config.file: every mistake is one sentence with its line, options win over it, and it can be read again at any time."""

import json
import os
import re
import signal
import subprocess
import sys
import threading

from bad_configs import ALL
from lib import drain, equal, main, note, samples, test, true, value, wait_for

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELOADS = 300


def write(path, text):
    """As an editor does: a whole file in place of the former one."""
    with open(path + ".new", "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.rename(path + ".new", path)


def run(*options):
    return subprocess.run([sys.argv[1], *options], capture_output=True, text=True)


class File:
    """A configuration file, and the exporter that reads it."""

    def __init__(self, bench, text, name="exporter.yml"):
        self.path = f"{bench.folder()}/{name}"
        self.write(text)

    def write(self, text):
        write(self.path, text)

    @property
    def option(self):
        return f"--config.file={self.path}"


def post(exporter, method="POST"):
    response = exporter.ask("/-/reload", method)
    return response.status, response.body.decode()


def reloads(exporter, n):
    """The lines of the log that tell of n reloads, once they are there."""
    return wait_for(lambda: (lines := [line for line in exporter.log if "reload" in line]) and len(lines) >= n and lines, f"{n} reloads")


def hang_up(exporter, n):
    """SIGHUP, and the line of the log that tells what comes of it. It is reload number n."""
    os.kill(exporter.pid, signal.SIGHUP)
    return reloads(exporter, n)[n - 1]


# ---- the file and its mistakes ----


@test
def the_example_has_no_mistake(bench):
    path = f"{SOURCE}/deploy/shmeter-exporter.yml"
    done = run("--config.check", f"--config.file={path}")
    equal((done.returncode, done.stdout, done.stderr), (0, f"{path}: ok\n", ""))


@test
def every_key_of_the_example_and_of_the_document_is_known_and_the_other_way_round(bench):
    """What stands in comments is checked as well."""
    with open(f"{SOURCE}/deploy/shmeter-exporter.yml", encoding="utf-8") as file:
        example = file.read()
    bare = "\n".join(re.sub(r"^(\s*)# (?=\s*[a-z_]+:( |$))", r"\1", line) for line in example.split("\n") if not re.match(r"\s*# [A-Z]", line))
    bare = "\n".join(line for line in bare.split("\n") if not re.match(r"\s*#", line))
    done = run("--config.check", File(bench, bare).option)
    equal((done.returncode, done.stderr), (0, ""), bare)
    with open(f"{SOURCE}/docs/configuration.md", encoding="utf-8") as file:
        keys = re.findall(r"^\| `([a-z_.\[\]]+)` \|", file.read(), re.MULTILINE)
    true(len(keys) > 10, keys)
    for key in keys:
        true(re.search(rf"\b{key.replace('[]', '').split('.')[-1]}:", bare), f"{key} of the document in the example")


@test
def the_examples_of_the_documents_have_no_mistake(bench):
    blocks = []
    for document in ("configuration", "health"):
        with open(f"{SOURCE}/docs/{document}.md", encoding="utf-8") as file:
            blocks += re.findall(r"^```yaml\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    true(len(blocks) >= 6, "the documents have examples")
    for block in blocks:
        done = run("--config.check", File(bench, block).option)
        equal((done.returncode, done.stderr), (0, ""), block)


@test
def every_mistake_is_one_sentence_with_its_line(bench):
    true(len(ALL) >= 60, len(ALL))
    file = File(bench, "")
    for text, line, words in ALL:
        file.write(text)
        done = run("--config.check", file.option)
        equal((done.returncode, done.stdout), (1, ""), text)
        true(re.fullmatch(rf"{re.escape(file.path)}:{line}: [^\n]+\n", done.stderr), f"line {line} of {text!r}: {done.stderr}")
        true(words in done.stderr, f"{words!r} in {done.stderr!r}")
    note(f"{len(ALL)} configurations")


@test
def the_start_is_refused_with_the_same_sentence(bench):
    file = File(bench, "")
    for text, line, _ in ALL:
        file.write(text)
        sentence = run("--config.check", file.option).stderr.rstrip("\n")
        done = run(file.option, "--web.listen-address=127.0.0.1:0", "--log.format=json")
        equal((done.returncode, done.stdout), (1, ""), text)
        lines = done.stderr.splitlines()
        equal(len(lines), 1, lines)
        true(sentence.replace("\\", "\\\\").replace('"', '\\"') in lines[0], f"{sentence!r} in {lines[0]!r}")


@test
def the_web_configuration_is_checked_too(bench):
    good, web = File(bench, "health: {}\n"), File(bench, "rate_limit:\n  interval: 1s\n  bursts: 3\n", "web.yml")
    done = run("--config.check", good.option, f"--web.config.file={web.path}")
    equal((done.returncode, done.stdout), (1, ""))
    true(done.stderr.startswith(f"{web.path}:3: ") and done.stderr.count("\n") == 1, done.stderr)
    web.write("rate_limit:\n  interval: 1s\n  burst: 3\n")
    done = run("--config.check", good.option, f"--web.config.file={web.path}")
    equal((done.returncode, done.stdout, done.stderr), (0, f"{good.path}: ok\n{web.path}: ok\n", ""))
    done = run("--config.check", f"--web.config.file={web.path}")
    equal((done.returncode, done.stdout), (0, f"{web.path}: ok\n"))


@test
def a_check_without_files_and_one_without_permission_say_so(bench):
    done = run("--config.check")
    equal(done.returncode, 2)
    true("nothing to check" in done.stderr, done.stderr)
    done = run("--config.check", "--config.file=/nowhere/exporter.yml")
    equal((done.returncode, done.stdout), (1, ""))
    true(done.stderr.startswith("/nowhere/exporter.yml: cannot be read: No such file"), done.stderr)


@test
def secrets_are_not_told(bench):
    web = File(bench, "basic_auth_users:\n  alice: hunter2\n", "web.yml")
    done = run("--config.check", f"--web.config.file={web.path}")
    equal(done.returncode, 1)
    true("hunter2" not in done.stderr, done.stderr)


# ---- what it does ----


@test
def segments_of_the_file_are_served_with_their_settings(bench):
    name = bench.name()
    for part in ("a", "b"):
        bench.feeder(f"{name}-{part}").do("requests", "GET", "200", 3)
    file = File(bench, f"segments:\n  - name: {name}-a\n    labels: {{site: berlin}}\n    prefix: app_\n  - name: {name}-*\n    deny: [shop_.*]\n")
    found = bench.exporter(file.option).samples()
    equal(value(found, "app_shop_requests_total", method="GET", status="200", site="berlin", segment=f"{name}-a"), 3)
    true(not any(one.startswith("shop_") for one, _ in found), "what the second entry denies is left out")
    equal(value(found, "shmeter_segment_readable", segment=f"{name}-b"), 1)


@test
def options_and_file_name_segments_together(bench):
    one, other = bench.name(), bench.name()
    for name in (one, other):
        bench.feeder(name).do("requests", "GET", "200", 3)
    file = File(bench, f"segments:\n  - name: {other}\n    labels: {{site: berlin}}\n")
    found = bench.exporter(file.option, f"--segment={one}").samples()
    equal(value(found, "shop_requests_total", method="GET", status="200", segment=one), 3)
    equal(value(found, "shop_requests_total", method="GET", status="200", segment=other, site="berlin"), 3)
    found = bench.exporter(file.option, f"--segment={other}").samples()
    equal(value(found, "shop_requests_total", method="GET", status="200", site="berlin"), 3, "one name has no label segment")


@test
def the_standard_segment_is_served_only_when_nobody_names_one(bench):
    one, other = bench.name(), bench.name()
    for name in (one, other):
        bench.feeder(name).do("requests", "GET", "200", 3)
    environment = {**os.environ, "SHMETER_SEGMENT": one}
    named, nameless = File(bench, f"segments:\n  - name: {other}\n"), File(bench, "segments: []\n")
    for file, served in ((named, other), (nameless, one)):
        found = bench.exporter(file.option, env=environment).samples()
        equal([dict(labels)["segment"] for name, labels in found if name == "shmeter_segment_readable"], [served])


@test
def a_limit_of_the_file_counts_unless_the_option_is_given(bench):
    name = bench.name()
    bench.feeder(name).do("busy")
    file = File(bench, "health:\n  stuck_after: 1ms\n")
    exporter = bench.exporter(file.option, f"--segment={name}")
    wait_for(lambda: b"worker_stuck" in exporter.ask("/health").body, "a worker that is stuck by the file's limit")
    for option in ("0", "3600"):
        true(b"worker_stuck" not in bench.exporter(file.option, f"--segment={name}", f"--health.stuck-after={option}").ask("/health").body,
             "the option wins")


@test
def the_time_of_creation_is_added_by_file_or_option(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    accept = {"Accept": "application/openmetrics-text"}
    on, off = File(bench, "openmetrics: {created: true}\n"), File(bench, "openmetrics: {created: false}\n")
    for options, wanted in (([on.option], True), ([off.option], False), ([off.option, "--openmetrics.created"], True), ([], False)):
        body = bench.exporter(f"--segment={name}", *options).ask("/metrics", headers=accept).body
        equal(b"shop_requests_created{" in body, wanted, options)
        equal(body.endswith(b"# EOF\n"), True)


# ---- reload ----


@test
def a_reload_puts_the_changed_file_into_force(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    file = File(bench, "segments:\n  - name: %s\n    labels: {site: berlin}\n" % name)
    exporter = bench.exporter(file.option, "--web.enable-lifecycle", "--web.request-timeout=3600")  # nothing else wakes the loop up

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
    file, web = File(bench, text % (name, "berlin")), File(bench, "rate_limit:\n  interval: 1ms\n  burst: 1000\n", "web.yml")
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
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout",
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
    for head, status in ((b"Content-Length: 0\r\nContent-Length: 0", b"400"), (b"Transfer-Encoding: chunked", b"400"), (b"Content-Length: 0", b"200"),
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
    wait_for(lambda: value(exporter.samples(), "shop_requests_total", method="GET", status="200", turn="199") == 3, "the last file")


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
    equal([value(found, "shop_requests_total", method="GET", status="200", segment=name) for name in (one, other)], [3, 3])
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
        return health["status"], [(one["what"], one["value"], one["threshold"]) for one in health["reasons"] if one["check"] == "rule"]

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
    good = ["segments:\n  - name: %s\n    labels: {site: s%d, team: checkout}\n    prefix: %s\n    deny: ['shop_debug_.*']\n    idle_timeout: 1h\n"
            "health:\n  rules:\n    - {name: r%d, expr: sum(shop_active) > 3}\n    - {name: many, expr: 'sum(rate(shop_many_total[5m])) > 1e9'}\n"
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
    note(f"{RELOADS} reloads, {sum(scraper.n for scraper in scrapers)} scrapes; RssAnon {figures[0][0]} KiB after a third of them and "
         f"{figures[1][0]} KiB at the end; descriptors {figures[0][1]} and {figures[1][1]}")
    true(figures[1][0] < figures[0][0] + 512, "memory stays flat")
    true(abs(figures[1][1] - figures[0][1]) <= 2, "descriptors stay")
    feeder.do("requests", "GET", "200", 1)
    equal([number for (one, _), number in exporter.samples().items() if one.endswith("shop_requests_total")], [RELOADS + 2])


if __name__ == "__main__":
    main()
