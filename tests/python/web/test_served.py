"""A registry as an application, a server and a handler: status, headers and body for what is asked, exactly."""
import asyncio
import contextlib
import gzip
import http.client
import http.server
import io
import sys
import threading
import warnings

from lib import equal, main, raises, test

from shmeter.prometheus import (
    CollectorRegistry, CONTENT_TYPE_PLAIN_0_0_4, Gauge, generate_latest, make_asgi_app, make_wsgi_app, MetricsHandler,
    REGISTRY, start_http_server,
    start_wsgi_server,
)
from shmeter.prometheus.exposition import _SilentHandler, choose_encoder, gzip_accepted, ThreadingWSGIServer
from shmeter.prometheus.openmetrics import exposition as openmetrics
from shmeter.prometheus.utils import best_family, floatToGoString, INF, MINUS_INF, NaN

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
A = b"# HELP a A.\n# TYPE a gauge\na 1.0\n"
B = b"# HELP b B.\n# TYPE b gauge\nb 2.0\n"

registry = CollectorRegistry()
Gauge("a", "A.", registry=registry).set(1)
Gauge("b", "B.", registry=registry).set(2)

# (query, Accept, Accept-Encoding) -> (content type, content encoding, body)
ASKED = (
    (("", None, None), (TEXT, None, A + B)),
    (("", "text/plain", "identity, deflate"), (TEXT, None, A + B)),
    (("", "text/html, application/openmetrics-text;version=1.0.0;q=0.5", None),
     (OPENMETRICS + "; escaping=underscores", None, A + B + b"# EOF\n")),
    (("name[]=b", "application/openmetrics-text", None), (OPENMETRICS, None, B + b"# EOF\n")),
    (("name[]=a&other=1", "application/openmetrics", None), (TEXT, None, A)),
    (("name[]=none", None, None), (TEXT, None, b"")),
    (("", None, "br, GZIP ;q=1"), (TEXT, "gzip", A + B)),
    (("", None, "gzipped"), (TEXT, None, A + B)),
)


def checked(answer, wanted, what):
    """answer: (status, headers, body)."""
    status, headers, body = answer
    kind, encoding, text = wanted
    headers = {name.lower(): value for name, value in headers}
    equal((status, headers.get("content-type"), headers.get("content-encoding")), (200, kind, encoding), what)
    equal(gzip.decompress(body) if encoding else body, text, what)


def ask_wsgi(app, query, accept, encoding, path="/metrics"):
    told = []
    environ = {"PATH_INFO": path, "QUERY_STRING": query, "HTTP_ACCEPT": accept, "HTTP_ACCEPT_ENCODING": encoding}
    body = app({name: value for name, value in environ.items() if value is not None},
               lambda *started: told.append(started))
    status, headers = told[0]
    return int(status.split()[0]), headers, b"".join(body)


def ask_asgi(app, query, accept, encoding, message="http.request"):
    sent = []
    headers = [(name, value.encode()) for name, value in ((b"Accept", accept), (b"accept-encoding", encoding),
                                                          (b"x", "y")) if value]

    async def receive():
        return {"type": message}

    async def send(one):
        sent.append(one)

    asyncio.run(app({"type": "http", "query_string": query.encode(), "headers": headers}, receive, send))
    if not sent:
        return None
    equal([one["type"] for one in sent], ["http.response.start", "http.response.body"])
    return sent[0]["status"], [(name.decode(), value.decode()) for name, value in sent[0]["headers"]], sent[1]["body"]


def ask_server(port, query, accept, encoding, path="/metrics"):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        headers = {name: value for name, value in (("Accept", accept), ("Accept-Encoding", encoding)) if value}
        connection.putrequest("GET", path + "?" + query, skip_accept_encoding=True)
        for header in headers.items():
            connection.putheader(*header)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


@test
def a_wsgi_application_gives_what_is_asked():
    for asked, wanted in ASKED:
        checked(ask_wsgi(make_wsgi_app(registry), *asked), wanted, asked)
    checked(ask_wsgi(make_wsgi_app(registry, disable_compression=True), "", None, "gzip"), (TEXT, None, A + B),
            "no compression")
    equal(ask_wsgi(make_wsgi_app(registry), "", None, None, "/favicon.ico"), (200, [], b""))
    equal(ask_wsgi(make_wsgi_app(), "name[]=none", None, None)[2], b"", "the usual registry")


@test
def an_asgi_application_gives_what_is_asked():
    for asked, wanted in ASKED:
        checked(ask_asgi(make_asgi_app(registry), *asked), wanted, asked)
    checked(ask_asgi(make_asgi_app(registry, disable_compression=True), "", None, "gzip"), (TEXT, None, A + B),
            "no compression")
    equal(ask_asgi(make_asgi_app(registry), "", None, None, "http.disconnect"), None, "nobody is there any more")
    raises(AssertionError, "", lambda: asyncio.run(make_asgi_app()({"type": "other"}, None, None)))


def told(scope, *messages):
    """What an application sends when it is told these messages."""
    waiting, sent = list(messages), []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(make_asgi_app()(scope, receive, send))
    equal(waiting, [], "messages that were not asked for")
    return sent


@test
def an_asgi_application_that_stands_alone_begins_and_ends_with_its_server():
    equal(told({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}),
          [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}])
    equal(told({"type": "websocket"}, {"type": "websocket.connect"}), [{"type": "websocket.close"}])


@contextlib.contextmanager
def silent():
    """Nothing is written to stderr."""
    before, sys.stderr = sys.stderr, io.StringIO()
    try:
        yield
        equal(sys.stderr.getvalue(), "")
    finally:
        sys.stderr = before


@test
def a_server_gives_what_is_asked_and_says_nothing():
    for start in (start_http_server, start_wsgi_server):
        server, thread = start(0, "127.0.0.1", registry)
        try:
            equal((thread.daemon, isinstance(server, ThreadingWSGIServer), server.daemon_threads), (True, True, True))
            with silent():
                for asked, wanted in ASKED:
                    checked(ask_server(server.server_port, *asked), wanted, asked)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@test
def a_handler_gives_what_is_asked_and_says_nothing():
    kind = MetricsHandler.factory(registry)
    equal((kind.__name__, issubclass(kind, MetricsHandler), kind.registry is registry,
           MetricsHandler.registry is REGISTRY),
          ("MetricsHandler", True, True, True))
    with silent():
        equal([one.log_message(None, "%s", 1) for one in (kind, _SilentHandler)], [None, None])
    with http.server.HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with silent():
                for asked, wanted in ASKED:
                    checked(ask_server(server.server_port, *asked), wanted, asked)
        finally:
            server.shutdown()
            thread.join()


@test
def formats_are_chosen_by_what_is_accepted():
    for accepted in (None, "", "text/plain", "application/openmetrics-textual", "x; application/openmetrics-text"):
        equal(choose_encoder(accepted), (generate_latest, TEXT), accepted)
    for accepted in ("application/openmetrics-text", "application/openmetrics-text;q=0.1,*/*"):
        equal(choose_encoder(accepted), (openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST), accepted)
    equal((CONTENT_TYPE_PLAIN_0_0_4, openmetrics.CONTENT_TYPE_LATEST), (TEXT, OPENMETRICS))
    equal([gzip_accepted(text) for text in (None, "", "gzip", "deflate,GZip;q=0.1", "gzi", "x-gzip")],
          [False, False, True, True, False, False])


@test
def numbers_and_addresses_are_as_they_are_wanted():
    equal([floatToGoString(one) for one in (1, "2.5", INF, MINUS_INF, NaN, 1234567)],
          ["1.0", "2.5", "+Inf", "-Inf", "NaN", "1.234567e+06"])
    equal([(family.name, address) for family, address in (best_family("127.0.0.1", 80), best_family("::1", 80))],
          [("AF_INET", "127.0.0.1"), ("AF_INET6", "::1")])


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
