"""Builds that programs make of shmeter.h: with sanitizers, with warnings that are not in -Wall, inside of extern "C",
and under a profiler that unwinds from signals.

Usage: test_builds.py SOURCE_FOLDER FOLDER_OF_SHMETER_H
"""
import atexit
import functools
import os
import platform
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, test  # noqa: E402

SOURCE, INCLUDE = sys.argv[1:3]
USE, THREADS, UNWIND = (os.path.join(SOURCE, "tests", name) for name in
                        ("repo/header_use.c", "repo/header_threads.c", "client/unwind_use.c"))
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
C, CXX = ["-std=c11", "-x", "c"], ["-std=c++17", "-x", "c++"]
LANGUAGES = {"gcc": C, "clang": C, "g++": CXX, "clang++": CXX}

FOLDER = tempfile.mkdtemp(prefix="shmeter-builds-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)


def build(compiler, source, *flags):
    """The program."""
    if not shutil.which(compiler):
        raise Skip(f"{compiler} is not installed")
    program = os.path.join(FOLDER, "program")
    done = subprocess.run([compiler, *LANGUAGES[compiler], "-D_GNU_SOURCE", *flags, "-pthread", "-I", INCLUDE, source,
                           "-o", program],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if "libclang_rt" in done.stdout or "cannot find -ltsan" in done.stdout:
        raise Skip("the sanitizer is not installed")
    assert done.returncode == 0, done.stdout
    return program


def run(program, **environment):
    """What it says; it must end well."""
    segment = os.path.join(FOLDER, "segment")
    try:
        done = subprocess.run([program, segment], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False,
                              env={**os.environ, **environment})
    finally:
        if os.path.exists(segment):
            os.unlink(segment)
    if done.returncode == 77:
        raise Skip("no restartable sequences")
    assert done.returncode == 0, done.stdout
    return done.stdout


def each_compiler(name, compilers, *flags, source=USE, says="good\n", **environment):
    def case(compiler):
        assert run(build(compiler, source, *flags), **environment).endswith(says)
    for compiler in compilers:
        one = functools.partial(case, compiler)
        one.__name__ = f"{compiler.replace('+', 'p')}_{name}"
        test(one)


each_compiler("warns_of_no_shadow", LANGUAGES, "-O0", *STRICT)  # what takes optimization to see is test_header.py's
each_compiler("with_thread_sanitizer_warns_of_nothing", ("gcc", "g++", "clang"), "-O0", "-fsanitize=thread", *STRICT)
each_compiler("with_thread_sanitizer_finds_no_race_in_the_heap", ("gcc", "clang"), "-O1", "-fsanitize=thread", "-w",
              source=THREADS)
each_compiler("with_memory_sanitizer_finds_nothing", ("clang", "clang++"), "-O1", "-fsanitize=memory", "-w")
each_compiler("with_memory_sanitizer_finds_nothing_in_shared_lanes", ("clang",), "-O0", "-fsanitize=memory", "-w",
              GLIBC_TUNABLES="glibc.pthread.rseq=0")
if platform.machine() == "x86_64":
    each_compiler("unwinds_from_a_signal_in_an_update", LANGUAGES, "-O2", "-w", source=UNWIND, says=" 0 of them lost\n")
    each_compiler("unwinds_from_a_signal_without_optimisation", ("gcc", "clang"), "-O0", "-w", source=UNWIND,
                  says=" 0 of them lost\n")


@test
def cpp_may_include_it_inside_of_extern_c():
    text = os.path.join(FOLDER, "extern.cc")
    with open(USE, encoding="utf-8") as file:
        used = file.read()
    with open(text, "w", encoding="utf-8") as file:
        file.write(used.replace('#include "shmeter.h"', 'extern "C" {\n#include "shmeter.h"\n}'))
    for compiler in ("g++", "clang++"):
        assert run(build(compiler, text, "-O1", *STRICT)).endswith("good\n")


if __name__ == "__main__":
    main()
