"""The example pool: it serves, it counts, it replaces the dead, it stops.

Usage: test_pool.py POOL
"""
import contextlib
import os
import queue
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test  # noqa: E402

POOL = sys.argv[1]
HOST = b"Host: x\r\n\r\n"


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="shmeter-pool-", dir="/dev/shm") as path:
        yield path


class Pool:
    def __init__(self, segment, *options):
        self.process = subprocess.Popen([POOL, "--segment", segment, *options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.said = []
        serving = self.expect(r"http://127\.0\.0\.1:(\d+)/ with (\d+) workers")
        self.port = int(serving[1])
        self.workers = [self.worker() for _ in range(int(serving[2]))]

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def expect(self, pattern):
        while True:
            line = self.lines.get()
            assert line is not None, f"{pattern} was not said, but: {self.said}"
            self.said.append(line)
            match = re.search(pattern, line)
            if match:
                return match

    def worker(self):
        return int(self.expect(r"worker \d+ is process (\d+)")[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def talk(port, request, answers):
    """Sends bytes; returns the status codes of so many answers, and whether the server closed the connection."""
    with socket.create_connection(("127.0.0.1", port)) as plug:
        plug.sendall(request)
        stream, codes = plug.makefile("rb"), []
        while len(codes) < answers:
            codes.append(read_answer(stream, request.startswith(b"HEAD")))
        plug.shutdown(socket.SHUT_WR)
        return codes


def read_answer(stream, head):
    status = stream.readline()
    assert status.startswith(b"HTTP/1.1 "), status
    length = 0
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
    assert head or len(stream.read(length)) == length
    return int(status.split()[1])


def series(path):
    """The pool's request counts, read from the segment by a reader that is not the pool: (method, route, status) ->
    count."""
    values = {}
    text = subprocess.run([os.path.join(os.path.dirname(POOL), "../../cli/shmeter"), "dump", path], capture_output=True,
                          text=True,
                          check=True).stdout
    for labels, value in re.findall(r"^pool_requests_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        have = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        values[have["method"], have["route"], have["status"]] = int(value)
    return values


@test
def routes_and_methods_have_their_answers_and_are_counted():
    with folder() as where, Pool(where + "/s", "--workers", "2") as pool:
        for request, code in ((b"GET / HTTP/1.1\r\n", 200), (b"GET /items/7?x=1 HTTP/1.1\r\n", 200),
                              (b"GET /slow HTTP/1.1\r\n", 200),
                              (b"GET /fail HTTP/1.1\r\n", 500), (b"GET /no HTTP/1.1\r\n", 404),
                              (b"GET /items/ HTTP/1.1\r\n", 404),
                              (b"GET /items/1/2 HTTP/1.1\r\n", 404), (b"HEAD /items/8 HTTP/1.1\r\n", 200),
                              (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n", 405), (b"BREW / HTTP/1.1\r\n", 405)):
            body = b"hello" if b"Content-Length" in request else b""
            assert talk(pool.port, request + HOST + body, 1) == [code], request
        assert series(where + "/s") == {
            ("GET", "/", "200"): 1, ("GET", "/items/{id}", "200"): 1, ("GET", "/slow", "200"): 1,
            ("GET", "/fail", "500"): 1,
            ("GET", "unmatched", "404"): 3, ("HEAD", "/items/{id}", "200"): 1, ("POST", "unmatched", "405"): 1,
            ("OTHER", "unmatched", "405"): 1}, series(where + "/s")


@test
def a_connection_is_kept_and_requests_may_come_together():
    with folder() as where, Pool(where + "/s", "--workers", "1") as pool:
        many = (b"GET / HTTP/1.1\r\n" + HOST + b"GET /fail HTTP/1.1\r\n" + HOST) * 40
        assert talk(pool.port, many, 80) == [200, 500] * 40
        post = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n" + HOST + b"hello"
        assert talk(pool.port, post + b"GET / HTTP/1.1\r\n" + HOST, 2) == [405, 200]


@test
def a_request_may_come_byte_by_byte():
    with folder() as where, Pool(where + "/s", "--workers", "1") as pool:
        with socket.create_connection(("127.0.0.1", pool.port)) as plug:
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
                plug.sendall(bytes([byte]))
            assert read_answer(plug.makefile("rb"), False) == 405


@test
def what_is_no_request_is_refused_and_counted_as_invalid():
    with folder() as where, Pool(where + "/s", "--workers", "1") as pool:
        bad = ((b"nonsense\r\n\r\n", 400), (b"\0\1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
               (b"GET / HTTP/2.0\r\n" + HOST, 400),
               (b"GET / HTTP/1.1\r\nno colon\r\n" + HOST, 400), (b"GET / HTTP/1.1\r\nHost: y\r\n" + HOST, 400),
               (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" + HOST, 400),
               (b"GET / HTTP/1.1\r\nContent-Length: x\r\n" + HOST, 400),
               (b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" + HOST, 413),
               (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST, 501), (b"G" * 8192, 431))
        for request, code in bad:
            with socket.create_connection(("127.0.0.1", pool.port)) as plug:
                plug.sendall(request)
                stream = plug.makefile("rb")
                assert read_answer(stream, False) == code, request[:60]
                assert stream.read() == b"", "the connection stays open"
        counts = series(where + "/s")
        assert {(method, route) for method, route, _ in counts} == {("OTHER", "invalid")}, counts
        assert sum(counts.values()) == len(bad), counts


@test
def a_killed_worker_is_replaced_and_its_counts_stay():
    with folder() as where, Pool(where + "/s", "--workers", "2") as pool:
        workers = pool.workers
        for round_ in range(3):
            assert talk(pool.port, b"GET / HTTP/1.1\r\n" + HOST, 1) == [200]
            os.kill(workers[0], signal.SIGKILL)
            workers = [workers[1], pool.worker()]
            assert series(where + "/s")["GET", "/", "200"] == round_ + 1
        assert talk(pool.port, b"GET / HTTP/1.1\r\n" + HOST, 1) == [200]
        assert series(where + "/s") == {("GET", "/", "200"): 4}


@test
def it_stops_with_all_its_workers():
    for number in (signal.SIGTERM, signal.SIGINT):
        with folder() as where, Pool(where + "/s", "--workers", "3") as pool:
            assert pool.stop(number) == 0
            alive = [pid for pid in pool.workers if os.path.exists(f"/proc/{pid}")]
            assert not alive, alive


@test
def its_workers_end_when_it_is_killed():
    with folder() as where, Pool(where + "/s", "--workers", "3") as pool:
        workers = list(map(os.pidfd_open, pool.workers))
        pool.process.kill()
        pool.process.wait()
        for worker in workers:
            select.select([worker], [], [])  # until it has ended
            os.close(worker)


@test
def it_serves_without_a_segment_and_says_so():
    with Pool("/no/such/folder/s", "--workers", "1") as pool:
        assert any("no metrics" in line and "/no/such/folder" in line for line in pool.said), pool.said
        assert talk(pool.port, b"GET / HTTP/1.1\r\n" + HOST, 1) == [200]


@test
def a_port_in_use_and_bad_options_are_errors():
    with socket.socket() as taken, folder() as where:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for options, code, words in ((["--port", str(port)], 1, f"cannot have port {port}"),
                                     (["--workers", "0"], 2, "--workers"),
                                     (["--port", "65536"], 2, "--port"), (["--port", "x"], 2, "--port"),
                                     (["--nonsense"], 2, "")):
            done = subprocess.run([POOL, "--segment", where + "/s", *options], capture_output=True, text=True,
                                  check=False)
            assert done.returncode == code and words in done.stderr, done
            assert not os.path.exists(where + "/s"), "it made a segment before it knew that it can serve"


if __name__ == "__main__":
    main()
