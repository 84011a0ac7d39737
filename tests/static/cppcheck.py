"""cppcheck over the sources; those of tests, which take as long as all others together, with --long only.

Usage: cppcheck.py SOURCE_FOLDER BUILD_FOLDER [--long]

A source that stayed as it was is not read again: BUILD_FOLDER/cppcheck* has what was found in it. Without that folder
everything is read.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from static import sources  # noqa: E402
from tap import Skip, main, nothing, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
LONG = "--long" in sys.argv[3:]
FOUND = 3  # the exit code that we ask for
# Headers of libraries are not read, but what these say of their version is asked for.
LIBRARIES = ["-DPROTOBUF_C_VERSION_NUMBER=1004001", "-DPROTOBUF_C_MIN_COMPILER_VERSION=1000000"]


def predefined(folder):
    """A file with the macros that a compiler has by itself: without them our own #error ends the reading of a file,
    unnoticed."""
    path = os.path.join(folder, "predefined.h")
    done = subprocess.run(["gcc", "-dM", "-E", "-x", "c", "/dev/null"], stdout=subprocess.PIPE, text=True, check=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(done.stdout)
    return path


def command_of(unit, top):
    kept = [word for word in unit.arguments if not word.startswith("-isystem")]
    return shlex.join(["cc", *kept, "-c", os.path.join(top, unit.path)])


def run_cppcheck(folder, units, top, options=()):
    """What cppcheck says of sources, nothing when it has no finding. folder: for what it is told."""
    project = os.path.join(folder, "compile_commands.json")
    with open(project, "w", encoding="utf-8") as file:
        json.dump([{"directory": BUILD, "file": os.path.join(top, unit.path), "command": command_of(unit, top)}
                   for unit in units], file)
    command = ["cppcheck", f"--project={project}", f"--include={predefined(folder)}", *LIBRARIES,
               "--enable=warning,performance,portability", "--inline-suppr", "--library=posix", "--library=gnu",
               "--library=python",
               "--quiet",
               f"--suppressions-list={SOURCE}/tests/static/cppcheck.txt", f"--error-exitcode={FOUND}",
               f"-j{len(os.sched_getaffinity(0))}", "--template={file}:{line}:{column}: {severity}: {message} [{id}]",
               *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False)
    assert done.returncode in (0, FOUND), f"{' '.join(command)}\nended with {done.returncode} and said:\n{done.stdout}"
    return done.stdout if done.returncode else ""


def need_it():
    if not shutil.which("cppcheck"):
        raise Skip("cppcheck is not installed")


@test
def no_source_has_a_finding():
    need_it()
    kept = os.path.join(BUILD, "cppcheck-long" if LONG else "cppcheck")
    os.makedirs(kept, exist_ok=True)
    units = (sources.units if LONG else sources.shipped)(SOURCE, BUILD)
    print(f"# {len(units)} sources", flush=True)
    assert len(units) > 100, "where are the sources?"
    with tempfile.TemporaryDirectory(prefix="shmeter-cppcheck-") as folder:
        nothing(run_cppcheck(folder, units, SOURCE, [f"--cppcheck-build-dir={kept}"]).splitlines(), "cppcheck")


def said_of(text):
    """What is said of a source of these lines, compiled like one of the tree."""
    with tempfile.TemporaryDirectory(prefix="shmeter-cppcheck-") as folder:
        with open(os.path.join(folder, "seeded.c"), "w", encoding="utf-8") as file:
            file.write(text)
        return run_cppcheck(folder, [sources.Unit("seeded.c", sources.usual(SOURCE, BUILD))], folder)


SEEDED = {
    "uninitvar": "int f(void)\n{\n    int value;\n    return value;\n}\n",
    "nullPointer": "int f(void)\n{\n    int *at = 0;\n    return *at;\n}\n",
    "arrayIndexOutOfBounds": "int f(void)\n{\n    int all[4] = { 0 };\n    return all[4];\n}\n",
    "memleak": "#include <stdlib.h>\nint f(void)\n{\n    char *at = malloc(4);\n    return at != NULL;\n}\n",
    "resourceLeak": "#include <fcntl.h>\nint f(const char *path)\n{\n    int fd = open(path, 0);\n    return fd < 0;\n"
                    "}\n",
    "syntaxError": "int f(void)\n{\n    return (;\n}\n",
    "preprocessorErrorDirective": "#error it is not read\n",
}


@test
def each_seeded_bug_is_found():
    need_it()
    nothing([f"{bug}: {said_of(text) or 'nothing'}" for bug, text in SEEDED.items() if f"[{bug}]" not in said_of(text)],
            "not found")


@test
def headers_of_the_tree_are_read_and_libraries_need_not_be():
    need_it()
    said = said_of('#include "shm/layout/layout.h"\n#include "shmeter.h"\nint f(void)\n{\n    int all[2] = { 0 };\n'
                   "    return all[SHMETER_MAX_LABELS];\n}\n")
    assert "[arrayIndexOutOfBounds]" in said and "preprocessorErrorDirective" not in said, said


@test
def a_suppression_holds_for_its_line_alone():
    need_it()
    line = "    int *at = 0;\n    return *at;{}\n"
    text = "int f(void)\n{{\n" + line + "}}\nint g(void)\n{{\n" + line + "}}\n"
    assert said_of(text.format("", "")).count("[nullPointer]") == 2
    assert said_of(text.format(" /* cppcheck-suppress nullPointer ; seeded */", "")).count("[nullPointer]") == 1


if __name__ == "__main__":
    main()
