"""clang-tidy over the sources, those of tests with --long only, by the .clang-tidy of their folders.

Usage: clang_tidy.py SOURCE_FOLDER BUILD_FOLDER [--long]

Checks that look at a line or a function see them all. The analyzer, which follows paths through functions and takes
most of the time, sees what is shipped, and with --long every source, as far as it goes, with the text of shmeter.h in
each that includes it.

A source without a finding is not read again before something changes that it could depend on:
BUILD_FOLDER/clang-tidy-*.json says what was clean. Without that file everything is read.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from static import sources  # noqa: E402
from tap import Skip, main, nothing, test  # noqa: E402

SOURCE, BUILD = map(os.path.abspath, sys.argv[1:3])
LONG = "--long" in sys.argv[3:]
CLEAN = os.path.join(BUILD, f"clang-tidy-{'long' if LONG else 'short'}.json")
SHIPPED = ("shm/", "client/", "lib/", "exporter/", "cli/")
EXCEPTION = re.compile(r"NOLINT|cppcheck-suppress")
REASONED = re.compile(r"NOLINT(NEXTLINE|BEGIN)?\([\w.,-]+\): \w|NOLINTEND\([\w.,-]+\)|cppcheck-suppress \w+ ; \w")
# How many states the analyzer looks at in one function: a tenth of what it would, for a tenth of the time.
SHORT = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=20000")]


def run_tidy(path, arguments, options=()):
    """What clang-tidy says of a source, nothing when it has no finding; whatever it cannot read is one."""
    done = subprocess.run(["clang-tidy", "--quiet", *options, path, "--", *arguments], cwd=BUILD,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode == 0 and not done.stdout.strip():
        return ""
    return done.stdout + (done.stderr if done.returncode and not done.stdout else "")


def options_of(unit):
    if LONG:
        return []
    return SHORT if unit.path.startswith(SHIPPED) else ["--checks=-clang-analyzer-*"]


def digest(*texts):
    total = hashlib.sha256()
    for text in texts:
        total.update(text if isinstance(text, bytes) else text.encode())
        total.update(b"\0")
    return total.hexdigest()


def content(path):
    with open(path, "rb") as file:
        return file.read()


def surroundings():
    """A digest of what any source may depend on: headers, settings, the tool, and the state of the system's
    packages."""
    headers = [content(os.path.join(folder, name)) for top in (SOURCE, os.path.join(BUILD, "include"),
                                                               os.path.join(BUILD, "lib"))
               for folder, name in sources.walk(top) if name.endswith(".h") or name == ".clang-tidy"]
    tool = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    status = "/var/lib/dpkg/status"
    return digest(tool, str(os.stat(status).st_mtime_ns) if os.path.exists(status) else "", *headers)


class Results:
    """Findings of all sources, by area; those that are known to be clean are not asked for again."""

    def __init__(self):
        self.clean = {}
        if os.path.exists(CLEAN):
            with open(CLEAN, encoding="utf-8") as file:
                self.clean = json.load(file)
        around = surroundings()
        units = (sources.units if LONG else sources.shipped)(SOURCE, BUILD)
        self.keys = {unit.path: digest(around, content(os.path.join(SOURCE, unit.path)), *unit.arguments,
                                       *options_of(unit))
                     for unit in units}
        self.read = [unit for unit in units if self.clean.get(unit.path) != self.keys[unit.path]]
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            said = pool.map(lambda unit: run_tidy(os.path.join(SOURCE, unit.path), unit.arguments, options_of(unit)),
                            self.read)
            self.findings = {unit.path: text for unit, text in zip(self.read, said) if text}
        with open(CLEAN, "w", encoding="utf-8") as file:
            json.dump({path: key for path, key in self.keys.items() if path not in self.findings}, file)


@test
def no_source_has_a_finding():
    need_it()
    results = Results()
    print(f"# {len(results.keys)} sources, {len(results.read)} read, the others unchanged", flush=True)
    assert len(results.keys) > 100, "where are the sources?"
    nothing(results.findings.values(), "clang-tidy")


def said_of(text, header="", options=()):
    """What is said of a source of these lines and its header, by the tree's settings."""
    with tempfile.TemporaryDirectory(prefix="shmeter-tidy-") as folder:
        path = os.path.join(folder, "seeded.c")
        for name, lines in ((path, text), (os.path.join(folder, "seeded.h"), header)):
            with open(name, "w", encoding="utf-8") as file:
                file.write(lines)
        return run_tidy(path, sources.usual(SOURCE, BUILD), [f"--config-file={SOURCE}/.clang-tidy", *options])


def need_it():
    if not shutil.which("clang-tidy"):
        raise Skip("clang-tidy is not installed")


SEEDED = {
    "clang-diagnostic-implicit-int-conversion": "unsigned char f(long v);\nunsigned char f(long v) { return v; }\n",
    "clang-diagnostic-sign-conversion": "unsigned f(int v);\nunsigned f(int v) { return v; }\n",
    "clang-diagnostic-error": "int f(void) { return missing; }\n",
    "clang-analyzer-core.NullDereference": "int f(int n);\nint f(int n) { int *at = n ? &n : 0; return *at; }\n",
    "clang-analyzer-core.UndefinedBinaryOperatorResult": "int f(void);\nint f(void) { int v[2]; v[0] = 1; return v[0] "
                                                         "+ v[1]; }\n",
    "clang-analyzer-unix.Malloc": "#include <stdlib.h>\nint f(void);\nint f(void) { char *at = malloc(4); return at ? "
                                  "1 : 0; }\n",
    "bugprone-suspicious-semicolon": "int f(int v);\nint f(int v) { if (v);\n        v++;\n    return v; }\n",
    "bugprone-too-small-loop-variable": "long f(long n);\nlong f(long n) { long s = 0; for (short i = 0; i < n; i++) s "
                                        "+= i; return s; }\n",
    "bugprone-macro-parentheses": "#define DOUBLE(x) (2 * x)\n",
    "bugprone-integer-division": "double f(int v);\ndouble f(int v) { return v / 2; }\n",
    "cert-err34-c": "#include <stdlib.h>\nint f(const char *t);\nint f(const char *t) { return atoi(t); }\n",
    "misc-redundant-expression": "int f(int v);\nint f(int v) { return v == 1 || v == 1; }\n",
}


@test
def each_seeded_bug_is_found():
    need_it()
    nothing([f"{check}: {said_of(text) or 'nothing'}" for check, text in SEEDED.items()
             if f"[{check}" not in said_of(text)], "not found")


@test
def the_short_way_of_the_analyzer_finds_seeded_bugs_too():
    need_it()
    check = "clang-analyzer-core.NullDereference"
    assert f"[{check}" in said_of(SEEDED[check], options=SHORT)


@test
def a_bug_in_a_header_is_found():
    need_it()
    said = said_of('#include "seeded.h"\n', header="#define DOUBLE(x) (2 * x)\n")
    assert "seeded.h:1" in said and "[bugprone-macro-parentheses" in said, said


@test
def settings_of_a_folder_hold_there_and_leave_the_others_in_force():
    need_it()
    for folder in ("", "tests", "bench"):
        done = subprocess.run(["clang-tidy", "--list-checks", os.path.join(SOURCE, folder, "any.c"), "--"],
                              stdout=subprocess.PIPE,
                              text=True, check=True)
        checks = set(done.stdout.split())
        assert ("cert-err34-c" in checks) == (not folder) and "bugprone-macro-parentheses" in checks, folder


@test
def each_exception_in_a_source_names_its_check_and_says_why():
    wrong = []
    for folder, name in sources.walk(SOURCE):
        if name.endswith((".c", ".cc", ".h")):
            for number, line in enumerate(content(os.path.join(folder, name)).decode().splitlines(), 1):
                if EXCEPTION.search(line) and not REASONED.search(line):
                    wrong.append(f"{os.path.join(folder, name)}:{number}: {line.strip()}")
    nothing(wrong, "exceptions without a reason")


if __name__ == "__main__":
    main()
