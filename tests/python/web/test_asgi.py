"""The ASGI middleware: what is counted under which labels."""
import asyncio
import re
import sys

import shmeter.asgi
from fastapi import FastAPI
from asgi_lib import plain_app, shop
from lib import equal, main, raises, test
from shmeter import _core
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from web_lib import ask, Client, Counted, scope_of


@test
def fastapi_requests_are_counted_by_their_routes_templates():
    counted = Counted("a1")
    app = shop(counted)
    for path in ("/items/1", "/items/2", "/items/3", "/api/users/jo/posts/first", "/api/users/jo/posts/second",
                 "/files/a/b/c.txt"):
        equal(ask(app, path=path).status, 200)
    equal(ask(app, path="/items/none").status, 422)
    equal(ask(app, path="/teapot").status, 418)
    counted.requests({("GET", "/items/{item_id}", "200"): 3, ("GET", "/items/{item_id}", "422"): 1,
                      ("GET", "/teapot", "418"): 1,
                      ("GET", "/api/users/{name}/posts/{post}", "200"): 2, ("GET", "/files/{path:path}", "200"): 1})


@test
def requests_without_a_route_are_grouped():
    counted = Counted("a2")
    app = shop(counted)
    for i in range(50):
        equal(ask(app, path=f"/wp-admin/{i}.php").status, 404)
    equal(ask(app, path="/items/").status, 307)  # to the path without its slash
    counted.requests({("GET", "__unmatched__", "404"): 50, ("GET", "__unmatched__", "307"): 1})


@test
def a_method_that_a_route_does_not_have_keeps_the_template():
    counted = Counted("a3")
    app = shop(counted)
    for method in ("DELETE", "OPTIONS", "HEAD"):
        equal(ask(app, method=method, path="/items/1").status, 405)
    counted.requests({(method, "/items/{item_id}", "405"): 1 for method in ("DELETE", "OPTIONS", "HEAD")})


@test
def methods_that_are_none_of_https_are_one():
    counted = Counted("a4")
    app = shop(counted)
    for method in ("BREW", "get", "G", "", "PROPFIND", "\udcff"):
        equal(ask(app, method=method, path="/items/1").status, 405)
    counted.requests({("OTHER", "/items/{item_id}", "405"): 6})


@test
def exceptions_are_counted_as_500_and_go_on_but_not_where_an_answer_has_begun():
    counted = Counted("a5")
    app = shop(counted)
    client = Client(app, path="/fail")
    try:
        asyncio.run(client.call())
    except RuntimeError as error:
        equal(str(error), "on purpose")
    else:
        raise AssertionError("the exception was kept")
    equal(client.status, 500)  # of the server's own answer, outside of the middleware
    counted.requests({("GET", "/fail", "500"): 1})

    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("half way")
    bare = Counted("a5b")
    raises(ValueError, "half way", lambda: ask(shmeter.asgi.Middleware(half, **bare.options), path="/half"))
    bare.requests({("GET", "/half", "200"): 1})  # what its client has seen

    def at_once(scope, receive, send):
        raise KeyError("before there is anything to await")
    bare = Counted("a5c")
    raises(KeyError, "'before there is anything to await'", lambda: ask(shmeter.asgi.Middleware(at_once,
                                                                                                **bare.options),
                                                                        path="/once"))
    bare.requests({("GET", "/once", "500"): 1})


@test
def mounted_applications_have_their_mounts_before_their_templates():
    counted = Counted("a6")
    app = shop(counted)
    inner = FastAPI()

    @inner.get("/things/{thing}")
    async def thing(thing: str):
        return thing
    app.mount("/sub", inner)
    app.mount("/tenants/{tenant}", inner)

    async def plain(scope, receive, send):
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})
    app.mount("/static", plain)
    for path in ("/sub/things/1", "/sub/things/two", "/tenants/42/things/3", "/tenants/jo/things/4"):
        equal(ask(app, path=path).status, 200)
    for path in ("/sub/none", "/static/a.css", "/static/b/c.css"):
        equal(ask(app, path=path).status, 404)
    counted.requests({("GET", "/sub/things/{thing}", "200"): 2, ("GET", "/tenants/{tenant}/things/{thing}", "200"): 2,
                      ("GET", "/sub", "404"): 1, ("GET", "/static", "404"): 2})


@test
def a_root_path_is_no_part_of_the_endpoint():
    counted = Counted("a7")
    app = shop(counted, root_path="/proxy")
    equal(ask(app, path="/items/1").status, 200)
    other = Counted("a7b")
    equal(ask(shop(other), path="/items/1", root_path="/from/the/server").status, 200)
    outside = Counted("a7c")
    plain = FastAPI(root_path="/proxy")
    plain.get("/items/{item_id}")(lambda item_id: item_id)
    equal(ask(shmeter.asgi.Middleware(plain, **outside.options), path="/items/1").status, 200)
    for one in (counted, other, outside):
        one.requests({("GET", "/items/{item_id}", "200"): 1})


@test
def starlettes_own_routes_have_their_templates():
    async def hello(request):
        return PlainTextResponse("hello")
    app = Starlette(routes=[Route("/hello/{name}", hello), Route("/also/{name}", hello, methods=["POST"]),
                            Mount("/in", routes=[Route("/side/{n:int}", hello),
                                                 Route("/side/{n}", hello, name="other")])])
    counted = Counted("a8")
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)
    for path in ("/hello/a", "/hello/b", "/in/side/5", "/in/side/6"):
        equal(ask(app, path=path).body, b"hello")
    equal(ask(app, path="/also/x").status, 405)
    equal(ask(app, path="/none").status, 404)
    counted.requests({("GET", "/hello/{name}", "200"): 2, ("GET", "/in/side/{n:int}", "200"): 2,
                      ("GET", "/also/{name}", "405"): 1,
                      ("GET", "__unmatched__", "404"): 1})


@test
def paths_of_applications_without_routes_are_normalised():
    counted = Counted("a9")
    app = shmeter.asgi.Middleware(plain_app, **counted.options)
    for path in ("/a/1", "/a/2", "/b/123e4567-e89b-12d3-a456-426614174000/c", "/none/3", "/none/x", "", "/\udcff"):
        ask(app, path="/x" if path == "/\udcff" else path)
    client = Client(app, path="/y")
    client.scope["path"] = "/\udcff"
    asyncio.run(client.call())
    counted.requests({("GET", "/a/{id}", "200"): 2, ("GET", "/b/{id}/c", "200"): 1, ("GET", "__unmatched__", "404"): 2,
                      ("GET", "/", "200"): 2, ("GET", "/x", "200"): 1})
    equal(_core.normalize_path("/a/42?x=1"), "/a/{id}")


@test
def excluded_paths_are_not_counted():
    counted = Counted("a10")
    app = shmeter.asgi.Middleware(plain_app, **counted.options,
                                  excluded=("/metrics", "/static/*", re.compile(r"/health$")))
    for path in ("/metrics", "/static/a", "/static/", "/deep/health", "/metrics/x", "/static", "/healthy"):
        equal(ask(app, path=path).body, b"plain")
    counted.requests({("GET", "/metrics/x", "200"): 1, ("GET", "/static", "200"): 1, ("GET", "/healthy", "200"): 1})
    one = Counted("a10b")
    ask(shmeter.asgi.Middleware(plain_app, **one.options, excluded="/metrics"), path="/metrics")
    one.requests({})


@test
def an_endpoint_of_ones_own_is_asked_for_each_request():
    counted = Counted("a19")
    app = shmeter.asgi.Middleware(plain_app, **counted.options,
                                  endpoint=lambda scope: dict(scope["headers"]).get(b"x", b"").decode())
    for headers in ([(b"x", b"one")], [(b"x", b"two")], []):
        ask(app, path="/same", headers=headers)
    counted.requests({("GET", "one", "200"): 1, ("GET", "two", "200"): 1, ("GET", "/same", "200"): 1})


@test
def a_failing_endpoint_function_fails_no_request():
    counted = Counted("a20")
    told = []
    before, sys.unraisablehook = sys.unraisablehook, lambda unraisable: told.append(unraisable.exc_type)
    try:
        app = shmeter.asgi.Middleware(plain_app, **counted.options, endpoint=lambda scope: 1 / 0)
        equal(ask(app, path="/x").body, b"plain")
    finally:
        sys.unraisablehook = before
    equal(told, [ZeroDivisionError])
    counted.requests({("GET", "__unmatched__", "200"): 1})


@test
def ways_without_end_are_remembered_within_bounds():
    counted = Counted("a22")
    app = FastAPI()
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)

    @app.get("/users/{name}")
    async def user(name: str):
        return Response()
    client = Client(app, path="/")

    async def many():
        for i in range(9000):
            client.scope = scope_of(path="/users/" + "".join(chr(97 + int(digit)) for digit in str(i)))
            await client.call()
    asyncio.run(many())
    counted.requests({("GET", "/users/{name}", "200"): 9000})


main()
