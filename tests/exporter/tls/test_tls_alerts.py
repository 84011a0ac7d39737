"""Handshakes that fail: the client is told why by an alert, and /metrics and the log tell the operator."""
import os
import re
import socket
import ssl
import struct
import subprocess
import warnings

from certs import Authority
from lib import drain, equal, main, raw, test, total, true, value, wait_for
from tls_lib import serve

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
FAILED = "shmeter_exporter_http_handshakes_failed_total"


def limited(context, version, ciphers=None, curve=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the old versions
        if version:
            context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    if curve:
        context.set_ecdh_curve(curve)
    return context


def alert_of(bench, exporter, context):
    """The alert that a client gets, as OpenSSL names it. A request is under way by then, as with every client of TLS
    1.3."""
    try:
        with context.wrap_socket(bench.connect(exporter), server_hostname="localhost") as plug:
            plug.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
            return plug.recv(100)
    except ssl.SSLError as error:
        return error.reason
    except OSError as error:
        return repr(error)


def failed(bench, authority, exporter):
    """Handshakes that failed so far, by reason; asked by a client that is let in."""
    exporter.context = authority.context(authority.client("good"))
    return {dict(labels)["reason"]: number for (name, labels), number in exporter.samples().items() if name == FAILED}


@test
def each_failed_handshake_ends_with_an_alert_and_is_counted(bench):
    authority, other = Authority(bench.folder()), Authority(bench.folder())
    exporter = serve(bench, authority, "client_auth_type: RequireAndVerifyClientCert\n"
                                       f"client_ca_file: {authority.cert}\nclient_allowed_sans: [client.example]\n"
                                       "curve_preferences: [CurveP256, X25519]\n"
                                       "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]")
    good = authority.client()
    stranger, wrong = other.client(), authority.client("wrong", sans="DNS:other.example")
    late = authority.client("late", days=-1)
    table = [  # the client, the alert, the reason
        (limited(authority.context(), OLD), "ALERT_(BAD_CERTIFICATE|HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED)",
         "no_certificate"),
        (limited(authority.context(), NEW), "ALERT_CERTIFICATE_REQUIRED", "no_certificate"),
        (limited(authority.context(stranger), OLD), "ALERT_BAD_CERTIFICATE", "certificate"),
        (limited(authority.context(stranger), NEW), "ALERT_BAD_CERTIFICATE", "certificate"),
        (limited(authority.context(wrong), OLD), "ALERT_BAD_CERTIFICATE", "certificate"),
        (limited(authority.context(wrong), NEW), "ALERT_BAD_CERTIFICATE", "certificate"),
        (limited(authority.context(late), NEW), "ALERT_BAD_CERTIFICATE", "certificate"),
        (limited(authority.context(good), ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"), "ALERT_PROTOCOL_VERSION",
         "version"),
        (limited(authority.context(good), ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"), "ALERT_PROTOCOL_VERSION",
         "version"),
        (limited(authority.context(good), OLD, "ECDHE-ECDSA-AES256-GCM-SHA384"), "ALERT_HANDSHAKE_FAILURE", "terms"),
        (limited(authority.context(good), OLD, "ECDHE-RSA-AES128-GCM-SHA256"), "ALERT_HANDSHAKE_FAILURE", "terms"),
        (limited(authority.context(good), OLD, curve="secp521r1"), "ALERT_HANDSHAKE_FAILURE", "terms"),
        (limited(authority.context(good), NEW, curve="secp521r1"), "ALERT_HANDSHAKE_FAILURE", "terms"),
    ]
    before = failed(bench, authority, exporter)
    equal(set(before.values()), {0.0})
    for context, alert, reason in table:
        got = alert_of(bench, exporter, context)
        true(isinstance(got, str) and re.search(alert, got), f"{got} is not {alert}")
        after = failed(bench, authority, exporter)
        equal(after, {**before, reason: before[reason] + 1}, alert)
        before = after
    for reason in ("no_certificate", "certificate", "version", "terms"):
        exporter.wait_for_log(f"level=info.*handshakes fail.*reason={reason} connections=1 ")
        equal(sum(f"reason={reason} " in line for line in exporter.log), 1, "once a minute at most")
    equal(alert_of(bench, exporter, authority.context(good))[:13], b"HTTP/1.1 200 ")
    equal(exporter.stop(), 0)


@test
def openssl_is_told_too(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority,
                     f"client_auth_type: RequireAndVerifyClientCert\nclient_ca_file: {authority.cert}")
    for version, alert in (("-tls1_3", "alert certificate required"),
                           ("-tls1_2", "alert (bad certificate|handshake failure|certificate required)"),
                           ("-tls1_1", "alert protocol version")):
        done = subprocess.run(["openssl", "s_client", "-ign_eof", "-cipher", "ALL:@SECLEVEL=0", version, "-connect",
                               f"127.0.0.1:{exporter.port}"],
                              input="GET / HTTP/1.0\r\n\r\n", capture_output=True, text=True, check=False)
        true(re.search(alert, done.stderr), f"{version}: {done.stderr}")


@test
def what_is_no_handshake_is_answered_with_an_alert(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    for hello in (b"\x16\x03\x01\x00\x05" + b"\x02" * 5, b"\x17\x03\x03\x00\x10" + b"\xaa" * 16,
                  b"\x16\x03\x01\xff\xff" + b"\0" * 400,
                  b"\x80\x2e\x01\x00\x02" + b"\0" * 60):
        plug = bench.connect(exporter)
        plug.sendall(hello)
        plug.shutdown(socket.SHUT_WR)
        got = drain(plug)
        true(got[:1] == b"\x15" and len(got) == 7 and got[5] == 2, f"{hello[:8]!r}: {got!r} is no fatal alert")
    equal(total(exporter.samples(), FAILED), 4)


@test
def plain_http_on_a_tls_port_is_told_so(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority)
    for request in (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.0\r\n\r\n", b"P"):
        got = raw(bench.connect(exporter), request)
        true(got.startswith(b"HTTP/1.0 400 ") and b"HTTPS" in got.split(b"\r\n\r\n")[1], got)
    equal(value(exporter.samples(), FAILED, reason="plain_http"), 3)
    exporter.wait_for_log("level=info.*without TLS")


@test
def clients_that_leave_or_refuse_are_counted_by_their_kind(bench):
    authority, other = Authority(bench.folder()), Authority(bench.folder())
    exporter = serve(bench, authority)
    equal(alert_of(bench, exporter, limited(other.context(), OLD)), "CERTIFICATE_VERIFY_FAILED",
          "it refuses the exporter's certificate")
    for ending in (None, struct.pack("ii", 1, 0)):
        plug = bench.connect(exporter)
        if ending:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ending)
            plug.sendall(b"\x16\x03\x01")
        plug.close()
    wait_for(lambda: (value(exporter.samples(), FAILED, reason="refused_by_client"),
                      value(exporter.samples(), FAILED, reason="closed")) == (1, 2), "all are counted")
    true(value(exporter.samples(), "shmeter_exporter_http_handshakes_total") > 1, "and those that succeed")


@test
def a_refused_client_that_stays_is_cut_soon_and_costs_nothing(bench):
    authority = Authority(bench.folder())
    clock = bench.clock()
    exporter = serve(bench, authority, hand=clock)
    plug = bench.connect(exporter)
    plug.sendall(b"\x17\x03\x03\x00\x10" + b"\xaa" * 16)
    equal(plug.recv(1), b"\x15")
    used = len(os.listdir(f"/proc/{exporter.pid}/fd"))
    wait_for(lambda: clock.advance(1) or len(os.listdir(f"/proc/{exporter.pid}/fd")) < used, "its descriptor is closed")
    equal(total(exporter.samples(), "shmeter_exporter_http_connections_cut_total"), 0,
          "it is counted as a failed handshake only")


@test
def the_certificates_expiry_is_a_series(bench):
    authority = Authority(bench.folder())
    exporter = serve(bench, authority, server=authority.issue("server", days=3))
    expires = value(exporter.samples(), "shmeter_exporter_http_certificate_expiry_timestamp_seconds")
    done = subprocess.run(["openssl", "x509", "-in", authority.path("server.crt"), "-noout", "-enddate"],
                          capture_output=True,
                          text=True, check=True)
    equal(expires, ssl.cert_time_to_seconds(done.stdout.strip().split("=")[1]))


if __name__ == "__main__":
    main()
