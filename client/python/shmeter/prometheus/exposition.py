"""Expositions: as text, over HTTP, in a file, and pushed."""
import contextlib
import os
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn
from typing import Callable
from urllib.parse import parse_qs, urlparse
from wsgiref.simple_server import make_server, WSGIRequestHandler, WSGIServer

from .answer import _bake_output, choose_encoder, CONTENT_TYPE_LATEST, generate_latest, gzip_accepted  # noqa: F401
from .asgi import make_asgi_app
from .gateway import (  # noqa: F401 (part of this module's interface)
    basic_auth_handler, default_handler, delete_from_gateway, instance_ip_grouping_key, passthrough_redirect_handler, push_to_gateway,
    pushadd_to_gateway, tls_auth_handler,
)
from .registry import CollectorRegistry, REGISTRY
from .utils import best_family, floatToGoString  # noqa: F401

__all__ = (
    "CONTENT_TYPE_LATEST", "choose_encoder", "delete_from_gateway", "generate_latest", "instance_ip_grouping_key", "make_asgi_app",
    "make_wsgi_app", "MetricsHandler", "push_to_gateway", "pushadd_to_gateway", "start_http_server", "start_wsgi_server", "write_to_textfile",
)

def make_wsgi_app(registry: CollectorRegistry = REGISTRY, disable_compression: bool = False) -> Callable:
    """A WSGI application that serves a registry."""

    def prometheus_app(environ, start_response):
        if environ["PATH_INFO"] == "/favicon.ico":
            status, headers, output = "200 OK", [("", "")], b""
        else:
            status, headers, output = _bake_output(registry, environ.get("HTTP_ACCEPT"), environ.get("HTTP_ACCEPT_ENCODING"),
                                                   parse_qs(environ.get("QUERY_STRING", "")), disable_compression)
        start_response(status, headers)
        return [output]

    return prometheus_app


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format, *args):
        """Says nothing."""


class ThreadingWSGIServer(ThreadingMixIn, WSGIServer):
    """A thread for each request."""
    daemon_threads = True


def start_wsgi_server(port: int, addr: str = "0.0.0.0", registry: CollectorRegistry = REGISTRY):
    """Serves a registry from a daemon thread; of this process, and not of those forked from it. Returns the server and its thread."""
    family, addr = best_family(addr, port)
    server_type = type("Server", (ThreadingWSGIServer,), {"address_family": family})
    server = make_server(addr, port, make_wsgi_app(registry), server_type, handler_class=_SilentHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread


start_http_server = start_wsgi_server


class MetricsHandler(BaseHTTPRequestHandler):
    """Answers GET with a registry's metrics."""
    registry: CollectorRegistry = REGISTRY

    def do_GET(self) -> None:
        status, headers, output = _bake_output(self.registry, self.headers.get("Accept"), self.headers.get("Accept-Encoding"),
                                               parse_qs(urlparse(self.path).query), False)
        self.send_response(int(status.split(" ")[0]))
        for header in headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(output)

    def log_message(self, format, *args) -> None:
        """Says nothing."""

    @classmethod
    def factory(cls, registry: CollectorRegistry) -> type:
        """The handler for another registry."""
        return type(cls.__name__, (cls, object), {"registry": registry})


def write_to_textfile(path: str, registry: CollectorRegistry) -> None:
    """Writes a registry's metrics to a file, all at once; for the node exporter, whose files end in .prom."""
    output = generate_latest(registry)
    temporary = f"{path}.{os.getpid()}.{threading.current_thread().ident}"
    try:
        with open(temporary, "wb") as file:
            file.write(output)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
