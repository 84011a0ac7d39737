"""Middleware for ASGI applications: app.add_middleware(shmeter.asgi.Middleware, prefix="shop"), or app =
shmeter.asgi.Middleware(app).

Counts requests by method, endpoint and status, and has their durations, those in progress, and the sizes of bodies. The
endpoint is the template of the route that answered, as FastAPI, Starlette or Django tell it; elsewhere it is the path
with {id} in the place of what names one thing. Marks the worker busy and idle, for health. Bodies pass through as they
are, in whatever pieces.
"""
import asyncio
import inspect

from . import _core, django
from .prometheus import REGISTRY
from .web import BYTES, SECONDS, web

_FULL = 2  # of starlette.routing.Match
_PARTIAL = 1


def _walk(routes, scope, before=""):
    """The template of the first route that matches, those of its mounts included; None: none does."""
    partial = None
    for route in routes:
        match, more = route.matches(scope)
        template = before + getattr(route, "path", "")
        if match.value == _FULL:
            inner = getattr(route, "routes", None)
            return inner and _walk(inner, {**scope, **more}, template) or template
        if match.value == _PARTIAL and partial is None:
            partial = template
    return partial


def _walk_from_router(scope, path, root_path):
    """As the outermost router has seen the request: mounts change the scope."""
    try:
        return _walk(scope["router"].routes, {**scope, "path": path, "root_path": root_path})
    except Exception:  # another release's routes: then what the scope says will do
        return None


class Middleware:
    """An ASGI application around another one.

    prefix: of the metrics' names. excluded: paths that are not counted; an entry that ends in * is the beginning of
    paths, and a compiled expression is searched for. sizes: False leaves the sizes of bodies out. endpoint: a function
    of a scope that gives the label's value, or None for the usual one. buckets, size_buckets: bounds of the histograms,
    when this prefix is the first time used with the registry.
    """

    def __init__(self, app, *, prefix="", excluded=(), sizes=True, endpoint=None, registry=REGISTRY, buckets=SECONDS,
                 size_buckets=BYTES):
        self.app = app
        django.watch(app)
        self._endpoint = endpoint
        self._asgi = web(app, self._resolve, endpoint is not None, prefix, excluded, registry, buckets, size_buckets,
                         sizes).asgi

    def __call__(self, scope, receive, send):
        return self._asgi(scope, receive, send)

    # Servers ask whether this is a coroutine function; what it returns is a coroutine, made in C.
    if hasattr(inspect, "markcoroutinefunction"):
        inspect.markcoroutinefunction(__call__)
    else:
        setattr(__call__, "_is_coroutine", getattr(asyncio.coroutines, "_is_coroutine"))

    def _resolve(self, scope, path, root_path, status):
        """The endpoint of a request that has ended; None: no route is its."""
        chosen = self._endpoint(scope) if self._endpoint else None
        if chosen:
            return chosen
        root_path = root_path or getattr(self.app, "root_path", "")
        now = scope.get("root_path", "")
        mount = now[len(root_path):] if now.startswith(root_path) else ""
        if scope.get("shmeter.endpoint"):
            return (_core.normalize_path(mount) if mount else "") + scope["shmeter.endpoint"]
        template = getattr(scope.get("route"), "path", None)
        if template and not mount:
            return template
        if "router" in scope:
            if template is None and "endpoint" not in scope:
                return None
            found = _walk_from_router(scope, path, root_path)
            if found:
                return found
        if template or mount:
            return (_core.normalize_path(mount) if mount else "") + (template or "")
        return None if status == 404 else _core.normalize_path(path)
