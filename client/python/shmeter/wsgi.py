"""Middleware for WSGI applications: application = shmeter.wsgi.Middleware(application, prefix="shop").

The same metrics as shmeter.asgi has. The endpoint is what the application puts into environ["shmeter.endpoint"], else
Flask's rule or Django's route, else the path with {id} in the place of what names one thing.
"""
from . import _core, django
from .prometheus import REGISTRY
from .web import BYTES, SECONDS, web


class _Input:
    """wsgi.input of a request without a Content-Length: counts what is read."""

    def __init__(self, stream, answer):
        self._stream, self._answer = stream, answer

    def _count(self, data):
        self._answer.received += len(data)
        return data

    def read(self, *size):
        return self._count(self._stream.read(*size))

    def readline(self, *size):
        return self._count(self._stream.readline(*size))

    def readlines(self, *hint):
        lines = self._stream.readlines(*hint)
        self._answer.received += sum(map(len, lines))
        return lines

    def __iter__(self):
        return map(self._count, self._stream)

    def __getattr__(self, name):
        return getattr(self._stream, name)


class _Answer:
    """One request's answer: what start_response is told, and how many bytes there are. Servers send the status with the
    first piece of the body: before that it is counted, so that no answer that a client has seen is missing when the
    worker is killed then."""

    def __init__(self, exchange, start_response, environ):
        self._exchange, self._start_response, self._environ = exchange, start_response, environ
        self.status, self.sent, self.length, self.received = 0, 0, None, None

    def start(self, status, headers, *exc_info):
        write = self._start_response(status, headers, *exc_info)
        rule = getattr(getattr(self._environ.get("werkzeug.request"), "url_rule", None), "rule", None)
        if rule:  # Flask's; it takes its request back before the answer ends
            self._environ.setdefault("shmeter.endpoint", _text(self._environ, "SCRIPT_NAME") + rule)
        self.status = int(status[:3]) if status[:3].isdigit() else 500
        length = [value for name, value in headers if name.lower() == "content-length" and value.isdigit()]
        self.length = int(length[0]) if length else None
        return lambda data: write(self.count(data))

    def count(self, data):
        if not self.sent:
            self._exchange.answer(self.status)
        self.sent += len(data)
        return data

    def end(self, status=None):
        size = 0 if self._environ.get("REQUEST_METHOD") == "HEAD" else self.sent if self.length is None else self.length
        received = () if self.received is None else (self.received,)
        self._exchange.end(status or self.status or 500, size, *received)


class _Body:
    """An application's iterable: its pieces one by one, and its close."""

    def __init__(self, body, answer):
        self._body, self._answer = body, answer
        self._pieces = iter(body)

    def __iter__(self):
        return self

    def __next__(self):
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._answer.end()
            raise
        except BaseException:
            self._answer.end(500)
            raise
        return self._answer.count(piece)

    def close(self):
        try:
            close = getattr(self._body, "close", None)
            if close:
                close()
        except BaseException:
            self._answer.end(500)
            raise
        self._answer.end()


class _SizedBody(_Body):
    """One whose length servers may ask for: of one piece, that is the whole body's."""

    def __len__(self):
        return len(self._body)


def _end_with_file(file, answer):
    """A server's own wrapper of a file stays what it is, so that the server sends the file; its close is the end."""
    close = getattr(file, "close", None)

    def closing():
        try:
            if close:
                close()
        finally:
            answer.end()
    file.close = closing
    return file


def _text(environ, name):
    """A part of the path, as PEP 3333 has it: bytes in the disguise of Latin-1."""
    return environ.get(name, "").encode("latin-1", "replace").decode("utf-8", "replace")


class Middleware:
    """A WSGI application around another one. Arguments as of shmeter.asgi.Middleware; endpoint is a function of an
    environ."""

    def __init__(self, app, *, prefix="", excluded=(), sizes=True, endpoint=None, registry=REGISTRY, buckets=SECONDS,
                 size_buckets=BYTES):
        self.app = app
        django.watch(app)
        self._endpoint = endpoint
        self._web = web(None, self._resolve, True, prefix, excluded, registry, buckets, size_buckets, sizes)
        self._excluded = self._web.excluded

    def __call__(self, environ, start_response):
        root_path = _text(environ, "SCRIPT_NAME")
        path = root_path + _text(environ, "PATH_INFO")
        if self._excluded and self._excluded(path):
            return self.app(environ, start_response)
        length = environ.get("CONTENT_LENGTH") or ""
        exchange = self._web.wsgi(environ, environ.get("REQUEST_METHOD", ""), path, root_path,
                                  float(length) if length.isdigit() else 0.0)
        answer = _Answer(exchange, start_response, environ)
        if not length and "wsgi.input" in environ:
            answer.received = 0
            environ["wsgi.input"] = _Input(environ["wsgi.input"], answer)
        try:
            body = self.app(environ, answer.start)
            wrapper = environ.get("wsgi.file_wrapper")
            if isinstance(wrapper, type) and isinstance(body, wrapper):
                return _end_with_file(body, answer)
            return (_SizedBody if hasattr(body, "__len__") else _Body)(body, answer)
        except BaseException:
            answer.end(500)
            raise

    def _resolve(self, environ, path, root_path, status):
        chosen = self._endpoint(environ) if self._endpoint else environ.get("shmeter.endpoint")
        if chosen:
            return chosen
        return None if status == 404 else _core.normalize_path(path)
