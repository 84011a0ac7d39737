"""The answer to a scrape: the format that it accepts, status, headers and body."""

import gzip
from functools import partial
from typing import Callable, Iterable, List, Tuple

from ..openmetrics import exposition as openmetrics
from ..registry import Collector, REGISTRY
from ..release import IS_OLD
from ..utils import parse_version
from . import encode
from .escaping import SCHEMES, UNDERSCORES

CONTENT_TYPE_PLAIN_0_0_4 = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_PLAIN_1_0_0 = "text/plain; version=1.0.0; charset=utf-8"
CONTENT_TYPE_LATEST = CONTENT_TYPE_PLAIN_0_0_4 if IS_OLD else CONTENT_TYPE_PLAIN_1_0_0
Encoder = Callable[[Collector], bytes]


def generate_latest(registry: Collector = REGISTRY, escaping: str = UNDERSCORES) -> bytes:
    """The registry's metrics as text 0.0.4; with the escaping allow-utf-8 as text 1.0.0."""
    return encode.render(registry, False, escaping)


def _parameter(parameters: List[str], name: str) -> str:
    """Of a media range; empty: it has none."""
    for parameter in parameters:
        key, _, value = parameter.strip().partition("=")
        if key == name:
            return value
    return ""


def _encoder_for(accepted: str) -> Iterable[Tuple[Encoder, str]]:
    """Encoder and content type for one media range, if there are any."""
    media, *parameters = accepted.split(";")
    version, escaping = _parameter(parameters, "version"), _parameter(parameters, "escaping")
    if escaping not in SCHEMES:
        escaping = UNDERSCORES
    if media.strip() == "application/openmetrics-text":
        if not version or IS_OLD:
            yield openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
        elif _numbers(version) >= (1, 0, 0):
            version = ".".join(map(str, _numbers(version)))
            yield (
                partial(openmetrics.generate_latest, escaping=escaping, version=version),
                f"application/openmetrics-text; version={version}; charset=utf-8; escaping={escaping}",
            )
    elif media.strip() == "text/plain" and not IS_OLD and _numbers(version) >= (1, 0, 0):
        yield partial(generate_latest, escaping=escaping), f"{CONTENT_TYPE_PLAIN_1_0_0}; escaping={escaping}"


def _numbers(version):
    """Of a version; none, where it is no version."""
    numbers = parse_version(version)
    return (
        tuple(number for number in numbers if isinstance(number, int))
        if all(isinstance(number, int) for number in numbers)
        else ()
    )


def choose_encoder(accept_header: str) -> Tuple[Encoder, str]:
    """Encoder and content type for an Accept header."""
    for accepted in (accept_header or "").split(","):
        for encoder, content_type in _encoder_for(accepted):
            return encoder, content_type
    return generate_latest, CONTENT_TYPE_PLAIN_0_0_4


def gzip_accepted(accept_encoding_header: str) -> bool:
    """Whether an Accept-Encoding header has gzip."""
    return any(
        accepted.split(";")[0].strip().lower() == "gzip" for accepted in (accept_encoding_header or "").split(",")
    )


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


def _answer(method, registry, accept_header, accept_encoding_header, params, disable_compression):
    """The same, or what else a server says to a method."""
    if method == "GET":
        return _bake_output(registry, accept_header, accept_encoding_header, params, disable_compression)
    headers = [("Allow", "OPTIONS,GET")]
    if method == "OPTIONS":
        return "200 OK", headers, b""
    status = "405 Method Not Allowed"
    return status, headers, f"# HTTP {status}: {method}; use OPTIONS or GET\n".encode()
