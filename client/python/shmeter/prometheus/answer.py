"""The answer to a scrape: the format that it accepts, status, headers and body."""
import gzip
from typing import Callable, Tuple

from . import encode
from .openmetrics import exposition as openmetrics
from .registry import CollectorRegistry, REGISTRY

CONTENT_TYPE_LATEST = "text/plain; version=0.0.4; charset=utf-8"


def generate_latest(registry: CollectorRegistry = REGISTRY) -> bytes:
    """The registry's metrics as text 0.0.4."""
    return encode.render(registry, False)


def choose_encoder(accept_header: str) -> Tuple[Callable[[CollectorRegistry], bytes], str]:
    """Encoder and content type for an Accept header."""
    for accepted in (accept_header or "").split(","):
        if accepted.split(";")[0].strip() == "application/openmetrics-text":
            return openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
    return generate_latest, CONTENT_TYPE_LATEST


def gzip_accepted(accept_encoding_header: str) -> bool:
    """Whether an Accept-Encoding header has gzip."""
    return any(accepted.split(";")[0].strip().lower() == "gzip" for accepted in (accept_encoding_header or "").split(","))


def _bake_output(registry, accept_header, accept_encoding_header, params, disable_compression):
    """Status, headers and body of an answer."""
    encoder, content_type = choose_encoder(accept_header)
    if "name[]" in params:
        registry = registry.restricted_registry(params["name[]"])
    headers, output = [("Content-Type", content_type)], encoder(registry)
    if not disable_compression and gzip_accepted(accept_encoding_header):
        output = gzip.compress(output)
        headers.append(("Content-Encoding", "gzip"))
    return "200 OK", headers, output
