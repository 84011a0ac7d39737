"""Django under the middleware: one series for each route, however many things its paths name."""
import asyncio
import importlib.util
import sys
import types
import wsgiref.util

import shmeter.asgi
import shmeter.wsgi
from lib import Skip, equal, main, test
from web_lib import Counted

SLUGS = 300


def configure():
    """The routes, once for the process."""
    if not importlib.util.find_spec("django"):
        raise Skip("Django is missing (python3-django)")
    from django.conf import settings
    if settings.configured:
        return
    import django
    from django.http import Http404, HttpResponse
    from django.urls import include, path, re_path

    def show(request, **_):
        return HttpResponse("shown")

    def missing(request, **_):
        raise Http404("no such thing")

    urls = types.ModuleType("urls_of_the_test")
    urls.urlpatterns = [
        path("articles/<slug:slug>/", show), path("gone/<slug:slug>", missing), path("", show),
        path("shop/", include([path("items/<int:number>", show)])), re_path("^old/(?P<year>[0-9]{4})$", show),
    ]
    sys.modules[urls.__name__] = urls
    settings.configure(ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
    django.setup()


def handlers():
    """(prefix, a function that asks an application of that kind for a path and gives the status) for WSGI and ASGI."""
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    return ("w", WSGIHandler(), shmeter.wsgi.Middleware, ask_wsgi), ("a", ASGIHandler(), shmeter.asgi.Middleware,
                                                                     ask_asgi)


def ask_wsgi(app, path, **more):
    environ, told = {"PATH_INFO": path, **more}, []
    wsgiref.util.setup_testing_defaults(environ)
    body = app(environ, lambda status, headers: told.append(int(status[:3])))
    list(body)
    body.close()
    return told[0]


def ask_asgi(app, path, **more):
    sent = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()  # the client stays

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "", "headers": [],
             "query_string": b"", **more}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"]


@test
def three_hundred_slugs_are_one_series():
    configure()
    for prefix, handler, middleware, ask in handlers():
        counted = Counted("django_" + prefix)
        app = middleware(handler, **counted.options)
        for number in range(SLUGS):
            equal(ask(app, f"/articles/a-{number}/"), 200)
        counted.requests({("GET", "/articles/<slug:slug>/", "200"): SLUGS})


@test
def each_route_is_named_as_django_has_it():
    configure()
    for prefix, handler, middleware, ask in handlers():
        counted = Counted("routes_" + prefix)
        app = middleware(handler, **counted.options)
        equal([ask(app, path) for path in ("/", "/shop/items/5", "/shop/items/6", "/old/1999", "/gone/x", "/gone/y",
                                           "/nowhere/at/all")],
              [200, 200, 200, 200, 404, 404, 404])
        counted.requests({("GET", "/", "200"): 1, ("GET", "/shop/items/<int:number>", "200"): 2,
                          ("GET", "/old/(?P<year>[0-9]{4})$", "200"): 1,
                          ("GET", "/gone/<slug:slug>", "404"): 2, ("GET", "__unmatched__", "404"): 1})


@test
def it_may_stand_within_other_middleware_and_below_a_path():
    configure()

    class Around:
        def __init__(self, app):
            self.application = app

        def __call__(self, *arguments):
            return self.application(*arguments)

    (_, handler, middleware, ask), _ = handlers()
    counted = Counted("around")
    app = middleware(Around(Around(handler)), **counted.options)
    ask(app, "/articles/x/", SCRIPT_NAME="/blog")
    counted.requests({("GET", "/blog/articles/<slug:slug>/", "200"): 1})


@test
def requests_stay_what_they_are():
    configure()
    from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
    handler, seen = WSGIHandler(), []
    app = shmeter.wsgi.Middleware(shmeter.wsgi.Middleware(handler, **Counted("twice_a").options),
                                  **Counted("twice_b").options)
    original = handler.get_response

    def get_response(request):
        seen.append(request)
        return original(request)

    handler.get_response = get_response
    handler.load_middleware()
    ask_wsgi(app, "/articles/x/")
    request = seen[0]
    assert isinstance(request, WSGIRequest) and type(request).__name__ == "WSGIRequest"
    equal((type(request).__mro__[1], request.resolver_match.kwargs), (WSGIRequest, {"slug": "x"}))


if __name__ == "__main__":
    main()
