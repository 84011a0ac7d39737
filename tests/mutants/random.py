"""How many random mistakes the tests notice: mutants of the sources outside shm/, and the tests of each one's floor.

Usage: random.py [--seed N] [--count M] [--least PERCENT] [--build FOLDER] [FOLDER...]

FOLDER: of sources, "exporter/web"; else all of FLOORS. Each mutant is one change of one line (sites.py) of a copy of
the tree, with the build copied along, so that little is built anew. One that does not compile, or that the compiler
makes the same code of, does not count. The tests of its floor run one after the other until one fails. A failure
counts when the test fails twice and passes without the change; a time-out counts when the test takes less than a
third of that without it. Two mutants are under way at a time.

Prints TAP: one case, which fails where fewer than --least percent were noticed, with the score, the seed, and those
that were not noticed, with their lines. Standard error has each as soon as it is known.
"""
import sys

del sys.path[0]  # this folder, where a module of Python's own has a namesake
import argparse  # noqa: E402
import concurrent.futures
import contextlib
import functools
import glob
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve()
sys.path += [str(HERE.parent), str(HERE.parent.parent)]
from sites import sites  # noqa: E402
from tap import run  # noqa: E402

SOURCE = HERE.parents[2]
LIMIT_S = 240

# The suites of tests that stand on a floor, the nearest first; of the suite long-winded, those that are named.
ABOVE = ("checked", "daemon", "exporter", "cli")
FLOORS = {
    "lib/base": ("base", "read", "formats", "exposition", "health", *ABOVE),
    "lib/model": ("formats", "exposition", "read", "health", *ABOVE, "python"),
    "lib/formats": ("formats", "exposition", "read", *ABOVE, "python"),
    "lib/read": ("read", "exposition", "formats", "health", *ABOVE, "python"),
    "lib/exposition": ("exposition", "formats", "read", *ABOVE, "python"),
    "lib/health": ("health", *ABOVE),
    "lib/daemon": ("daemon", "checked", "exporter"),
    "exporter": ("exporter", "checked"),
    "cli": ("cli", "checked", "exporter"),
    "client/python": ("python",),
}
LONG_WINDED = {"checked", "python-differential", "python-processes", "read hostile"}

running, ending = set(), threading.Event()


class Mute(Exception):
    """A mutant that does not count."""


def end_group(process):
    """Ends a test and what it has started, which has a moment to clean up."""
    for number, wait_s in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(wait_s)
    # Of one that could not clean up: tests/tools/scratch.c, tests/read/image.c, lib.py of tests/exporter and tests/cli.
    for path in glob.glob(f"/dev/shm/shmeter-test-{process.pid}*"):
        if re.search(rf"-{process.pid}(-\w+)?$", path):
            shutil.rmtree(path, ignore_errors=True)
    for path in itertools.chain.from_iterable(glob.glob(f"/dev/shm/shmeter.{name}{process.pid}[x-]*")
                                              for name in ("t", "test-cli-")):
        with contextlib.suppress(OSError):
            os.unlink(path)


def command(line, where, environment=None, limit_s=None):
    """Exit code and output; the exit code is None when it took too long."""
    if ending.is_set():
        raise SystemExit(1)
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        process = subprocess.Popen(line, cwd=where, env=environment, stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        running.add(process)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            running.discard(process)
            end_group(process)
        said.seek(0)
        return code, said.read()


class Tests:
    """The tests as meson knows them: what they run, and what has to be built for them."""

    def __init__(self, build):
        self.build = build
        about = build / "meson-info"
        targets, self.tests = (json.loads((about / f"intro-{name}.json").read_text()) for name in ("targets", "tests"))
        self.targets = {one["id"]: [os.path.relpath(name, build) for name in one["filename"]] for one in targets}
        self.objects = {}
        for one in json.loads((build / "compile_commands.json").read_text()):
            self.objects.setdefault(os.path.normpath(os.path.join(build, one["file"])), []).append(one["output"])

    def of(self, floor):
        """The tests of a floor, the nearest suites first; at the end those that are long-winded by themselves."""
        found = []
        for suite in FLOORS[floor]:
            found += [one for one in self.tests if one not in found and f"shmeter:{suite}" in one["suite"]
                      and ("shmeter:long-winded" not in one["suite"] or LONG_WINDED & {suite, one["name"]})]
        return sorted(found, key=lambda one: one["name"] in LONG_WINDED)

    def files(self, test):
        """For ninja."""
        inside = [os.path.relpath(one, self.build) for one in test["cmd"] if os.path.isabs(one) and "/../" not in one
                  and one.startswith(f"{self.build}{os.sep}") and os.path.isfile(one)]
        return sorted({*inside, *itertools.chain.from_iterable(self.targets.get(one, ()) for one in test["depends"])})

    @functools.lru_cache(maxsize=None)
    def seconds(self, name):
        """How long a test takes without a change; None: it fails."""
        test = next(one for one in self.tests if one["name"] == name)
        command(["ninja", *self.files(test)], self.build)
        started = time.monotonic()
        code, _ = self.run(test, SOURCE)
        return time.monotonic() - started if code == 0 else None

    def run(self, test, tree):
        """Exit code and output of a test of that tree."""
        def there(text):
            return text.replace(str(SOURCE), str(tree))
        environment = dict(os.environ, **{name: there(value) for name, value in test["env"].items()})
        line = [there(one) for one in test["cmd"]]
        return command(line, there(test["workdir"] or str(self.build)), environment, LIMIT_S)


class Tree:
    """A copy of the sources and of the build, in which one thing at a time is wrong."""

    def __init__(self, folder, tests):
        self.folder, self.tests, self.build = folder, tests, folder / tests.build.relative_to(SOURCE)
        for one in SOURCE.iterdir():
            if not one.name.startswith((".", "build")):
                subprocess.run(["cp", "-a", one, folder], check=True)
        subprocess.run(["cp", "-a", tests.build, self.build], check=True)
        ninja = self.build / "build.ninja"
        times = os.stat(ninja)
        ninja.write_text(ninja.read_text().replace(f"{SOURCE}{os.sep}", f"{folder}{os.sep}"))
        os.utime(ninja, ns=(times.st_atime_ns, times.st_mtime_ns))

    def make(self, files):
        code, said = command(["ninja", "-j1", *files], self.build)
        return code == 0, said

    def digest(self, objects):
        return [hashlib.sha256((self.build / one).read_bytes()).digest() for one in objects]

    @contextlib.contextmanager
    def changed(self, name, row, new):
        """The tree while it has another line. Raises Mute where that is nothing to be tested."""
        path = self.folder / name
        former = path.read_text()
        lines = former.split("\n")
        lines[row] = new
        objects = [one for one in self.tests.objects.get(str(SOURCE / name), ()) if not one.startswith("tests")]
        self.make(objects)
        was = self.digest(objects)
        try:
            path.write_text("\n".join(lines))
            if name.endswith(".py"):
                self.parse(path)
            elif not self.make(objects)[0] or self.digest(objects) == was:
                raise Mute
            yield
        finally:
            path.write_text(former)

    @staticmethod
    def parse(path):
        try:
            compile(path.read_text(), path, "exec")
        except SyntaxError as wrong:
            raise Mute from wrong


def noticed(tree, tests, floor):
    """The name of the test that notices what is wrong in the tree; None: none does."""
    for test in tests.of(floor):
        if not tree.make(tests.files(test))[0]:
            raise Mute  # a copy of it with other options is refused by the compiler
        code, _ = tests.run(test, tree.folder)
        if code == 0:
            continue
        usual_s = tests.seconds(test["name"])
        if usual_s is None or (code is None and usual_s > LIMIT_S / 3):
            continue  # it is no judge here
        if code is None or tests.run(test, tree.folder)[0] != 0:
            return test["name"]
    return None


def floor_of(name):
    return next((floor for floor in sorted(FLOORS, key=len, reverse=True) if name.startswith(floor + "/")), None)


def candidates(folders, seed):
    """All lines that can be changed, in the order of the seed, each with one change."""
    found, dice = [], random.Random(seed)
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob("*")):
            name = str(path.relative_to(SOURCE))
            if path.suffix in (".c", ".cc", ".py") and floor_of(name):
                text = path.read_text()
                old = text.split("\n")
                found += [(name, row, dice.choice(new), old[row]) for row, new in sorted(sites(name, text).items())]
    dice.shuffle(found)
    return found


class Hunt:
    """Two trees, and the mutants that are tried in them."""

    def __init__(self, options, tests):
        self.tests, self.count, self.lock = tests, options.count, threading.Lock()
        self.queue = iter(candidates(options.folders or FLOORS, options.seed))
        self.begun, self.noticed, self.survivors = 0, [], []

    def next(self):
        with self.lock:
            return next(self.queue, None) if self.begun < self.count else None

    def begin(self):
        """Whether one that compiles is still wanted."""
        with self.lock:
            if self.begun == self.count:
                return False
            self.begun += 1
            return True

    def work(self, folder):
        folder.mkdir(parents=True)
        tree = Tree(folder, self.tests)
        while mutant := self.next():
            name, row, new, old = mutant
            with contextlib.suppress(Mute), tree.changed(name, row, new):
                if not self.begin():
                    return
                self.judge(tree, mutant, f"{name}:{row + 1}: {old.strip()}  ->  {new.strip()}")

    def judge(self, tree, mutant, text):
        try:
            by = noticed(tree, self.tests, floor_of(mutant[0]))
        except Mute:
            with self.lock:
                self.begun -= 1
            return
        with self.lock:
            (self.noticed if by else self.survivors).append(text)
        print(f"{f'noticed by {by}' if by else 'NOT NOTICED'}: {text}", file=sys.stderr, flush=True)


def end(_number, _frame):
    ending.set()
    for one in list(running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGTERM)
    raise SystemExit(1)


def hunt(options):
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    build = pathlib.Path(options.build).resolve()
    print(f"# seed {options.seed}", flush=True)
    done = Hunt(options, Tests(build))
    with (tempfile.TemporaryDirectory(prefix="shmeter-mutants-") as folder,
          concurrent.futures.ThreadPoolExecutor(2) as pool):
        for one in [pool.submit(done.work, pathlib.Path(folder) / str(number) / "tree") for number in range(2)]:
            one.result()
    tried = len(done.noticed) + len(done.survivors)
    print(f"# seed {options.seed}: {len(done.noticed)} of {tried} random mutants were noticed")
    for text in done.survivors:
        print(f"# not noticed: {text}")
    assert tried, "nothing was tried"
    assert 100 * len(done.noticed) >= options.least * tried, f"fewer than {options.least} % were noticed"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--least", type=int, default=0)
    parser.add_argument("--build", default=SOURCE / "build", help="within the source folder")
    parser.add_argument("folders", nargs="*")
    options = parser.parse_args()
    run([(f"{options.count} random mutants are noticed", lambda: hunt(options))])


if __name__ == "__main__":
    main()
