"""HTTP as clients of all sorts speak it: well, badly, slowly, and many at once."""

import contextlib
import gzip
import os
import select
import socket
import struct

from lib import drain, equal, main, note, raw, test, true, value, wait_for

TEXT = "text/plain; version=0.0.4; charset=utf-8"
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def status_of(answer):
    true(answer.startswith(b"HTTP/1.1 "), f"an answer: {answer[:80]!r}")
    return int(answer[9:12])


def rss_anon(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))


@test
def metrics_have_the_type_that_prometheus_reads(bench):
    response = bench.exporter(f"--segment={bench.name()}").ask("/metrics")
    equal(response.status, 200)
    equal(response.getheader("Content-Type"), TEXT)
    equal(int(response.getheader("Content-Length")), len(response.body))


PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@test
def the_format_is_the_one_that_the_client_likes_best(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 1)
    exporter = bench.exporter(f"--segment={name}")
    for accept, content_type in ((OPENMETRICS, OPENMETRICS), (PROTOBUF, PROTOBUF), ("text/plain", TEXT), ("*/*", TEXT),
                                 ("application/json", TEXT),
                                 ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;q=0.2", OPENMETRICS)):
        response = exporter.ask("/metrics", headers={"Accept": accept})
        equal((response.status, response.getheader("Content-Type")), (200, content_type), accept)
        equal(response.getheader("Vary"), "Accept, Accept-Encoding", accept)
        equal(response.body.endswith(b"# EOF\n"), content_type == OPENMETRICS, accept)
        if content_type != PROTOBUF:
            true(b'\nshop_requests_total{method="GET",status="200"} 1\n' in response.body, accept)
        else:
            true(b"shop_requests_total" in response.body and b"# TYPE" not in response.body, accept)


@test
def several_accept_lines_are_one_list(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    got = raw(bench.connect(exporter),
              b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/plain;q=0.2\r\n"
              b"Accept: application/openmetrics-text;q=0.3\r\n\r\n")
    true(f"Content-Type: {OPENMETRICS}".encode() in got, got[:400])


@test
def who_asks_for_gzip_gets_the_same_bytes_compressed(bench):
    name = bench.name()
    bench.feeder(name).do("many", 0, 900)
    exporter = bench.exporter(f"--segment={name}")
    for accept in (OPENMETRICS, "text/plain"):
        plain = exporter.ask("/metrics", headers={"Accept": accept})
        packed = exporter.ask("/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
        equal(plain.getheader("Content-Encoding"), None)
        equal(packed.getheader("Content-Encoding"), "gzip")
        equal(packed.getheader("Content-Type"), plain.getheader("Content-Type"))
        equal(packed.getheader("Vary"), "Accept, Accept-Encoding")
        true(len(packed.body) < len(plain.body) / 4, f"{len(plain.body)} bytes, compressed {len(packed.body)}")
        shop = [[line for line in body.splitlines() if line.startswith(b"shop_")]
                for body in (plain.body, gzip.decompress(packed.body))]
        equal(len(shop[0]), 900)
        equal(shop[0], shop[1], "the series of the application")
    answers = exporter.samples()
    for form in ("text", "openmetrics"):
        for coding in ("identity", "gzip"):
            true(value(answers, "shmeter_exporter_scrapes_total", format=form, coding=coding) == 1, (form, coding))


@test
def every_answer_forbids_sniffing_and_names_no_server(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    for path in ("/metrics", "/health", "/-/healthy", "/-/ready", "/", "/none"):
        response = exporter.ask(path)
        equal(response.getheader("X-Content-Type-Options"), "nosniff", path)
        equal(response.getheader("Server"), None, path)
    equal(exporter.ask("/-/healthy", "POST").getheader("X-Content-Type-Options"), "nosniff")


@test
def head_is_get_without_the_body(bench):
    name = bench.name()
    bench.feeder(name).do("requests", "GET", "200", 1)
    exporter = bench.exporter(f"--segment={name}")
    for path in ("/metrics", "/health", "/-/healthy", "/-/ready", "/", "/none"):
        head, get = exporter.ask(path, "HEAD"), exporter.ask(path)
        equal(head.status, get.status, path)
        equal(head.body, b"", path)
        for name in ("Content-Type", "Vary", "Cache-Control"):
            equal(head.getheader(name), get.getheader(name), path)
        true(int(head.getheader("Content-Length")) > 0, path)


@test
def other_methods_are_refused_with_those_that_are_allowed(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FROB"):
        for path in ("/metrics", "/-/healthy", "/none"):
            response = exporter.ask(path, method)
            equal(response.status, 405, f"{method} {path}")
            equal(response.getheader("Allow"), "GET, HEAD")


@test
def unknown_paths_are_not_found(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    for path in ("/metric", "/metrics/", "//metrics", "/-/reload/", "/health/", "/%6detrics", "/metrics%00", "*"):
        equal(exporter.ask(path).status, 404, path)


@test
def a_query_is_ignored(bench):
    equal(bench.exporter(f"--segment={bench.name()}").ask("/metrics?a=b&c").status, 200)


@test
def a_whole_uri_is_understood(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    answer = raw(bench.connect(exporter), b"GET http://x:1/-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    equal(status_of(answer), 200)


@test
def a_body_is_refused_and_ends_the_connection(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    cases = {
        b"Content-Length: 5\r\n": 413,
        b"Content-Length: 0\r\nContent-Length: 0\r\n": 400,
        b"Content-Length: 0\r\nContent-Length: 5\r\n": 400,
        b"Transfer-Encoding: chunked\r\n": 400,
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n": 400,
        b"transfer-encoding: gzip, chunked\r\n": 400,
    }
    for headers, status in cases.items():
        for method in (b"GET", b"POST"):
            plug = bench.connect(exporter)
            smuggled = b"5\r\nhello\r\n0\r\n\r\n" + GET
            answer = raw(plug, method + b" /metrics HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + smuggled)
            equal(status_of(answer), status, headers)
            true(b"shmeter_segments" not in answer, "what follows is not taken for a request")
            equal(answer.count(b"HTTP/1.1 "), 1, headers)
            plug.close()
    equal(exporter.ask("/-/healthy").status, 200)


@test
def a_malformed_head_is_refused_once_and_ends_the_connection(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    good = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
    for head in (good + b"Content-Length : 45\r\n", good + b"Transfer-Encoding : chunked\r\n",
                 good + b"Content-Length\t: 45\r\n",
                 good + b"X\0: y\r\n", good + b"X(: y\r\n", good + b"X\xe4: y\r\n",
                 b"GET /metrics HTTP/1.1\r\nContent-Length: 0\r\n",
                 b"GET /met rics HTTP/1.1\r\nHost: x\r\n", b"GET /met\trics HTTP/1.1\r\nHost: x\r\n"):
        answer = raw(bench.connect(exporter), head + b"\r\n" + GET)
        equal((status_of(answer), answer.count(b"HTTP/1.1 ")), (400, 1), head)
    equal(exporter.ask("/-/healthy").status, 200)


@test
def an_empty_body_is_no_body(bench):
    for length in ("0", "00"):
        equal(bench.exporter(f"--segment={bench.name()}").ask("/metrics", headers={"Content-Length": length}).status,
              200)


@test
def one_connection_takes_many_requests(bench):
    connection = bench.exporter(f"--segment={bench.name()}").connection()
    for _ in range(20):
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        true(b"shmeter_segments" in response.read() and response.status == 200, "an answer")


@test
def a_hundred_pipelined_requests_are_answered_in_order(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    paths = [b"/metrics", b"/-/healthy", b"/none", b"/health"]
    wanted = [200, 200, 404, 503]
    request = b"".join(b"GET " + paths[i % 4] + b" HTTP/1.1\r\nHost: x\r\n" +
                       (b"Connection: close\r\n" if i == 99 else b"") + b"\r\n" for i in range(100))
    answer = raw(bench.connect(exporter), request)
    found = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
    equal(found, [wanted[i % 4] for i in range(100)])


@test
def a_megabyte_of_headers_is_refused(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    plug = bench.connect(exporter)
    answer = b""
    try:
        plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X-Filler: " + b"x" * (1 << 20) + b"\r\n\r\n")
    except ConnectionError:
        pass  # it may stop reading before all is sent
    try:
        answer = drain(plug)
    except ConnectionError:
        pass
    true(not answer or status_of(answer) in (413, 414, 431), answer[:80])
    equal(exporter.ask("/-/healthy").status, 200)


@test
def garbage_does_no_harm(bench):
    exporter = bench.exporter(f"--segment={bench.name()}", "--web.request-timeout=1")
    for request in (b"\0" * 100, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\r\n" * 50,
                    b"GET /\0metrics HTTP/1.1\r\n\r\n",
                    b"GET /metrics\rX: y HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200,
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256)) * 8):
        plug = bench.connect(exporter)
        plug.sendall(request)
        plug.shutdown(socket.SHUT_WR)
        drain(plug)
        plug.close()
        # Somebody who has no CPU for a second is cut too, and comes again.
        wait_for(lambda: exporter.ask("/-/healthy").status == 200, f"an answer after {request[:40]}")


@test
def a_client_that_has_shut_its_sending_side_gets_its_answer(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    plug = bench.connect(exporter)
    plug.sendall(GET)
    plug.shutdown(socket.SHUT_WR)
    equal(status_of(drain(plug)), 200)


@test
def clients_that_vanish_leave_nothing_behind(bench):
    name = bench.name()
    bench.feeder(name, max_series=30000).do("many", 0, 20000)
    exporter = bench.exporter(f"--segment={name}")
    exporter.text()
    before = value(exporter.samples(), "process_open_fds")
    for _ in range(40):
        plug = bench.connect(exporter)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plug.sendall(GET)
        plug.close()  # a reset, while the answer is made or sent
    wait_for(lambda: value(exporter.samples(), "process_open_fds") <= before, "their descriptors are closed")


@test
def scrapes_at_the_same_time_share_a_round_and_are_all_whole(bench):
    name = bench.name()
    bench.feeder(name, max_series=50000).do("many", 0, 40000)
    exporter = bench.exporter(f"--segment={name}")
    exporter.text()
    plugs = [bench.connect(exporter) for _ in range(32)]
    for plug in plugs:
        plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    bodies = [drain(plug).split(b"\r\n\r\n", 1)[1] for plug in plugs]
    for body in bodies:
        equal(body.count(b"\nshop_many_total{"), 40000, "series in a scrape")
        true(body.endswith(b"\n"), "the end of a scrape")
    note(f"{len(set(bodies))} rounds for {len(bodies)} scrapes")
    true(len(set(bodies)) < len(bodies), "at least two scrapes share a round")


@test
def slow_clients_do_not_keep_an_honest_one_waiting(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    before = rss_anon(exporter.pid)
    slow = [bench.connect(exporter) for _ in range(300)]  # more than the exporter keeps from one address, and in all
    for number, plug in enumerate(slow):
        try:
            plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"[:1 + number % 30])
        except ConnectionError:
            pass
        if number % 20 == 0:
            equal(exporter.ask("/metrics").status, 200)
    equal(exporter.ask("/metrics").status, 200)
    note(f"RssAnon {before} KiB before and {rss_anon(exporter.pid)} KiB with 300 slow clients")


@test
def clients_that_never_take_their_answer_do_not_keep_an_honest_one_waiting(bench):
    name = bench.name()
    bench.feeder(name, max_series=250000).do("many", 0, 200000)
    # An answer's room is reserved, and takes memory as it is written: unless the allocator writes into all of it.
    exporter = bench.exporter(f"--segment={name}", env={**os.environ, "MALLOC_PERTURB_": "0"})
    exporter.text()
    before = rss_anon(exporter.pid)
    for _ in range(64):
        plug = bench.connect(exporter, window=4096)
        plug.sendall(GET)
        plug.recv(1)  # it has begun to take an answer, of a round of its own, larger than what the kernel buffers
    text = exporter.text()
    equal(text.count("\nshop_many_total{"), 200000)
    after = rss_anon(exporter.pid)
    note(f"RssAnon {before} KiB before and {after} KiB with 64 clients that take nothing of {len(text) >> 10} KiB")
    true(after < before + (96 << 10), "what waits to be taken is bounded")


@test
def a_request_that_never_ends_is_cut_however_lively_it_is(bench):
    clock = bench.clock()
    exporter = bench.exporter(f"--segment={bench.name()}", "--web.request-timeout=15", hand=clock)
    plug = bench.connect(exporter)
    for byte in b"GET /metrics HTTP":
        plug.sendall(bytes([byte]))
        equal(exporter.ask("/-/healthy").status, 200)  # the loop has seen the byte
        true(not select.select([plug], [], [], 0)[0], "it is cut too early")
        clock.advance(14 / 17)
    clock.advance(1.1)
    with contextlib.suppress(ConnectionError):
        equal(plug.recv(100), b"", "it is cut although bytes kept coming")
    equal(exporter.ask("/metrics").status, 200)


@test
def an_answer_that_is_never_taken_is_cut(bench):
    name = bench.name()
    bench.feeder(name, max_series=50000).do("many", 0, 40000)
    clock = bench.clock()
    exporter = bench.exporter(f"--segment={name}", "--web.request-timeout=15", hand=clock)
    plug = bench.connect(exporter, window=4096)
    plug.sendall(GET * 4)
    before = value(exporter.samples(), "process_open_fds")
    wait_for(lambda: clock.advance(5) or value(exporter.samples(), "process_open_fds") < before,
             "its descriptor is closed")


@test
def an_old_client_is_answered(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    answer = raw(bench.connect(exporter), b"GET /metrics HTTP/1.0\r\n\r\n")
    equal(status_of(answer), 200)
    true(answer.endswith(b"\n"), "and the connection ends with the answer")


@test
def a_request_without_a_host_is_refused(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    answer = raw(bench.connect(exporter), b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
    equal(status_of(answer), 400)


@test
def a_request_with_two_hosts_is_refused(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    answer = raw(bench.connect(exporter), b"GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
    equal(status_of(answer), 400)
    true(b"more than one host" in answer, answer)


@test
def what_is_no_request_for_a_page_gets_none(bench):
    exporter, hasty = (bench.exporter(f"--segment={bench.name()}", *options)
                       for options in ([], ["--web.request-timeout=1"]))
    for request, status in ((b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n", 405), (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n", 405),
                            (b"get /metrics HTTP/1.1\r\nHost: x\r\n", 405),
                            (b"GET /metrics%00 HTTP/1.1\r\nHost: x\r\n", 404),
                            (b"GET /metrics%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n", 404),
                            (b"GET /metrics\rX: y HTTP/1.1\r\nHost: x\r\n", None),
                            (b"GET /metrics\nX: y HTTP/1.1\r\nHost: x\r\n", None), (b"GET /metrics\r\n", None),
                            (b"\0\0\0 /metrics HTTP/1.1\r\nHost: x\r\n", None)):
        # Some look as if more had to come.
        answer = raw(bench.connect(exporter if status else hasty), request + b"Connection: close\r\n\r\n")
        true(b"shmeter_segments" not in answer and b"HTTP/1.1 200" not in answer, f"{request!r}: {answer[:300]!r}")
        if status:
            equal(status_of(answer), status, request)


@test
def expectations_of_a_body_are_not_encouraged(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    answer = raw(bench.connect(exporter),
                 b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    equal(status_of(answer), 413)


if __name__ == "__main__":
    main()
