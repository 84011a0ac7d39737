"""Type checkers find nothing wrong in a correct program of a hundred lines, and all of 18 mistakes.

Usage: test_types.py PACKAGE_FOLDER CHECKERS_FOLDER
CHECKERS_FOLDER is what ./check fetches: an environment with mypy and pyright.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import equal, main, nothing, Skip, test  # noqa: E402

PACKAGE, CHECKERS = map(os.path.abspath, sys.argv[1:3])
HERE = os.path.dirname(os.path.abspath(__file__))
API = os.path.join(HERE, os.pardir, "newest", "api.txt")
FRAMEWORKS = ("aiohttp", "django", "twisted")


def checker(name):
    if not os.path.exists(os.path.join(CHECKERS, "complete")):
        raise Skip("no type checkers: ./check fetches them from the package index, where there is one")
    return os.path.join(CHECKERS, "venv", "bin", name)


def environment():
    return {**os.environ, "MYPYPATH": PACKAGE, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def copied(folder, name):
    """The program, on the package in the place of prometheus_client. Returns its lines."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        text = file.read().replace("from prometheus_client", "from shmeter.prometheus")
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)
    return text.splitlines()


def of_mypy(folder, name, *options):
    """{line: what it says} of one file."""
    done = subprocess.run(
        [checker("mypy"), "--no-incremental", "--no-site-packages", *options, name],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {
        int(found[2]) if found[1] == name else found[0]: found[0]
        for found in re.finditer(r"(?m)^(\S+):(\d+): error: .*$", done.stdout)
    }


def of_pyright(folder, name):
    """Likewise, of the strictest of its modes that says nothing of types that a library has not told."""
    with open(os.path.join(folder, "pyrightconfig.json"), "w", encoding="utf-8") as file:
        json.dump({"extraPaths": [PACKAGE], "include": [name], "typeCheckingMode": "standard"}, file)
    done = subprocess.run(
        [checker("pyright"), "--outputjson"], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said = json.loads(done.stdout[done.stdout.index("{") :])["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in said if one["severity"] == "error"}


def finds_the_mistakes(find):
    with tempfile.TemporaryDirectory() as folder:
        wanted = [number for number, line in enumerate(copied(folder, "mistakes.py"), 1) if line.endswith("# MISTAKE")]
        equal((len(wanted), sorted(find(folder, "mistakes.py"))), (18, wanted))


@test
def mypy_finds_nothing_in_a_correct_program():
    with tempfile.TemporaryDirectory() as folder:
        assert len(copied(folder, "program.py")) >= 100
        equal(of_mypy(folder, "program.py"), {}, "nor in the package itself")
        equal(of_mypy(folder, "program.py", "--strict", "--follow-imports=silent"), {})


@test
def mypy_finds_all_mistakes():
    finds_the_mistakes(lambda folder, name: of_mypy(folder, name, "--follow-imports=silent"))


@test
def pyright_finds_nothing_in_a_correct_program():
    with tempfile.TemporaryDirectory() as folder:
        copied(folder, "program.py")
        equal(of_pyright(folder, "program.py"), {})


@test
def pyright_finds_all_mistakes():
    finds_the_mistakes(of_pyright)


@test
def all_public_names_can_be_imported_where_checkers_are_strict():
    """A name that a module has from another one is exported by the word as, or by __all__."""
    with open(API, encoding="utf-8") as file:
        names = [line.split()[:2] for line in file]
    lines = [
        f"from shmeter.prometheus{'' if module == '.' else '.' + module} import {name} as n{number}"
        for number, (module, name) in enumerate(names)
        if "." not in name and module.split(".")[0] not in FRAMEWORKS
    ]
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "names.py"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        nothing(sorted(of_mypy(folder, "names.py", "--strict", "--follow-imports=silent").values()), "mypy says")
    assert len(lines) > 150, len(lines)


if __name__ == "__main__":
    main()
