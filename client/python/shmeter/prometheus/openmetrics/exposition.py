"""OpenMetrics text, as of prometheus_client 0.16."""
from .. import encode

CONTENT_TYPE_LATEST = "application/openmetrics-text; version=0.0.1; charset=utf-8"


def generate_latest(registry) -> bytes:
    """The registry's metrics as OpenMetrics text."""
    return encode.render(registry, True) + b"# EOF\n"
