"""Pushing to a gateway: requests byte for byte, users and passwords, redirects, certificates of clients, and what is
raised where it fails."""
import base64
import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
import warnings

from gateway_lib import gateway
from lib import FOLDER, equal, main, raises, test

from shmeter.prometheus import (
    CollectorRegistry, delete_from_gateway, Gauge, generate_latest, instance_ip_grouping_key, push_to_gateway,
    pushadd_to_gateway, REGISTRY,
)
from shmeter.prometheus.exposition import (
    basic_auth_handler, default_handler, passthrough_redirect_handler, tls_auth_handler,
)
from shmeter.prometheus.gateway import _PrometheusRedirectHandler

TYPE = "text/plain; version=0.0.4; charset=utf-8"
KEY, CERTIFICATE = os.path.join(FOLDER.name, "key.pem"), os.path.join(FOLDER.name, "certificate.pem")
KNOWN = [("Content-Type", TYPE), ("X-Test", "1")]


def registry_of(value):
    registry = CollectorRegistry()
    Gauge("pushed", "Pushed.", registry=registry).set(value)
    return registry


def certificate():
    """Of 127.0.0.1, for the server and for its client."""
    if not os.path.exists(CERTIFICATE):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "30", "-keyout", KEY,
                        "-out", CERTIFICATE, "-subj", "/CN=pushing", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    context.load_verify_locations(CERTIFICATE)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def calls(server):
    return [(method, path, headers.get("content-type"), body) for method, path, headers, body in server.seen]


@test
def pushes_are_requests_with_the_text_and_its_type():
    with gateway() as server, warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left open
        push_to_gateway(server.place, "a job", registry_of(1), {"b": "x/y", "a": "", "c": 5, "d": "\u00fc &"})
        pushadd_to_gateway(f"http://{server.place}/base//", "j", registry_of(2))
        pushadd_to_gateway(server.place, "all", None)
        delete_from_gateway(server.place, "a/b", {"k": "v"})
        text = b"# HELP pushed Pushed.\n# TYPE pushed gauge\npushed %d.0\n"
        path = "/metrics/job@base64/YSBqb2I=/a@base64/=/b@base64/eC95/c/5/d@base64/w7wgJg=="
        equal(calls(server)[:2], [("PUT", path, TYPE,
                                   text % 1),
                                  ("POST", "/base/metrics/job/j", TYPE, text % 2)])
        equal(calls(server)[2][:3], ("POST", "/metrics/job/all", TYPE))
        equal([line for line in generate_latest(REGISTRY).decode().splitlines() if line.startswith("# ")],
              [line for line in calls(server)[2][3].decode().splitlines() if line.startswith("# ")],
              "None: the usual registry")
        equal(calls(server)[3], ("DELETE", "/metrics/job@base64/YS9i/k/v", TYPE, b""))


@test
def a_handler_of_ones_own_gets_all_there_is():
    told, done = [], []

    def handler(**arguments):
        told.append(arguments)
        return lambda: done.append(len(told))

    push_to_gateway("https://host:1/", "j", registry_of(1), timeout=7, handler=handler)
    delete_from_gateway("host", "j", handler=handler)
    equal(told, [{"url": "https://host:1/metrics/job/j", "method": "PUT", "timeout": 7,
                  "headers": [("Content-Type", TYPE)],
                  "data": generate_latest(registry_of(1))},
                 {"url": "http://host/metrics/job/j", "method": "DELETE", "timeout": 30,
                  "headers": [("Content-Type", TYPE)], "data": b""}])
    equal(done, [1, 2])


@test
def a_gateway_that_refuses_is_an_error():
    with gateway({"/metrics/job/bad": (400, {}), "/metrics/job/broken": (500, {}),
                  "/metrics/job/moved": (302, {"Location": "/x"})}) as server:
        for job, words in (("bad", "HTTP Error 400: Bad Request"), ("broken", "HTTP Error 500: Internal Server Error"),
                           ("moved", "HTTP Error 302: Found")):
            raises(urllib.error.HTTPError, words, lambda: push_to_gateway(server.place, job, registry_of(1)))
        equal([path for _, path, _, _ in server.seen], ["/metrics/job/bad", "/metrics/job/broken",
                                                        "/metrics/job/moved"], "nothing is followed")
    assert issubclass(urllib.error.HTTPError, OSError)
    raises(urllib.error.URLError, "<urlopen error [Errno 111] Connection refused>",
           lambda: push_to_gateway(server.place, "j", registry_of(1)))


@test
def a_gateway_that_never_answers_is_left_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        place = f"127.0.0.1:{deaf.getsockname()[1]}"
        raises(TimeoutError, "timed out", lambda: push_to_gateway(place, "j", registry_of(1), timeout=0.05))
        raises(TimeoutError, "timed out", default_handler(f"http://{place}/", "PUT", 0.05, [], b""))


@test
def a_user_is_named_with_a_password_and_not_else():
    with gateway() as server:
        url = f"http://{server.place}/x"
        basic_auth_handler(url, "PUT", 30, KNOWN, b"data", "me", "se:cr\u00fct")()
        for user, password in ((None, None), ("me", None), (None, "secret")):
            basic_auth_handler(url, "POST", 30, KNOWN, b"data", user, password)()
        basic_auth_handler(url, "PUT", 30, KNOWN, b"data", "", "")()
        authorizations = [headers.get("authorization") for _, _, headers, _ in server.seen]
        equal(authorizations, ["Basic " + base64.b64encode("me:se:cr\u00fct".encode()).decode(), None, None, None,
                               "Basic Og=="])
        equal([(method, path, headers["x-test"], headers["content-type"], body)
               for method, path, headers, body in server.seen[:2]],
              [("PUT", "/x", "1", TYPE, b"data"), ("POST", "/x", "1", TYPE, b"data")])
    equal(KNOWN, [("Content-Type", TYPE), ("X-Test", "1")], "the caller's list stays as it is")


@test
def redirects_are_followed_with_method_and_body_where_that_is_asked_for():
    answers = {f"/{status}": (status, {"Location": f"/to/{status}"}) for status in (301, 302, 303, 307)}
    with gateway(answers) as server:
        for status in (301, 302, 303):
            for method in ("PUT", "POST"):
                del server.seen[:]
                passthrough_redirect_handler(f"http://{server.place}/{status}", method, 30, KNOWN, b"data")()
                equal([(*one[:2], one[2]["x-test"], one[3]) for one in server.seen],
                      [(method, f"/{status}", "1", b"data"), (method, f"/to/{status}", "1", b"data")])
        for status, method, words in ((307, "PUT", "Temporary Redirect"), (302, "DELETE", "Found"),
                                      (303, "DELETE", "See Other")):
            raises(urllib.error.HTTPError, f"HTTP Error {status}: {words}",
                   passthrough_redirect_handler(f"http://{server.place}/{status}", method, 30, KNOWN, b""))
    request = urllib.request.Request("http://a/", data=b"d", headers={"X": "1"}, method="PUT")
    again = _PrometheusRedirectHandler().redirect_request(request, None, 301, "Moved", {}, "http://a/b c")
    equal((again.full_url, again.get_method(), again.data, again.headers, again.unverifiable),
          ("http://a/b%20c", "PUT", b"d", {"X": "1"}, True))


@test
def a_client_shows_its_certificate_and_asks_for_the_servers():
    with gateway(tls=certificate()) as server:
        url = f"https://{server.place}/x"
        tls_auth_handler(url, "PUT", 30, KNOWN, b"data", CERTIFICATE, KEY, CERTIFICATE)()
        equal([(*one[:2], one[2]["x-test"], one[3]) for one in server.seen], [("PUT", "/x", "1", b"data")])

        def by_system():
            tls_auth_handler(url, "POST", 30, KNOWN, b"more", CERTIFICATE, KEY)()

        refused(by_system, "CERTIFICATE_VERIFY_FAILED")
        before, os.environ["SSL_CERT_FILE"] = os.environ.get("SSL_CERT_FILE"), CERTIFICATE
        try:
            by_system()
        finally:
            del os.environ["SSL_CERT_FILE"]
            os.environ.update({} if before is None else {"SSL_CERT_FILE": before})
        tls_auth_handler(url, "PUT", 30, KNOWN, b"skip", CERTIFICATE, KEY, insecure_skip_verify=True)()
        elsewhere = url.replace("127.0.0.1", "localhost")
        refused(tls_auth_handler(elsewhere, "PUT", 30, KNOWN, b"", CERTIFICATE, KEY, CERTIFICATE), "Hostname mismatch")
        tls_auth_handler(elsewhere, "PUT", 30, KNOWN, b"skip", CERTIFICATE, KEY, CERTIFICATE,
                         insecure_skip_verify=True)()
        equal([one[3] for one in server.seen], [b"data", b"more", b"skip", b"skip"])
        refused(default_handler(url, "PUT", 30, [], b""), "CERTIFICATE_VERIFY_FAILED")
    raises(FileNotFoundError, "[Errno 2] No such file or directory",
           lambda: tls_auth_handler(url, "PUT", 30, [], b"", KEY + ".none", KEY, CERTIFICATE))


def refused(call, word):
    try:
        call()
    except urllib.error.URLError as error:
        assert word in str(error), error
        return
    raise AssertionError(f"not refused: {word}")


@test
def this_hosts_address_is_a_grouping_key():
    equal(instance_ip_grouping_key(), {"instance": "127.0.0.1"})


if __name__ == "__main__":
    main()
