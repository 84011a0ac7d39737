"""The ASGI middleware: nothing of what passes through it is changed, and requests are counted however they end."""
import asyncio
import collections.abc
import gc
import inspect
import warnings

import shmeter.asgi
from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from asgi_lib import plain_app, shop
from lib import equal, in_child, join, main, test
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect
from web_lib import ask, Client, Counted, scope_of


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
    equal([one for one, _ in seen], [{("GET", "__unmatched__"): 1}, {("GET", "__unmatched__"): 2},
                                     {("GET", "/wait/{n}"): 1}])
    equal([any(one) for _, one in seen], [True] * 3)
    equal(any(busy()), False)
    counted.requests({("GET", "/wait/{n}", "200"): 3})


@test
def sizes_are_those_of_the_headers_or_are_counted():
    counted = Counted("a12")
    app = shop(counted)
    body = [{"type": "http.request", "body": b"x" * 300, "more_body": True},
            {"type": "http.request", "body": b"y" * 45}]
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
    equal(order, [(what, i) for i in range(5) for what in ("made", "sent")],
          "each piece is sent before the next one is made")
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
    words = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "one"},
             {"type": "websocket.receive", "text": "two!"}]
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
            seen.append((message["type"], counted.samples("requests_total"),
                         counted.samples("request_duration_seconds_count")))
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
