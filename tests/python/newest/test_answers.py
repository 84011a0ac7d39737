"""Answers and pushes as prometheus_client's newest release gives them: formats, methods, TLS, compression, and the
handlers of frameworks."""

import asyncio
import gzip
import http.client
import os
import ssl
import subprocess
import sys
import types
import urllib.error
import urllib.request
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from gateway_lib import gateway  # noqa: E402
from lib import equal, FOLDER, main, raises, Skip, test  # noqa: E402

from shmeter.prometheus import (  # noqa: E402
    CollectorRegistry,
    CONTENT_TYPE_LATEST,
    CONTENT_TYPE_PLAIN_0_0_4,
    CONTENT_TYPE_PLAIN_1_0_0,
    delete_from_gateway,
    Gauge,
    generate_latest,
    make_asgi_app,
    make_wsgi_app,
    push_to_gateway,
    pushadd_to_gateway,
    start_http_server,
    write_to_textfile,
)
from shmeter.prometheus.exposition import choose_encoder, ThreadingWSGIServer  # noqa: E402
from shmeter.prometheus.openmetrics.exposition import CONTENT_TYPE_LATEST_2_0  # noqa: E402
from shmeter.prometheus.utils import parse_version  # noqa: E402

OPENMETRICS = "application/openmetrics-text"
TEXT = b"# HELP answered A.\n# TYPE answered gauge\nanswered 1.0\n"
KEY, CERTIFICATE = os.path.join(FOLDER.name, "key.pem"), os.path.join(FOLDER.name, "certificate.pem")


def a_registry():
    registry = CollectorRegistry(shared=False)
    Gauge("answered", "A.", registry=registry).set(1)
    return registry


@test
def a_format_is_chosen_by_version_and_escaping():
    equal(
        (CONTENT_TYPE_LATEST, CONTENT_TYPE_PLAIN_0_0_4),
        (CONTENT_TYPE_PLAIN_1_0_0, "text/plain; version=0.0.4; charset=utf-8"),
    )
    for accept, wanted in (
        (None, CONTENT_TYPE_PLAIN_0_0_4),
        ("", CONTENT_TYPE_PLAIN_0_0_4),
        ("text/plain", CONTENT_TYPE_PLAIN_0_0_4),
        ("*/*", CONTENT_TYPE_PLAIN_0_0_4),
        ("text/plain; version=0.0.4", CONTENT_TYPE_PLAIN_0_0_4),
        ("text/plain; version=x", CONTENT_TYPE_PLAIN_0_0_4),
        ("text/plain; version=1.0.0", CONTENT_TYPE_PLAIN_1_0_0 + "; escaping=underscores"),
        (
            "text/html, text/plain; version=1.0.0; escaping=allow-utf-8",
            CONTENT_TYPE_PLAIN_1_0_0 + "; escaping=allow-utf-8",
        ),
        (OPENMETRICS, f"{OPENMETRICS}; version=1.0.0; charset=utf-8"),
        (OPENMETRICS + ";version=0.0.1", CONTENT_TYPE_PLAIN_0_0_4),
        (OPENMETRICS + ";version=1.0.0", f"{OPENMETRICS}; version=1.0.0; charset=utf-8; escaping=underscores"),
        (
            OPENMETRICS + ";version=1.0.0;escaping=dots,text/plain",
            f"{OPENMETRICS}; version=1.0.0; charset=utf-8; escaping=dots",
        ),
        (OPENMETRICS + ";version=2.0.0;escaping=values", CONTENT_TYPE_LATEST_2_0 + "; escaping=values"),
        (
            OPENMETRICS + ";version=1.0.0;escaping=none",
            f"{OPENMETRICS}; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            OPENMETRICS + ";version=0.0.1,text/plain;version=1.0.0;q=0.5",
            CONTENT_TYPE_PLAIN_1_0_0 + "; escaping=underscores",
        ),
        (OPENMETRICS + ";version=1.x,text/plain", CONTENT_TYPE_PLAIN_0_0_4),
    ):
        encoder, content_type = choose_encoder(accept)
        equal(content_type, wanted, accept)
        equal(encoder(a_registry()).endswith(b"# EOF\n"), wanted.startswith(OPENMETRICS), accept)
    equal((parse_version("1.10.x"), parse_version("2")), ((1, 10, "x"), (2,)))


def asked(app, **environ):
    told = []
    body = b"".join(
        app({"PATH_INFO": "/metrics", "REQUEST_METHOD": "GET", **environ}, lambda *answer: told.append(answer))
    )
    return (*told[0], body)


@test
def a_server_answers_two_methods():
    app = make_wsgi_app(a_registry())
    allowed = [("Allow", "OPTIONS,GET")]
    equal(asked(app), ("200 OK", [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)], TEXT))
    equal(asked(app, REQUEST_METHOD="OPTIONS"), ("200 OK", allowed, b""))
    for method in ("POST", "PUT", "DELETE", "HEAD", "PATCH", "get"):
        for path in ("/metrics", "/favicon.ico"):
            equal(
                asked(app, REQUEST_METHOD=method, PATH_INFO=path),
                (
                    "405 Method Not Allowed",
                    allowed,
                    f"# HTTP 405 Method Not Allowed: {method}; use OPTIONS or GET\n".encode(),
                ),
            )
    equal(asked(app, PATH_INFO="/favicon.ico"), ("200 OK", [], b""))


def certificate():
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-keyout",
            KEY,
            "-out",
            CERTIFICATE,
            "-subj",
            "/CN=serving",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )


def fetched(server, context):
    with urllib.request.urlopen(f"https://127.0.0.1:{server.server_port}/metrics", context=context) as answer:
        return answer.read()


@test
def a_server_serves_by_tls():
    certificate()
    trusting = ssl.create_default_context(cafile=CERTIFICATE)
    known = ssl.create_default_context(cafile=CERTIFICATE)
    known.load_cert_chain(CERTIFICATE, KEY)
    old = ssl.create_default_context(cafile=CERTIFICATE)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    for options, served, refused in (
        ({}, (trusting, known, old), ()),
        ({"client_cafile": CERTIFICATE, "client_auth_required": True}, (known,), (trusting,)),
        ({"tls_min_version": ssl.TLSVersion.TLSv1_3}, (trusting,), (old,)),
        ({"tls_max_version": ssl.TLSVersion.TLSv1_2, "protocol": ssl.PROTOCOL_TLS_SERVER}, (trusting, old), ()),
    ):
        server, thread = start_http_server(0, "127.0.0.1", a_registry(), certfile=CERTIFICATE, keyfile=KEY, **options)
        try:
            silent = http.client.HTTPConnection("127.0.0.1", server.server_port)
            silent.connect()  # who says nothing holds nobody up
            for context in refused:
                raises_one_of((ssl.SSLError, urllib.error.URLError, ConnectionError), lambda: fetched(server, context))
            for context in served:
                equal(fetched(server, context), TEXT)
            silent.close()
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def raises_one_of(kinds, function):
    try:
        function()
    except kinds:
        return
    raise AssertionError("it was served")


@test
def a_server_is_silent_about_clients_that_are_gone():
    said = []
    with mock.patch("socketserver.BaseServer.handle_error", lambda *arguments: said.append(arguments)):
        for error in (ConnectionResetError("gone"), ssl.SSLError("no handshake"), ValueError("of the program")):
            try:
                raise error
            except Exception:
                ThreadingWSGIServer.handle_error(
                    None if isinstance(error, OSError) else ThreadingWSGIServer.__new__(ThreadingWSGIServer), None, None
                )
    equal(len(said), 1)


@test
def a_certificate_that_is_none_is_told_before_a_port_is_taken():
    for options, words in (
        ({"certfile": KEY + "x", "keyfile": KEY}, "Cannot load server certificate file"),
        (
            {"certfile": CERTIFICATE, "keyfile": KEY, "client_cafile": KEY + "x"},
            "Cannot load CA certificate chain from file",
        ),
    ):
        try:
            start_http_server(0, "127.0.0.1", a_registry(), **options)
            raise AssertionError("it is none")
        except FileNotFoundError as error:
            assert str(error).startswith(words), error


@test
def a_file_is_written_in_a_folder_and_put_in_its_place():
    folder, path = os.path.join(FOLDER.name, "tmp"), os.path.join(FOLDER.name, "some.prom")
    os.mkdir(folder)
    replaced = []
    with mock.patch("os.replace", side_effect=lambda a, b: replaced.append((os.path.dirname(a), b)) or os.rename(a, b)):
        write_to_textfile(path, a_registry(), tmpdir=folder)
    equal((replaced, os.listdir(folder)), ([(folder, path)], []))
    with open(path, "rb") as file:
        equal(file.read(), TEXT)

    class Odd:
        def collect(self):
            from shmeter.prometheus.core import GaugeMetricFamily

            yield GaugeMetricFamily("a.b", "", value=1)

    write_to_textfile(path, Odd())
    write_to_textfile(path + "2", Odd(), "underscores")
    for name, wanted in ((path, b'{"a.b"} 1.0\n'), (path + "2", b"a_b 1.0\n")):
        with open(name, "rb") as file:
            equal(file.readlines()[2], wanted)


@test
def pushes_are_compressed():
    with gateway() as server:
        push_to_gateway(server.place, "a", a_registry(), compression="gzip")
        pushadd_to_gateway(server.place, "b", a_registry(), {"k": "a b"}, compression="GZIP")
        push_to_gateway(server.place, "c", a_registry())
        delete_from_gateway(server.place, "d e")
        seen = [(method, path, headers.get("content-encoding"), body) for method, path, headers, body in server.seen]
        equal(
            [(one[:3], gzip.decompress(one[3])) for one in seen[:2]],
            [(("PUT", "/metrics/job/a", "gzip"), TEXT), (("POST", "/metrics/job/b/k@base64/YSBi", "gzip"), TEXT)],
        )
        equal(seen[2:], [("PUT", "/metrics/job/c", None, TEXT), ("DELETE", "/metrics/job@base64/ZCBl", None, b"")])
        raises(
            ValueError,
            "Unsupported compression type: brotli",
            lambda: push_to_gateway(server.place, "a", a_registry(), compression="brotli"),
        )
        with mock.patch.dict(sys.modules, {"snappy": None}):
            raises(
                RuntimeError,
                "Snappy compression requires the python-snappy package to be installed.",
                lambda: push_to_gateway(server.place, "a", a_registry(), compression="snappy"),
            )
        compressor = types.SimpleNamespace(compress=lambda data: b"<" + data, flush=lambda: b">")
        with mock.patch.dict(sys.modules, {"snappy": types.SimpleNamespace(StreamCompressor=lambda: compressor)}):
            push_to_gateway(server.place, "s", a_registry(), compression="snappy")
        equal((server.seen[-1][2].get("content-encoding"), server.seen[-1][3]), ("snappy", b"<" + TEXT + b">"))


@test
def an_asgi_application_answers_in_the_formats_too():
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "query_string": b"",
        "headers": [(b"accept", OPENMETRICS.encode() + b";version=1.0.0")],
    }
    asyncio.run(make_asgi_app(a_registry())(scope, receive, send))
    equal(
        (dict(sent[0]["headers"])[b"Content-Type"], sent[1]["body"]),
        (f"{OPENMETRICS}; version=1.0.0; charset=utf-8; escaping=underscores".encode(), TEXT + b"# EOF\n"),
    )


@test
def django_has_a_view():
    try:
        import django
        from django.conf import settings
    except ImportError:
        raise Skip("no Django") from None
    settings.configure(ALLOWED_HOSTS=["*"])
    django.setup()
    from django.test import RequestFactory
    from shmeter.prometheus.django import PrometheusDjangoView

    view, requests = PrometheusDjangoView.as_view(registry=a_registry()), RequestFactory()
    answer = view(requests.get("/metrics"))
    equal((answer.status_code, answer["Content-Type"], answer.content), (200, CONTENT_TYPE_PLAIN_0_0_4, TEXT))
    equal(view(requests.get("/metrics?name[]=none&name[]=answered")).content, TEXT)
    equal(view(requests.get("/metrics?name[]=none")).content, b"")
    answer = view(requests.get("/metrics", HTTP_ACCEPT=OPENMETRICS, HTTP_ACCEPT_ENCODING="gzip"))
    equal((answer["Content-Encoding"], gzip.decompress(answer.content)), ("gzip", TEXT + b"# EOF\n"))
    answer = view(requests.options("/metrics"))
    equal((answer["Allow"], answer.content, view(requests.post("/metrics")).status_code), ("OPTIONS,GET", b"", 405))
    names = [
        line
        for line in PrometheusDjangoView.as_view()(requests.get("/metrics")).content.splitlines()
        if line.startswith(b"# TYPE")
    ]
    equal(
        names, [line for line in generate_latest().splitlines() if line.startswith(b"# TYPE")], "the default registry"
    )


class Response:
    """What the handler makes of aiohttp's."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body, self.compressed = status, dict(headers), body, False

    def enable_compression(self):
        self.compressed = True


def fake_aiohttp():
    """Enough of it for the handler, where it is not installed."""
    web = types.SimpleNamespace(Response=Response, Request=object)
    modules = {"aiohttp": types.ModuleType("aiohttp"), "aiohttp.typedefs": types.ModuleType("aiohttp.typedefs")}
    modules["aiohttp"].web, modules["aiohttp"].hdrs = web, types.SimpleNamespace(ACCEPT="Accept")
    modules["aiohttp.typedefs"].Handler = object
    return modules


class Many(dict):
    def getall(self, name, otherwise=None):
        return self.get(name, otherwise)


@test
def aiohttp_has_a_handler():
    with mock.patch.dict(sys.modules, fake_aiohttp()):
        from shmeter.prometheus.aiohttp import make_aiohttp_handler

        for disabled in (False, True):
            handler = make_aiohttp_handler(a_registry(), disabled)
            request = types.SimpleNamespace(
                query=Many({"name[]": ["answered"]}), headers=Many({"Accept": ["text/plain", OPENMETRICS]})
            )
            answer = asyncio.run(handler(request))
            equal(
                (answer.status, answer.headers, answer.body, answer.compressed),
                (
                    200,
                    {"Content-Type": f"{OPENMETRICS}; version=1.0.0; charset=utf-8"},
                    TEXT + b"# EOF\n",
                    not disabled,
                ),
            )


if __name__ == "__main__":
    main()
