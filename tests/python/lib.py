"""What the tests of the Python package share: a segment for each program, and processes."""
import atexit
import contextlib
import multiprocessing
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, equal, main, need_other_users, nothing, test, wait_for  # noqa: E402, F401

FOLDER = tempfile.TemporaryDirectory(prefix="shmeter-python-", dir="/dev/shm")
OWNER = os.getpid()
os.environ["SHMETER_SEGMENT"] = os.path.join(FOLDER.name, "segment")


@atexit.register
def _remove():
    if os.getpid() == OWNER:
        FOLDER.cleanup()


def in_child(function):
    """Runs function in a forked process; raises when it fails."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(code)
    return pid


def join(pids):
    for pid in pids:
        equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, f"exit status of process {pid}")


@contextlib.contextmanager
def pool_of(processes, **options):
    """A pool of forked processes whose workers end by themselves: one that is told to end just before it waits may not
    hear it."""
    with multiprocessing.get_context("fork").Pool(processes, **options) as pool:
        yield pool
        pool.close()
        pool.join()


def raises(kind, words, function):
    """Asserts that function raises this very type with these words; None: with whatever words."""
    try:
        function()
    except BaseException as error:
        equal((type(error), words and str(error)), (kind, words))
        return
    raise AssertionError(f"{kind.__name__} was not raised: {words}")
