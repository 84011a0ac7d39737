"""Which segment a process counts in when the program names none: one that all processes share, or one of its own.

SHMETER_SEGMENT has the name of the shared one. Where it is private, off or empty, the store is the process's own and
that of the children that it forks, and it is gone with them. Under a test runner it is too, whatever SHMETER_SEGMENT
says: a test counts into no live segment, and begins at zero. SHMETER_TEST_SEGMENT names a segment for test runs all the
same.
"""
import contextlib
import gc
import os
import sys
import tempfile
import threading
import time

from . import _core, forks

OWN_WORDS = ("", "off", "private")
RUNNERS = {  # program: a module that it has imported, so that no other program of the name is taken for it
    "behave": "behave", "green": "green", "nose2": "nose2", "py.test": "_pytest.config", "pytest": "_pytest.config",
    "stestr": "stestr",
    "trial": "twisted.trial", "unittest": "unittest.main", "ward": "ward", "zope-testrunner": "zope.testrunner",
}
DJANGO = frozenset(("django", "django-admin", "django-admin.py", "manage.py"))
UNITTEST = frozenset(f"unittest.{part}" for part in ("async_case", "case", "loader", "main", "runner", "suite"))
PREFIX = ".shmeter-private-"
LEFT_SECONDS = 60

_lock = threading.RLock()
_own_path = None
_own_pid = None  # of the process that has made it


def _program():
    """The program's name as people type it: of a script without its folder, of python -m the package."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec:
        return spec.name.removesuffix(".__main__").rpartition(".")[2]
    name = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""
    return name.rpartition(" -m ")[2]  # unittest's own, which its spawned children have too


def _is_called_by_runner():
    """Whether a runner is importing or running what asks: it may have been called by another program."""
    frame = sys._getframe()
    while frame:
        name = frame.f_globals.get("__name__") or ""
        if name.startswith("_pytest.") or name in UNITTEST:
            return True
        frame = frame.f_back
    return False


def _of_pytest(environment):
    """Whether pytest has started this process, or started what did."""
    return any(name in environment for name in ("PYTEST_VERSION", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER"))


def _is_multiprocessing_child():
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def under_test_runner():
    """Whether this process is a test runner, or a worker of one. Programs that tests start are not."""
    program = _program()
    if RUNNERS.get(program) in sys.modules or _is_called_by_runner():
        return True
    if program in DJANGO and sys.argv[1:2] == ["test"] and "django" in sys.modules:
        return True
    return _of_pytest(os.environ) and ("_pytest.config" in sys.modules or _is_multiprocessing_child())


def _named():
    """What the environment says; None: nothing."""
    if under_test_runner():
        return os.environ.get("SHMETER_TEST_SEGMENT", "private")
    name = os.environ.get("SHMETER_SEGMENT")
    return "private" if name is None and _of_pytest(os.environ) else name


def path():
    """Of the segment that all processes share, by the name that the environment has."""
    name = _named() or "default"
    return name if "/" in name else f"/dev/shm/shmeter.{name}.v1"


def is_own():
    """Whether the store of this process is its own when the program names no segment."""
    return _named() in OWN_WORDS


def is_own_of(meter):
    """Whether it is this process's own store, and not one that has a name."""
    return meter.path == _own_path


def _processes():
    """Where processes have the numbers that they have here: of a folder that several containers share, each has its
    own. 0: not known."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _is_left(entry):
    """Whether who has made the file is gone, or should have taken it away long ago."""
    number, processes, *_ = entry.name.removeprefix(PREFIX).split("-") + [""]
    if number.isdecimal() and processes.isdecimal() and int(processes) == _processes() != 0:
        try:
            os.kill(int(number), 0)
        except (ProcessLookupError, OverflowError):
            return True
        except OSError:
            pass  # another user's
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > LEFT_SECONDS


def _sweep(folder):
    """Takes away the files of processes that were killed before they could: a file has a name for milliseconds."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        with contextlib.suppress(OSError):
            if entry.name.startswith(PREFIX) and _is_left(entry):
                os.unlink(entry.path)


def is_maker():
    """Whether this process has made its own store: else a parent has, whose counts are in it too."""
    return _own_pid == os.getpid()


def _folders():
    """Where a file without a name may be. The first one may be full, and there may be no other."""
    yield "/dev/shm"
    with contextlib.suppress(FileNotFoundError):
        yield tempfile.gettempdir()


def nameless(**options):
    """A new segment that has no name: its memory goes with the last of the processes that have it. Returns its meter
    and the path that it had at first."""
    for folder in _folders():
        path = f"{folder}/{PREFIX}{os.getpid()}-{_processes()}-{os.urandom(8).hex()}"
        meter = _core.open(path, **{**options, "load": options.get("load") or ""})  # $SHMETER_LOAD is the shared one's
        if meter.attached:
            meter._take()  # so that it is mapped for reading too
            meter._keep_file()
            with contextlib.suppress(OSError):  # the process was stopped meanwhile, and another one has swept
                os.unlink(path)
            _sweep(folder)
            break
    return meter, path


def _own(**options):
    """This process's own store, the same one each time; a forked child has its parent's."""
    global _own_path, _own_pid
    with _lock:
        if _own_path:
            return _core.open(_own_path, **options)
        meter, path = nameless(**options)
        if _own_path:  # a signal handler was faster
            return _core.open(_own_path, **options)
        _own_path, _own_pid = path, os.getpid()
        return meter


def attach(name=None, **options):
    """A meter of the segment that is named, or else of the one that the environment says."""
    if name is None:
        wanted = _named()
        if wanted in OWN_WORDS:
            return _own(**options)
        name = wanted if under_test_runner() else None  # else C asks the environment itself: not in a setuid program
    return _core.open(name, **options)


def _before_fork():
    """A store of its own is there before the first child, which would otherwise make another one. And neither the
    parent nor the child holds back room of series that have been removed so far."""
    store = sys.modules.get(f"{__package__}.store")
    if store is not None and store._shared is None and is_own():
        store.shared()
    _core._before_fork()


def _after_fork():
    global _lock
    _lock = threading.RLock()  # another thread may have held it


os.register_at_fork(before=_before_fork, after_in_parent=_core._after_fork)
gc.callbacks.append(_core._collected)
forks.after_in_child(_after_fork)
