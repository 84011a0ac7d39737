"""shmeter.prometheus in the place of prometheus_client."""
import importlib
import importlib.machinery
import sys

THEIRS, OURS = "prometheus_client", "shmeter.prometheus"


class _Loader:
    """Gives a module of ours under a second name; it stays what it is."""

    def __init__(self, name):
        self._name = name
        self._spec = None

    def create_module(self, spec):
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self._spec  # importing has put that of the second name there


class _Finder:
    """Finds prometheus_client and its modules, when the program asks for them, among ours."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != THEIRS and not fullname.startswith(THEIRS + "."):
            return None
        import importlib.util  # here: not every program asks
        name = OURS + fullname[len(THEIRS):]
        found = importlib.util.find_spec(name)
        if found is None:
            raise ModuleNotFoundError(f"No module named {fullname!r} ({name} is in its place)", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, _Loader(name),
                                              is_package=found.submodule_search_locations is not None)


def install() -> None:
    """From now on `import prometheus_client` and imports of its modules give shmeter.prometheus. To be called before
    anything imports it. Nothing is imported that the program does not ask for.

    RuntimeError: something has. Calling it again does nothing. Not undone.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if THEIRS in sys.modules:
        raise RuntimeError("prometheus_client is imported already: call shmeter.install() before anything that imports "
                           "it")
    sys.meta_path.insert(0, _Finder())
