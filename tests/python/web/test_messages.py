"""What the middleware makes of messages, headers and statuses that are odd: sizes to the byte, and every status by its
number."""
import asyncio
import sys

from lib import equal, main, raises, test
from web_lib import ask, Client, Counted

import shmeter.asgi
import shmeter.wsgi


def answering(status=200, headers=(), pieces=(b"",), **start):
    """An application that answers so."""
    async def app(scope, receive, send):
        message = {"type": "http.response.start", "headers": headers, **start}
        await send({**message, "status": status} if status is not None else message)
        for number, piece in enumerate(pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": number + 1 < len(pieces)})
    return app


def answer(counted, path, *given, **more):
    return ask(shmeter.asgi.Middleware(answering(*given, **more), **counted.options), path=path)


@test
def statuses_are_counted_by_their_numbers_and_others_as_500():
    counted = Counted("m1")
    for path, status, wanted in (("/a", 100, "100"), ("/b", 999, "999"), ("/c", 99, "500"), ("/d", 1000, "500"),
                                 ("/e", -1, "500"), ("/f", "x", "500"),
                                 ("/g", None, "500"), ("/h", 10 ** 30, "500"), ("/i", "200", "500"),
                                 ("/j", 418, "418")):
        answer(counted, path, status)
        equal({key[2]: value for key, value in counted.samples("requests_total").items() if key[1] == path},
              {wanted: 1.0}, status)
    for status in (200, 211, 222, 200, 211):  # one after the other in one place of a route's handles
        answer(counted, "/same", status)
    equal({key[2]: value for key, value in counted.samples("requests_total").items() if key[1] == "/same"},
          {"200": 2, "211": 2, "222": 1})


@test
def bodies_are_counted_to_the_byte():
    counted = Counted("m2")
    for path, pieces, wanted in (("/none", (b"",), 0), ("/one", (b"x",), 1), ("/ones", (b"x", b"y", b"", b"z"), 3),
                                 ("/two", (b"xy",), 2),
                                 ("/array", (bytearray(5), memoryview(b"abc")), 8), ("/odd", (None, 5, b"x"), 1)):
        answer(counted, path, 200, (), pieces)
        equal(counted.samples("response_size_bytes_sum").get(("GET", path), 0), wanted, path)
    for path, pieces, wanted in (("/r1", (b"x",), 1), ("/r3", (b"x", b"", b"yz"), 3), ("/r0", (), 0)):
        async def app(scope, receive, send):
            for _ in range(len(pieces)):
                await receive()
            await answering()(scope, receive, send)
        messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        ask(shmeter.asgi.Middleware(app, **counted.options), messages, path=path)
        equal(counted.samples("request_size_bytes_sum").get(("GET", path), 0), wanted, path)


@test
def lengths_are_read_where_they_are_numbers():
    counted = Counted("m3")
    name = b"content-length"
    for number, (headers, wanted) in enumerate((
            ([(name, b"7")], 7), ([(b"Content-LENGTH", b"12")], 12), ([(name, b"0")], 0), ([[name, b"5"]], 5),
        (((name, b"5"),), 5), ([(b"content-lengt", b"9")], 3),
            ([(b"content-lengths", b"9")], 3), ([(name, b"")], 3), ([(name, b"1 ")], 3), ([(name, b"-1")], 3),
        ([(name, b"1e2")], 3), ([(name, "7")], 3),
            ([("content-length", b"7")], 3), ([(name, b"9" * 15)], 999999999999999), ([(name, b"9" * 16)], 3),
        ([(name, b"x"), (name, b"4")], 4),
            ([(name, b"4"), (name, b"6")], 4), ([()], 3), ([(name,)], 3), ([5], 3), (5, 3), (None, 3),
        ([(b"x", b"y"), (name, b"8")], 8))):
        path = f"/{chr(97 + number)}"
        answer(counted, path, 200, headers, (b"xyz",))
        equal(counted.samples("response_size_bytes_sum").get(("GET", path), 0), wanted, headers)


@test
def messages_that_are_none_pass_as_they_are():
    counted = Counted("m4")
    odd = [{}, {"type": 5}, {"type": "\ud800"}, {"type": "http.response.debug"},
           {"type": "http.response.push", "body": b"xx"}, 7, None, []]

    async def app(scope, receive, send):
        for message in odd:
            await send(message)
        await answering(pieces=(b"x",))(scope, receive, send)
    client = asyncio.run(Client(shmeter.asgi.Middleware(app, **counted.options), path="/odd").call())
    equal(client.sent[:len(odd)], odd)
    counted.requests({("GET", "/odd", "200"): 1})
    equal(counted.samples("response_size_bytes_sum"), {("GET", "/odd"): 1})


@test
def websockets_are_counted_by_how_they_end_and_to_the_byte():
    counted = Counted("m5")

    def talk(path, *messages, receives=()):
        async def app(scope, receive, send):
            for _ in receives:
                await receive()
            for message in messages:
                await send(message)
        ask(shmeter.asgi.Middleware(app, **counted.options), list(receives), path=path, type_="websocket")
        found = {key[2]: value for key, value in counted.samples("requests_total").items()
                 if key[:2] == ("WEBSOCKET", path)}
        return found, [counted.samples(f"{which}_size_bytes_sum").get(("WEBSOCKET", path), 0)
                       for which in ("request", "response")]

    accept, close = {"type": "websocket.accept"}, {"type": "websocket.close"}
    equal(talk("/a", accept, {"type": "websocket.send", "text": "x"},
               {"type": "websocket.send", "bytes": b"yz", "text": None}, close),
          ({"101": 1}, [0, 3]))
    equal(talk("/b", close), ({"403": 1}, [0, 0]))
    equal(talk("/c", {"type": "websocket.http.response.start", "status": 401, "headers": []}), ({"401": 1}, [0, 0]))
    equal(talk("/d", accept, receives=({"type": "websocket.receive", "text": "ab"},
                                       {"type": "websocket.receive", "bytes": b"c"})), ({"101": 1}, [3, 0]))
    equal(talk("/e", receives=({"type": "websocket.disconnect"},)), ({"499": 1}, [0, 0]))
    equal(talk("/f"), ({"500": 1}, [0, 0]))


@test
def methods_are_counted_by_their_names_and_others_as_one():
    counted = Counted("m6")
    known = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")
    for method in (*known, "WEBSOCKET", "get", "GETS", "GE", "", "\ud800", "X", 5, None):
        client = Client(shmeter.asgi.Middleware(answering(), **counted.options), path="/m")
        client.scope["method"] = method
        asyncio.run(client.call())
    del client.scope["method"]
    asyncio.run(client.call())
    counted.requests({**{(method, "/m", "200"): 1 for method in known}, ("OTHER", "/m", "200"): 10})


@test
def a_scope_may_lack_what_is_optional():
    counted = Counted("m11")
    for missing in (("root_path",), ("headers",), ("root_path", "headers", "raw_path", "client", "server",
                                                   "query_string")):
        client = Client(shmeter.asgi.Middleware(answering(pieces=(b"x",)), **counted.options), path="/m/1")
        for name in missing:
            del client.scope[name]
        asyncio.run(client.call())
    counted.requests({("GET", "/m/{id}", "200"): 3})


@test
def an_endpoint_that_is_no_text_is_told_and_counted_as_unmatched():
    counted, told, before = Counted("m7"), [], sys.unraisablehook
    sys.unraisablehook = lambda unraisable: told.append((unraisable.exc_type.__name__, str(unraisable.exc_value)))
    try:
        for endpoint in (5, b"/x", "\ud800"):
            ask(shmeter.asgi.Middleware(answering(), **counted.options, endpoint=lambda scope: endpoint), path="/x")
    finally:
        sys.unraisablehook = before
    counted.requests({("GET", "__unmatched__", "200"): 3})
    equal(told, [("TypeError", "an endpoint is a str or None, not 5"),
                 ("TypeError", "an endpoint is a str or None, not b'/x'"),
                 ("UnicodeEncodeError",
                  "'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed")])


@test
def a_wsgi_status_is_its_first_three_digits():
    counted = Counted("m8")
    for path, status, wanted in (("/a", "201 Created", "201"), ("/b", "418", "418"), ("/c", "ok", "500"),
                                 ("/d", "", "500"), ("/e", "20x", "500")):
        def app(environ, start_response):
            start_response(status, [("Content-Length", "x"), ("CONTENT-length", "1")])
            return [b"y"]
        body = shmeter.wsgi.Middleware(app, **counted.options)({"REQUEST_METHOD": "GET", "PATH_INFO": path},
                                                               lambda *_: lambda data: None)
        equal(b"".join(body), b"y")
        body.close()
        equal({key[2]: value for key, value in counted.samples("requests_total").items() if key[1] == path},
              {wanted: 1.0}, status)
        equal(counted.samples("response_size_bytes_sum").get(("GET", path), 0), 1, status)


@test
def calls_that_are_none_are_refused():
    app = shmeter.asgi.Middleware(answering(), **Counted("m9").options)
    raises(TypeError, "object <class 'int'> can't be used in 'await' expression",
           lambda: ask(shmeter.asgi.Middleware(lambda *_: 5, **Counted("m10").options), path="/"))
    for arguments in ((), ({},), ({}, None), (1, 2, 3, 4)):
        try:
            app(*arguments)
        except TypeError:
            continue
        raise AssertionError(f"{arguments} was taken")


if __name__ == "__main__":
    main()
