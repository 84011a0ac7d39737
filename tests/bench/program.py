"""The bench program as people and scripts use it: JSON, filters, exit codes, and nothing left behind.

Usage: program.py SHMETER-BENCH
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test, wait_for  # noqa: E402

BENCH = sys.argv[1]


@contextlib.contextmanager
def place():
    """A directory for segments of our own, which has to be empty again at the end."""
    with tempfile.TemporaryDirectory(prefix="shmeter-bench-test-", dir="/dev/shm") as directory:
        yield directory, {**os.environ, "SHMETER_BENCH_DIR": directory}


def run(*arguments, **more):
    """Runs to the end, with more in the environment; asserts that no segment is left. Returns the finished process."""
    with place() as (directory, environment):
        environment.update(more)
        done = subprocess.run([BENCH, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert os.listdir(directory) == [], f"left behind: {os.listdir(directory)}"
    return done


def report(*arguments):
    done = run("--json", "--quick", *arguments)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


def rows(document):
    return {row["name"]: row for row in document["results"]}


def processes_of(directory):
    """Processes whose command line has the directory in it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as stream:
            if directory.encode() in stream.read():
                found.append(int(pid))
    return found


@test
def a_quick_run_gives_json_with_all_keys_and_positive_numbers():
    document = report("--filter", "counter")
    assert set(document) == {"machine", "quick", "processes", "results", "notes", "missed"}, set(document)
    assert document["quick"] is True and document["processes"] == 1
    for key in ("cpu", "kernel", "libc", "compiler", "flags", "clock_source"):
        assert isinstance(document["machine"][key], str) and document["machine"][key], key
    assert document["machine"]["cpus"] >= 1
    found = rows(document)
    assert {"counter-inc", "counter-inc-global", "counter-add", "counter-f64-add", "register-counter", "xadd",
            "add"} <= set(found)
    two = document["machine"]["cpus"] > 1
    for name, row in found.items():
        assert row["section"] and row["what"] and row["unit"], row
        if not two and "-two" in name:
            continue
        assert 0 < row["low"] <= row["value"] <= row["high"], row


@test
def a_row_comes_with_its_floor_ratio_target_and_verdict():
    found = rows(report("--filter", "counter-inc"))
    inc, xadd = found["counter-inc"], found["xadd"]
    assert inc["floor"] == {"name": "xadd", "value": xadd["value"]}, inc
    assert abs(inc["ratio"] - inc["value"] / xadd["value"]) < 1e-6 * inc["ratio"], inc
    assert inc["target"] == {"ratio": 0.5}
    assert inc["verdict"] == ("ok" if inc["ratio"] <= 0.5 else "miss"), inc
    assert "verdict" not in xadd and "target" not in xadd


@test
def scrapes_are_measured_part_by_part():
    found = rows(report("--filter", "scrape-counters-1k-2"))
    for part in ("", "-take", "-render", "-copy", "-plan", "-memory", "-memory-limit"):
        assert found["scrape-counters-1k-2" + part]["value"] > 0, part


@test
def scrapes_and_ticks_are_measured_with_cold_caches_too():
    found = rows(report("--filter", "cold"))
    assert set(found) == {"cold-scrape-1k", "cold-scrape-1k-gzip", "tick-1k", "tick-1k-cpu"}, set(found)
    assert found["tick-1k-cpu"]["unit"] == "%"
    assert abs(found["tick-1k-cpu"]["value"] - found["tick-1k"]["value"] * 1000 / 1e7) < 1e-3 * found["tick-1k-cpu"]["value"], found


@test
def the_path_without_restartable_sequences_is_measured_too():
    found = rows(report("--filter", "shared-lane-inc"))
    assert found["shared-lane-inc"]["value"] > 0


@test
def every_row_of_a_quick_run_has_a_value():
    document = report()
    if document["machine"]["cpus"] > 1:
        assert [row["name"] for row in document["results"] if "value" not in row] == []
    assert len(document["results"]) > 60


def compared(peer):
    """The lookup's row beside a peer: a program's text, or NULL for one that is not there."""
    with tempfile.TemporaryDirectory(prefix="shmeter-bench-test-") as directory:
        program = os.path.join(directory, "peer")
        if peer:
            with open(program, "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o700)) as stream:
                stream.write(peer)
        done = run("--json", "--processes", "1", "--filter", "lookup-vs-go", SHMETER_BENCH_GO=program)
    assert done.returncode == (2 if peer and "exit 1" in peer else 0), (done.returncode, done.stderr)
    return json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}


@test
def a_peer_is_compared_with_where_it_is_built():
    document = compared("#!/bin/sh\necho go-lookup 1000000\n")
    row = rows(document)["lookup-vs-go"]
    assert row["floor"] == {"name": "go-lookup", "value": 1000000} and row["verdict"] == "ok", row
    assert rows(document)["go-lookup"]["value"] == 1000000
    document = compared("#!/bin/sh\necho go-lookup 0.001\n")
    assert rows(document)["lookup-vs-go"]["verdict"] == "miss", document


@test
def without_its_peer_a_row_is_not_judged_and_the_report_says_why():
    document = compared(None)
    assert rows(document)["lookup-vs-go"]["verdict"] == "not judged" and document["missed"] == 0, document
    assert rows(document)["lookup-vs-go"]["value"] > 0 and "value" not in rows(document)["go-lookup"], document
    assert any("client_golang" in note for note in document["notes"]), document["notes"]


@test
def a_peer_that_fails_ends_the_run():
    assert "failed" in compared("#!/bin/sh\nexit 1\n")["stderr"]


@test
def strict_fails_exactly_when_a_target_is_missed():
    done = run("--json", "--quick", "--strict", "--filter", "counter-inc")
    document = json.loads(done.stdout)
    missed = [row["name"] for row in document["results"] if row.get("verdict") == "miss"]
    assert document["missed"] == len(missed)
    assert done.returncode == (1 if missed else 0), (done.returncode, missed)


@test
def the_table_shows_machine_targets_and_verdicts():
    done = run("--quick", "--filter", "lookup")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "CPU" in lines[0] and "restartable sequences" in lines[0], lines[0]
    row = next(line for line in lines if "lookup of an existing series, 2 labels, among 100" in line)
    assert "<= 60 ns" in row and row.rstrip().endswith(("ok", "MISS")), row
    assert lines[-1].endswith("missed."), lines[-1]


@test
def the_list_names_what_can_be_filtered():
    done = run("--list")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(names) == len(set(names))
    assert {"counter-inc", "histogram-observe", "scrape-counters-100k-2", "cold-scrape-100k", "exporter-memory",
            "exporter-memory-100k", "exporter-cpu-rules"} <= set(names), names


@test
def wrong_options_are_told_and_end_with_2():
    for arguments in (["--filter", "no-such-row"], ["--processes", "0"], ["--processes", "x"], ["--no-such"], ["word"]):
        done = run(*arguments)
        assert done.returncode == 2 and done.stderr, (arguments, done.returncode, done.stderr)
        assert not done.stdout, (arguments, done.stdout)


@test
def a_place_for_segments_that_is_not_there_is_told():
    environment = {**os.environ, "SHMETER_BENCH_DIR": "/dev/shm/no-such-place"}
    done = subprocess.run([BENCH, "--quick", "--filter", "counter"], env=environment, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2 and "/dev/shm/no-such-place" in done.stderr, done.stderr


@test
def a_run_that_is_interrupted_leaves_no_segment_and_no_process():
    for number in (signal.SIGINT, signal.SIGTERM):
        with place() as (directory, environment):
            with subprocess.Popen([BENCH, "--processes", "32", "--filter", "scrape"], env=environment,
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as bench:
                try:
                    wait_for(lambda: any(files for _, _, files in os.walk(directory)), "a segment")
                    bench.send_signal(number)
                    assert bench.wait() == -number
                finally:
                    bench.kill()
            assert os.listdir(directory) == [], os.listdir(directory)
            wait_for(lambda: not processes_of(directory), "the measuring processes to end")


if __name__ == "__main__":
    main()
