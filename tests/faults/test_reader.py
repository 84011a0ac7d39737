"""System calls of readers fail. The command's k-th call, once and for ever: it shows everything or says that it cannot,
and nothing is written to the segment. Calls of a running exporter, for as long as some scrapes take: it lives, and
shows everything again afterwards.

Usage: test_reader.py EXPORTER FEEDER SHMETER
"""
import collections
import concurrent.futures
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "exporter"), os.path.dirname(HERE), HERE]
from lib import Bench, Skip, end_process, equal, note, segment_path, test, true, value, wait_for  # noqa: E402
from tap import main_with, nothing  # noqa: E402
from strace import need_strace, traced  # noqa: E402

SHMETER = os.path.abspath(sys.argv[3])
ERRORS = {"openat": ("EACCES", "EMFILE"), "read": ("EINTR", "EIO"), "pread64": ("EINTR", "EIO"), "write": ("ENOSPC",)}
# Of a running exporter, whatever its thread: what can fail in real life.
EXPORTER_FAULTS = ["openat:error=EMFILE", "openat:error=ENOMEM", "mmap:error=ENOMEM", "munmap:error=ENOMEM",
                   "newfstatat:error=ENOMEM", "read:error=EIO", "getdents64:error=ENOMEM", "fcntl:error=EACCES",
                   "accept4:error=EMFILE",
                   "recvfrom:error=ECONNRESET", "sendmsg:error=EPIPE", "setsockopt:error=ENOBUFS",
                   "mprotect:error=ENOMEM"]
SCRAPES = 3


def fed(bench, n=3):
    name = bench.name()
    feeder = bench.feeder(name)
    for i in range(n):
        feeder.do("requests", "GET", 200 + i, 1)
    return name, feeder


# ---- the command ----

def shown(output):
    """{(family, label values): value} of what dump --json prints."""
    return {(family["name"], json.dumps(series["labels"], sort_keys=True)): series.get("value")
            for family in json.loads(output)["families"] for series in family["series"]}


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def calls(command, log, path):
    """(name, number of this name's call) of the calls from the segment's opening on."""
    subprocess.run(traced(command, log=log), stdout=subprocess.DEVNULL, check=True)
    seen, begun = collections.Counter(), False
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            name = line.partition("(")[0]
            seen[name] += 1
            begun |= name == "openat" and os.path.basename(path) in line
            # brk answers with an address and knows no error
            if begun and name.isidentifier() and name not in ("exit_group", "brk"):
                yield name, seen[name]


def harm(command, fault, wanted):
    """"" or what went wrong."""
    done = subprocess.run(traced(command, fault), capture_output=True, check=False)
    if done.returncode == 0:
        with contextlib.suppress(ValueError, KeyError):
            if shown(done.stdout) == wanted:
                return ""
        return f"{fault}: shows {done.stdout[:200]!r}"
    if done.returncode != 1 or (not done.stderr.strip() and not fault.startswith("write")):
        return f"{fault}: ended with {done.returncode} and {done.stderr!r}"
    return ""


@test
def any_call_of_the_command_may_fail_once_or_for_ever(bench):
    need_strace()
    name, feeder = fed(bench)
    path, command = segment_path(name), [SHMETER, "dump", name, "--json"]
    feeder.end()
    before = contents(path)
    wanted = shown(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    equal(len([one for one in wanted if one[0] == "shop_requests_total"]), 3, "series")
    pairs = list(calls(command, os.path.join(bench.folder(), "log"), path))
    faults = [f"{call}:error={error}:when={nth}{ever}" for call, nth in pairs
              for error in (*ERRORS.get(call, ()), "ENOMEM")
              for ever in ("", "+")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        complaints = [one for one in pool.map(lambda fault: harm(command, fault, wanted), faults) if one]
    note(f"{len(pairs)} calls, {len(faults)} faults")
    true(len(pairs) >= 10, "the command makes hardly a call")
    nothing(complaints[:20], f"{len(complaints)} of {len(faults)} faults did harm")
    true(contents(path) == before, "the segment is another")


# ---- the exporter ----

def try_to_scrape(exporter, is_hopeless=lambda: False):
    """Whether there was a whole answer; which one does not matter. Asked after a second without a byte, and after each
    further one, a caller may give up."""
    with socket.socket() as plug, contextlib.suppress(OSError):
        plug.connect(("127.0.0.1", exporter.port))
        plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while True:
            if not select.select([plug], [], [], 1)[0]:
                if is_hopeless():
                    return False
                continue
            more = plug.recv(1 << 16)
            if not more:
                head, _, body = answer.partition(b"\r\n\r\n")
                return f"Content-Length: {len(body)}".encode() in head
            answer += more
    return False


def injected(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        return sum("(INJECTED)" in one for one in file)


def disturbed(bench, exporter, fault, during):
    """Runs during(failed) while all of the exporter's calls of a name fail; failed() tells how many have. Returns how
    many did."""
    log = os.path.join(bench.folder(), "log")
    tracer = bench.process(["strace", "-f", "-o", log, f"--inject={fault}", f"--trace={fault.partition(':')[0]}", "-p",
                            str(exporter.pid)],
                           stderr=subprocess.PIPE, text=True)
    line = tracer.stderr.readline()
    if "not permitted" in line:
        raise Skip(line.strip())
    true("attached" in line, line)
    during(lambda: injected(log))
    tracer.send_signal(signal.SIGINT)  # it lets go
    tracer.wait()
    end_process(tracer)
    return injected(log)


@test
def calls_of_a_running_exporter_may_fail_and_afterwards_all_is_shown(bench):
    need_strace()
    name, feeder = fed(bench)
    exporter = bench.exporter(f"--segment={name}")
    exporter.text()
    counted, failed, answered = 1.0, collections.Counter(), 0
    for fault in EXPORTER_FAULTS:
        def scrapes(failures):
            nonlocal counted, answered
            for _ in range(SCRAPES):
                feeder.do("requests", "GET", 200, 1)
                counted += 1
                before = failures()
                answered += try_to_scrape(exporter, lambda: failures() > before)
        failed[fault] = disturbed(bench, exporter, fault, scrapes)
        true(exporter.process.poll() is None, f"{fault}: the exporter ended")
        wait_for(lambda: try_to_scrape(exporter), f"{fault}: an answer afterwards")
        equal(value(exporter.samples(), "shop_requests_total", method="GET", status="200"), counted,
              f"{fault}: what is shown afterwards")
    hit = [fault for fault, n in failed.items() if n]
    note(f"{sum(failed.values())} calls failed, of {len(hit)} kinds; {answered} of {SCRAPES * len(EXPORTER_FAULTS)} "
         f"scrapes were answered meanwhile")
    note(", ".join(f"{fault} {n}" for fault, n in failed.items()))
    true(len(hit) >= 8, "hardly a call was hit")
    equal(exporter.stop(), 0, "the exporter's exit")


if __name__ == "__main__":
    main_with(Bench, sys.argv[4:])
