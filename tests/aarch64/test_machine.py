"""The restartable sequences of aarch64, in a virtual machine with two CPUs and Debian's kernel: no update is lost or
torn when workers are interrupted, moved and killed anywhere in them; and with one thing wrong in a sequence, the same
tests fail.

Usage: test_machine.py SOURCE_FOLDER BUILD_FOLDER FOLDER_OF_ARM64 [--long] [WORDS] (WORDS: only cases whose name has
them)

qemu takes interrupts between two translated blocks only, and a sequence is in one block: so it is told to make a block
of each instruction (singlestep) where interrupts count. What real hardware may do with the order of stores, it does not
do.
"""
import concurrent.futures
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import Machine  # noqa: E402
from mutants import CRASH, CRASH_SHORT, DESCRIPTOR, mutate  # noqa: E402
from tap import Skip, run  # noqa: E402

SOURCE, BUILD, ARM64 = sys.argv[1:4]
LONG = "--long" in sys.argv
WORDS = "".join(sys.argv[4 + LONG:])
HERE = os.path.join(BUILD, "tests/aarch64")
CROSS_LIBC = "/usr/aarch64-linux-gnu/lib"  # of libc6-arm64-cross
LIBRARIES = os.path.join(ARM64, "usr/lib/aarch64-linux-gnu")
CC = ["aarch64-linux-gnu-gcc", "-O2", "-std=gnu11", "-D_GNU_SOURCE"]

KINDS = ("counter", "fraction", "classic", "exponential")[:4 if LONG else 3]
WORKERS = 4
ROUNDS, INTERRUPTIONS = (500000, 2000) if LONG else (100000, 400)  # at least so many of each
READINGS = 10  # at least, while a pool works
UPDATES = ("counter add", "fractional counter add", "histogram observe",
           "exponential histogram observe")[:4 if LONG else 3]
MUTANTS = CRASH if LONG else CRASH[:CRASH_SHORT]
BUILDS = ("gcc -O2", "gcc -O0", "clang -O3") if LONG else ("gcc -O2",)


def why_not():
    for program in ("qemu-system-aarch64", "aarch64-linux-gnu-gcc", "cpio", "setpriv"):
        if not shutil.which(program):
            return f"{program} is not installed"
    if not os.path.exists(os.path.join(ARM64, "kernel")):
        return "Debian's kernel for arm64 is not there: ./check fetches it into build-tools/"
    if not os.path.exists(os.path.join(HERE, "arm64-crash")):
        return "this build was set up without a compiler or libraries for aarch64"
    return None


# ---- programs ----

def program(name):
    return os.path.join(HERE, "arm64-" + name)


def make(*arguments):
    done = subprocess.run([*CC, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def make_mutant(folder, number, changes, kind):
    """A pool or the crash tests with another header; returns the file."""
    workspace = os.path.join(folder, f"{kind}-{number}")
    os.mkdir(workspace)
    with open(os.path.join(BUILD, "include/shmeter.h"), encoding="utf-8") as file:
        header = mutate(file.read(), changes)
    with open(os.path.join(workspace, "shmeter.h"), "w", encoding="utf-8") as file:
        file.write(header)
    include = [f"-I{workspace}", f"-I{SOURCE}", f"-I{SOURCE}/lib"]
    made = os.path.join(workspace, "program")
    if kind == "pool":
        make(*include, "-static", os.path.join(SOURCE, "tests/aarch64/pool.c"), "-o", made)
    else:
        make(*include, "-isystem", os.path.join(ARM64, "usr/include"), "-DOPS_NAME=mutant", '-DOPS_BUILD="mutant"',
             "-DOP_TABLES=ONE(mutant)",
             os.path.join(SOURCE, "tests/crash/ops.c"), os.path.join(SOURCE, "tests/crash/main.c"),
             os.path.join(HERE, "libarm64.a"),
             f"-L{LIBRARIES}", "-lprotobuf-c", "-lre2", "-l:libstdc++.a", "-static-libgcc", "-lcmocka", "-lm",
             "-Wl,-z,now", "-o", made)
    return made


def programs(folder):
    """{path in the machine: file}."""
    found = {"/init": program("init"), "/watch": program("watch"), "/crash": program("crash")}
    for build in BUILDS:
        name = build.replace(" ", "")
        found["/pool-" + name] = program("pool-" + name)
    for name in ("ld-linux-aarch64.so.1", "libc.so.6", "libm.so.6"):
        found["/lib/" + name] = os.path.join(CROSS_LIBC, name)
    found["/lib/libcmocka.so.0"] = os.path.join(LIBRARIES, "libcmocka.so.0")
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        pool = workers.submit(make_mutant, folder, 0, DESCRIPTOR[1], "pool")
        crash = [workers.submit(make_mutant, folder, number, mutant[1], "crash")
                 for number, (mutant, _, _) in enumerate(MUTANTS)]
        found["/pool-mutant"] = pool.result()
        for number, one in enumerate(crash):
            found[f"/crash-mutant-{number}"] = one.result()
    return found


class Lazy:
    """The machine, from the first test that needs it on; gone when the context ends."""

    def __init__(self):
        self.machine = None
        self.failed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.machine:
            self.machine.close()

    def run(self, *command, singlestep):
        if why_not():
            raise Skip(why_not())
        assert not self.failed, "there is no machine"
        if not self.machine:
            self.failed = True
            with tempfile.TemporaryDirectory(prefix="shmeter-aarch64-") as folder:
                self.machine = Machine(os.path.join(ARM64, "kernel"), programs(folder))
            self.failed = False
        self.machine.singlestep(singlestep)
        code, said = self.machine.run(*command)
        print("".join(f"# {line.lstrip('# ')}\n" for line in said.splitlines() if line.startswith("#")), end="",
              flush=True)
        return code, said


# ---- pools ----

LANES = re.compile(r"^# lanes of (\w+) ([\d ]+) shared (\d+)$", re.MULTILINE)
WATCHED = re.compile(r"^# (\d+) readings, (\d+) in vain$", re.MULTILINE)
numbers = itertools.count()
WRONG = re.compile(r"^# (\w+\{\}) word \d+ is (\S+) instead of (\S+)$", re.MULTILINE)


def watch(lazy, pool, kind):
    segment = f"/dev/shm/{next(numbers)}"
    amount = [str(ROUNDS), str(INTERRUPTIONS)] if kind != "all" else ["3000"]
    return lazy.run("/watch", segment, pool, segment, kind, str(WORKERS), *amount, singlestep=True)


def totals_are_exact(lazy, build, kind):
    code, said = watch(lazy, "/pool-" + build.replace(" ", ""), kind)
    assert code == 0, said
    lanes = LANES.findall(said)
    assert lanes, said
    for name, cpus, shared in lanes:
        cpus = [int(lane) for lane in cpus.split()]
        assert all(cpus), f"{name}: not every CPU's lane is used"
        assert 1000 * int(shared) <= sum(cpus), f"{name}: a shared lane was used {shared} times"
    readings, vain = map(int, WATCHED.search(said).groups())
    assert readings - vain >= READINGS, f"only {readings - vain} readings meanwhile"


def updates_are_lost(lazy, kind):
    code, said = watch(lazy, "/pool-mutant", kind)
    assert code == 1, f"it was not noticed:\n{said}"
    wrong = WRONG.findall(said)
    assert any(float(now) < float(wanted) for _, now, wanted in wrong), f"nothing was lost:\n{said}"


# ---- deaths ----

KILLS = re.compile(r"^# .* CPU lanes: .* (\d+) kills, ", re.MULTILINE)  # of an update in a lane of a CPU


def crash(lazy, build, operation, singlestep, *options):
    """operation None: all."""
    code, said = lazy.run("/crash", *options, build, *([operation] if operation else []), singlestep=singlestep)
    assert code == 0 and "\nok " in said and "not ok" not in said, said
    way = "breakpoint instructions" if "--without-debug-registers" in options else "debug registers"  # qemu has them
    assert f"# children stop by {way}" in said, said
    assert int(KILLS.search(said)[1]), f"nothing was killed:\n{said}"


def crash_notices(lazy, number, operation, oracle):
    code, said = lazy.run(f"/crash-mutant-{number}", "--pairs=8", "mutant", operation, singlestep=False)
    assert code == 1 and "not ok" in said, f"it was not noticed:\n{said}"
    assert re.search(f"^(?:# )*(.*(?:{oracle}).*)$", said, re.MULTILINE), \
        f"something else noticed it than {oracle}:\n{said}"


def cases(lazy):
    for build in BUILDS:
        for kind in KINDS:
            yield f"{kind}: totals are exact, and no reading torn, while workers are interrupted and moved ({build})", \
                lambda b=build, k=kind: totals_are_exact(lazy, b, k)
    yield "totals of all kinds are exact, gauges among them", lambda: totals_are_exact(lazy, "gcc -O2", "all")
    for kind in KINDS[0], KINDS[2]:
        yield f"{kind}: {DESCRIPTOR[0]}, and updates are lost", lambda k=kind: updates_are_lost(lazy, k)
    for operation in UPDATES if LONG else UPDATES[2:]:
        yield f"{operation}: SIGKILL anywhere leaves all or nothing, with interrupts between any two instructions", \
            lambda o=operation: crash(lazy, "gcc -O2", o, True, "--pairs=0")
    for build in BUILDS:
        for operation in UPDATES:
            amount = ("--pairs=24", "--rounds=1") if not LONG else ("--pairs=4" if build == BUILDS[0] else "--pairs=16",
                                                                    "--rounds=20")
            yield f"{operation}: SIGKILL anywhere leaves all or nothing, and two at once are exact ({build})", \
                lambda b=build, o=operation, a=amount: crash(lazy, b, o, False, *a)
    for operation in UPDATES if LONG else UPDATES[2:]:
        yield f"{operation}: the same by breakpoint instructions, without debug registers", \
            lambda o=operation: crash(lazy, "gcc -O2", o, False, "--without-debug-registers", "--pairs=24",
                                      "--rounds=1")
    for number, (mutant, operation, oracle) in enumerate(MUTANTS):
        yield f"the crash tests of {operation} notice: {mutant[0]}", \
            lambda n=number, o=operation, words=oracle: crash_notices(lazy, n, o, words)
    if LONG:
        yield "all operations: dying anywhere leaves all or nothing, and a sound segment", \
            lambda: crash(lazy, "gcc -O2", None, False, "--pairs=64")


def main():
    with Lazy() as lazy:
        run([case for case in cases(lazy) if WORDS in case[0]])


main()
