"""shmeter.prometheus in the place of prometheus_client."""
import importlib
import pkgutil
import sys

THEIRS, OURS = "prometheus_client", "shmeter.prometheus"
NOT_AT_ONCE = ("twisted",)  # needs what may not be installed: found when it is asked for


def install() -> None:
    """From now on `import prometheus_client` and imports of its modules give shmeter.prometheus. To be called before
    anything imports it.

    RuntimeError: something has. Calling it again does nothing. Not undone.
    """
    package = importlib.import_module(OURS)
    if sys.modules.get(THEIRS) is package:
        return
    if THEIRS in sys.modules:
        raise RuntimeError("prometheus_client is imported already: call shmeter.install() before anything that imports it")
    for found in pkgutil.walk_packages(package.__path__, OURS + "."):
        if found.name.rpartition(".")[2] not in NOT_AT_ONCE:
            sys.modules[THEIRS + found.name[len(OURS):]] = importlib.import_module(found.name)
    sys.modules[THEIRS] = package
