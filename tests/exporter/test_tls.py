"""TLS of shmeter-exporter: who is let in, what is negotiated, and that certificates are renewed while connections live."""
import contextlib
import os
import socket
import ssl
import time
import warnings

from certs import Authority, replace, write
from lib import DEADLINE, drain, equal, main, raw, test, true, wait_for


def serve(bench, authority, more="", server=None, options=()):
    """An exporter with a certificate of that authority, and what else is in tls_server_config, line by line."""
    cert, key = server or authority.issue("server")
    lines = [f"cert_file: {cert}", f"key_file: {key}", *more.splitlines()]
    path = write(authority.path("web.yml"), "tls_server_config:\n" + "".join(f"  {line}\n" for line in lines))
    exporter = bench.exporter(f"--web.config.file={path}", f"--segment={bench.name()}", "--log.level=debug", *options)
    exporter.context = authority.context()
    return exporter


def status(exporter, context):
    """The status of an answer, or None: the client was refused."""
    exporter.context = context
    try:
        return exporter.ask("/-/healthy").status
    except (ssl.SSLError, ConnectionError):
        return None


def served_serial(exporter, context):
    """The serial number of the certificate that a new connection gets."""
    with contextlib.closing(exporter.connection()) as connection:
        connection.connect()
        return connection.sock.getpeercert()["serialNumber"]


def tls(bench, exporter, context):
    plug = context.wrap_socket(bench.connect(exporter), server_hostname="localhost")
    bench.callback(plug.close)
    return plug


@test
def pages_are_served_over_tls(bench):
    for key in ("ec", "rsa"):
        authority = Authority(bench.folder())
        exporter = serve(bench, authority, server=authority.issue("server", key=key))
        for path, wanted in (("/-/healthy", 200), ("/metrics", 200), ("/none", 404)):
            equal(exporter.ask(path).status, wanted, path)
        equal(exporter.stop(), 0)


@test
def a_large_answer_arrives_whole_and_compressed_too(bench):
    authority = Authority(bench.folder())
    name = bench.name()
    feeder = bench.feeder(name)
    for number in range(900):
        feeder.do("requests", "GET", f"{number:0200}", 1)
    exporter = serve(bench, authority, options=[f"--segment={name}"])
    text = exporter.text()
    equal(text.count("shop_requests_total{"), 900)
    true(len(text) > 200000, "the answer is larger than a record")
    equal(exporter.ask("/metrics", headers={"Accept-Encoding": "gzip"}).status, 200)


@test
def each_client_auth_type_lets_in_whom_it_should(bench):
    authority = Authority(bench.folder())
    other = Authority(bench.folder())
    nobody = authority.context()
    ours = authority.context(authority.client())
    stranger = authority.context(other.client())
    table = {  # nobody, ours, stranger
        "NoClientCert": (200, 200, 200),
        "RequestClientCert": (200, 200, 200),
        "RequireAnyClientCert": (None, 200, 200),
        "VerifyClientCertIfGiven": (200, 200, None),
        "RequireAndVerifyClientCert": (None, 200, None),
    }
    server = authority.issue("server")
    for name, wanted in table.items():
        ca = "" if name == "NoClientCert" else f"\nclient_ca_file: {authority.cert}"
        exporter = serve(bench, authority, f"client_auth_type: {name}{ca}", server)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for context in (nobody, ours, stranger):
                context.minimum_version = context.maximum_version = version
            got = tuple(status(exporter, context) for context in (nobody, ours, stranger))
            equal(got, wanted, f"{name} with {version.name}")
            for context in (nobody, ours, stranger):
                context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        exporter.stop()


@test
def a_verified_client_has_a_certificate_for_clients_of_now(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, f"client_auth_type: RequireAndVerifyClientCert\nclient_ca_file: {authority.cert}")
    equal(status(exporter, authority.context(authority.client("good"))), 200)
    equal(status(exporter, authority.context(authority.client("late", days=-1))), None, "expired")
    equal(status(exporter, authority.context(authority.client("server-only", usage="serverAuth"))), None, "for servers")
    exporter.wait_for_log("does not vouch")


@test
def an_expired_ca_vouches_for_nobody(bench):
    authority = Authority(bench.folder())
    late = Authority(bench.folder(), "late", days=-1)
    exporter = serve(bench, authority, f"client_auth_type: RequireAndVerifyClientCert\nclient_ca_file: {late.cert}")
    equal(status(exporter, authority.context(late.client())), None)


@test
def only_clients_with_an_allowed_name_are_let_in(bench):
    authority = Authority(bench.folder())
    allowed = "[scraper.example, 'ops@example.org', 'spiffe://example/scraper', 10.1.2.3, '2001:db8::1']"
    exporter = serve(bench, authority, "client_auth_type: RequireAndVerifyClientCert\n"
                                       f"client_ca_file: {authority.cert}\nclient_allowed_sans: {allowed}")
    table = [
        ("DNS:scraper.example", 200), ("DNS:other.example,DNS:scraper.example", 200), ("email:ops@example.org", 200),
        ("URI:spiffe://example/scraper", 200), ("IP:10.1.2.3", 200), ("IP:2001:db8:0:0::1", 200),
        ("DNS:x.scraper.example", None), ("DNS:scraper.exampl", None), ("DNS:*.example", None),
        ("IP:10.1.2.4", None), ("URI:spiffe://example/scraper/x", None), ("DNS:Scraper.example", None),
    ]
    for number, (sans, wanted) in enumerate(table):
        equal(status(exporter, authority.context(authority.client(f"client{number}", sans=sans))), wanted, sans)
    # The name in the subject is none of them.
    pair = authority.issue("subject", sans="DNS:other", usage="clientAuth", common_name="scraper.example")
    equal(status(exporter, authority.context(pair)), None, "the subject's name")


@test
def allowed_names_count_without_verification_too(bench):
    authority, other = Authority(bench.folder()), Authority(bench.folder())
    exporter = serve(bench, authority, "client_auth_type: RequireAnyClientCert\nclient_allowed_sans: [scraper.example]")
    equal(status(exporter, authority.context(other.client("a", sans="DNS:scraper.example"))), 200)
    equal(status(exporter, authority.context(other.client("b", sans="DNS:x.example"))), None)
    equal(status(exporter, authority.context()), None)


def versions(exporter, authority):
    """The names of the versions that the exporter agrees to."""
    found = []
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the old versions
            context.minimum_version = context.maximum_version = version
        if status(exporter, context) == 200:
            found.append(version.name)
    return found


@test
def versions_outside_of_the_range_are_refused(bench):
    authority = Authority(bench.folder())
    server = authority.issue("server", key="rsa")
    table = [("", ["TLSv1_2", "TLSv1_3"]), ("min_version: TLS13", ["TLSv1_3"]), ("max_version: TLS12", ["TLSv1_2"]),
             ("min_version: TLS11\nmax_version: TLS11", ["TLSv1_1"]),
             ("min_version: TLS10", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])]
    for more, wanted in table:
        exporter = serve(bench, authority, more, server)
        equal(versions(exporter, authority), wanted, more)
        exporter.stop()


SUITES = {  # Go's name -> OpenSSL's
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "": "AES128-GCM-SHA256 AES256-SHA DHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-SHA256 ECDHE-ECDSA-AES256-SHA384",
}


def suites(exporter, authority):
    """The suites of TLS 1.2 that the exporter agrees to, by OpenSSL's names."""
    found = set()
    for name in " ".join(SUITES.values()).split():
        context = authority.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(name + ":@SECLEVEL=0")
        if status(exporter, context) == 200:
            found.add(name)
    return found


@test
def exactly_the_listed_suites_are_agreed_to(bench):
    authority = Authority(bench.folder())
    lists = [
        (["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]),
        (["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
          "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"]),
        (["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]),
    ]
    for key, word in (("rsa", "_RSA_"), ("ec", "_ECDSA_")):
        server = authority.issue("server", key=key)
        for listed in lists:
            exporter = serve(bench, authority, f"cipher_suites: [{', '.join(listed)}]", server)
            equal(suites(exporter, authority), {SUITES[name] for name in listed if word in name}, f"{key} {listed}")
            equal(status(exporter, authority.context()), 200, "TLS 1.3 is not limited by the list")
            exporter.stop()


@test
def without_a_list_there_are_no_old_suites(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, server=authority.issue("server", key="rsa"))
    equal(suites(exporter, authority), {SUITES[f"TLS_ECDHE_RSA_WITH_{name}"] for name in
                                        ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")})


@test
def the_order_of_suites_is_ours_unless_told_otherwise(bench):
    authority = Authority(bench.folder())
    listed = "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    for more, wanted in (("", "ECDHE-ECDSA-AES256-GCM-SHA384"),
                         ("\nprefer_server_cipher_suites: true", "ECDHE-ECDSA-AES256-GCM-SHA384"),
                         ("\nprefer_server_cipher_suites: false", "ECDHE-ECDSA-AES128-GCM-SHA256")):
        exporter = serve(bench, authority, listed + more)
        equal(tls(bench, exporter, context).cipher()[0], wanted, more)
        exporter.stop()


@test
def only_the_listed_curves_are_agreed_to(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, "curve_preferences: [CurveP384]")
    for curve, wanted in (("secp384r1", 200), ("prime256v1", None)):
        context = authority.context()
        context.set_ecdh_curve(curve)
        equal(status(exporter, context), wanted, curve)


@test
def http_1_1_is_agreed_to_by_alpn(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    context = authority.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    equal(tls(bench, exporter, context).selected_alpn_protocol(), "http/1.1")


@test
def plain_http_on_a_tls_port_is_hung_up_on(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    got = raw(bench.connect(exporter), b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    true(not got.startswith(b"HTTP"), got)
    equal(exporter.ask("/-/healthy").status, 200)


@test
def a_handshake_that_stalls_is_cut(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, options=["--web.request-timeout=0.5"])
    silent, half = bench.connect(exporter), bench.connect(exporter)
    half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    for plug in (silent, half):
        plug.settimeout(DEADLINE)
        drain(plug)  # ends when the exporter closes
    equal(exporter.ask("/-/healthy").status, 200)


@test
def certificates_are_renewed_while_a_connection_lives(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    first = served_serial(exporter, authority)
    old = exporter.connection()
    old.request("GET", "/-/healthy")
    equal(old.getresponse().read(), b"shmeter-exporter is running.\n")
    plug = old.sock
    authority.issue("fresh")
    for ending in (".crt", ".key"):
        replace(authority.path("fresh" + ending), authority.path("server" + ending))
    second = wait_for(lambda: served_serial(exporter, authority) != first and served_serial(exporter, authority),
                      "the new certificate")
    true(second != first, "there is another certificate")
    exporter.wait_for_log("changed certificate files are in use")
    old.request("GET", "/-/healthy")
    equal(old.getresponse().status, 200)
    true(old.sock is plug, "the connection from before lives")


@test
def a_renewed_ca_is_used_for_new_connections(bench):
    authority, other = Authority(bench.folder()), Authority(bench.folder())
    exporter = serve(bench, authority, f"client_auth_type: RequireAndVerifyClientCert\nclient_ca_file: {authority.cert}",
                     authority.issue("server"))
    trust = ssl.create_default_context(cafile=authority.cert)
    stranger = authority.context(other.client())
    equal(status(exporter, stranger), None)
    replace(other.cert, authority.cert)
    stranger = trust
    stranger.load_cert_chain(*other.client("again"))
    wait_for(lambda: status(exporter, stranger) == 200, "the new CA's client")


@test
def a_pair_that_does_not_fit_leaves_the_former_one_in_use(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    first = served_serial(exporter, authority)
    authority.issue("fresh")
    replace(authority.path("fresh.crt"), authority.path("server.crt"))

    def said():
        equal(served_serial(exporter, authority), first)
        return any("cannot be used" in line for line in exporter.log)

    wait_for(said, "the warning")
    for _ in range(20):
        equal(served_serial(exporter, authority), first)
    equal(sum("cannot be used" in line for line in exporter.log), 1, "said once")
    true("do not belong together" in exporter.wait_for_log("cannot be used"), "the reason is said")
    replace(authority.path("fresh.key"), authority.path("server.key"))
    wait_for(lambda: served_serial(exporter, authority) != first, "the whole pair")
    os.unlink(authority.path("server.key"))
    wait_for(lambda: exporter.ask("/-/healthy").status == 200 and any("No such file" in line for line in exporter.log),
             "the warning of the missing key")


@test
def links_to_folders_are_followed_when_they_change(bench):
    authority = Authority(bench.folder())
    for name in ("one", "two"):
        os.mkdir(authority.path(name))
        cert, key = authority.issue(name)
        os.rename(cert, authority.path(f"{name}/tls.crt"))
        os.rename(key, authority.path(f"{name}/tls.key"))
    os.symlink("one", authority.path("data"))
    exporter = serve(bench, authority, server=("data/tls.crt", "data/tls.key"))
    first = served_serial(exporter, authority)
    os.symlink("two", authority.path("data.new"))
    os.rename(authority.path("data.new"), authority.path("data"))
    wait_for(lambda: served_serial(exporter, authority) != first, "the new certificate")


@test
def doubtful_files_are_warned_of(bench):
    authority = Authority(bench.folder())
    cert, key = authority.issue("server", days=-1)
    os.chmod(key, 0o644)
    exporter = serve(bench, authority, server=(cert, key))
    exporter.wait_for_log("level=warn.*expired")
    exporter.wait_for_log("level=warn.*every user.*chmod")


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
                   (b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000, b"y" * 3000 + b"\r\nConnection: close\r\n\r\n")):
        plug = tls(bench, exporter, authority.context())
        for piece in pieces:
            plug.sendall(piece)
            equal(exporter.ask("/-/healthy").status, 200)
        true(drain(plug).startswith(b"HTTP/1.1 200"), "an answer")


@test
def a_bad_first_request_is_refused_at_once(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, options=["--web.request-timeout=600"])
    for request, status_line in ((b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400"), (b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n", b"HTTP/1.1 41"),
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
