"""What the HTTP side answers, refuses and cuts is seen in /metrics, and at info in the log."""
import http.client

from certs import hashed, write
from lib import drain, equal, main, raw, test, true, value, wait_for

CODES = "shmeter_exporter_http_requests_total"
CUT = "shmeter_exporter_http_connections_cut_total"
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"


def said(exporter, word):
    return sum(word in line for line in exporter.log if "level=info" in line)


@test
def answers_are_counted_by_their_status(bench):
    exporter = bench.exporter(f"--segment={bench.name()}")
    for code in ("400", "401", "413", "429", "431", "503"):
        equal(value(exporter.samples(), CODES, code=code), 0, code)
    for _ in range(3):
        exporter.ask("/none")
        exporter.ask("/-/ready")
        exporter.ask("/metrics", "POST")
    found = exporter.samples()
    equal([value(found, CODES, code=code) for code in ("200", "404", "405", "503")], [6, 3, 3, 3])
    equal(said(exporter, "refused"), 0, "none of them is a refusal")


@test
def refused_requests_are_counted_and_told_once_a_minute(bench):
    clock = bench.clock()
    exporter = bench.exporter(f"--segment={bench.name()}", hand=clock)
    heads = {400: GET + b"X : y\r\n\r\n", 413: GET + b"Content-Length: 5\r\n\r\n", 431: GET + b"X: " + b"x" * 30000 + b"\r\n\r\n",
             414: b"GET /" + b"x" * 30000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 505: b"GET / HTTP/2.0\r\n\r\n"}
    for turn in (1, 2, 3):
        for code, head in heads.items():
            try:
                true(raw(bench.connect(exporter), head).startswith(b"HTTP/1.1 %d" % code), code)
            except ConnectionError:  # it ends before it has read all
                pass
            equal(value(exporter.samples(), CODES, code=str(code)), turn, code)
        if turn == 2:
            clock.advance(61)
    exporter.stop()
    for code in heads:
        equal([line.split("requests=")[1].strip() for line in exporter.log if f"refused\" code={code} " in line], ["1", "2"], code)


@test
def refused_passwords_and_rates_are_counted_and_told(bench):
    path = write(bench.folder() + "/web.yml", f"basic_auth_users: {{alice: '{hashed('secret')}'}}\nrate_limit: {{interval: 1h, burst: 4}}\n")
    exporter = bench.exporter(f"--web.config.file={path}", f"--segment={bench.name()}")
    equal([exporter.ask("/").status for _ in range(2)], [401, 401])
    right = {"Authorization": "Basic YWxpY2U6c2VjcmV0"}
    found = exporter.ask("/metrics", headers=right)
    equal(found.status, 200)
    true(f'{CODES}{{code="401"}} 2\n' in found.body.decode(), "in /metrics")
    equal([exporter.ask("/", headers=right).status for _ in range(3)], [200, 429, 429])
    exporter.wait_for_log("level=info.*requests are refused.*code=401 requests=1\\b")
    exporter.wait_for_log("level=info.*requests are refused.*code=429 requests=1\\b")
    exporter.stop()
    equal((said(exporter, "code=401"), said(exporter, "code=429")), (1, 1))


@test
def connections_that_are_cut_are_counted_by_their_reason(bench):
    clock = bench.clock()
    exporter = bench.exporter("--web.max-connections-per-address=3", "--web.request-timeout=15", f"--segment={bench.name()}", hand=clock)
    idle = http.client.HTTPConnection("127.0.0.1", exporter.port)
    bench.callback(idle.close)
    late = [bench.connect(exporter) for _ in range(2)]
    for plug in late:
        plug.sendall(b"GET")

    def ask():
        idle.request("GET", "/metrics")
        text = idle.getresponse().read().decode()
        return {line.split('reason="')[1].split('"')[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith(CUT)}

    equal(ask(), {"late": 0, "full": 0, "address": 0, "descriptors": 0, "slow": 0})
    extra = bench.connect(exporter)
    drain(late[0])
    equal(ask(), {"late": 0, "full": 0, "address": 1, "descriptors": 0, "slow": 0})
    clock.advance(16)
    wait_for(lambda: ask()["late"] == 2, "the slow ones are cut")
    drain(extra)
    exporter.wait_for_log("level=info.*max-connections-per-address.*reason=address connections=1")
    exporter.wait_for_log("level=info.*request-timeout.*reason=late connections=")


@test
def connections_are_counted(bench):
    exporter = bench.exporter("--web.max-connections=2", f"--segment={bench.name()}")
    plugs = [bench.connect(exporter) for _ in range(2)]
    plugs[0].sendall(b"G")
    wait_for(lambda: value(exporter.samples(), CUT, reason="full") > 0, "one makes room")
    found = exporter.samples()
    true(1 <= value(found, "shmeter_exporter_http_connections") <= 3, "those that are open")
    true(value(found, "shmeter_exporter_http_connections_total") > 3, "all")


if __name__ == "__main__":
    main()
