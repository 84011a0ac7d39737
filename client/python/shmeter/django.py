"""Django's routes: a handler whose requests say which one is theirs, as soon as Django has found it.

The requests put it into the environ (WSGI) or scope (ASGI) of the server, as "shmeter.endpoint". Nothing of Django is
imported.
"""
WRAPPERS = ("app", "application", "wrapped")  # where middleware keeps what it is around
DEEPEST = 8


def _said(match, below):
    route = getattr(match, "route", None)
    if route is None:
        return None
    return below + "/" + route.removeprefix("/").removeprefix("^")


def _watched(request_class):
    """The class with an attribute resolver_match that tells."""

    class Request(request_class):
        @property
        def resolver_match(self):
            return self.__dict__.get("resolver_match")

        @resolver_match.setter
        def resolver_match(self, match):
            self.__dict__["resolver_match"] = match
            scope = getattr(self, "scope", None)
            where = self.environ if scope is None else scope
            said = _said(match, "" if scope is not None else where.get("SCRIPT_NAME", "").encode("latin-1",
                                                                                                 "replace").decode("utf-8", "replace"))
            if said:
                where.setdefault("shmeter.endpoint", said)

    Request.__name__, Request.__qualname__, Request.__module__ = request_class.__name__, request_class.__qualname__, request_class.__module__
    return Request


def watch(app):
    """Has the handler of Django's that this application is, or is around, tell its requests' routes; other applications
    stay as they are."""
    for _ in range(DEEPEST):
        handler = getattr(app, "request_class", None)
        if isinstance(handler, type) and handler.__module__.partition(".")[0] == "django":
            if not isinstance(handler.__dict__.get("resolver_match"), property):
                app.request_class = _watched(handler)
            return
        app = next((getattr(app, name) for name in WRAPPERS if callable(getattr(app, name, None))), None)
        if app is None:
            return
