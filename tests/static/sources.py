"""The C and C++ sources of the tree, and how each is compiled: for tools that read them as a compiler does."""
import collections
import concurrent.futures
import json
import os
import shlex
import subprocess

Unit = collections.namedtuple("Unit", "path arguments")  # path from the tree's top; arguments hold in the build folder

ALONE = {"-MD", "-c", "-fdiagnostics-color=always"}  # what says where results go, alone and with a word behind it
PAIRS = {"-o", "-MQ", "-MF"}
SUFFIXES = (".c", ".cc")
# What meson does not compile itself, or in another build: by its folder's own rules.
OTHERS = {
    "tests/crash/ops.c": ["-DOPS_NAME=ops_here", '-DOPS_BUILD=""'],
    "tests/fuzz/segment/reading.c": ["-include", "tests/fuzz/segment/kernel.h"],
    "tests/crash/stop/registers_aarch64.c": ["--target=aarch64-linux-gnu", "-isystem",
                                             "/usr/aarch64-linux-gnu/include"],
}


def walk(top):
    """(folder, name) of all files below a folder, but for builds and what is hidden."""
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "build")) and
                            not os.path.exists(os.path.join(folder, name, "build.ninja")))
        for name in sorted(names):
            yield folder, name


def found(top):
    """All sources below a folder, from there."""
    return [os.path.relpath(os.path.join(folder, name), top) for folder, name in walk(top) if name.endswith(SUFFIXES)]


def arguments_of(command):
    """A command's arguments without the compiler and its launcher, the source, and what says where results go."""
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word in PAIRS:
            next(words)
        elif word.startswith("-I/usr/"):
            kept.append("-isystem" + word[2:])  # a library's headers, as pkg-config tells of them
        elif word.startswith("-") and word not in ALONE:
            kept.append(word)
    return kept


def compiled(source, build):
    """{path: arguments} of what meson compiles; of a source in several programs, those of the first."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    how = {}
    for entry in entries:
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]), source)
        how.setdefault(path, arguments_of(entry["command"]))
    return how


def usual(source, build):
    """The arguments of a source that meson does not compile here."""
    return ["-Wall", "-Wextra", "-Wconversion", "-std=gnu11", "-D_GNU_SOURCE", f"-I{source}", f"-I{source}/lib",
            f"-I{build}/include", f"-I{build}/lib"]


def units(source, build):
    """Every source with its arguments. The Python package has none where it is not built."""
    how = compiled(source, build)
    return [Unit(path, how.get(path) or usual(source, build) + OTHERS.get(path, [])) for path in found(source)
            if path in how or not path.startswith("client/python/")]


# Folders of programs that include all of shmeter.h in each source.
WRITERS = ("client/python/core/", "bench/rows/")
DECLARED = "-DSHMETER_LINK"


def with_declarations(unit, source, build):
    """The unit with the functions of shmeter.h as declarations, unless it needs one that is not public."""
    words = [*unit.arguments, DECLARED]
    done = subprocess.run(["gcc", "-fsyntax-only", "-Werror=implicit-function-declaration", *words,
                           os.path.join(source, unit.path)],
                          cwd=build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return unit._replace(arguments=words) if done.returncode == 0 else unit


def shipped(source, build):
    """Units of all but the tests. The text of shmeter.h is read with client/libshmeter.c and wherever it is needed; to
    read it again with every source that includes it would take longer than all the others do."""
    found_units = [unit for unit in units(source, build) if not unit.path.startswith("tests/")]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda unit: with_declarations(unit, source, build) if unit.path.startswith(WRITERS)
                             else unit, found_units))
