"""TLS of shmeter-exporter: who is let in, and what is negotiated."""
import ssl
import warnings

from certs import Authority
from lib import drain, equal, main, test, true, wait_for
from tls_lib import serve, status, tls


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
    exporter = serve(bench, authority,
                     f"client_auth_type: RequireAndVerifyClientCert\nclient_ca_file: {authority.cert}")
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
        (["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
          "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]),
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
def a_handshake_that_stalls_is_cut(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, options=["--web.request-timeout=0.5"])
    silent, half = bench.connect(exporter), bench.connect(exporter)
    half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    for plug in (silent, half):
        drain(plug)  # ends when the exporter closes
    # who has no CPU for so long is cut too, and comes again
    wait_for(lambda: exporter.ask("/-/healthy").status == 200, "an answer")


if __name__ == "__main__":
    main()
