"""For a build folder in PYTHONPATH, where Python reads no shmeter-install.pth: SHMETER_INSTALL calls shmeter.install()
at the start of each interpreter. It is not installed. A user's own module of this name is imported as if this one were
not there.
"""
import importlib.util
import os
import sys
from importlib.machinery import PathFinder

if os.environ.get("SHMETER_INSTALL"):
    import shmeter
    shmeter.install()

_here = os.path.dirname(os.path.abspath(__file__))
_found = PathFinder.find_spec(__name__, [folder for folder in sys.path if os.path.abspath(folder or ".") != _here])
if _found and _found.loader:
    _found.loader.exec_module(importlib.util.module_from_spec(_found))
