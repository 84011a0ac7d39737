"""The file of --config.file: every mistake is one sentence with its line, options win over it."""

import os
import re

from bad_configs import ALL
from file import File, run
from lib import equal, main, note, test, true, value, wait_for

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


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
    bare = "\n".join(re.sub(r"^(\s*)# (?=\s*[a-z_]+:( |$))", r"\1", line) for line in example.split("\n")
                     if not re.match(r"\s*# [A-Z]", line))
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
        true(re.fullmatch(rf"{re.escape(file.path)}:{line}: [^\n]+\n", done.stderr),
             f"line {line} of {text!r}: {done.stderr}")
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
    file = File(bench, f"segments:\n  - name: {name}-a\n    labels: {{site: berlin}}\n    prefix: app_\n  - name: "
                       f"{name}-*\n    deny: [shop_.*]\n")
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
    equal(value(found, "shop_requests_total", method="GET", status="200", site="berlin"), 3,
          "one name has no label segment")


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
        true(b"worker_stuck" not in bench.exporter(file.option, f"--segment={name}",
                                                   f"--health.stuck-after={option}").ask("/health").body,
             "the option wins")


@test
def the_time_of_creation_is_added_by_file_or_option(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 3)
    accept = {"Accept": "application/openmetrics-text"}
    on, off = File(bench, "openmetrics: {created: true}\n"), File(bench, "openmetrics: {created: false}\n")
    for options, wanted in (([on.option], True), ([off.option], False), ([off.option, "--openmetrics.created"], True),
                            ([], False)):
        body = bench.exporter(f"--segment={name}", *options).ask("/metrics", headers=accept).body
        equal(b"shop_requests_created{" in body, wanted, options)
        equal(body.endswith(b"# EOF\n"), True)


if __name__ == "__main__":
    main()
