"""The header as compilers for aarch64 take it: without a warning in C and C++, at all levels, with each way of atomic
instructions.

Usage: test_build.py SOURCE_FOLDER FOLDER_OF_SHMETER_H [--long]

Each program runs under qemu-user, which has no restartable sequences. --long tries all pairs of a level and a kind of
atomic instructions; without it gcc has each once, and each other compiler one pair.
"""
import functools
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, test  # noqa: E402

SOURCE, INCLUDE = sys.argv[1:3]
LONG = "--long" in sys.argv
USE = os.path.join(SOURCE, "tests/repo/header_use.c")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
C, CXX = ["-std=c11", "-x", "c"], ["-std=c++17", "-x", "c++"]
CLANG = "--target=aarch64-linux-gnu"
COMPILERS = {"gcc": ["aarch64-linux-gnu-gcc", *C], "gpp": ["aarch64-linux-gnu-g++", *CXX],
             "clang": ["clang", CLANG, *C],
             "clangpp": ["clang++", CLANG, *CXX]}
LEVELS = ("-O0", "-O2", "-O3")
ATOMICS = {"chosen_at_run_time": "-moutline-atomics", "exclusive": "-mno-outline-atomics", "of_8_1": "-march=armv8.1-a"}


def need(program):
    if not shutil.which(program):
        raise Skip(f"{program} is not installed")


def succeed(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\nended with {done.returncode} and said:\n{done.stdout}"
    return done.stdout


def compiles_and_runs(compiler, level, atomics):
    need(compiler[0])
    need("aarch64-linux-gnu-gcc")  # its libc and its linker
    need("qemu-aarch64")
    with tempfile.TemporaryDirectory(prefix="shmeter-aarch64-", dir="/dev/shm") as folder:
        program = os.path.join(folder, "use")
        succeed([*compiler, *WARNINGS, level, atomics, "-static", "-I", INCLUDE, USE, "-o", program])
        said = succeed(["qemu-aarch64", "-cpu", "max", program, os.path.join(folder, "segment")])
    assert said.endswith("good\n"), said


for turn, (each_compiler, line) in enumerate(COMPILERS.items()):
    for number, (what, flag) in enumerate(ATOMICS.items()):
        for place, each_level in enumerate(LEVELS):
            if not LONG and (place != number or turn not in (0, number + 1)):
                continue
            case = functools.partial(compiles_and_runs, line, each_level, flag)
            case.__name__ = f"{each_compiler}_{each_level[1:]}_with_atomics_{what}_compiles_and_runs_it_without_a_warning"
            test(case)

main()
