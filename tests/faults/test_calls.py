"""The k-th system call fails, for each call that opening, registering and closing make, once and for ever: nothing
crashes, hangs or is left half-made, the program is told, what it counted is there, and the next program is not
disturbed. The same when it is the last call: the program is killed in it.

Usage: test_calls.py FAULTY SHMETER
"""
import collections
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]
from tap import main, nothing, test  # noqa: E402
from strace import need_strace, traced  # noqa: E402

FAULTY, SHMETER = map(os.path.abspath, sys.argv[1:3])
TOLD = re.compile(r"opened (-?\d+) attached (-?\d+) adds (\d+) observations (\d+) error (.*)\n")
COMPLETE = 2 * 20 * 3  # updates of a program that nothing disturbs
OPEN_LIKE = ("EACCES", "EMFILE")
ERRORS = {"openat": OPEN_LIKE, "fallocate": ("ENOSPC", "EINTR"), "ftruncate": ("ENOSPC", "EINTR"),
          "linkat": ("EACCES", "ENOSPC"),
          "renameat2": ("EACCES", "EINVAL"), "madvise": ("EINVAL", "EFAULT"), "fcntl": ("EACCES",), "read": ("EINTR",),
          "pread64": ("EINTR",), "statx": ("ENOSYS",), "prlimit64": ("EPERM",), "getrandom": ("ENOSYS",)}
Told = collections.namedtuple("Told", "opened attached adds observations error")


def environment():
    return {name: text for name, text in os.environ.items() if name != "SHMETER_SEGMENT"}


def trace(path, *injected, log="/dev/null"):
    return subprocess.run(traced([FAULTY, path], *injected, log=log), env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          check=False)


def live(path, *injected, log="/dev/null"):
    """Runs the program under strace; what it told."""
    done = trace(path, *injected, log=log)
    text = done.stdout.decode(errors="replace")
    match = TOLD.fullmatch(text)
    if done.returncode or not match:
        raise AssertionError(f"ended with {done.returncode}: {text!r}")
    return Told(*map(int, match.groups()[:4]), match[5])


def fresh(path):
    done = subprocess.run([FAULTY, path], env=environment(), stdout=subprocess.PIPE, check=True)
    match = TOLD.fullmatch(done.stdout.decode())
    return Told(*map(int, match.groups()[:4]), match[5])


def stored(path):
    """(sum of the counters, observations) of a segment."""
    dump = subprocess.run([SHMETER, "dump", path, "--json"], stdout=subprocess.PIPE, check=True)
    adds = observations = 0
    for family in json.loads(dump.stdout)["families"]:
        for one in family["series"]:
            if family["name"] == "faulty_total":
                adds += int(one["value"])
            elif family["name"] == "faulty_seconds":
                observations += int(one["count"])
    return adds, observations


def check_next(path, adds, observations):
    """Another program counts there, and exactly, where so much was counted before."""
    after = fresh(path)
    assert (after.opened, after.attached, after.adds, after.error) == (0, 0, COMPLETE, ""), f"the next one: {after}"
    assert stored(path) == (adds + COMPLETE, observations + COMPLETE), "the next one's updates are not all there"


def calls(path, *injected):
    """[(name, number of this name's call, its line)] of the calls that the library makes."""
    with tempfile.NamedTemporaryFile("r") as log:
        live(path, *injected, log=log.name)
        found, seen, marks = [], collections.Counter(), 0
        for line in log:
            name = line.partition("(")[0]
            seen[name] += 1
            marks += name == "getppid"
            if marks == 1 and name != "getppid":
                found.append((name, seen[name], line))
    return found


class Way:
    """How the program comes to its segment: "create", "attach" to one that is there, or create one without O_TMPFILE
    ("named")."""

    def __init__(self, how, folder):
        self.how, self.folder, self.always = how, folder, ()
        if how == "named":
            nth = next(nth for name, nth, line in self.list_calls() if name == "openat" and "O_TMPFILE" in line)
            self.always = (f"openat:error=EOPNOTSUPP:when={nth}",)

    def place(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        path = os.path.join(folder, "segment")
        if self.how == "attach":
            fresh(path)
        return path

    def list_calls(self):
        return calls(self.place(), *self.always)

    def faults(self):
        for name, nth, _ in self.list_calls():
            if self.always and name == "openat":
                continue  # strace fails one call of a name in one way
            for error in ERRORS.get(name, ()) + ("ENOMEM",):
                for when in (str(nth), f"{nth}+"):
                    yield f"{name}:error={error}:when={when}"

    def deaths(self):
        for name, nth, _ in self.list_calls():
            if not self.always or name != "openat":
                yield f"{name}:signal=KILL:when={nth}"

    def harm_of_death(self, fault):
        """Kills the program in one call; "" or what went wrong."""
        path = self.place()
        before = COMPLETE if self.how == "attach" else 0
        try:
            done = trace(path, *self.always, fault)
            assert done.returncode == -signal.SIGKILL, f"not killed: {done.returncode} {done.stdout!r}"
            left = os.listdir(os.path.dirname(path))
            assert len(left) <= 1 and (self.how == "named" or left in ([], ["segment"])), f"left behind: {left}"
            first = stored(path) if "segment" in left else (0, 0)
            assert all(before <= one <= before + COMPLETE for one in first), f"{first} after {before}"
            check_next(path, *first)
        except (AssertionError, subprocess.SubprocessError) as why:
            return f"{self.how}, {fault}: {why}"
        finally:
            shutil.rmtree(os.path.dirname(path))
        return ""

    def harm(self, fault):
        """Tries one fault; "" or what went wrong."""
        path = self.place()
        before = COMPLETE if self.how == "attach" else 0
        try:
            told = live(path, *self.always, fault)
            left = os.listdir(os.path.dirname(path))
            assert left in ([], ["segment"]), f"left behind: {left}"
            assert told.error or not told.opened, f"an error without a word: {told}"
            assert told.error or told.adds == COMPLETE, f"counted privately without a word: {told}"
            if left:
                adds, observations = stored(path)
                assert adds == before + told.adds, f"{adds} counted, not {before} + {told.adds}"
                most = before + told.observations
                assert observations == most or (told.error and before <= observations <= most), \
                    f"{observations} observed"
                before, seen = adds, observations
            else:
                assert told.opened < 0, f"no file, and no error: {told}"
                seen = 0
            check_next(path, before, seen)
        except (AssertionError, subprocess.SubprocessError) as why:
            return f"{self.how}, {fault}: {why}"
        finally:
            shutil.rmtree(os.path.dirname(path))
        return ""


def kill_in_all(how):
    need_strace()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="shmeter-test-faults-") as folder:
        way = Way(how, folder)
        deaths = list(way.deaths())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            complaints = [one for one in pool.map(way.harm_of_death, deaths) if one]
    print(f"# {how}: killed in {len(deaths)} calls", flush=True)
    assert len(deaths) >= 10, "the program makes hardly a call"
    nothing(complaints[:20], f"{len(complaints)} of {len(deaths)} deaths did harm")


def try_all(how):
    need_strace()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="shmeter-test-faults-") as folder:
        way = Way(how, folder)
        faults = list(way.faults())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            complaints = [one for one in pool.map(way.harm, faults) if one]
    pairs = {fault.replace("+", "").split(":error")[0] + fault.replace("+", "").rsplit("=", 1)[1] for fault in faults}
    print(f"# {how}: {len(pairs)} (call, k) pairs, {len(faults)} faults", flush=True)
    assert len(pairs) >= 10, "the program makes hardly a call"
    nothing(complaints[:20], f"{len(complaints)} of {len(faults)} faults did harm")


@test
def any_call_of_the_creator_may_fail_once_or_for_ever():
    try_all("create")


@test
def any_call_of_who_attaches_may_fail_once_or_for_ever():
    try_all("attach")


@test
def any_call_of_a_creator_without_nameless_files_may_fail_once_or_for_ever():
    try_all("named")


@test
def the_creator_may_die_in_any_call():
    kill_in_all("create")


@test
def who_attaches_may_die_in_any_call():
    kill_in_all("attach")


@test
def a_creator_without_nameless_files_may_die_in_any_call():
    kill_in_all("named")


if __name__ == "__main__":
    main()
