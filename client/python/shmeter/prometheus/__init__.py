"""prometheus_client's interface, counted in a segment that all processes share. docs/PYTHON.md tells what differs."""
from .. import store  # noqa: F401 (where metrics count: programs look for it here)
from . import (
    exposition as exposition, gc_collector as gc_collector, metrics as metrics, metrics_core as metrics_core,
    platform_collector as platform_collector, process_collector as process_collector, registry as registry,
)
from .exposition import (
    CONTENT_TYPE_LATEST, CONTENT_TYPE_PLAIN_0_0_4, CONTENT_TYPE_PLAIN_1_0_0, delete_from_gateway, generate_latest,
    instance_ip_grouping_key,
    make_asgi_app, make_wsgi_app, MetricsHandler, push_to_gateway, pushadd_to_gateway, start_http_server,
    start_wsgi_server,
    write_to_textfile,
)
from .gc_collector import GC_COLLECTOR, GCCollector
from .metrics import Counter, disable_created_metrics, enable_created_metrics, Gauge, Histogram, Summary
from .metrics_core import Metric
from .platform_collector import PLATFORM_COLLECTOR, PlatformCollector
from .process_collector import PROCESS_COLLECTOR, ProcessCollector
from .refresh import set_refresh_seconds
from .registry import CollectorRegistry, REGISTRY
from .parts.states import Enum, Info

__all__ = (
    "CollectorRegistry", "REGISTRY", "Metric", "Counter", "Gauge", "Histogram", "Summary", "Info", "Enum",
    "CONTENT_TYPE_LATEST",
    "CONTENT_TYPE_PLAIN_0_0_4", "CONTENT_TYPE_PLAIN_1_0_0", "generate_latest", "MetricsHandler", "make_wsgi_app",
    "make_asgi_app",
    "start_http_server", "start_wsgi_server", "write_to_textfile", "push_to_gateway", "pushadd_to_gateway",
    "delete_from_gateway",
    "instance_ip_grouping_key", "ProcessCollector", "PROCESS_COLLECTOR", "PlatformCollector", "PLATFORM_COLLECTOR",
    "GCCollector",
    "GC_COLLECTOR", "enable_created_metrics", "disable_created_metrics", "set_refresh_seconds",
)


def __getattr__(name):
    if name == "multiprocess":  # when the program asks for it
        import importlib
        return importlib.import_module(__name__ + "." + name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
