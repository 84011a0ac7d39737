"""Limits that operators set, and those of the machine."""

import contextlib
import os
import resource
import subprocess
import sys
import time

from lib import drain, equal, main, note, status_field, test, total, true, wait_for

GET = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def is_cut(plug):
    plug.settimeout(0.01)
    try:
        return plug.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@test
def the_limits_of_connections_are_those_that_were_asked_for(bench):
    for option, number in (("--web.max-connections", 3), ("--web.max-connections-per-address", 5)):
        exporter = bench.exporter(f"{option}={number}", f"--segment={bench.name()}")
        plugs = [bench.connect(exporter) for _ in range(number)]
        true(not any(is_cut(plug) for plug in plugs), "there are places for so many")
        plugs.append(bench.connect(exporter))
        wait_for(lambda: is_cut(plugs[0]), f"{option}: the oldest makes room")
        true(not any(is_cut(plug) for plug in plugs[1:]), "the others stay")


@test
def bad_limits_are_refused(bench):
    for option in ("--web.max-connections", "--web.max-connections-per-address"):
        for number in ("0", "-1", "many", "", "100001", "1e3"):
            done = subprocess.run([sys.argv[1], f"{option}={number}"], capture_output=True, text=True, check=False)
            equal((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
            true(option in done.stderr and "from 1 to 100000" in done.stderr, done.stderr)


def limited(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@test
def the_limit_of_open_files_is_raised_as_far_as_it_has_to_be(bench):
    for number in (224, 500):
        exporter = bench.exporter(f"--web.max-connections={number}", f"--segment={bench.name()}",
                                  preexec_fn=limited(64, 1024))
        soft = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)[0]
        true(number < soft <= 1024, soft)
        true(not any("open files" in line for line in exporter.log), exporter.log)


@test
def a_limit_of_open_files_that_is_too_low_is_said_and_kept_to(bench):
    exporter = bench.exporter("--web.max-connections=1000", f"--segment={bench.name()}", preexec_fn=limited(40, 60))
    exporter.wait_for_log("limit of open files is low.*limit=60 connections=30")
    plugs = [bench.connect(exporter) for _ in range(100)]
    wait_for(lambda: sum(is_cut(plug) for plug in plugs) >= 70, "no more than 30 are kept")
    true(sum(is_cut(plug) for plug in plugs) < 90, "and not much less")
    equal(exporter.ask("/-/healthy").status, 200)


@test
def without_descriptors_the_loop_does_not_spin_and_goes_on_later(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    exporter.text()
    _, hard = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{exporter.pid}/fd"))
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (used, hard))
    plugs = [bench.connect(exporter) for _ in range(20)]
    for plug in plugs:
        plug.sendall(GET)
    exporter.wait_for_log("connections have to wait.*max-connections.*Too many open files")
    before = cpu_seconds(exporter.pid)
    time.sleep(1)
    used_seconds = cpu_seconds(exporter.pid) - before
    note(f"{used_seconds:.3f} s of CPU time in a second without descriptors")
    true(used_seconds < 0.1, f"it spins: {used_seconds} s of CPU time in a second")
    resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (hard, hard))
    for plug in plugs:
        true(drain(plug).startswith(b"HTTP/1.1 200"), "all are answered in the end")
    equal(sum("have to wait" in line for line in exporter.log), 1, "the log has it once")


def with_large_answers(bench, number):
    """An exporter whose plain text has some 16 KiB for each of so many series."""
    name = bench.name()
    bench.feeder(name, max_series=number + 10).do("many", 0, number)
    path = bench.folder() + "/exporter.yml"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"segments:\n  - name: {name}\n    labels:\n")
        file.writelines(f"      l{at}: {'x' * 1000}\n" for at in range(16))
    return bench.exporter(f"--segment={name}", f"--config.file={path}")


def is_whole(text, number):
    return len(text) > 65 << 20 and text.count("\nshop_many_total{") == number and text.endswith("\n")


@test
def an_answer_of_any_size_is_had_by_who_takes_it(bench):
    number = 4500
    exporter = with_large_answers(bench, number)
    true(is_whole(exporter.text(), number), "alone")
    plugs = []
    for _ in range(12):
        plugs.append(bench.connect(exporter, window=4096))
        plugs[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            plugs[-1].recv(1)  # it has begun to take an answer of its own
        if len(plugs) % 4 == 0:
            true(is_whole(exporter.text(), number), f"beside {len(plugs)} who take nothing")
    kib = status_field(exporter.pid, "RssAnon")
    note(f"RssAnon {kib} KiB with answers of 70 MB for {len(plugs)} clients")
    true(kib < 500 << 10, f"{kib} KiB")


def crowd(bench, number):
    """A folder with so many segments, and the pattern of their names. All are copies of one."""
    folder = bench.folder("/dev/shm")
    worker = bench.feeder(folder + "/one", max_series=10)
    worker.do("requests", "GET", "200", 1)
    worker.end()
    for copy in range(number):
        subprocess.run(["cp", "--sparse=always", folder + "/one", f"{folder}/s{copy:04}"], check=True)
    return folder, folder + "/s*"


@test
def more_segments_than_descriptors_are_read_or_told_and_connections_keep_theirs(bench):
    _, pattern = crowd(bench, 200)
    for soft, hard, wanted in ((64, 1024, 200), (100, 160, None)):
        exporter = bench.exporter("--web.max-connections=40", f"--segment={pattern}", preexec_fn=limited(soft, hard))
        found = exporter.samples()
        readable = total(found, "shmeter_segment_readable")
        equal(sum(name == "shmeter_segment_readable" for name, _ in found), 200, "all are told of")
        equal(total(found, "shop_requests_total"), readable)
        true(readable == wanted if wanted else 10 < readable < 100, readable)
        plugs = [bench.connect(exporter) for _ in range(39)]  # none of which lacks a descriptor
        equal(exporter.ask("/-/healthy").status, 200)
        equal(sum(is_cut(plug) for plug in plugs), 0)
        reasons = sum("kept for connections" in line for line in exporter.ask("/health").body.decode().splitlines())
        true(reasons >= 200 - readable, "with the reason")
        equal(exporter.stop(), 0)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
