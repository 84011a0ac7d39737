"""For programs on Twisted, which must be installed."""
from twisted.internet import reactor
from twisted.web.wsgi import WSGIResource

from ..exposition import make_wsgi_app
from ..registry import REGISTRY

__all__ = ["MetricsResource"]


def MetricsResource(registry=REGISTRY):
    """A resource that serves a registry."""
    return WSGIResource(reactor, reactor.getThreadPool(), make_wsgi_app(registry))
