"""A registry as a handler of aiohttp."""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from ..formats.answer import _bake_output
from ..registry import Collector, REGISTRY


def make_aiohttp_handler(registry: Collector = REGISTRY, disable_compression: bool = False) -> Handler:
    """A handler that serves a registry; aiohttp compresses the answer."""

    async def prometheus_handler(request: web.Request) -> web.Response:
        params = {name: request.query.getall(name) for name in request.query}
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, []))
        status, headers, output = _bake_output(registry, accept, "", params, True)
        response = web.Response(status=int(status.split(" ")[0]), headers=headers, body=output)
        if not disable_compression:
            response.enable_compression()
        return response

    return prometheus_handler
