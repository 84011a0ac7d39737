"""Passwords and the rate of requests: who is let in, and that guessing delays nobody else."""
import base64
import concurrent.futures
import contextlib
import http.client
import re
import select
import signal

from certs import hashed, write
from lib import equal, main, raw, test, true, wait_for


def serve(bench, users, more="", options=(), hand=None):
    """users: name -> hash."""
    path = write(bench.folder() + "/web.yml", "basic_auth_users:\n" +
                 "".join(f"  '{user}': '{value}'\n" for user, value in users.items()) + more)
    exporter = bench.exporter(f"--web.config.file={path}", f"--segment={bench.name()}", *options, hand=hand)
    exporter.file = path
    return exporter


def header(user, password):
    user, password = (text.encode() if isinstance(text, str) else text for text in (user, password))
    return {"Authorization": "Basic " + base64.b64encode(user + b":" + password).decode()}


def status(exporter, user, password, path="/-/healthy", **more):
    return exporter.ask(path, headers=header(user, password), **more).status


def from_address(exporter, address, headers, path="/-/healthy"):
    """The status that a client of another loopback address gets."""
    connection = http.client.HTTPConnection("127.0.0.1", exporter.port, source_address=(address, 0))
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


@test
def every_page_wants_a_name_and_a_password(bench):
    exporter = serve(bench, {"alice": hashed("secret")})
    for path in ("/", "/metrics", "/health", "/-/healthy", "/-/ready", "/none"):
        answer = exporter.ask(path)
        equal(answer.status, 401, path)
        true(answer.getheader("WWW-Authenticate").startswith("Basic "), path)
        true(b"shmeter_" not in answer.body, "nothing is told")
    for path, wanted in (("/", 200), ("/metrics", 200), ("/-/healthy", 200), ("/none", 404)):
        equal(status(exporter, "alice", "secret", path), wanted, path)
    equal(status(exporter, "alice", "secret", method="HEAD"), 200)
    equal(status(exporter, "alice", "secret", method="POST"), 405)
    equal(exporter.ask("/metrics", method="POST").status, 401)


@test
def only_the_right_password_of_a_user_is_taken(bench):
    users = {"alice": "secret", "bob": "other", "müller": "pässwörd:with:colons", "long": "x" * 80, "nothing": ""}
    exporter = serve(bench, {user: hashed(password) for user, password in users.items()})
    for _ in range(2):  # and so say the results that are remembered
        for user, password in users.items():
            equal(status(exporter, user, password), 200, user)
            for other in set(users.values()) - {password}:
                equal(status(exporter, user, other), 401, (user, other))
        for user, password in (("carol", "secret"), ("", "secret"), ("Alice", "secret"), ("alice", "Secret"),
                               ("alice", "secret "), ("alice", "secret\0"), ("alice", "y" * 600), ("alice ", "secret")):
            equal(status(exporter, user, password), 401, (user, password))
    equal(status(exporter, "long", "x" * 72), 200, "72 bytes count")


@test
def hashes_of_other_programs_are_taken(bench):
    users = {letter: hashed("secret").replace("$2y$", f"$2{letter}$", 1) for letter in "aby"}
    exporter = serve(bench, users)
    for user in users:
        equal(status(exporter, user, "secret"), 200, user)


@test
def a_header_with_two_readings_is_refused(bench):
    exporter = serve(bench, {"alice": hashed("secret")})
    good = base64.b64encode(b"alice:secret").decode()
    equal(exporter.ask("/-/healthy", headers={"Authorization": "basic  " + good}).status, 200, "case of the scheme")
    for value in ("", "Basic", "Basic ", good, "Bearer " + good, "Basic" + good, "Basic " + good[:-1],
                  "Basic " + good + "=",
                  "Basic " + good + "AAAA", "Basic !" + good[1:], "Basic " + good[:4] + "\t" + good[4:],
                  "Basic " + base64.b64encode(b"alice").decode()):
        equal(exporter.ask("/-/healthy", headers={"Authorization": value}).status, 401, value)


@test
def requests_of_one_connection_are_asked_one_by_one(bench):
    exporter = serve(bench, {"alice": hashed("secret")})
    good = base64.b64encode(b"alice:secret")
    one = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n"
    got = raw(bench.connect(exporter), one + b"Authorization: Basic " + good + b"\r\n\r\n" + one + b"\r\n" +
              one + b"Authorization: Basic " + good + b"\r\nConnection: close\r\n\r\n")
    equal(re.findall(rb"HTTP/1\.1 (\d+)", got), [b"200", b"401", b"200"])


@test
def guessing_does_not_delay_a_scrape_whose_password_is_known(bench):
    hashes = bench.hashes()
    exporter = serve(bench, {"alice": hashed("secret")}, hand=hashes)
    equal(status(exporter, "alice", "secret", "/metrics"), 200)
    hashes.hold(True)
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        try:
            guesses = [pool.submit(from_address, exporter, f"127.0.0.{2 + number % 50}",
                                   header("alice", f"wrong{number}"))
                       for number in range(200)]
            wait_for(lambda: hashes.begun() == 2 and any(guess.done() for guess in guesses),
                     "a hash that does not end, and too many who wait")
            for _ in range(20):
                equal(status(exporter, "alice", "secret", "/metrics"), 200)
            equal(hashes.begun(), 2, "one guess is being looked at all along")
        finally:
            hashes.hold(False)
        got = {guess.result() for guess in guesses}
    true(got <= {401, 503}, got)


@test
def one_address_does_not_take_all_places(bench):
    exporter = serve(bench, {"alice": hashed("secret", 12)})
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        guesses = [pool.submit(from_address, exporter, "127.0.0.2", header("alice", f"wrong{number}"))
                   for number in range(30)]
        wait_for(lambda: any(guess.done() and guess.result() == 503 for guess in guesses),
                 "an answer that it is too much")
        equal(from_address(exporter, "127.0.0.3", header("alice", "secret")), 200, "another address")
        for guess in guesses:
            guess.result()


@test
def a_refusal_for_want_of_places_says_when_to_try_again(bench):
    hashes = bench.hashes()
    exporter = serve(bench, {"alice": hashed("secret")}, hand=hashes)
    hashes.hold(True)
    plugs = []
    for number in range(12):
        plugs.append(bench.connect(exporter))
        credentials = header("alice", f"wrong{number}")["Authorization"]
        request = f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {credentials}\r\nConnection: close\r\n\r\n"
        plugs[-1].sendall(request.encode())
    select.select(plugs, [], [])
    hashes.hold(False)
    got = [raw(plug, b"") for plug in plugs]
    full = [text for text in got if text.startswith(b"HTTP/1.1 503")]
    true(full and all(b"\r\nRetry-After: 1\r\n" in text for text in full), got)
    true(any(text.startswith(b"HTTP/1.1 401") for text in got), got)


@test
def probes_need_no_password_when_that_is_said(bench):
    path = write(bench.folder() + "/web.yml", f"basic_auth_users:\n  alice: {hashed('secret')}\n")
    name = bench.name()
    bench.feeder(name)
    for options, wanted in (([], 401), (["--web.probes-without-password"], 200)):
        exporter = bench.exporter(f"--web.config.file={path}", f"--segment={name}", *options)
        for probe in ("/-/healthy", "/-/ready", "/-/ready?x=y"):
            equal(exporter.ask(probe).status, wanted, probe)
            equal(exporter.ask(probe, headers={"Authorization": "Basic bm86bm8="}).status, wanted, "whatever it says")
        for other in ("/metrics", "/health", "/", "/none", "/-/healthy/", "/api/v1/summary"):
            equal(exporter.ask(other).status, 401, other)
        equal(exporter.ask("/-/reload", "POST").status, 401)


@test
def scrapes_at_once_with_one_password_cost_one_hash(bench):
    hashes = bench.hashes()
    exporter = serve(bench, {"alice": hashed("secret")}, hand=hashes)
    equal(status(exporter, "alice", "x"), 401)
    hashes.hold(True)
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        scrapes = [pool.submit(status, exporter, "alice", "secret") for _ in range(30)]
        wait_for(lambda: hashes.begun() == 2, "the hash that all of them wait for")
        hashes.hold(False)
        equal({scrape.result() for scrape in scrapes}, {200})
    for _ in range(30):
        equal(status(exporter, "alice", "secret"), 200)
        equal(status(exporter, "alice", "x"), 401)
    equal(hashes.begun(), 2, "hashes that were computed")


@test
def an_unknown_name_costs_the_hash_of_a_known_one(bench):
    hashes = bench.hashes()
    exporter = serve(bench, {"alice": hashed("secret", 7)}, hand=hashes)
    for user in ("alice", "nobody"):
        equal(status(exporter, user, "wrong"), 401)
    costs = [setting.split("$")[2] for setting in hashes.settings()]
    equal(costs, ["07", "07"], "costs of the hashes")


@test
def one_users_words_do_not_make_up_another_users(bench):
    """Joined without lengths, mallory's name, hash and password would be alice's name and hash and another password."""
    alice, mallory = hashed("alice's own"), hashed("mallory's own")
    exporter = serve(bench, {"a": alice, "a" + alice: mallory})
    equal(status(exporter, "a" + alice, "mallory's own"), 200)
    equal(status(exporter, "a", mallory + "mallory's own"), 401)


@test
def what_ends_while_a_password_is_checked_ends_well(bench):
    hashes = bench.hashes()
    exporter = serve(bench, {"alice": hashed("secret")}, options=["--web.request-timeout=0.2"], hand=hashes)
    hashes.hold(True)
    for number in range(6):
        plug = bench.connect(exporter)
        credentials = header("alice", f"wrong{number}")["Authorization"]
        plug.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {credentials}\r\n\r\n".encode())
        if number % 2:
            plug.close()  # the others are cut by the deadline, or met by the end
    exporter.process.send_signal(signal.SIGTERM)
    exporter.wait_for_log("stopping")
    hashes.hold(False)
    equal(exporter.process.wait(), 0)


@test
def requests_beyond_the_rate_are_refused(bench):
    path = write(bench.folder() + "/web.yml", "rate_limit:\n  interval: 1h\n  burst: 3\n")
    exporter = bench.exporter(f"--web.config.file={path}", f"--segment={bench.name()}")
    equal([exporter.ask("/-/healthy").status for _ in range(5)], [200, 200, 200, 429, 429])
    equal(exporter.ask("/metrics").getheader("Retry-After"), "1")


@test
def the_rate_counts_before_the_password(bench):
    exporter = serve(bench, {"alice": hashed("secret")}, "rate_limit: {interval: 1h, burst: 2}\n")
    equal([status(exporter, "alice", "wrong") for _ in range(3)], [401, 401, 429])
    equal(status(exporter, "alice", "secret"), 429)


@test
def a_rate_of_nothing_limits_nothing(bench):
    path = write(bench.folder() + "/web.yml", "rate_limit:\n  interval: 0\n  burst: 1\n")
    exporter = bench.exporter(f"--web.config.file={path}", f"--segment={bench.name()}")
    equal({exporter.ask("/-/healthy").status for _ in range(20)}, {200})


@test
def configured_headers_are_on_every_answer(bench):
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Frame-Options": "deny",
               "X-Content-Type-Options": "nosniff",
               "X-XSS-Protection": "1; mode=block", "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
    exporter = serve(bench, {"alice": hashed("secret")}, "http_server_config:\n  headers:\n" +
                     "".join(f'    {name}: "{value}"\n' for name, value in headers.items()))
    for path in ("/", "/metrics", "/health", "/-/healthy", "/-/ready", "/none"):
        for given in (header("alice", "secret"), {}):
            answer = exporter.ask(path, headers=given)
            for name, value in headers.items():
                equal(answer.headers.get_all(name), [value], f"{path} {name}")


@test
def passwords_and_hashes_are_in_no_log(bench):
    exporter = serve(bench, {"alice": hashed("secret")}, options=["--log.level=debug"])
    equal(status(exporter, "alice", "secret"), 200)
    equal(status(exporter, "alice", "a-wrong-one"), 401)
    equal(exporter.stop(signal.SIGTERM), 0)
    text = "".join(exporter.log)
    for word in ("secret", "a-wrong-one", "$2y$", base64.b64encode(b"alice:secret").decode()):
        true(word not in text, word)


EXPOSURES = [
    ("", "neither TLS nor a password"),
    ("basic_auth_users: {alice: '%s'}\n", "passwords travel readable"),
]


@test
def an_address_that_others_can_reach_is_warned_of(bench):
    """The configuration is in tests/exporter/web/test_config.py."""
    for text, sentence in EXPOSURES:
        path = write(bench.folder() + "/web.yml", text % hashed("secret") if "%s" in text else text)
        exporter = bench.exporter(f"--web.config.file={path}", f"--segment={bench.name()}",
                                  "--web.listen-address=0.0.0.0:0")
        exporter.wait_for_log(f"level=warn .*{sentence}")
        equal(sum("other machines" in line for line in exporter.log), 1, "of the one address")
        exporter.stop()


if __name__ == "__main__":
    main()
