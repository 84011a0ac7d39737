"""What is in the repository, and what must not be.

Usage: test_tree.py SOURCE_FOLDER
"""
import collections
import io
import os
import re
import subprocess
import sys
import tokenize

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, main, nothing, test  # noqa: E402

SOURCE = os.path.realpath(sys.argv[1])
SYSTEM_FOLDERS = {"/", "/home", "/opt", "/srv", "/tmp", "/usr", "/usr/local", "/usr/src", "/var", "/var/tmp",
                  "/dev/shm"}


def git(*arguments):
    done = subprocess.run(["git", "-C", SOURCE, *arguments], capture_output=True, text=True, check=False)
    if done.returncode > 1 or done.stderr:
        raise Skip("this is no git checkout: " + done.stderr.strip())
    return done.stdout.splitlines()


def files():
    found = git("ls-files")
    if not found:
        raise Skip("git knows no files here")
    return found


@test
def no_file_has_a_path_of_the_machine_it_was_written_on():
    files()
    homes = {SOURCE, os.path.dirname(SOURCE), os.path.expanduser("~")} - SYSTEM_FOLDERS
    found = []
    for home in homes:
        found += git("grep", "-nIE", r"(^|[^A-Za-z0-9_./-])" + re.escape(home) + r"($|[^A-Za-z0-9_.-])")
    found += git("grep", "-nIE", r"(^|[^A-Za-z0-9_./-])/(home|Users)/[a-z]")
    nothing([line for line in found if not line.startswith("tests/repo/test_tree.py:")], "paths of a machine")


@test
def no_file_is_left_unfinished():
    files()
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"))
    nothing(git("grep", "-nIwE", marks), "marks of unfinished work")


@test
def sources_have_no_tabs_and_no_spaces_at_line_ends():
    files()
    nothing(git("grep", "-nIE", r"[[:space:]]$|^ *	", "--", "*.c", "*.h", "*.cc", "*.py", "*.sh", "check",
                "quickstart"), "white space")


SOURCES = (".c", ".h", ".cc", ".py", ".pyi", ".def")
LINES, FILES = 450, 25
FINISHED = ("bench/", "cli/", "client/", "exporter/", "lib/", "shm/", "tests/")


def too_large(lines):
    """Files of too many lines, out of {file: how many}."""
    return [f"{name}: {n} lines" for name, n in sorted(lines.items()) if n > LINES]


def too_full(names):
    """Folders of too many sources."""
    folders = collections.Counter(os.path.dirname(name) for name in names if name.endswith(SOURCES))
    return [f"{folder}: {n} files" for folder, n in sorted(folders.items()) if n > FILES]


@test
def files_have_one_subject_and_so_few_lines():
    assert too_large({"a.c": LINES, "b.c": LINES + 1}) == [f"b.c: {LINES + 1} lines"]
    lines = {}
    for name in files():
        if name.endswith(SOURCES):
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                lines[name] = sum(1 for _ in file)
    nothing(too_large(lines), "files with more than one subject?")


@test
def folders_have_one_subject_and_so_few_files():
    assert too_full([f"a/{i}.c" for i in range(FILES + 1)] + [f"b/{i}.c" for i in range(FILES)]
                    + ["b/meson.build"]) == [f"a: {FILES + 1} files"]
    nothing(too_full(files()), "folders with more than one subject?")


def too_long(document):
    """Lines of a document with more than 120 characters, those of tables aside."""
    return [number for number, line in enumerate(document.splitlines(), 1) if len(line) > 120
            and not line.startswith("|")]


@test
def lines_of_documents_end_at_120_columns():
    assert too_long("a" * 120 + "\n| " + "a" * 120 + "\n" + "ä" * 121 + "\n") == [3]
    found = []
    for name in files():
        if name.endswith(".md"):
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                found += [f"{name}:{number}" for number in too_long(file.read())]
    nothing(found, "lines that are too long")


def too_long_code(source):
    """Lines of Python with more than 120 characters, but for texts of several lines and those that end in a string which reaches so far."""
    long = {number for number, line in enumerate(source.splitlines(), 1) if len(line) > 120}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING and (token.start[0] < token.end[0] or token.end[1] > 120):
            long -= set(range(token.start[0], token.end[0] + 1))
    return sorted(long)


@test
def lines_of_code_end_at_120_columns():
    """Code and comments of C, and of Python's tests."""
    many = "a + " * 40
    assert too_long_code(f"b = ({many}a)\nc = '{many}'\nd = '''\n{many}\n'''\n") == [1]
    found = []
    for name in files():
        if name.startswith(FINISHED) and name.endswith((".c", ".h", ".cc", ".def")):
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                found += [f"{name}:{number}" for number, line in enumerate(file, 1) if len(line.rstrip("\n")) > 120]
        elif name.startswith("tests/") and name.endswith(".py"):
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                found += [f"{name}:{number}" for number in too_long_code(file.read())]
    nothing(found, "lines that are too long")


@test
def nothing_that_was_built_is_kept():
    nothing([name for name in files() if re.search(r"\.(o|a|so|pyc|d|deb)$|__pycache__|^build", name)], "built files")


@test
def scripts_can_be_run_and_read():
    for name in ("check", "quickstart", ".ci/run", "tools/packages.sh"):
        subprocess.run(["sh", "-n", os.path.join(SOURCE, name)], check=True)


if __name__ == "__main__":
    main()
