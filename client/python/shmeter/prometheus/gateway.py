"""Pushing a registry to a Pushgateway."""
import base64
import gzip
import importlib.util
import socket
import ssl
from typing import Any, Callable, Dict, List, Literal, Optional, Sequence, Tuple, Union
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlparse
from urllib.request import BaseHandler, build_opener, HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request

from .formats import encode
from .formats.answer import CONTENT_TYPE_PLAIN_0_0_4
from .registry import Collector, REGISTRY
from .release import IS_OLD

SNAPPY_AVAILABLE: bool = importlib.util.find_spec("snappy") is not None
SAFE_TO_SEND_AGAIN = {301: ("GET", "HEAD", "POST", "PUT"), 302: ("GET", "HEAD", "POST", "PUT"),
                      303: ("GET", "HEAD", "POST", "PUT"),
                      307: ("GET", "HEAD")}


class _PrometheusRedirectHandler(HTTPRedirectHandler):
    """Follows redirects with the same method and body; for gateways that are trusted with where they send them."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        method = req.get_method()
        if method not in SAFE_TO_SEND_AGAIN.get(code, ()):
            raise HTTPError(req.full_url, code, msg, headers, fp)
        return Request(newurl.replace(" ", "%20"), headers=req.headers, origin_req_host=req.origin_req_host,
                       unverifiable=True,
                       data=req.data, method=method)


Handler = Callable[[], None]
Compression = Optional[Literal["gzip", "snappy"]]
Headers = Sequence[Tuple[str, str]]


def _make_handler(url: str, method: str, timeout: Optional[float], headers: Headers, data: bytes,
                  base_handler: Union[BaseHandler, type]) -> Handler:
    def handle() -> None:
        request = Request(url, data=data, method=method)
        for name, value in headers:
            request.add_header(name, value)
        with build_opener(base_handler).open(request, timeout=timeout):
            pass  # a status that is no success has raised HTTPError, which is an OSError

    return handle


def default_handler(url: str, method: str, timeout: Optional[float], headers: List[Tuple[str, str]],
                    data: bytes) -> Handler:
    """Sends by HTTP or HTTPS."""
    return _make_handler(url, method, timeout, headers, data, HTTPHandler)


def passthrough_redirect_handler(url: str, method: str, timeout: Optional[float], headers: List[Tuple[str, str]],
                                 data: bytes) -> Handler:
    """Sends by HTTP or HTTPS, and once more where a redirect leads."""
    return _make_handler(url, method, timeout, headers, data, _PrometheusRedirectHandler)


def basic_auth_handler(url: str, method: str, timeout: Optional[float], headers: List[Tuple[str, str]], data: bytes,
                       username: Optional[str] = None, password: Optional[str] = None) -> Handler:
    """Sends with a user's name and password."""

    def handle() -> None:
        known = list(headers)
        if username is not None and password is not None:
            known.append(("Authorization",
                          "Basic " + base64.b64encode(f"{username}:{password}".encode("utf-8")).decode()))
        default_handler(url, method, timeout, known, data)()

    return handle


def tls_auth_handler(url: str, method: str, timeout: Optional[float], headers: List[Tuple[str, str]], data: bytes,
                     certfile: str,
                     keyfile: str, cafile: Optional[str] = None, protocol: int = ssl.PROTOCOL_TLS_CLIENT,
                     insecure_skip_verify: bool = False) -> Handler:
    """Sends with a client's certificate."""
    context = ssl.SSLContext(protocol=protocol)
    if cafile is not None:
        context.load_verify_locations(cafile)
    else:
        context.load_default_certs()
    if insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certfile=certfile, keyfile=keyfile)
    return _make_handler(url, method, timeout, headers, data, HTTPSHandler(context=context))


def push_to_gateway(gateway: str, job: str, registry: Collector, grouping_key: Optional[Dict[str, Any]] = None,
                    timeout: Optional[float] = 30, handler: Callable = default_handler,
                    compression: Compression = None) -> None:
    """Puts a registry's metrics in the place of all of this job and grouping key. gateway: a URL, or host and port.
    timeout: seconds.
    compression: gzip or snappy, which needs python-snappy; None: none."""
    _use_gateway("PUT", gateway, job, registry, grouping_key, timeout, handler, compression)


def pushadd_to_gateway(gateway: str, job: str, registry: Optional[Collector],
                       grouping_key: Optional[Dict[str, Any]] = None,
                       timeout: Optional[float] = 30, handler: Callable = default_handler,
                       compression: Compression = None) -> None:
    """Puts a registry's metrics in the place of those with the same names of this job and grouping key."""
    _use_gateway("POST", gateway, job, registry, grouping_key, timeout, handler, compression)


def delete_from_gateway(gateway: str, job: str, grouping_key: Optional[Dict[str, Any]] = None,
                        timeout: Optional[float] = 30,
                        handler: Callable = default_handler) -> None:
    """Deletes all metrics of this job and grouping key."""
    _use_gateway("DELETE", gateway, job, None, grouping_key, timeout, handler, None)


def _use_gateway(method, gateway, job, registry, grouping_key, timeout, handler, compression):
    if urlparse(gateway).scheme not in ("http", "https"):
        gateway = f"http://{gateway}"
    pairs = [("job", job), *((str(name), str(value)) for name, value in sorted((grouping_key or {}).items()))]
    path = "".join("/{}/{}".format(*_escape_grouping_key(*pair)) for pair in pairs)
    data = b"" if method == "DELETE" else encode.render(REGISTRY if registry is None else registry, False)
    data, headers = _compressed(data, compression)
    handler(url=gateway.rstrip("/") + "/metrics" + path, method=method, timeout=timeout, headers=headers, data=data)()


def _snappy(data):
    try:
        import snappy  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise RuntimeError("Snappy compression requires the python-snappy package to be installed.") from None
    compressor = snappy.StreamCompressor()
    return compressor.compress(data) + (compressor.flush() if callable(getattr(compressor, "flush", None)) else b"")


def _compressed(data, compression):
    """The data and the headers that tell of it."""
    headers = [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)]
    if compression is None:
        return data, headers
    how = {"gzip": gzip.compress, "snappy": _snappy}.get(compression.lower())
    if how is None:
        raise ValueError(f"Unsupported compression type: {compression}")
    return how(data), [*headers, ("Content-Encoding", compression.lower())]


def _escape_grouping_key(name, value):
    """What cannot stand in a path is base64, also a blank, which a gateway does not read as quote_plus() writes it; an
    empty value is '='."""
    if value == "":
        return name + "@base64", "="
    if "/" in value or (" " in value and not IS_OLD):
        return name + "@base64", base64.urlsafe_b64encode(value.encode("utf-8")).decode("utf-8")
    return name, quote_plus(value)


def instance_ip_grouping_key() -> Dict[str, Any]:
    """A grouping key with this host's address as instance."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("localhost", 0))
        return {"instance": probe.getsockname()[0]}
