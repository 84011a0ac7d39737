"""The WSGI middleware: what is counted under which labels, by servers and by hand, and that answers stay what they
are."""
import io
import threading
import urllib.error
import urllib.request
import wsgiref.util
from wsgiref.simple_server import make_server, WSGIRequestHandler
from wsgiref.validate import validator

import flask
import shmeter.wsgi
from lib import equal, main, raises, test
from web_lib import Counted


def environ_of(method="GET", path="/", **more):
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", **more}
    wsgiref.util.setup_testing_defaults(environ)
    return environ


def ask(app, method="GET", path="/", read=None, **more):
    """(status, body): the body is read in whole, or up to so many pieces, and closed."""
    told = []

    def start_response(status, headers, exc_info=None):
        told[:] = [status, headers]
        return written.append
    written = []
    body = app(environ_of(method, path, **more), start_response)
    try:
        pieces = [piece for _, piece in zip(range(read), body)] if read is not None else list(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return int(told[0][:3]), b"".join(written + pieces)


def plain_app(environ, start_response):
    missing = environ["PATH_INFO"].startswith("/none")
    start_response("404 Not Found" if missing else "200 OK", [("Content-Type", "text/plain")])
    return [b"pl", b"ain"]


@test
def requests_are_counted_by_their_normalised_paths():
    counted = Counted("w1")
    app = validator(shmeter.wsgi.Middleware(validator(plain_app), **counted.options))
    for path in ("/a/1", "/a/2", "/none/1", "/none/x"):
        ask(app, path=path)
    ask(app, method="PATCH", path="/a/1")
    ask(app, path="/d\xc3\xbc", SCRIPT_NAME="/script")
    counted.requests({("GET", "/a/{id}", "200"): 2, ("GET", "__unmatched__", "404"): 2, ("PATCH", "/a/{id}", "200"): 1,
                      ("GET", "/script/d\u00fc", "200"): 1})
    equal(counted.samples("response_size_bytes_sum")["GET", "/a/{id}"], 10)


@test
def an_application_may_name_the_endpoint():
    counted = Counted("w2")

    def app(environ, start_response):
        if environ["PATH_INFO"] != "/x":
            environ["shmeter.endpoint"] = "/users/<name>"
        return plain_app(environ, start_response)
    middleware = shmeter.wsgi.Middleware(app, **counted.options)
    for path in ("/users/jo", "/users/al", "/x"):
        ask(middleware, path=path)
    counted.requests({("GET", "/users/<name>", "200"): 2, ("GET", "/x", "200"): 1})

    class Rule:
        rule = "/orders/<int:n>"

    class Request:
        url_rule = Rule()

    def flask_like(environ, start_response):
        environ["werkzeug.request"] = Request()
        if environ["PATH_INFO"] == "/none":
            environ["werkzeug.request"].url_rule = None
        return plain_app(environ, start_response)
    counted = Counted("w2b")
    middleware = shmeter.wsgi.Middleware(flask_like, **counted.options)
    ask(middleware, path="/orders/7")
    ask(middleware, path="/orders/7", SCRIPT_NAME="/shop")
    ask(middleware, path="/none")
    counted.requests({("GET", "/orders/<int:n>", "200"): 1, ("GET", "/shop/orders/<int:n>", "200"): 1,
                      ("GET", "__unmatched__", "404"): 1})


@test
def flask_rules_are_the_endpoints():
    counted = Counted("w3")
    app = flask.Flask("shop")
    app.add_url_rule("/items/<int:item>", view_func=lambda item: str(item), endpoint="item")
    app.wsgi_app = shmeter.wsgi.Middleware(app.wsgi_app, **counted.options)
    for path in ("/items/1", "/items/2", "/items/x"):
        ask(app, path=path)
    counted.requests({("GET", "/items/<int:item>", "200"): 2, ("GET", "__unmatched__", "404"): 1})


@test
def exceptions_are_counted_as_500_and_go_on_but_not_where_an_answer_has_begun():
    counted = Counted("w4")

    def at_once(environ, start_response):
        raise RuntimeError("at once")

    def later(environ, start_response):
        start_response("200 OK", [])
        yield b"first"
        raise RuntimeError("later")

    class Closing(list):
        def close(self):
            raise RuntimeError("closing")

    def closing(environ, start_response):
        start_response("200 OK", [])
        return Closing([b"x"])
    for app, path in ((at_once, "/once"), (later, "/later")):
        try:
            ask(shmeter.wsgi.Middleware(app, **counted.options), path=path)
        except RuntimeError as error:
            equal(str(error), path.replace("/once", "at once").lstrip("/"))
        else:
            raise AssertionError("the exception was kept")
    raises(RuntimeError, "closing", lambda: ask(shmeter.wsgi.Middleware(closing, **counted.options), path="/closing",
                                                read=0))
    counted.requests({("GET", "/once", "500"): 1, ("GET", "/later", "200"): 1, ("GET", "/closing", "500"): 1})


@test
def sizes_are_those_of_the_headers_or_are_counted():
    counted = Counted("w5")

    def app(environ, start_response):
        body = environ["wsgi.input"].read(5) + environ["wsgi.input"].readline() + b"".join(environ["wsgi.input"])
        headers = [("Content-Length", str(len(body)))] if environ["PATH_INFO"] == "/known" else []
        write = start_response("200 OK", headers)
        write(body[:1])
        return iter([body[1:]])
    middleware = shmeter.wsgi.Middleware(app, **counted.options)
    equal(ask(middleware, "POST", "/known", **{"wsgi.input": io.BytesIO(b"12345\n78\n90"), "CONTENT_LENGTH": "11"}),
          (200, b"12345\n78\n90"))
    equal(ask(middleware, "POST", "/counted", **{"wsgi.input": io.BytesIO(b"12345\n78\n90")}), (200, b"12345\n78\n90"))
    ask(middleware, "HEAD", "/known", **{"wsgi.input": io.BytesIO(b"1234567")})
    equal(counted.samples("request_size_bytes_sum"), {("POST", "/known"): 11, ("POST", "/counted"): 11,
                                                      ("HEAD", "/known"): 7})
    equal(counted.samples("response_size_bytes_sum"), {("POST", "/known"): 11, ("POST", "/counted"): 11})


@test
def whatever_is_read_of_a_body_is_counted_to_the_byte():
    counted = Counted("w5b")
    read = {"/read": lambda given: given.read(), "/some": lambda given: given.read(3),
            "/line": lambda given: given.readline(),
            "/part": lambda given: given.readline(2), "/lines": lambda given: b"".join(given.readlines()),
            "/hint": lambda given: b"".join(given.readlines(1)),
            "/each": lambda given: next(iter(given)), "/other": lambda given: given.getvalue()[:0],
            "/none": lambda given: b""}

    def app(environ, start_response):
        start_response("200 OK", [])
        return [read[environ["PATH_INFO"]](environ["wsgi.input"])]
    middleware = shmeter.wsgi.Middleware(app, **counted.options)
    for path, wanted in (("/read", b"1234\n67\n9"), ("/some", b"123"), ("/line", b"1234\n"), ("/part", b"12"),
                         ("/lines", b"1234\n67\n9"), ("/hint", b"1234\n"),
                         ("/each", b"1234\n"), ("/other", b""), ("/none", b"")):
        equal(ask(middleware, "PUT", path, **{"wsgi.input": io.BytesIO(b"1234\n67\n9")}), (200, wanted))
        equal(counted.samples("request_size_bytes_sum").get(("PUT", path), 0), len(wanted), path)
        equal(counted.samples("response_size_bytes_sum").get(("PUT", path), 0), len(wanted), path)


@test
def a_stream_passes_piece_by_piece_and_ends_when_it_is_closed():
    counted = Counted("w6")
    made, closed = [], []

    class Stream:
        def __iter__(self):
            for i in range(3):
                made.append(i)
                yield b"x"

        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Stream()
    body = shmeter.wsgi.Middleware(app, **counted.options)(environ_of(path="/s"), lambda status, headers: None)
    equal(made, [])
    next(body)
    equal(made, [0])
    equal(counted.samples("requests_in_progress"), {("GET", "__unmatched__"): 1})
    body.close()
    equal(closed, [True])
    counted.requests({("GET", "/s", "200"): 1})


@test
def a_servers_file_wrapper_reaches_the_server_as_it_is():
    counted = Counted("w7")
    closed = []

    class File(io.BytesIO):
        def close(self):
            closed.append(True)
            super().close()

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "4")])
        return environ["wsgi.file_wrapper"](File(b"file"))
    middleware = shmeter.wsgi.Middleware(app, **counted.options)
    environ = environ_of(path="/f", **{"wsgi.file_wrapper": wsgiref.util.FileWrapper})
    body = middleware(environ, lambda status, headers: None)
    assert isinstance(body, wsgiref.util.FileWrapper)
    equal(b"".join(body), b"file")
    body.close()
    equal(closed, [True])
    counted.requests({("GET", "/f", "200"): 1})
    equal(counted.samples("response_size_bytes_sum"), {("GET", "/f"): 4})


@test
def excluded_paths_are_not_counted():
    counted = Counted("w8")
    app = shmeter.wsgi.Middleware(plain_app, **counted.options, excluded=("/metrics", "/static/*"))
    for path in ("/metrics", "/static/a", "/x"):
        equal(ask(app, path=path), (200, b"plain"))
    counted.requests({("GET", "/x", "200"): 1})


class Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


@test
def a_real_server_serves_it():
    counted = Counted("w9")
    app = shmeter.wsgi.Middleware(lambda environ, start_response: [start_response("200 OK", []) and b"",
                                                                   b"one piece"][1:],
                                  **counted.options)
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        for path in ("/a/1", "/a/2"):
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}") as answer:
                equal((answer.status, answer.headers["Content-Length"], answer.read()), (200, "9", b"one piece"))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    counted.requests({("GET", "/a/{id}", "200"): 2})


@test
def threads_count_together():
    counted = Counted("w10")
    app = shmeter.wsgi.Middleware(plain_app, **counted.options)

    def work():
        for i in range(200):
            ask(app, path=f"/a/{i}")
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted.requests({("GET", "/a/{id}", "200"): 800})


main()
