"""The units for systemd: it has no complaint, they are tight, and the exporter needs nothing that they take away.

Usage: test_systemd.py PROGRAM FEEDER [TEST...]
"""

import base64
import contextlib
import ctypes
import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

from certs import Authority, hashed, write
from lib import Skip, equal, main, note, raw, segment_path, test, true, wait_for

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/systemd")
EXPOSURE = 1.5  # of systemd-analyze security, which goes from 0 to 10


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def unit():
    """{setting: [values]} of the service."""
    with open(UNITS + "/shmeter-exporter.service.in", encoding="ascii") as file:
        settings = re.findall(r"^(\w+)=(.*)$", file.read(), re.MULTILINE)
    found = {}
    for name, value in settings:
        found.setdefault(name, []).append(value)
    return found


def written(bench):
    """A folder with the units as they are installed, for the program under test."""
    folder = bench.folder()
    with open(UNITS + "/shmeter-exporter.service.in", encoding="ascii") as file:
        text = file.read().replace("@bindir@", os.path.dirname(os.path.abspath(sys.argv[1])))
    true("@" not in re.sub(r"[~=]@\S+| @\S+", "", text), "all places are filled")
    with open(folder + "/shmeter-exporter.service", "w", encoding="ascii") as file:
        file.write(text)
    shutil.copy(UNITS + "/shmeter-exporter.socket", folder)
    return folder


def analyze(*arguments):
    done = subprocess.run([need("systemd-analyze"), *arguments], capture_output=True, text=True,
                          env={**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}, check=False)
    return done.returncode, done.stdout + done.stderr


@test
def systemd_has_no_complaint_about_the_units(bench):
    folder = written(bench)
    names = [f"{folder}/shmeter-exporter.{kind}" for kind in ("service", "socket")]
    status, said = analyze("verify", *names)
    equal([line for line in said.splitlines() if "shmeter" in line], [], "complaints")
    equal(status, 0, said)
    with open(names[0], "a", encoding="ascii") as file:
        file.write("[Service]\nWatchDogSec=soon\n")
    true("shmeter" in analyze("verify", *names)[1], "a complaint about a bad unit")


@test
def the_service_is_tight(bench):
    status, said = analyze("security", "--offline=yes", written(bench) + "/shmeter-exporter.service")
    equal(status, 0, said)
    exposure = float(re.search(r"exposure level for \S+: ([0-9.]+)", said)[1])
    note(f"exposure {exposure}")
    true(exposure < EXPOSURE, said)


@test
def what_liveness_and_segments_need_is_left_open(bench):
    """Each of these would hide workers or segments, or remove the segments of an application that runs as the same
    user."""
    found = unit()
    equal(found["RemoveIPC"], ["no"])
    equal(found["ProtectProc"], ["default"])
    equal(found["PrivateUsers"], ["no"])
    for name in ("PrivateIPC", "PrivatePIDs", "ProcSubset", "DynamicUser", "PrivateNetwork", "TemporaryFileSystem"):
        true(name not in found, name)


def calls_of_set(name, sets):
    if not name.startswith("@"):
        return {name}
    found = set()
    for one in sets[name]:
        found |= calls_of_set(one, sets)
    return found


def allowed_calls():
    """The system calls that the service's filter lets through, as this systemd understands it."""
    status, said = analyze("syscall-filter")
    equal(status, 0, said)
    sets, current = {}, None
    for line in said.splitlines():
        if line.startswith("@"):
            current = sets.setdefault(line.strip(), [])
        elif not line.startswith("  "):
            current = None
        elif current is not None and not line.strip().startswith("#"):
            current.append(line.strip())
    first, *others = unit()["SystemCallFilter"]
    allowed = set().union(*(calls_of_set(name, sets) for name in first.split()))
    for line in others:
        true(line.startswith("~"), line)
        allowed -= set().union(*(calls_of_set(name, sets) for name in line[1:].split()))
    return allowed


class Traced:
    """The exporter below strace, with a Unix socket, a port by name, a notify socket, a watchdog and settings; perhaps
    with TLS and a password."""

    def __init__(self, bench, name, is_guarded):
        self.folder, self.context = bench.folder(), None
        options = [f"--segment={name}", "--config.file=" + write(self.folder + "/shmeter.yml",
                                                                 f"segments: [{{name: {name}, prefix: a_}}]\n")]
        if is_guarded:
            authority = Authority(bench.folder())
            cert, key = authority.issue("server")
            self.context = authority.context()
            options.append("--web.config.file=" + write(self.folder + "/web.yml",
                                                        f"""tls_server_config: {{cert_file: {cert}, key_file: {key}}}
basic_auth_users: {{alice: {hashed("secret")}}}
"""))
        self.trace = self.folder + "/trace"
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bench.callback(manager.close)
        manager.bind(self.folder + "/notify")
        self.strace = bench.process(
            [need("strace"), "-f", "-o", self.trace, sys.argv[1], "--web.listen-address=localhost:0",
             f"--web.listen-address=unix:{self.folder}/http", *options],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "NOTIFY_SOCKET": self.folder + "/notify",
                                                    "WATCHDOG_USEC": "100000"})
        for line in self.strace.stderr:
            if found := re.search(r"listening address=127\.0\.0\.1:(\d+)", line):
                self.address = ("127.0.0.1", int(found[1]))
                break
        else:
            raise Skip("strace cannot trace here")
        with open(f"/proc/{self.strace.pid}/task/{self.strace.pid}/children", encoding="ascii") as file:
            self.pid = int(file.read().split()[0])

    def ask(self, path, headers=""):
        with contextlib.closing(socket.create_connection(self.address)) as plug:
            return self.ask_by(plug, path, headers)

    def ask_unix(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as plug:
            plug.connect(self.folder + "/http")
            return self.ask_by(plug, "/health")

    def ask_by(self, plug, path, headers=""):
        if self.context:
            plug = self.context.wrap_socket(plug, server_hostname="localhost")
            headers += "Authorization: Basic " + base64.b64encode(b"alice:secret").decode() + "\r\n"
        with plug:
            return raw(plug, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())

    def lines(self):
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        equal(self.strace.wait(), 0)
        return self.lines()


def exercise(bench, traced, name, worker):
    """Everything that an exporter does in its life."""
    true(traced.ask("/metrics").startswith(b"HTTP/1.1 200"), "an answer below strace")
    for accept in ("text/plain", "application/openmetrics-text",
                   "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"):
        traced.ask("/metrics", f"Accept: {accept}\r\nAccept-Encoding: gzip\r\n")
    for path in ("/health", "/", "/-/ready", "/-/healthy", "/none"):
        traced.ask(path)
    true(traced.ask_unix().startswith(b"HTTP/1.1 "), "an answer by the Unix socket")
    os.kill(traced.pid, signal.SIGHUP)
    wait_for(lambda: any("RELOADING=1" in line for line in traced.lines()), "a reload")
    worker.kill()
    traced.ask("/health")
    bench.feeder(name).do("many", 0, 5000)  # more memory than before
    os.truncate(segment_path(name), 4096)
    traced.ask("/metrics")
    with contextlib.suppress(OSError):
        traced.ask("/" + "x" * 100000)


@test
def the_exporter_needs_no_system_call_that_the_service_forbids(bench):
    allowed = allowed_calls()
    true({"epoll_wait", "accept4", "sendmsg"} <= allowed and not {"mount", "ptrace", "setuid", "bpf"} & allowed,
         "the filter was understood")
    for is_guarded in (False, True):
        name = bench.name()
        worker = bench.feeder(name)
        traced = Traced(bench, name, is_guarded)
        exercise(bench, traced, name, worker)
        wait_for(lambda at=traced: sum("WATCHDOG=1" in line for line in at.lines()) > 1, "signs of life")
        check(traced.end(), allowed)


def check(lines, allowed):
    calls = {found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line))}
    true({"accept4", "epoll_wait", "openat"} <= calls, f"the trace was read: {calls}")
    note(f"{len(calls)} different system calls, {len(allowed)} are allowed")
    equal(sorted(calls - allowed), [], "system calls beyond the filter")
    families = {found[1] for line in lines if (found := re.search(r"\bsocket\((\w+),", line))} - {"AF_NETLINK"}
    true("AF_UNIX" in families and families <= set(unit()["RestrictAddressFamilies"][0].split()), families)
    equal([line for line in lines if "PROT_EXEC" in line and ("PROT_WRITE" in line or " mprotect(" in line)], [],
          "memory to write and execute")


SECCOMP_ALLOW, SECCOMP_EAFNOSUPPORT = 0x7fff0000, 0x00050000 | errno.EAFNOSUPPORT
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # of classic BPF


class Filter(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint32)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]


def forbid_netlink():
    """As RestrictAddressFamilies= does; to be called by the child."""
    number = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
    code = (Filter * 6)(Filter(LOAD, 0, 0, 0), Filter(EQUAL, 0, 3, number), Filter(LOAD, 0, 0, 16),
                        Filter(EQUAL, 0, 1, socket.AF_NETLINK),
                        Filter(RETURN, 0, 0, SECCOMP_EAFNOSUPPORT), Filter(RETURN, 0, 0, SECCOMP_ALLOW))
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(6, code)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):  # NO_NEW_PRIVS, SECCOMP
        os._exit(77)


@test
def a_hosts_name_is_found_without_the_netlink_sockets_that_the_service_forbids(bench):
    true("AF_NETLINK" not in unit()["RestrictAddressFamilies"][0], "the service forbids them")
    probe = subprocess.run([sys.executable, "-c",
                            "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"], check=False,
                           preexec_fn=forbid_netlink, stderr=subprocess.PIPE, text=True)
    if probe.returncode == 77:
        raise Skip("no seccomp here")
    true("Address family not supported" in probe.stderr, "they are forbidden")
    exporter = bench.exporter("--web.listen-address=localhost:0", f"--segment={bench.name()}",
                              preexec_fn=forbid_netlink)
    equal(exporter.ask("/-/healthy").status, 200)


if __name__ == "__main__":
    main()
