"""Exemplars: labels of one event behind a counter's value or a histogram's bucket, the newest of each. They are this
process's own, and go with
their series.
"""

import time
from bisect import bisect_left
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ... import _core
from ..samples import Exemplar, Sample
from ..utils import floatToGoString

_families: set = set()  # names in the segment of those that have had one

Kept = Dict[Optional[str], Exemplar]  # by the bound of the bucket; None: of a counter


def _bucket(metric, value):
    """The bound of the bucket that counts the value, as it is shown; None: it is no histogram."""
    bounds = getattr(metric, "_upper_bounds", None)
    return None if bounds is None else floatToGoString(bounds[bisect_left(bounds, value)])


def keep(metric: Any, labels: Mapping[str, str], value: float) -> None:
    """C has counted the value, and found the labels good."""
    if value != value:
        return  # it is counted nowhere
    kept: Kept = metric._exemplars or {}
    kept[_bucket(metric, value)] = Exemplar(dict(labels), value, time.time())
    metric._exemplars = kept
    _families.add(metric._stored_name)


def has(metric: Any) -> bool:
    """Whether the family may have some."""
    return metric._stored_name in _families


def of(metric: Any, children: Mapping[Tuple[str, ...], Any]) -> Dict[Tuple[str, ...], Kept]:
    """{label values: exemplars} of a family, or of one of its series."""
    series = {metric._labelvalues: metric, **children}
    return {values: one._exemplars for values, one in series.items() if one._exemplars}


def put(metric: Any, children: Mapping[Tuple[str, ...], Any], samples: List[Sample]) -> List[Sample]:
    """The family's samples with its exemplars."""
    kept = of(metric, children) if has(metric) else None
    if not kept:
        return samples
    names = metric._name + "_total", metric._name + "_bucket"
    found = []
    for sample in samples:
        values = tuple(sample.labels.get(name, "") for name in metric._labelnames)
        exemplar = kept.get(values, {}).get(sample.labels.get("le")) if sample.name in names else None
        found.append(sample._replace(exemplar=exemplar) if exemplar else sample)
    return found


_core._keep_exemplars(keep)
