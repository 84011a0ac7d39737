"""A registry as a view of Django."""

from django.http import HttpResponse
from django.views import View

from ..formats.answer import _bake_output
from ..registry import REGISTRY


class PrometheusDjangoView(View):
    """Answers GET with a registry's metrics: path("metrics", PrometheusDjangoView.as_view()), with registry= for
    another one than the default."""

    registry = None
    multiprocess_mode = False  # everything is shared already

    def get(self, request, *args, **kwargs):
        """The metrics, in the format that the client accepts."""
        registry = REGISTRY if self.registry is None else self.registry
        params = {name: request.GET.getlist(name) for name in request.GET}
        status, headers, output = _bake_output(
            registry, request.headers.get("Accept"), request.headers.get("Accept-Encoding"), params, False
        )
        return HttpResponse(output, status=int(status.split(" ")[0]), headers=dict(headers))

    def options(self, request, *args, **kwargs):
        """Which methods there are."""
        return HttpResponse(status=200, headers={"Allow": "OPTIONS,GET"})
