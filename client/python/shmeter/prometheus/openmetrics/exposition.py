"""OpenMetrics text."""

from ..formats import encode
from ..formats.escaping import (
    ALLOWUTF8 as ALLOWUTF8, DOTS as DOTS, escape_label_name as escape_label_name,
    escape_metric_name as escape_metric_name, UNDERSCORES as UNDERSCORES, VALUES as VALUES,
)
from ..release import IS_OLD
from ..utils import floatToGoString as floatToGoString, parse_version as parse_version

CONTENT_TYPE_LATEST = f"application/openmetrics-text; version={'0.0.1' if IS_OLD else '1.0.0'}; charset=utf-8"
CONTENT_TYPE_LATEST_2_0 = "application/openmetrics-text; version=2.0.0; charset=utf-8"
ESCAPING_HEADER_TAG = "escaping"


def generate_latest(registry, escaping: str = UNDERSCORES, version: str = "1.0.0") -> bytes:
    """The registry's metrics as OpenMetrics text. Native histograms are in it from version 2.0.0 on."""
    return encode.render(registry, True, escaping, parse_version(version) >= (2, 0, 0)) + b"# EOF\n"
