"""What the subcommands print, and their exit codes."""

import json
import os
import re
import subprocess

from lib import contains, equal, main, test

COMMANDS = ["create", "ls", "dump", "health", "doctor", "save", "load", "expire", "hide", "rm"]

EXPOSITION = """\
# HELP shop_ceiling The ceiling.
# TYPE shop_ceiling gauge
shop_ceiling +Inf
# HELP shop_latency_seconds Time to answer.
# TYPE shop_latency_seconds histogram
shop_latency_seconds_bucket{le="0.1"} 0
shop_latency_seconds_bucket{le="1.0"} 1
shop_latency_seconds_bucket{le="10.0"} 2
shop_latency_seconds_bucket{le="+Inf"} 2
shop_latency_seconds_sum 3
shop_latency_seconds_count 2
# HELP shop_requests_total Requests served.
# TYPE shop_requests_total counter
shop_requests_total{method="GET",status="a \\"b\\""} 5
"""


def match(text, pattern):
    equal(bool(re.fullmatch(pattern, text)), True, text)


def finding(report, what):
    return next(one for one in report["findings"] if one["what"] == what)


@test
def help_lists_all_commands_and_each_has_its_own(bench):
    text = bench.good("--help")
    contains(text, "Exit codes", "SHMETER_SEGMENT", *COMMANDS)
    equal(bench.good("help"), text)
    for command in COMMANDS:
        own = bench.good(command, "--help")
        contains(own, f"Usage: shmeter {command}", "Exit codes")
        equal(bench.good("help", command), own)
        equal(bench.good(command, "-h"), own)
        equal([line for line in own.splitlines() if len(line) > 110], [], "lines that are too long")
    contains(bench.good("--version"), "shmeter ")


@test
def wrong_usage_is_one_sentence_and_exit_code_2(bench):
    for words in (["bogus"], ["--bogus"], [], ["help", "bogus"], ["help", "ls", "rm"], ["ls", "--bogus"], ["ls", "-x"],
                  ["ls", "--js"], ["ls", "--json=1"], ["create"], ["rm"], ["create", "a", "b"],
                  ["create", "a", "--mode"],
                  ["doctor", "a", "b"], ["rm", "--json", "a"], ["dump", "--format=xml"],
                  ["dump", "--format=text", "--json"]):
        bench.refused(*words, code=2)
    for option in ("--mode=0777", "--mode=rw", "--group=no-such-group", "--lane-bytes=16K", "--lane-bytes=1X",
                   "--lane-bytes=-1", "--lane-bytes=", "--max-series=0", "--max-series=99999999999999999999",
                   "--max-slots=16385", "--max-gauges=1K", "--ring-bytes=2G", "--cpu-lanes=8193", "--shared-lanes=3",
                   "--shared-lanes=16", "--max-family-series=1.5"):
        contains(bench.refused("create", bench.name, option, code=2), option.split("=")[0])
        equal(os.path.exists(bench.path), False, "made " + option)


@test
def create_makes_the_sizes_that_ls_shows(bench):
    contains(bench.good("create", bench.name, "--lane-bytes=100k", "--max-series", "500", "--max-slots=7",
                        "--max-gauges=33", "--ring-bytes=8K", "--cpu-lanes=3", "--shared-lanes=2", "--mode=0660",
                        "--max-family-series=9"), bench.path)
    [segment] = bench.json("ls", bench.name, "--json")
    equal((segment["name"], segment["path"], segment["readable"], segment["mode"], segment["abi"]),
          (bench.name, bench.path, True, "0660", "1.4"))
    equal((segment["cells"], segment["series"]), ({"used": 0, "capacity": 131072}, {"used": 0, "capacity": 500}))
    equal((segment["slots"], segment["gauges"]), ({"used": 0, "capacity": 7}, {"used": 0, "capacity": 33}))
    equal((segment["cpu_lanes"], segment["shared_lanes"]), (3, 2))
    file = os.stat(bench.path)
    equal((segment["size_bytes"], segment["used_bytes"]), (file.st_size, file.st_blocks * 512))
    equal((segment["uid"], segment["gid"], segment["workers"]),
          (file.st_uid, file.st_gid, {"live": 0, "dead": 0, "unknown": 0}))


@test
def create_for_a_group_lets_the_group_read(bench):
    bench.good("create", bench.name, f"--group={os.getgid()}")
    equal(os.stat(bench.path).st_mode & 0o7777, 0o640)
    other = bench.folder + "/other"
    bench.good("create", other)
    equal(os.stat(other).st_mode & 0o7777, 0o600)


@test
def create_refuses_what_exists(bench):
    bench.good("create", bench.name)
    before = os.stat(bench.path)
    contains(bench.refused("create", bench.name), bench.name, "exists already", "shmeter rm")
    after = os.stat(bench.path)
    equal((after.st_ino, after.st_size, after.st_mtime_ns), (before.st_ino, before.st_size, before.st_mtime_ns))


@test
def a_created_segment_is_taken_by_workers_as_it_is(bench):
    bench.good("create", bench.name, "--max-slots=2")
    bench.worker()
    [segment] = bench.json("ls", bench.name, "--json")
    equal((segment["slots"], segment["workers"]["live"]), ({"used": 1, "capacity": 2}, 1))


@test
def ls_lists_by_pattern_in_a_table(bench):
    for end in ("-a", "-b"):
        bench.good("create", bench.name + end)
    bench.worker(bench.name + "-b")
    lines = [line.split() for line in bench.good("ls", bench.name + "-*").splitlines()]
    equal(lines[0], ["NAME", "USED", "SIZE", "SERIES", "FAMILIES", "LIVE", "DEAD", "UNKNOWN", "AGE"])
    equal([(line[0], line[5:10]) for line in lines[1:]],
          [(bench.name + "-a", ["0", "0", "0", "0", "0"]), (bench.name + "-b", ["3", "3", "1", "0", "0"])])
    contains(bench.run("ls").stdout, bench.name + "-a", bench.name + "-b")
    contains(bench.refused("ls", bench.name + "-no*"), "no segment matches")


@test
def dump_prints_the_exposition_of_one_segment(bench):
    bench.worker()
    equal(bench.good("dump", bench.name), EXPOSITION)
    equal(bench.good("dump", env={"SHMETER_SEGMENT": bench.name}), EXPOSITION)
    path = bench.folder + "/shop"
    bench.worker(path)
    equal(bench.good("dump", path), EXPOSITION)
    contains(bench.good("dump", bench.name, path), f'shop_ceiling{{segment="{bench.name}"}} +Inf',
             f'shop_ceiling{{segment="{path}"}} +Inf')


@test
def dump_prints_families_series_and_values_as_json(bench):
    bench.worker()
    families = {family.pop("name"): family for family in bench.json("dump", "--json", bench.name)["families"]}
    equal(sorted(families), ["shop_ceiling", "shop_latency_seconds", "shop_requests_total"])
    for family in families.values():
        [series] = family["series"]
        family["series"] = series
        created, created_ns = series.pop("created"), series.pop("created_ns")
        equal((created > 1.6e9, created_ns // 10**6 / 1e3), (True, created), "created")
    equal(families["shop_requests_total"],
          {"type": "counter", "help": "Requests served.", "unit": "",
           "series": {"labels": {"method": "GET", "status": 'a "b"'}, "value": 5}})
    equal(families["shop_ceiling"],
          {"type": "gauge", "help": "The ceiling.", "unit": "", "series": {"labels": {}, "value": "+Inf"}})
    equal(families["shop_latency_seconds"],
          {"type": "histogram", "help": "Time to answer.", "unit": "seconds",
           "series": {"labels": {}, "count": 2, "sum": 3.0,
                      "buckets": [{"le": "0.1", "count": 0}, {"le": "1.0", "count": 1}, {"le": "10.0", "count": 2},
                                  {"le": "+Inf", "count": 2}]}})


@test
def health_answers_with_its_exit_code(bench):
    worker = bench.worker()
    contains(bench.good("health", bench.name), "ok: ", "1 live")
    worker.do("check database 1 slow today")
    done = bench.run("health", bench.name)
    equal(done.returncode, 1)
    contains(done.stdout, "degraded", "database", "slow today")
    worker.do("check database 2 gone")
    done = bench.run("health", bench.name, "--json")
    equal((done.returncode, json.loads(done.stdout)["status"]), (2, "failing"))
    worker.do("check database 0 fine")
    equal(bench.json("health", "--json", bench.name)["reasons"], [])
    idle = bench.worker(name="idle")
    idle.kill()
    equal(bench.json("health", "--json", bench.name)["reasons"], [])
    worker.do("busy")
    worker.kill()
    done = bench.run("health", bench.name)
    equal(done.returncode, 1)
    contains(done.stdout, "degraded", "2 dead",
             f"1 worker died in the last 5 minutes and has no successor yet: till (pid {worker.pid})")
    equal(bench.run("health", "--died-within=0", bench.name).returncode, 0)
    bench.worker()
    equal(bench.json("health", "--json", bench.name)["reasons"], [])


@test
def health_of_a_missing_segment_is_failing(bench):
    done = bench.run("health", bench.name)
    equal(done.returncode, 2)
    contains(done.stdout, "failing", bench.path, "does not exist")
    equal(bench.json("health", "--json", bench.name, code=2)["status"], "failing")


@test
def doctor_examines_a_sane_segment(bench):
    bench.worker()
    done = bench.run("doctor", bench.name)
    levels = {line[:4].strip() for line in done.stdout.splitlines()} - {""}
    equal(done.returncode, 2 if "fail" in levels else 1 if "warn" in levels else 0, done.stdout)
    for what in ("rseq", "numa", "filesystem", "room", "mount options", "RemoveIPC", "segment", "permissions", "abi",
                 "boot", "lanes", "memory", "series", "cells", "records", "gauges", "slots", "losses"):
        contains(done.stdout, f"  {what} ")
    report = json.loads(bench.run("doctor", "--json", bench.name).stdout)
    for what in ("filesystem", "segment", "permissions", "abi", "boot", "series", "cells", "slots", "losses"):
        equal(finding(report, what)["level"], "ok", what)
    equal(finding(report, "losses")["value"], "none")
    equal(finding(report, "gauges")["value"], "1 of 1024 used (0%)")


@test
def what_doctor_says_of_a_segment_is_this(bench):
    bench.good("create", bench.name, "--max-series=50000", "--max-gauges=33", "--max-slots=7", "--lane-bytes=100k",
               "--cpu-lanes=3", "--shared-lanes=2")
    report = json.loads(bench.run("doctor", "--json", bench.name).stdout)
    equal([finding(report, what)["value"] for what in ("segment", "series", "cells", "gauges", "slots", "losses")],
          [f"{bench.name} ({bench.path}) can be read", "0 of 50000 used (0%)", "0 B of 128 KiB used (0%)",
           "0 of 33 used (0%)", "7 of 7 free; workers: 0 live, 0 dead, 0 unknown", "none"])
    match(finding(report, "records")["value"], r"0 B of \d+(\.\d)? MiB used \(0%\)")
    match(finding(report, "memory")["value"], r"\d+(\.\d)? KiB in use, \d+(\.\d)? MiB when full")
    match(finding(report, "lanes")["value"], r"3 CPU lanes for \d+ CPUs, 2 shared.*")


@test
def each_line_of_a_help_text_begins_in_the_column_of_its_option_or_of_its_words(bench):
    for command in COMMANDS:
        lines = bench.good(command, "--help").partition("\n\n")[2].partition("\n\n")[0].splitlines()
        for line in lines:
            equal(len(line) - len(line.lstrip()) in (2, 28), True, f"{command}: {line!r}")
            equal(line[26:28] == "  " and line[28:29] != " " or len(line) <= 28, True, f"{command}: {line!r}")


@test
def doctor_says_when_restartable_sequences_are_off(bench):
    bench.good("create", bench.name)
    done = bench.run("doctor", "--json", bench.name, env={"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})
    rseq = finding(json.loads(done.stdout), "rseq")
    equal((rseq["level"], done.returncode), ("warn", 1))
    contains(rseq["value"], "not in use")
    contains(rseq["advice"], "GLIBC_TUNABLES")


@test
def doctor_gives_advice_for_losses_full_levels_and_dead_workers(bench):
    bench.good("create", bench.name, "--max-gauges=1", "--max-slots=1", "--mode=0600")
    worker = bench.worker()
    worker.do("nan")
    os.chmod(bench.path, 0o644)
    report = bench.json("doctor", "--json", bench.name, code=2)
    loss = finding(report, "loss observations_nan")
    equal((loss["level"], loss["value"][:2]), ("warn", "1 "))
    equal(bool(loss["advice"]), True, "advice for a loss")
    gauges = finding(report, "gauges")
    equal((gauges["level"], gauges["value"]), ("fail", "1 of 1 used (100%)"))
    contains(gauges["advice"], "--max-gauges")
    slots = finding(report, "slots")
    equal((slots["level"], slots["value"]), ("warn", "0 of 1 free; workers: 1 live, 0 dead, 0 unknown"))
    contains(slots["advice"], "--max-slots")
    equal(finding(report, "permissions")["level"], "warn")
    worker.do("busy")
    worker.kill()
    report = bench.json("doctor", "--json", bench.name, code=2)
    slots = finding(report, "slots")
    equal((slots["level"], slots["value"]), ("ok", "0 of 1 free; workers: 0 live, 1 dead, 0 unknown"))
    deaths = finding(report, "deaths")
    equal((deaths["level"], deaths["value"]),
          ("warn", "1 workers have died with something under way; 1 in the last 5 minutes without a successor"))
    contains(deaths["advice"], "shmeter health")
    bench.worker()
    equal(finding(bench.json("doctor", "--json", bench.name, code=2), "deaths")["level"], "ok")


@test
def doctor_and_health_tell_of_definitions_that_are_not_exposed(bench):
    old, new = bench.worker(name="old"), bench.worker(name="new")
    new.do("bounds")
    report = json.loads(bench.run("doctor", "--json", bench.name).stdout)
    found = finding(report, "definitions")
    equal(found["level"], "warn")
    contains(found["value"], "shop_latency_seconds: 1 workers (one is old, pid %d)" % old.pid, "other buckets")
    contains(found["advice"], "end the workers of the other release", "a segment each")
    equal(finding(report, "loss superseded")["value"].split()[0], "4")
    reasons = bench.json("health", "--json", bench.name, code=1)["reasons"]
    equal([(one["what"], one["worker"], one["status"]) for one in reasons], [("superseded", "old", "degraded")])
    contains(bench.good("dump", bench.name), "shop_latency_seconds_count 1\n")
    old.end()
    report = json.loads(bench.run("doctor", "--json", bench.name).stdout)
    equal([one for one in report["findings"] if one["what"] == "definitions"], [])
    equal(finding(report, "losses")["value"], "none")


@test
def doctor_of_a_missing_segment_still_examines_the_machine(bench):
    report = bench.json("doctor", "--json", bench.name, code=2)
    equal(report["level"], "fail")
    equal(finding(report, "segment")["level"], "fail")
    contains(finding(report, "segment")["value"], bench.path)
    finding(report, "rseq"), finding(report, "room")


@test
def output_that_cannot_be_written_is_a_failure(bench):
    bench.worker()
    for words in (["--help"], ["ls"], ["dump", bench.name], ["dump", "--json", bench.name], ["help", "rm"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([bench.program, *words], stdout=full, stderr=subprocess.PIPE, text=True)
        equal(done.returncode, 1, words)
        contains(done.stderr, "cannot be written")


main()
