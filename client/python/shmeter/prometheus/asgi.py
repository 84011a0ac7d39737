"""A registry as an ASGI application."""
from typing import Callable
from urllib.parse import parse_qs

from .formats.answer import _bake_output
from .registry import Collector as Collector, REGISTRY as REGISTRY


def _header(scope, name):
    return ",".join(value.decode("utf8") for key, value in scope.get("headers") if key.decode("utf8").lower() == name)


async def _lifespan(receive, send):
    """Servers begin and end an application that stands alone; there is nothing to do."""
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def make_asgi_app(registry: Collector = REGISTRY, disable_compression: bool = False) -> Callable:
    """An ASGI application that serves a registry."""

    async def prometheus_app(scope, receive, send):
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # before it is accepted: the client gets 403
            return
        assert scope["type"] == "http"
        params = {key.decode("utf8"): [value.decode("utf8") for value in values]
                  for key, values in parse_qs(scope.get("query_string", b"")).items()}
        status, headers, output = _bake_output(registry, _header(scope, "accept"), _header(scope, "accept-encoding"),
                                               params,
                                               disable_compression)
        payload = await receive()
        if payload.get("type") == "http.request":
            await send({"type": "http.response.start", "status": int(status.split(" ")[0]),
                        "headers": [tuple(text.encode("utf8") for text in header) for header in headers]})
            await send({"type": "http.response.body", "body": output})

    return prometheus_app
