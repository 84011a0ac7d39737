"""Clients of TLS that stall, idle, come in pieces or leave: they cost nothing, and nobody else waits for them."""
import contextlib
import socket
import ssl
import time

from certs import Authority
from lib import drain, equal, main, test, true
from tls_lib import serve, tls


def ticks_of_a_second(exporter):
    """CPU time that the exporter takes while nothing happens."""
    def ticks():
        with open(f"/proc/{exporter.pid}/stat", encoding="ascii") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

    before = ticks()
    time.sleep(1)
    return ticks() - before


@test
def an_idle_connection_costs_no_cpu_time(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    plug = tls(bench, exporter, authority.context())
    plug.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    true(b"200" in plug.recv(1000), "it answers")
    true(ticks_of_a_second(exporter) < 10, "it spins")


def client_hello(context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@test
def a_client_that_stalls_before_its_first_request_costs_no_cpu_time(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    hello = client_hello(authority.context())
    for sent in (b"", hello[:3], hello[:40], hello):
        bench.connect(exporter).sendall(sent)
    tls(bench, exporter, authority.context())
    tls(bench, exporter, authority.context()).sendall(b"GET /-/healthy HTT")
    equal(exporter.ask("/-/healthy").status, 200)
    true(ticks_of_a_second(exporter) < 10, "it spins")
    equal(exporter.stop(), 0)


@test
def a_first_request_that_comes_in_pieces_is_answered(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    for pieces in ((b"G", b"ET /-/healthy HTTP/1.1\r\nHo", b"st: x\r\nConnection: close\r\n\r", b"\n"),
                   (b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000,
                    b"y" * 3000 + b"\r\nConnection: close\r\n\r\n")):
        plug = tls(bench, exporter, authority.context())
        for piece in pieces:
            plug.sendall(piece)
            equal(exporter.ask("/-/healthy").status, 200)
        true(drain(plug).startswith(b"HTTP/1.1 200"), "an answer")


@test
def a_bad_first_request_is_refused_at_once(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, hand=bench.clock())  # which stands still: no limit of time ends a connection
    for request, status_line in ((b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400"),
                                 (b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 41"),
                                 (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100000 + b"\r\n\r\n", b"HTTP/1.1 4")):
        plug = tls(bench, exporter, authority.context())
        with contextlib.suppress(OSError):
            plug.sendall(request)
        got = b""
        with contextlib.suppress(OSError):
            got = plug.recv(1000)
        true(not got or got.startswith(status_line), got)


@test
def a_client_that_takes_its_answer_slowly_costs_no_cpu_time(bench):
    authority = Authority(bench.folder())
    name = bench.name()
    feeder = bench.feeder(name)
    for number in range(900):
        feeder.do("requests", "GET", f"{number:0200}", 1)
    exporter = serve(bench, authority, options=["--web.request-timeout=30", f"--segment={name}"])
    slow = authority.context().wrap_socket(bench.connect(exporter, window=4096), server_hostname="localhost")
    bench.callback(slow.close)
    slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)  # some megabytes, of which it takes a little
    true(slow.recv(1000).startswith(b"HTTP/1.1 200"), "it is answered")
    true(ticks_of_a_second(exporter) < 10, "it spins")


@test
def a_handshake_in_pieces_comes_to_its_end(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context()
        context.minimum_version = context.maximum_version = version
        plug = bench.connect(exporter)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

        def exchange(step):
            """Does a step of the client's, sending byte by byte, until it is done."""
            while True:
                try:
                    done = step()
                except ssl.SSLWantReadError:
                    done = None
                for byte in outgoing.read():
                    plug.sendall(bytes([byte]))
                if done is not None:
                    return done
                incoming.write(plug.recv(65536))

        exchange(lambda: client.do_handshake() or True)
        exchange(lambda: client.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"))
        true(b"200 OK" in exchange(lambda: client.read(4096)), version.name)


@test
def the_end_comes_while_handshakes_wait(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    whole = client_hello(authority.context())
    plugs = [bench.connect(exporter) for _ in range(20)]
    for number, plug in enumerate(plugs):
        plug.sendall(whole[:number * 20 + 1])
    equal(exporter.ask("/-/healthy").status, 200)
    equal(exporter.stop(), 0)


@test
def an_abrupt_end_of_a_session_harms_nobody(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    for cut in range(1, 60, 7):
        plug = socket.create_connection(("127.0.0.1", exporter.port))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        plug.sendall(outgoing.read()[:cut * 4])
        plug.close()
    equal(exporter.ask("/-/healthy").status, 200)
    equal(exporter.stop(), 0)


if __name__ == "__main__":
    main()
