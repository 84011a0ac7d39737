"""Expositions: as text, over HTTP, in a file, and pushed."""
import contextlib
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from typing import Any, Callable, Optional, Tuple
from urllib.parse import parse_qs, urlparse
from wsgiref.simple_server import make_server, WSGIRequestHandler, WSGIServer

from .asgi import make_asgi_app as make_asgi_app
from .formats.answer import (
    _answer, _bake_output, choose_encoder as choose_encoder, CONTENT_TYPE_LATEST as CONTENT_TYPE_LATEST,
    CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE_PLAIN_0_0_4, CONTENT_TYPE_PLAIN_1_0_0 as CONTENT_TYPE_PLAIN_1_0_0,
    generate_latest as generate_latest, gzip_accepted as gzip_accepted,
)
from .formats.escaping import ALLOWUTF8
from .gateway import (
    basic_auth_handler as basic_auth_handler, default_handler as default_handler,
    delete_from_gateway as delete_from_gateway, instance_ip_grouping_key as instance_ip_grouping_key,
    passthrough_redirect_handler as passthrough_redirect_handler, push_to_gateway as push_to_gateway,
    pushadd_to_gateway as pushadd_to_gateway, SNAPPY_AVAILABLE as SNAPPY_AVAILABLE,
    tls_auth_handler as tls_auth_handler,
)
from .registry import Collector as Collector, REGISTRY as REGISTRY
from .release import IS_OLD
from .utils import best_family, floatToGoString as floatToGoString, parse_version as parse_version

__all__ = (
    "CONTENT_TYPE_LATEST", "CONTENT_TYPE_PLAIN_0_0_4", "CONTENT_TYPE_PLAIN_1_0_0", "choose_encoder",
    "delete_from_gateway", "generate_latest", "instance_ip_grouping_key", "make_asgi_app", "make_wsgi_app",
    "MetricsHandler", "push_to_gateway", "pushadd_to_gateway", "start_http_server", "start_wsgi_server",
    "write_to_textfile",
)

def make_wsgi_app(registry: Collector = REGISTRY, disable_compression: bool = False) -> Callable:
    """A WSGI application that serves a registry."""

    def prometheus_app(environ, start_response):
        method = "GET" if IS_OLD else environ.get("REQUEST_METHOD", "GET")
        if method == "GET" and environ.get("PATH_INFO") == "/favicon.ico":
            status, headers, output = "200 OK", [("", "")] if IS_OLD else [], b""
        else:
            status, headers, output = _answer(method, registry, environ.get("HTTP_ACCEPT"),
                                              environ.get("HTTP_ACCEPT_ENCODING"),
                                              parse_qs(environ.get("QUERY_STRING", "")),
                                              disable_compression)
        start_response(status, headers)
        return [output]

    return prometheus_app


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format, *args):
        """Says nothing."""


class ThreadingWSGIServer(ThreadingMixIn, WSGIServer):
    """A thread for each request."""
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone, or that has failed the handshake of TLS, is nothing to tell of."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _tls_context(certfile, keyfile, protocol, cafile, capath, client_auth_required, versions):
    """What a server serves TLS with. OSError: a file cannot be read, or is not what it should be."""
    context = ssl.SSLContext(protocol=protocol)
    try:
        if cafile is not None or capath is not None:
            context.load_verify_locations(cafile, capath)
        else:
            context.load_default_certs(purpose=ssl.Purpose.CLIENT_AUTH)
    except OSError as error:
        raise type(error)(f"Cannot load CA certificate chain from file {cafile!r} or directory {capath!r}: "
                          f"{error}") from error
    if client_auth_required:
        context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certfile=certfile, keyfile=keyfile)
    except OSError as error:
        raise type(error)(f"Cannot load server certificate file {certfile!r} or its private key file {keyfile!r}: "
                          f"{error}") from error
    least, most = versions
    if least is not None:
        context.minimum_version = least
    if most is not None:
        context.maximum_version = most
    return context


def start_wsgi_server(port: int, addr: str = "0.0.0.0", registry: Collector = REGISTRY, certfile: Optional[str] = None,
                      keyfile: Optional[str] = None, client_cafile: Optional[str] = None,
                      client_capath: Optional[str] = None,
                      protocol: int = ssl.PROTOCOL_TLS_SERVER, client_auth_required: bool = False,
                      tls_min_version: Optional[ssl.TLSVersion] = None,
                      tls_max_version: Optional[ssl.TLSVersion] = None) -> Tuple[WSGIServer, threading.Thread]:
    """Serves a registry from a daemon thread; of this process, and not of those forked from it. With certfile and
    keyfile by TLS; clients
    show a certificate of client_cafile or client_capath if client_auth_required. Returns the server and its thread."""
    family, addr = best_family(addr, port)
    server_type = type("Server", (ThreadingWSGIServer,), {"address_family": family})
    context = None
    if certfile and keyfile:  # before the port is taken: a certificate that is none leaves no listener
        context = _tls_context(certfile, keyfile, protocol, client_cafile, client_capath, client_auth_required,
                               (tls_min_version, tls_max_version))
    server: WSGIServer = make_server(addr, port, make_wsgi_app(registry), server_type, handler_class=_SilentHandler)
    if context:
        # the handshake is the request's own thread's
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread


start_http_server = start_wsgi_server


class MetricsHandler(BaseHTTPRequestHandler):
    """Answers GET with a registry's metrics."""
    registry: Collector = REGISTRY

    def do_GET(self) -> None:
        status, headers, output = _bake_output(self.registry, self.headers.get("Accept"),
                                               self.headers.get("Accept-Encoding"),
                                               parse_qs(urlparse(self.path).query), False)
        self.send_response(int(status.split(" ")[0]))
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(output)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

    @classmethod
    def factory(cls, registry: Collector) -> type:
        """The handler for another registry."""
        return type(cls.__name__, (cls, object), {"registry": registry})


def write_to_textfile(path: str, registry: Collector, escaping: str = ALLOWUTF8, tmpdir: Optional[str] = None) -> None:
    """Writes a registry's metrics to a file, all at once; for the node exporter, whose files end in .prom. tmpdir: a
    folder of the same
    file system, where the file is written first; None: that of the file."""
    output = generate_latest(registry, escaping)
    start = path if tmpdir is None else os.path.join(tmpdir, os.path.basename(path))
    temporary = f"{start}.{os.getpid()}.{threading.current_thread().ident}"
    try:
        with open(temporary, "wb") as file:
            file.write(output)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
