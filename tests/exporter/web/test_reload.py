"""A reload of the web configuration: who is let in from then on, and what lives on."""
import base64
import contextlib
import signal
import ssl
import subprocess

from certs import Authority, write
from lib import equal, main, test, true, wait_for


def hashed(password, cost=5):
    done = subprocess.run(["htpasswd", "-niBC", str(cost), "x"], input=password.encode(), capture_output=True,
                          check=True)
    return done.stdout.decode().strip().split(":", 1)[1]


class Served:
    """An exporter with a web configuration that changes."""

    def __init__(self, bench, text, context=None, folder=None, **more):
        self.path = (folder or bench.folder()) + "/web.yml"
        self.exporter = bench.exporter(f"--web.config.file={write(self.path, text)}", f"--segment={bench.name()}",
                                       **more)
        self.exporter.context = context

    def reload(self, text):
        """Returns the line of the log that tells what came of it."""
        def lines():
            return [line for line in self.exporter.log if "reloaded" in line]
        before = len(lines())
        write(self.path, text)
        self.exporter.process.send_signal(signal.SIGHUP)
        return wait_for(lambda: len(lines()) > before and lines()[-1], "the end of the reload")

    def status(self, user=None, password=None, path="/-/healthy"):
        return self.exporter.ask(path, headers=header(user, password)).status


def header(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if user else {}


def users(**hashes):
    return "basic_auth_users:\n" + "".join(f"  {user}: '{value}'\n" for user, value in hashes.items())


@test
def users_and_passwords_change(bench):
    alice, bob = hashed("a"), hashed("b")
    served = Served(bench, users(alice=alice, bob=bob))
    equal([served.status("alice", "a"), served.status("bob", "b")], [200, 200])
    true("were reloaded" in served.reload(users(alice=hashed("new"))), "it is in force")
    equal([served.status("alice", "a"), served.status("bob", "b"), served.status("alice", "new")], [401, 401, 200])
    served.reload(users(alice=bob, bob=alice))
    equal([served.status("alice", "a"), served.status("alice", "b"), served.status("bob", "a")], [401, 200, 200])


@test
def a_name_that_was_guessed_before_it_exists_is_let_in_afterwards(bench):
    served = Served(bench, users(alice=hashed("a")))
    equal(served.status("bob", "b"), 401)
    served.reload(users(alice=hashed("a"), bob=hashed("b")))
    equal(served.status("bob", "b"), 200)


@test
def a_file_with_a_mistake_changes_nothing(bench):
    served = Served(bench, users(alice=hashed("a")))
    line = served.reload(users(alice="nonsense"))
    true(f"{served.path}:2: " in line and "level=error" in line, line)
    equal([served.status("alice", "a"), served.status(), served.status("alice", "nonsense")], [200, 401, 401])


@test
def passwords_come_and_go_with_a_warning(bench):
    served = Served(bench, "")
    equal(served.status(), 200)
    served.reload(users(alice=hashed("a")))
    equal([served.status(), served.status("alice", "a")], [401, 200])
    served.reload("")
    served.exporter.wait_for_log("level=warn.*no longer asked for")
    equal(served.status(), 200)


@test
def a_password_that_is_being_checked_counts_for_the_new_users(bench):
    hashes = bench.hashes()
    served = Served(bench, users(alice=hashed("a")), hand=hashes)
    hashes.hold(True)
    plugs = [bench.connect(served.exporter) for _ in range(6)]
    for number, plug in enumerate(plugs):
        password = "a" if number % 2 else f"wrong{number}"
        credentials = header("alice", password)["Authorization"]
        plug.sendall(f"GET /-/healthy HTTP/1.1\r\nHost: x\r\nAuthorization: {credentials}\r\n\r\n".encode())
    wait_for(lambda: hashes.begun() >= 1, "a password that is being checked")
    served.reload(users(bob=hashed("b")))
    hashes.hold(False)
    for plug in plugs:
        equal(plug.recv(100)[:12], b"HTTP/1.1 401", "who was a user before")
    equal([served.status("alice", "a"), served.status("bob", "b")], [401, 200])


@test
def headers_and_rate_change(bench):
    served = Served(bench, "http_server_config: {headers: {X-Frame-Options: deny}}\n")
    for text, wanted in (("http_server_config: {headers: {X-Frame-Options: sameorigin}}\n", "sameorigin"), ("", None)):
        served.reload(text)
        for path in ("/-/healthy", "/metrics"):
            equal(served.exporter.ask(path).getheader("X-Frame-Options"), wanted, path)
    served.reload("rate_limit: {interval: 1h, burst: 2}\n")
    equal([served.status() for _ in range(3)], [200, 200, 429])
    served.reload("http_server_config: {headers: {X-Frame-Options: deny}}\nrate_limit: {interval: 1h, burst: 2}\n")
    equal(served.status(), 429, "the same rate gives no new burst")
    served.reload("rate_limit: {interval: 0}\n")
    equal({served.status() for _ in range(10)}, {200})


@test
def the_demands_on_clients_change_for_new_connections(bench):
    authority = Authority(bench.folder())
    cert, key = authority.issue("server")
    plain = f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n"
    strict = plain + f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.cert}\n"
    served = Served(bench, plain, authority.context())
    connection = served.exporter.connection()
    connection.request("GET", "/-/healthy")
    equal(connection.getresponse().read(), b"shmeter-exporter is running.\n")
    plug = connection.sock
    served.reload(strict)
    refused = False
    try:
        served.status()
    except (ssl.SSLError, ConnectionError):
        refused = True
    true(refused, "a client without certificate")
    connection.request("GET", "/-/healthy")
    equal(connection.getresponse().status, 200)
    true(connection.sock is plug, "the connection from before lives")
    served.exporter.context = authority.context(authority.client())
    equal(served.status(), 200)
    served.reload(plain)
    served.exporter.wait_for_log("level=warn.*no longer demanded")
    served.exporter.context = authority.context()
    equal(served.status(), 200)


@test
def a_handshake_that_has_begun_ends_by_what_it_began_with(bench):
    authority = Authority(bench.folder())
    cert, key = authority.issue("server")
    plain = f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n"
    strict = (plain + f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.cert}\n"
              "  client_allowed_sans: [client.example]\n")
    served = Served(bench, strict, authority.context(authority.client()))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = served.exporter.context
        context.minimum_version = context.maximum_version = version
        plug = bench.connect(served.exporter)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        plug.sendall(outgoing.read())
        incoming.write(plug.recv(65536))  # the server has begun
        served.reload(plain)
        for step in (client.do_handshake, lambda: client.write(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"),
                     lambda: client.read(4096)):
            while True:
                try:
                    got = step()
                    break
                except ssl.SSLWantReadError:
                    plug.sendall(outgoing.read())
                    incoming.write(plug.recv(65536))
            plug.sendall(outgoing.read())
        true(got.startswith(b"HTTP/1.1 200"), got)
        served.reload(strict)


@test
def tls_stays_as_it_began(bench):
    authority = Authority(bench.folder())
    cert, key = authority.issue("server")
    with_tls = f"tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n"
    served = Served(bench, "")
    true("cannot be turned on" in served.reload(with_tls), "it is refused")
    equal(served.status(), 200)
    served = Served(bench, with_tls, authority.context())
    true("cannot be turned off" in served.reload(""), "it is refused")
    equal(served.status(), 200)


if __name__ == "__main__":
    main()
