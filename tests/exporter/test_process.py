"""The exporter as a process: how it starts, rests and ends, what it maps, what it logs."""

import contextlib
import fcntl
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

from lib import (drain, equal, main, note, raw, samples, segment_path, status_field, test, threads_sleep, total, true,
                 wait_for, wakeups)

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def open_mode(pid, fd):
    with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
        return next(int(line.split()[1], 8) for line in file if line.startswith("flags:")) & os.O_ACCMODE


def fingerprint(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def many_series(bench, number):
    name = bench.name()
    worker = bench.feeder(name, max_series=number * 5 // 4)
    worker.do("many", 0, number)
    return name, worker


@test
def the_end_is_clean_and_its_exit_status_0(bench):
    for number in (signal.SIGTERM, signal.SIGINT):
        exporter = bench.exporter(f"--segment={bench.name()}")
        exporter.text()
        plug = bench.connect(exporter)  # an idle connection keeps nobody
        equal(exporter.stop(number), 0, number)
        true("msg=stopped" in exporter.log[-1], exporter.log)
        equal(drain(plug), b"")


@test
def its_successor_gets_the_port_at_once(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    exporter.text()
    address = f"127.0.0.1:{exporter.port}"
    equal(exporter.stop(), 0)
    successor = bench.exporter(f"--segment={bench.name()}", f"--web.listen-address={address}", listen=False)
    successor.wait_for_log(f"listening address={re.escape(address)}")


@test
def an_answer_under_way_is_finished_before_the_end(bench):
    name, _ = many_series(bench, 200000)  # more text than the kernel buffers
    clock = bench.clock()
    exporter = bench.exporter(f"--segment={name}", hand=clock)
    plug = bench.connect(exporter, window=65536)
    plug.sendall(GET)
    begin = plug.recv(1)
    exporter.process.send_signal(signal.SIGTERM)
    exporter.wait_for_log("stopping")
    clock.advance(1.9)  # of the two seconds that it has for that
    body = (begin + drain(plug)).split(b"\r\n\r\n", 1)[1].decode()
    equal(total(samples(body), "shop_many_total"), 200000)
    equal(exporter.process.wait(), 0)


@test
def nobody_who_takes_nothing_delays_the_end_for_long(bench):
    name, _ = many_series(bench, 200000)
    clock = bench.clock()
    exporter = bench.exporter(f"--segment={name}", hand=clock)
    plug = bench.connect(exporter, window=65536)
    plug.sendall(GET)
    plug.recv(1)
    exporter.process.send_signal(signal.SIGTERM)
    exporter.wait_for_log("stopping")
    wait_for(lambda: clock.advance(2) or exporter.process.poll() is not None,
             "its end, although an hour is left for the answer")
    equal(exporter.process.returncode, 0)


@test
def a_second_signal_ends_it_without_waiting(bench):
    name, _ = many_series(bench, 200000)
    exporter = bench.exporter(f"--segment={name}", hand=bench.clock())  # no other end comes
    plug = bench.connect(exporter, window=65536)
    plug.sendall(GET)
    plug.recv(1)
    exporter.process.send_signal(signal.SIGTERM)
    exporter.wait_for_log("stopping")
    equal(exporter.stop(), 0)
    equal(sum("msg=stopping" in line for line in exporter.log), 2)


@test
def two_signals_at_once_are_two(bench):
    name, _ = many_series(bench, 200000)
    exporter = bench.exporter(f"--segment={name}", hand=bench.clock())
    plug = bench.connect(exporter, window=65536)
    plug.sendall(GET)
    plug.recv(1)
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        exporter.process.send_signal(number)
    equal(exporter.process.wait(), 0)


@test
def many_ends_amid_scrapes_are_all_clean(bench):
    name, _ = many_series(bench, 5000)
    random.seed(1)
    for turn in range(16):
        exporter = bench.exporter(f"--segment={name}")
        if turn % 2:  # everything arrives at once
            exporter.process.send_signal(signal.SIGSTOP)
        plugs = [bench.connect(exporter) for _ in range(8)]
        for plug in plugs:
            plug.sendall(GET * 3)
        if turn % 2:
            exporter.process.send_signal(signal.SIGTERM)
            exporter.process.send_signal(signal.SIGCONT)
        else:
            time.sleep(random.random() / 100)  # somewhere in the middle; any place is as good
        equal(exporter.stop(), 0)


@test
def a_hang_up_is_no_end(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    exporter.process.send_signal(signal.SIGHUP)
    exporter.wait_for_log("nothing to reload")
    equal(exporter.ask("/-/healthy").status, 200)


@test
def segments_are_mapped_and_opened_for_reading_only(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 1)
    exporter = bench.exporter(f"--segment={name}")
    exporter.text()
    with open(f"/proc/{exporter.pid}/maps", encoding="utf-8") as file:
        modes = [line.split()[1] for line in file if segment_path(name) in line]
    true(modes, "the segment is mapped")
    equal(set(modes), {"r--s"})
    opened = 0
    for fd in os.listdir(f"/proc/{exporter.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # a connection that has just been closed
            if os.readlink(f"/proc/{exporter.pid}/fd/{fd}") == segment_path(name):
                opened += 1
                equal(open_mode(exporter.pid, fd), os.O_RDONLY)
    true(opened, "the segment is open")


@test
def killed_amid_a_scrape_it_leaves_every_byte_as_it_was(bench):
    name, worker = many_series(bench, 20000)
    worker.do("latency", "/a", 0.3, 1000)
    worker.do("active", 3)
    before = fingerprint(segment_path(name))
    random.seed(2)
    amid = 0
    for _ in range(25):
        exporter = bench.exporter(f"--segment={name}")
        plug = bench.connect(exporter)
        plug.sendall(GET)
        time.sleep(random.random() / 50)  # somewhere in the middle; any place is as good
        exporter.process.kill()
        exporter.process.wait()
        answer = drain(plug)
        amid += not answer.endswith(b"\n") or answer.count(b"\nshop_many_total{") < 20000
        equal(fingerprint(segment_path(name)), before, "the segment's bytes")
    note(f"{amid} of 25 kills came before the answer was whole")
    found = bench.exporter(f"--segment={name}").samples()
    equal((total(found, "shop_many_total"), total(found, "shop_latency_seconds_count")), (20000, 1000))


@test
def scrapes_write_nothing_and_take_no_memory_from_a_segment(bench):
    name, _ = many_series(bench, 1000)
    before = fingerprint(segment_path(name)), os.stat(segment_path(name)).st_blocks
    exporter = bench.exporter(f"--segment={name}")
    for path in ("/metrics", "/health", "/", "/-/ready") * 5:
        exporter.ask(path)
    equal((fingerprint(segment_path(name)), os.stat(segment_path(name)).st_blocks), before)


@test
def at_rest_it_is_small_and_sleeps(bench):
    name, _ = many_series(bench, 900)
    exporter = bench.exporter(f"--segment={name}")
    for _ in range(20):
        exporter.text()
        exporter.ask("/health")
        exporter.ask("/")
    kib = status_field(exporter.pid, "RssAnon")
    wait_for(lambda: threads_sleep(exporter.pid), "its threads sleep")
    before = wakeups(exporter.pid)
    time.sleep(1)
    equal(wakeups(exporter.pid), before, "it wakes up for nothing")
    note(f"RssAnon {kib} KiB with 900 series")
    true(kib < 8192, f"{kib} KiB")


@test
def a_log_line_is_one_line_whatever_a_name_contains(bench):
    folder = bench.folder()
    evil = folder + '/a"b\\c\nlevel=error msg=forged \x1b(B \u00e9\u0085'
    plain = bench.exporter(f"--segment={evil}")
    plain.wait_for_log("segment cannot be read")
    line = bench.exporter(f"--segment={evil}", "--log.format=json")
    line = line.wait_for_log("segment cannot be read")
    true(evil.encode() == json.loads(line)["segment"].encode() or "\ufffd" in json.loads(line)["segment"], line)
    equal(plain.stop(), 0)
    for line in plain.log:
        true(re.match(r"ts=\S+ level=(info|warn) msg=", line), line)
        true("\x1b" not in line and "\u0085" not in line, line)


@test
def json_logs_are_json(bench):
    exporter = bench.exporter(f"--segment={bench.name()}", "--log.format=json", "--log.level=debug")
    exporter.ask("/metrics")
    exporter.ask("/none?a=\"b\"%0a")
    equal(exporter.stop(), 0)
    events = [json.loads(line) for line in exporter.log]
    true(all({"ts", "level", "msg"} <= set(event) for event in events), events)
    true({"starting", "listening", "segment cannot be read", "request", "stopping", "stopped"} <=
         {event["msg"] for event in events}, events)
    true('/none' in [event.get("url") for event in events], events)


@test
def what_a_client_sends_cannot_forge_a_log_line(bench):
    for log_format in ("logfmt", "json"):
        exporter = bench.exporter(f"--segment={bench.name()}", f"--log.format={log_format}", "--log.level=debug")
        raw(bench.connect(exporter), b"GET /\x1b[2Ja=\"b\"\\\x7f\xc2\x9b\xff\xe2\x82\xac HTTP/1.1\r\nHost: x\r\n"
                                     b"Connection: close\r\n\r\n")
        line = exporter.wait_for_log(r"\brequest\b")
        true(r'/\u001b[2Ja=\"b\"\\\u007f\u009b' + "\ufffd\u20ac" in line, line)
        equal(exporter.stop(), 0)


@test
def it_goes_on_when_nobody_reads_its_log_any_more(bench):
    options = ["--log.level=debug", "--web.listen-address=127.0.0.1:0", f"--segment={bench.name()}"]
    exporter = bench.process([sys.argv[1], *options], stderr=subprocess.PIPE, text=True)
    line = next(line for line in exporter.stderr if "listening" in line)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])
    exporter.stderr.close()
    for _ in range(3):  # each is logged, and then answered
        with socket.create_connection(("127.0.0.1", port)) as plug:
            true(raw(plug, GET).startswith(b"HTTP/1.1 200 "), "an answer")
    exporter.terminate()
    equal(exporter.wait(), 0)


@test
def a_log_that_nobody_reads_stops_nothing_and_says_later_what_is_missing(bench):
    options = ["--log.level=debug", "--web.listen-address=127.0.0.1:0", f"--segment={bench.name()}"]
    exporter = bench.process([sys.argv[1], *options], stderr=subprocess.PIPE)
    log = exporter.stderr.fileno()
    fcntl.fcntl(log, fcntl.F_SETPIPE_SZ, 4096)
    said = b""
    while not (port := re.search(rb"listening.*127\.0\.0\.1:(\d+).*\n", said)):
        said += os.read(log, 4096)

    def ask(number):
        line = f"GET /-/healthy?{'x' * 900} HTTP/1.1\r\nHost: x\r\n".encode()
        with socket.create_connection(("127.0.0.1", int(port[1]))) as plug:
            equal(raw(plug, (line + b"\r\n") * (number - 1) + line + b"Connection: close\r\n\r\n").count(b"HTTP/1.1 200 "), number)

    ask(20)  # of which the log has room for four
    while not re.search(rb"lines of this log are missing.* lines=(1\d|\d)\n", said):
        said += os.read(log, 4096)
        ask(1)
    ask(20)
    exporter.terminate()
    equal(exporter.wait(), 0)


@test
def the_log_level_is_obeyed(bench):
    done = subprocess.run([sys.argv[1], "--log.level=error", "--config.file=/nonexistent/x"], capture_output=True,
                          text=True)
    equal(len(done.stderr.splitlines()), 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = bench.process([sys.argv[1], "--log.level=error", f"--web.listen-address=127.0.0.1:{port}",
                             f"--segment={bench.name()}"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: socket.create_connection(("127.0.0.1", port)).close() is None, "it listens")
    process.terminate()
    equal((process.wait(), process.stderr.read()), (0, ""))


@test
def closed_standard_descriptors_do_not_mix_the_log_into_answers(bench):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = bench.process(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.argv[1], "--log.level=debug",
                             f"--web.listen-address=127.0.0.1:{port}", f"--segment={bench.name()}"])
    plug = wait_for(lambda: socket.create_connection(("127.0.0.1", port)), "it listens")
    with plug:
        answer = raw(plug, GET)
    true(answer.startswith(b"HTTP/1.1 200") and b"level=" not in answer, answer[:200])
    equal([os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)], ["/dev/null"] * 3)


if __name__ == "__main__":
    main()
