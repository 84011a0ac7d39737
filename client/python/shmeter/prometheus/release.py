"""Which prometheus_client is followed where its releases differ: the newest, or with SHMETER_PROMETHEUS_CLIENT=0.16
that one."""

import os
import warnings

from .. import _core

NEWEST, OLD = "0.26", "0.16"
VARIABLE = "SHMETER_PROMETHEUS_CLIENT"


def _followed():
    wanted = os.environ.get(VARIABLE, NEWEST)
    if wanted not in (NEWEST, OLD):
        warnings.warn(
            f"{VARIABLE} is {OLD} or {NEWEST}, and not {wanted!r}; {NEWEST} is followed", RuntimeWarning, stacklevel=2
        )
    return OLD if wanted == OLD else NEWEST


FOLLOWED = _followed()
IS_OLD = FOLLOWED == OLD
if IS_OLD:
    _core._spell_as_old()
