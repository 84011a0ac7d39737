"""The crash tests can fail: the client with one thing wrong, and the oracle that must notice.

Usage: mutants.py SOURCE CRASH_LIBRARY

Each mutant is a copy of the client's headers in which a text that stands there a stated number of times is another. The
operations are compiled with it, linked with the tracer as it is, and one operation is run; it must fail, with a message of the
named oracle. A mutant that does not match or does not compile fails the run.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from mutant_table import MUTANTS  # noqa: E402
from tap import run  # noqa: E402

SOURCE = pathlib.Path(sys.argv[1])
LIBRARY = pathlib.Path(sys.argv[2])
FLAGS = ["-O2", "-g", "-std=gnu11", "-D_GNU_SOURCE", "-fPIE"]
WITHOUT_RSEQ = "glibc.pthread.rseq=0"


def mutate(workspace, changes):
    """A copy of the headers with the changes, amalgamated."""
    for folder in ("shm", "client"):
        shutil.copytree(SOURCE / folder, workspace / folder)
    for name, count, old, new in changes:
        path = workspace / name
        text = path.read_text()
        assert text.count(old) == count, f"{name} has {text.count(old)} times instead of {count}: {old}"
        path.write_text(text.replace(old, new))
    subprocess.run([sys.executable, "-B", workspace / "client/amalgamate.py", "--output", workspace / "shmeter.h"], check=True)


def build(workspace, changes):
    mutate(workspace, changes)
    program = workspace / "crash"
    include = [f"-I{workspace}", f"-I{SOURCE}"]
    subprocess.run(["gcc", *FLAGS, *include, "-DOPS_NAME=mutant", '-DOPS_BUILD="mutant"', "-c", SOURCE / "tests/crash/ops.c", "-o",
                    workspace / "ops.o"], check=True)
    subprocess.run(["gcc", *FLAGS, *include, "-DOP_TABLES=ONE(mutant)", SOURCE / "tests/crash/main.c", workspace / "ops.o", "-o",
                    program, LIBRARY, f"-Wl,-rpath,{LIBRARY.parent}", "-Wl,-z,now"], check=True)
    return program


def outcome(program, operation, lanes):
    """What the tests of one operation say."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", GLIBC_TUNABLES="" if lanes == "CPU" else WITHOUT_RSEQ)
    done = subprocess.run([program, "mutant", operation], capture_output=True, text=True, env=environment, check=False,
                          timeout=120)
    return done.returncode, done.stdout + done.stderr


def case(name, changes, operation, lanes, oracle):
    def function():
        with tempfile.TemporaryDirectory() as folder:
            code, said = outcome(build(pathlib.Path(folder), changes), operation, lanes)
        assert code and "not ok" in said, f"it was not noticed:\n{said}"
        found = re.search(f"^# (mutant,.*(?:{oracle}).*)$", said, re.MULTILINE)
        assert found, f"something else noticed it than {oracle}:\n{said}"
        print(f"# {found[1]}")
    return f"the tests of {operation} notice: {name}", function


def unchanged():
    """What all other verdicts stand on: the same way of building, without a change."""
    with tempfile.TemporaryDirectory() as folder:
        program = build(pathlib.Path(folder), [])
        for lanes in ("CPU", "shared"):
            for operation in sorted({mutant[2] for mutant in MUTANTS}):
                code, said = outcome(program, operation, lanes)
                assert code == 0 and "not ok" not in said, said


run([("built this way, the client as it is passes", unchanged)] + [case(*mutant) for mutant in MUTANTS])
