"""The ASGI middleware: what is counted under which labels, and that nothing of what passes through it is changed."""
import asyncio
import collections.abc
import gc
import inspect
import re
import sys
import warnings

import shmeter.asgi
from fastapi import APIRouter, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse
from lib import equal, in_child, join, main, test
from shmeter import _core
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect
from web_lib import ask, Client, Counted, scope_of

def shop(counted, **options):
    app = FastAPI(**options)
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)

    @app.get("/items/{item_id}")
    async def item(item_id: int):
        return {"item": item_id}

    @app.post("/items")
    async def make(request: Request):
        return {"bytes": len(await request.body())}

    @app.get("/fail")
    async def fail():
        raise RuntimeError("on purpose")

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(418)

    @app.get("/files/{path:path}")
    async def files(path: str):
        return path

    router = APIRouter(prefix="/users")

    @router.get("/{name}/posts/{post}")
    async def post(name: str, post: str):
        return [name, post]
    app.include_router(router, prefix="/api")
    return app


@test
def fastapi_requests_are_counted_by_their_routes_templates():
    counted = Counted("a1")
    app = shop(counted)
    for path in ("/items/1", "/items/2", "/items/3", "/api/users/jo/posts/first", "/api/users/jo/posts/second", "/files/a/b/c.txt"):
        equal(ask(app, path=path).status, 200)
    equal(ask(app, path="/items/none").status, 422)
    equal(ask(app, path="/teapot").status, 418)
    counted.requests({("GET", "/items/{item_id}", "200"): 3, ("GET", "/items/{item_id}", "422"): 1, ("GET", "/teapot", "418"): 1,
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
    try:
        ask(shmeter.asgi.Middleware(half, **bare.options), path="/half")
    except ValueError:
        pass
    bare.requests({("GET", "/half", "200"): 1})  # what its client has seen

    def at_once(scope, receive, send):
        raise KeyError("before there is anything to await")
    bare = Counted("a5c")
    try:
        ask(shmeter.asgi.Middleware(at_once, **bare.options), path="/once")
    except KeyError:
        pass
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
                            Mount("/in", routes=[Route("/side/{n:int}", hello), Route("/side/{n}", hello, name="other")])])
    counted = Counted("a8")
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)
    for path in ("/hello/a", "/hello/b", "/in/side/5", "/in/side/6"):
        equal(ask(app, path=path).body, b"hello")
    equal(ask(app, path="/also/x").status, 405)
    equal(ask(app, path="/none").status, 404)
    counted.requests({("GET", "/hello/{name}", "200"): 2, ("GET", "/in/side/{n:int}", "200"): 2, ("GET", "/also/{name}", "405"): 1,
                      ("GET", "__unmatched__", "404"): 1})


async def plain_app(scope, receive, send):
    missing = scope["path"].startswith("/none")
    await send({"type": "http.response.start", "status": 404 if missing else 200, "headers": []})
    await send({"type": "http.response.body", "body": b"plain"})


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
    app = shmeter.asgi.Middleware(plain_app, **counted.options, excluded=("/metrics", "/static/*", re.compile(r"/health$")))
    for path in ("/metrics", "/static/a", "/static/", "/deep/health", "/metrics/x", "/static", "/healthy"):
        equal(ask(app, path=path).body, b"plain")
    counted.requests({("GET", "/metrics/x", "200"): 1, ("GET", "/static", "200"): 1, ("GET", "/healthy", "200"): 1})
    one = Counted("a10b")
    ask(shmeter.asgi.Middleware(plain_app, **one.options, excluded="/metrics"), path="/metrics")
    one.requests({})


@test
def requests_under_way_are_in_progress_and_the_worker_is_busy():
    counted = Counted("a11")
    app = FastAPI()
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)
    gate, seen = None, []

    @app.get("/wait/{n}")
    async def wait(n: int):
        seen.append((counted.samples("requests_in_progress"), busy()))
        await gate.wait()

    def busy():
        worker = [one for one in shmeter.open().health()["segments"][0]["workers"] if one["pid"] is not None]
        return [one.get("busy_seconds") is not None for one in worker]

    async def both():
        nonlocal gate
        gate = asyncio.Event()
        first = asyncio.ensure_future(Client(app, path="/wait/1").call())
        await asyncio.sleep(0)
        second = asyncio.ensure_future(Client(app, path="/wait/2").call())
        while len(seen) < 2:
            await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, second)
        third = asyncio.ensure_future(Client(app, path="/wait/3").call())
        await third
    asyncio.run(both())
    # What a way's first request is of is known when it has been routed.
    equal([one for one, _ in seen], [{("GET", "__unmatched__"): 1}, {("GET", "__unmatched__"): 2}, {("GET", "/wait/{n}"): 1}])
    equal([any(one) for _, one in seen], [True] * 3)
    equal(any(busy()), False)
    counted.requests({("GET", "/wait/{n}", "200"): 3})


@test
def sizes_are_those_of_the_headers_or_are_counted():
    counted = Counted("a12")
    app = shop(counted)
    body = [{"type": "http.request", "body": b"x" * 300, "more_body": True}, {"type": "http.request", "body": b"y" * 45}]
    equal(ask(app, body, method="POST", path="/items").body, b'{"bytes":345}')
    equal(ask(app, body, method="POST", path="/items", headers=[(b"Content-Length", b"345")]).body, b'{"bytes":345}')
    equal(ask(app, path="/items/1", headers=[(b"content-length", b"-5"), (b"content-length", b"1e3")]).status, 200)
    equal(counted.samples("request_size_bytes_sum"), {("POST", "/items"): 690})
    equal(counted.samples("response_size_bytes_sum"), {("POST", "/items"): 26, ("GET", "/items/{item_id}"): 10})

    async def head(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b""})
    counted = Counted("a12b")
    ask(shmeter.asgi.Middleware(head, **counted.options), method="HEAD", path="/h")
    equal(counted.samples("response_size_bytes_sum"), {})
    equal(counted.samples("response_size_bytes_count"), {("HEAD", "/h"): 1})
    without = Counted("a12c")
    ask(shmeter.asgi.Middleware(plain_app, **without.options, sizes=False), path="/h")
    equal(without.samples("response_size_bytes_count"), {})
    without.requests({("GET", "/h", "200"): 1})


@test
def streams_pass_piece_by_piece():
    counted = Counted("a13")
    app = FastAPI()
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)
    order = []

    @app.get("/stream")
    async def stream():
        async def pieces():
            for i in range(5):
                order.append(("made", i))
                yield b"p" * 1000
        return StreamingResponse(pieces())

    class Watching(Client):
        async def send(self, message):
            await super().send(message)
            if message.get("body"):
                order.append(("sent", len(self.sent) - 2))

        async def receive(self):
            await asyncio.sleep(60)
    client = asyncio.run(Watching(app, path="/stream").call())
    equal(len(client.body), 5000)
    equal(order, [(what, i) for i in range(5) for what in ("made", "sent")], "each piece is sent before the next one is made")
    equal(counted.samples("response_size_bytes_sum"), {("GET", "/stream"): 5000})
    counted.requests({("GET", "/stream", "200"): 1})


@test
def clients_that_go_away_are_counted_as_499():
    counted = Counted("a14")

    async def wait_for_the_end(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
    app = shmeter.asgi.Middleware(wait_for_the_end, **counted.options)
    ask(app, path="/gone")

    async def forever(scope, receive, send):
        await asyncio.sleep(3600)
    endless = shmeter.asgi.Middleware(forever, **counted.options)

    async def cancelled():
        task = asyncio.ensure_future(Client(endless, path="/cancelled").call())
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return
        raise AssertionError("the cancellation was kept")
    asyncio.run(cancelled())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        endless(scope_of(path="/dropped"), None, None)  # and nobody awaits it
        gc.collect()
    counted.requests({("GET", "/gone", "499"): 1, ("GET", "/cancelled", "499"): 1, ("GET", "/dropped", "499"): 1})

    async def nothing(scope, receive, send):
        pass
    silent = Counted("a14b")
    ask(shmeter.asgi.Middleware(nothing, **silent.options), path="/nothing")
    silent.requests({("GET", "/nothing", "500"): 1})


@test
def websockets_are_counted_from_handshake_to_end():
    counted = Counted("a15")
    app = FastAPI()
    app.add_middleware(shmeter.asgi.Middleware, **counted.options)

    @app.websocket("/chat/{room}")
    async def chat(socket: WebSocket, room: str):
        if room == "closed":
            await socket.close()
            return
        await socket.accept()
        try:
            while True:
                await socket.send_text("echo " + await socket.receive_text())
        except WebSocketDisconnect:
            pass
    words = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "one"}, {"type": "websocket.receive", "text": "two!"}]
    client = ask(app, words, path="/chat/1", type_="websocket")
    equal([message.get("text") for message in client.sent], [None, "echo one", "echo two!"])
    ask(app, words[:1], path="/chat/closed", type_="websocket")
    counted.requests({("WEBSOCKET", "/chat/{room}", "101"): 1, ("WEBSOCKET", "/chat/{room}", "403"): 1})
    equal(counted.samples("request_size_bytes_sum"), {("WEBSOCKET", "/chat/{room}"): 7})
    equal(counted.samples("response_size_bytes_sum"), {("WEBSOCKET", "/chat/{room}"): 17})
    bare = Counted("a15b")
    bare_app = Starlette(routes=[WebSocketRoute("/ws/{n}", lambda socket: socket.close())])
    bare_app.add_middleware(shmeter.asgi.Middleware, **bare.options)
    ask(bare_app, words[:1], path="/ws/1", type_="websocket")
    bare.requests({("WEBSOCKET", "/ws/{n}", "403"): 1})


@test
def an_answer_is_counted_before_its_client_sees_it():
    counted = Counted("a24")
    seen = []

    class Watching(Client):
        async def send(self, message):
            seen.append((message["type"], counted.samples("requests_total"), counted.samples("request_duration_seconds_count")))
    asyncio.run(Watching(shmeter.asgi.Middleware(plain_app, **counted.options), path="/x").call())
    equal(seen, [("http.response.start", {("GET", "/x", "200"): 1}, {}),
                 ("http.response.body", {("GET", "/x", "200"): 1}, {("GET", "/x"): 1})])


@test
def lifespan_and_whatever_else_pass_untouched():
    counted = Counted("a16")
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))
    middleware = shmeter.asgi.Middleware(app, **counted.options)
    for scope in ({"type": "lifespan"}, {"type": "other", "path": "/x"}, {"type": "http"}):
        receive, send = object(), object()
        asyncio.run(middleware(scope, receive, send))
        assert all(got is given for got, given in zip(seen[-1], (scope, receive, send))), scope
    counted.requests({})


@test
def what_it_returns_is_a_coroutine_to_servers():
    counted = Counted("a17")
    middleware = shmeter.asgi.Middleware(plain_app, **counted.options)
    assert asyncio.iscoroutinefunction(middleware.__call__), "uvicorn takes it for ASGI 2"

    async def run():
        client = Client(middleware, path="/x")
        call = middleware(client.scope, client.receive, client.send)
        assert asyncio.iscoroutine(call) and isinstance(call, collections.abc.Coroutine) and inspect.isawaitable(call)
        await asyncio.get_running_loop().create_task(call)
        equal(client.body, b"plain")
        # By hand, as a trampoline would.
        call = middleware(scope_of(path="/x"), client.receive, client.send)
        try:
            call.send(None)
        except StopIteration as stop:
            equal(stop.value, None)
        else:
            raise AssertionError("it waits for nothing")
        call = middleware(scope_of(path="/x"), client.receive, client.send)
        call.close()
        call = middleware(scope_of(path="/x"), client.receive, client.send)
        try:
            call.throw(LookupError("thrown in"))
        except LookupError:
            pass
    asyncio.run(run())
    counted.requests({("GET", "/x", "200"): 2, ("GET", "/x", "499"): 1, ("GET", "/x", "500"): 1})


@test
def awaitables_of_any_kind_are_awaited():
    class Future:
        def __init__(self, value):
            self.value = value

        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return self.value
    counted = Counted("a18")

    def app(scope, receive, send):
        async def run():
            equal(await receive(), {"type": "http.request", "body": b"xy"})
            await send({"type": "http.response.start", "status": 201, "headers": []})
            return "value"
        return Future(run())
    received = Future({"type": "http.request", "body": b"xy"})

    class Twice:
        """Awaits the application's coroutine too."""
        def __call__(self, scope, receive, send):
            inner = app(scope, receive, send).value
            return inner
    sent = []

    def send(message):
        sent.append(message)
        return Future(None)
    middleware = shmeter.asgi.Middleware(Twice(), **counted.options)

    async def run():
        return await middleware(scope_of(path="/f"), lambda: received, send)
    equal(asyncio.run(run()), "value")
    equal(sent[0]["status"], 201)
    counted.requests({("GET", "/f", "201"): 1})
    equal(counted.samples("request_size_bytes_sum"), {("GET", "/f"): 2})
    for bad in (lambda scope, receive, send: 5, lambda scope, receive, send: None):
        try:
            asyncio.run(shmeter.asgi.Middleware(bad, **counted.options)(scope_of(path="/bad"), None, None))
        except TypeError as error:
            assert "can't be used in 'await' expression" in str(error), error
        else:
            raise AssertionError("no awaitable, and no error")


@test
def an_endpoint_of_ones_own_is_asked_for_each_request():
    counted = Counted("a19")
    app = shmeter.asgi.Middleware(plain_app, **counted.options, endpoint=lambda scope: dict(scope["headers"]).get(b"x", b"").decode())
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
def workers_that_are_forked_count_together():
    counted = Counted("a21")
    app = shop(counted)
    ask(app, path="/items/1")

    def work():
        for i in range(100):
            ask(app, path=f"/items/{i}")
    join([in_child(work) for _ in range(3)])
    counted.requests({("GET", "/items/{item_id}", "200"): 301})


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


@test
def nothing_is_kept_of_requests_that_have_ended():
    counted = Counted("a23")
    app = shop(counted)
    for _ in range(50):
        ask(app, path="/items/1")
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        ask(app, path="/items/1")
    gc.collect()
    assert len(gc.get_objects()) - before < 100, len(gc.get_objects()) - before


main()
