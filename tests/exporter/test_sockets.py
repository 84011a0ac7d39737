"""Where the exporter listens: Unix sockets, sockets that a service manager passes, IPv6 and IPv4."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys

from lib import Skip, drain, equal, main, raw, test, true, wait_for

GET = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

# Puts the descriptors in its arguments where a service manager would, and becomes the program.
PASS = """
import fcntl, os, sys
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in sys.argv[1].split(",") if fd]
for number, fd in enumerate(fds):
    os.dup2(fd, 3 + number)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def passing(sockets, names, *options):
    """Arguments for subprocess: the exporter with these sockets at 3 and on."""
    numbers = [one.fileno() for one in sockets]
    return {"args": [sys.executable, "-c", PASS, ",".join(map(str, numbers)), names, sys.argv[1], *options],
            "pass_fds": numbers,
            "stderr": subprocess.PIPE, "text": True}


def wait_for_line(process, pattern):
    for line in process.stderr:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"the log ended without {pattern!r}")


def ask_unix(path):
    with socket.socket(socket.AF_UNIX) as plug:
        plug.connect(path)
        return raw(plug, GET)


def ask(address):
    with socket.create_connection(address) as plug:
        return raw(plug, GET)


def refused(arguments, *words, status=1):
    done = subprocess.run(**arguments, check=False)
    equal(done.returncode, status, done.stderr)
    lines = done.stderr.splitlines()
    equal(len(lines), 1, lines)
    for word in words:
        true(word in lines[0], f"{word!r} in {lines[0]!r}")


def start(bench, arguments):
    return bench.process(arguments.pop("args"), **arguments)


def plain(*options):
    return {"args": [sys.argv[1], *options], "stderr": subprocess.PIPE, "text": True}


@test
def a_unix_socket_is_served_beside_a_port_and_gone_at_the_end(bench):
    path = bench.folder() + "/http.sock"
    exporter = bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}")
    exporter.wait_for_log(f"listening address=unix:{re.escape(path)}")
    true(ask_unix(path).startswith(b"HTTP/1.1 200"), "an answer by the Unix socket")
    equal(exporter.ask("/-/healthy").status, 200)
    true(not any("other machines" in line for line in exporter.log), "nobody else can reach it")
    equal(exporter.stop(), 0)
    true(not os.path.exists(path), "the socket is removed")


@test
def a_unix_sockets_mode_is_the_one_that_was_asked_for_whatever_the_umask(bench):
    for options, mode in (([], 0o660), (["--web.unix-mode=666"], 0o666), (["--web.unix-mode=0600"], 0o600)):
        path = bench.folder() + "/http.sock"
        former = os.umask(0o077)
        try:
            bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}", *options)
        finally:
            os.umask(former)
        equal(stat.S_IMODE(os.stat(path).st_mode), mode, options)


@test
def a_dead_exporters_socket_is_replaced(bench):
    path = bench.folder() + "/http.sock"
    exporter = bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}")
    exporter.stop(signal.SIGKILL)
    true(stat.S_ISSOCK(os.stat(path).st_mode), "it left its socket behind")
    bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}")
    true(ask_unix(path).startswith(b"HTTP/1.1 200"), "an answer of the successor")


@test
def a_living_programs_socket_is_left_alone(bench):
    path = bench.folder() + "/http.sock"
    exporter = bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}")
    refused(plain(f"--web.listen-address=unix:{path}"), path, "another program listens there")
    true(ask_unix(path).startswith(b"HTTP/1.1 200"), "the first one answers still")
    equal(exporter.stop(), 0)


@test
def what_is_no_socket_is_left_alone(bench):
    folder = bench.folder()
    with open(folder + "/file", "w", encoding="ascii") as file:
        file.write("precious")
    os.symlink("nowhere", folder + "/link")
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bench.callback(datagrams.close)
    datagrams.bind(folder + "/datagrams")
    for name in ("file", "link", "datagrams"):
        refused(plain(f"--web.listen-address=unix:{folder}/{name}"), name, "something else")
        true(os.path.lexists(f"{folder}/{name}"), name)
    refused(plain(f"--web.listen-address=unix:{folder}/none/x"), "folder does not exist")
    with open(folder + "/file", encoding="ascii") as file:
        equal(file.read(), "precious")


@test
def a_socket_that_has_become_somebody_elses_is_not_removed(bench):
    path = bench.folder() + "/http.sock"
    exporter = bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}")
    os.unlink(path)
    other = socket.socket(socket.AF_UNIX)
    bench.callback(other.close)
    other.bind(path)
    equal(exporter.stop(), 0)
    true(os.path.exists(path), "it stays")


@test
def of_many_that_find_a_dead_socket_one_replaces_it(bench):
    path = bench.folder() + "/http.sock"
    bench.exporter(f"--web.listen-address=unix:{path}", f"--segment={bench.name()}").stop(signal.SIGKILL)
    processes = [bench.process([sys.argv[1], f"--web.listen-address=unix:{path}", f"--segment={bench.name()}"],
                               stderr=subprocess.PIPE, text=True) for _ in range(12)]
    wait_for(lambda: sum(one.poll() is not None for one in processes) == 11, "all but one give up")
    true(ask_unix(path).startswith(b"HTTP/1.1 200"), "the one that is left can be reached")


@test
def bad_paths_are_refused(bench):
    for path, word in (("http.sock", "absolute"), ("", "absolute"), ("@abstract", "absolute"), ("/run/", "absolute"),
                       ("/" + "x" * 107, "107 bytes")):
        refused(plain(f"--web.listen-address=unix:{path}"), "--web.listen-address=unix:", word, status=2)
    for mode in ("", "8", "1000", "rw", "00660"):
        refused(plain(f"--web.unix-mode={mode}"), "--web.unix-mode", "octal", status=2)


@test
def sockets_that_a_service_manager_passes_are_served(bench):
    path = bench.folder() + "/http.sock"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        address = tcp.getsockname()
        process = start(bench, passing([tcp, unix], "web:local", "--web.systemd-socket", f"--segment={bench.name()}"))
    wait_for_line(process, f"listening address=127.0.0.1:{address[1]}")
    wait_for_line(process, f"listening address=unix:{re.escape(path)}")
    true(ask(address).startswith(b"HTTP/1.1 200"), "an answer by the port")
    true(ask_unix(path).startswith(b"HTTP/1.1 200"), "an answer by the Unix socket")
    process.terminate()
    equal(process.wait(), 0)
    true(os.path.exists(path), "the socket's path belongs to who made it")


@test
def a_connection_that_came_before_the_exporter_is_answered(bench):
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        plug = socket.create_connection(tcp.getsockname())
        bench.callback(plug.close)
        plug.sendall(GET)
        start(bench, passing([tcp], "", "--web.systemd-socket", f"--segment={bench.name()}"))
        true(drain(plug).startswith(b"HTTP/1.1 200"), "an answer to who was early")


@test
def wrong_descriptors_are_refused_by_name(bench):
    with socket.socket() as mute, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, open(os.devnull,
                                                                                                      "rb") as file, \
            socket.create_server(("127.0.0.1", 0)) as fine, contextlib.ExitStack() as stack:
        refused(passing([fine, mute], "a:b", "--web.systemd-socket"), "descriptor 4 (b)", "Accept=no")
        refused(passing([datagrams], "", "--web.systemd-socket"), "descriptor 3 (?)", "ListenStream=")
        refused(passing([file], "log", "--web.systemd-socket"), "descriptor 3 (log)", "no socket")
        nine = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(9)]
        refused(passing(nine, "", "--web.systemd-socket"), "9 sockets", "at most 8")


@test
def sockets_for_another_process_and_none_at_all_are_refused(bench):
    for more in ({}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "x", "LISTEN_FDS": "1"}):
        refused({**plain("--web.systemd-socket"), "env": {**os.environ, **more}}, "no sockets were passed",
                "socket unit")


@test
def an_address_beside_the_passed_sockets_is_refused(bench):
    refused(plain("--web.systemd-socket", "--web.listen-address=127.0.0.1:0"), "--web.systemd-socket",
            "cannot be given", status=2)


@test
def a_port_alone_means_ipv6_and_ipv4(bench):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as why:
        raise Skip(f"no IPv6 here: {why}") from why
    exporter = bench.exporter("--web.listen-address=:0", f"--segment={bench.name()}", listen=False)
    port = int(exporter.wait_for_log(r"listening address=\[::\]:\d+").rsplit(":", 1)[1])
    for host in ("127.0.0.1", "::1"):
        true(ask((host, port)).startswith(b"HTTP/1.1 200"), host)


if __name__ == "__main__":
    main()
