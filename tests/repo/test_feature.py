"""Two rows of docs/ARCHITECTURE.md's "Where the next feature goes", followed: in a copy of the tree a metric type and a
loss are added in the files that the rows name, and in no other, built, counted and exposed.

Usage: test_feature.py SOURCE_FOLDER MESON CC
"""
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, test  # noqa: E402

SOURCE, MESON, CC = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3]
FOLDER = tempfile.mkdtemp(prefix="shmeter-feature-", dir="/dev/shm")
atexit.register(shutil.rmtree, FOLDER, True)
COPY, BUILD = os.path.join(FOLDER, "tree"), os.path.join(FOLDER, "tree/build")
PARTS = ("client", "docs", "include", "lib", "shm")  # what a build with python_only reads, and the documents
PROGRAM = "executable('feature', 'feature.c', shmeter_h, dependencies: exposition_dep, include_directories: include_directories('../include'))\n"

# Row -> file -> what is replaced in it, and by what. A tally is a count of which nobody says that it only grows.
FEATURES = {
    "a metric type whose value is in a cell that exists": {
        "shm/layout/types.h": [
            (r"(    SHMETER_STATESET)( +/\*.*\*/)\n\};\n#define SHMETER_TYPES .*",
             r"\1,\2\n    SHMETER_TALLY\n};\n#define SHMETER_TYPES (SHMETER_TALLY + 1)"),
        ],
        "shm/layout/kinds.h": [
            (r"SHMETER_TYPES == SHMETER_STATESET \+ 1", "SHMETER_TYPES == SHMETER_TALLY + 1"),
            (r"return type == SHMETER_COUNTER;", "return type == SHMETER_COUNTER || type == SHMETER_TALLY;"),
        ],
        "lib/model/types.def": [
            (r"\n#undef TYPE\n", '\nTYPE(TALLY, "unknown", "untyped", UNTYPED, "", "unknown", NUMBER)\n#undef TYPE\n'),
            (r"\n#undef STORED\n", "\nSTORED(TALLY, TALLY)\n#undef STORED\n"),
        ],
        "docs/ABI.md": [(r"(\n\| 6 \| SHMETER_STATESET \|.*)",
                         r"\1\n| 7 | SHMETER_TALLY | a cell of one 8-byte integer |")],
        "docs/cli.md": [(r"\n`stateset`\), `help`", r"\n`stateset`, `unknown`), `help`")],
        "docs/formats.md": [(r"(\n\| stateset \| `gauge` \| `stateset` \|.*)",
                             r"\1\n| unknown | `untyped` | `unknown` | `UNTYPED` | |")],
    },
    "a loss": {
        "shm/layout/layout.h": [(r"\n    SHMETER_LOSSES\n", "\n    SHMETER_LOSS_GUESTS_LEFT,\n    SHMETER_LOSSES\n")],
        "lib/read/snapshot/losses.def": [(r"\n#undef LOSS\n",
                                          '\nLOSS(GUESTS_LEFT, "guests_left", "guests that left early", "ask them '
                                          'why", 1)\n#undef LOSS\n')],
        "docs/ABI.md": [(r"(\n\| 17 \| SHMETER_LOSS_SERIES_EVICTED \|.*)",
                         r"\1\n| 18 | SHMETER_LOSS_GUESTS_LEFT | guests that left early |")],
        "docs/health.md": [(r"(\n\| `series_evicted` \|.*)", r"\1\n| `guests_left` | guests that left early | yes |")],
    },
}
# where the rows are compared with the numbers of a segment
CHECKED = ("lib/read/give/exposed.c", "lib/read/snapshot/status.c")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def files_of(feature):
    """The files that the feature's row names."""
    line = re.search(rf"^\| {feature} \|(.*)\|$", read(os.path.join(SOURCE, "docs/ARCHITECTURE.md")), re.MULTILINE)
    return re.findall(r"`([\w./]+/[\w.]+)`", line[1])


def put(feature, path):
    """Adds the feature in one file of the copy, and returns what was there."""
    before = after = read(os.path.join(COPY, path))
    for old, new in FEATURES[feature][path]:
        after, n = re.subn(old, new, after)
        assert n == 1, f"{path}: {old}"
    write(os.path.join(COPY, path), after)
    return before


def make_copy():
    for part in PARTS:
        shutil.copytree(os.path.join(SOURCE, part), os.path.join(COPY, part))
    for name in ("meson.build", "meson_options.txt"):
        shutil.copyfile(os.path.join(SOURCE, name), os.path.join(COPY, name))
    shutil.copyfile(os.path.join(SOURCE, "tests/repo/feature.c"), os.path.join(COPY, "lib/feature.c"))
    write(os.path.join(COPY, "lib/meson.build"), read(os.path.join(SOURCE, "lib/meson.build")) + PROGRAM)


def run(*command):
    return subprocess.run(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def render(encoder):
    """What the program prints of a segment of its own."""
    path = os.path.join(tempfile.mkdtemp(dir=FOLDER), "segment")
    return subprocess.run([os.path.join(BUILD, "lib/feature"), path, encoder], stdout=subprocess.PIPE,
                          check=True).stdout


def compiles():
    """Whether the reader knows each number of the header, and no other."""
    return all(run(CC, "-fsyntax-only", "-D_GNU_SOURCE", "-I", COPY, "-I", os.path.join(COPY, "lib"),
                   os.path.join(COPY, path)).returncode == 0
               for path in CHECKED)


def documents_right():
    here = os.path.dirname(os.path.abspath(__file__))
    return all(run(sys.executable, "-B", os.path.join(here, name), COPY, CC).returncode == 0
               for name in ("test_abi.py", "test_words.py"))


@test
def none_of_the_files_of_a_row_is_named_in_vain():
    make_copy()
    assert compiles() and documents_right(), "the copy is whole"
    for feature, edits in FEATURES.items():
        assert sorted(files_of(feature)) == sorted(edits), \
            f"the table names {files_of(feature)}, {feature} needs {list(edits)}"
        before = {path: put(feature, path) for path in edits}
        for path in edits:
            after = read(os.path.join(COPY, path))
            write(os.path.join(COPY, path), before[path])
            assert not (compiles() and documents_right()), f"{feature}: {path} was left out, and nothing noticed"
            write(os.path.join(COPY, path), after)
        assert compiles() and documents_right(), feature


@test
def the_tree_is_built_with_both_features():
    done = run(MESON, "setup", "-Dpython_only=true", "-Dwerror=true", "-Dbuildtype=plain", BUILD, COPY)
    assert done.returncode == 0, done.stdout
    done = run(MESON, "compile", "-C", BUILD, "feature")
    assert done.returncode == 0, done.stdout


@test
def the_type_counts_and_is_exposed_in_each_format():
    text, openmetrics, protobuf = map(render, ("text", "openmetrics", "protobuf"))
    assert b'# HELP feature_guests Guests.\n# TYPE feature_guests untyped\nfeature_guests{room="blue"} 42\n' in text, \
        text
    assert b'# TYPE feature_guests unknown\n# HELP feature_guests Guests.\nfeature_guests{room="blue"} 42\n' in \
        openmetrics, openmetrics
    # field 5, untyped: 42.0
    metric = b"\x0a\x0c\x0a\x04room\x12\x04blue" + b"\x2a\x09\x09\x00\x00\x00\x00\x00\x00\x45\x40"
    family = b"\x0a\x0efeature_guests\x12\x07Guests.\x18\x03" + b"\x22" + bytes([len(metric)]) + metric
    assert bytes([len(family)]) + family in protobuf, protobuf


@test
def the_loss_is_counted_and_exposed():
    assert b',kind="guests_left"} 1\n' in render("text")


if __name__ == "__main__":
    main()
