"""Which C file of a folder calls which, as the objects of the build say it: no file calls itself by way of others.

Usage: test_circles.py BUILD_FOLDER NM
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

BUILD, NM = sys.argv[1:]
FOLDERS = ("lib", "exporter", "cli", "bench", "client")

# Circles that are meant, by the words that objects' names begin with.
MEANT = {
    "plan": ("lib/formats", "plan_",
             "plan.c has a table of those who fill its parts, and they take the room for it from plan.c"),
    "term": ("lib/health", "rules_term_", "three files of one subject"),
    "sums": ("lib/read", "snapshot_", "what is read of records, cells and holes is one struct's"),
    "settings": ("exporter", "settings_", "each section's keys, and the document that has the sections"),
    "web config": ("exporter", "web_config_", "the section tls, and the document that has it"),
}


def objects():
    """Folder of a library or program -> its objects' paths."""
    found = {}
    for top in FOLDERS:
        for folder, _, files in os.walk(os.path.join(BUILD, top)):
            if folder.endswith(".p"):
                paths = [os.path.join(folder, file) for file in files if re.search(r"\.(c|cc)\.o$", file)]
                if paths:
                    found[os.path.relpath(folder, BUILD)] = sorted(paths)
    return found


def symbols(paths):
    """(object, symbol, whether it is defined there) of some objects."""
    listed = subprocess.run([NM, "-A", *paths], capture_output=True, text=True, check=True).stdout
    for path, kind, symbol in re.findall(r"^(.*\.o):(?:[0-9a-f]*)\s+([A-Za-z]) (\S+)$", listed, re.MULTILINE):
        if kind in "UTDBRV":
            yield os.path.basename(path), symbol, kind != "U"


def calls(triples):
    """Object -> the objects beside it whose symbols it needs."""
    triples = list(triples)
    owners = {symbol: name for name, symbol, defined in triples if defined}
    found = {}
    for name, symbol, defined in triples:
        if not defined and symbol in owners and owners[symbol] != name:
            found.setdefault(name, set()).add(owners[symbol])
    return found


def reached(start, arrows):
    seen, todo = set(), [start]
    while todo:
        new = arrows.get(todo.pop(), set()) - seen
        seen |= new
        todo += new
    return seen


def circles(arrows):
    """The sets of objects of which each reaches each."""
    far = {name: reached(name, arrows) for name in arrows}
    return {frozenset(other for other in far if other in far[name] and name in far[other]) for name in far
            if name in far[name]}


def is_meant(library, circle):
    return any(library.startswith(folder + "/") and all(name.startswith(word) for name in circle)
               for folder, word, _ in MEANT.values())


@test
def no_file_calls_itself_by_way_of_others():
    found, wrong = objects(), []
    assert len(found) > 8 and sum(map(len, found.values())) > 150, "the objects were not found"
    for library, paths in found.items():
        wrong += [f"{library}: {', '.join(sorted(circle))}" for circle in circles(calls(symbols(paths)))
                  if not is_meant(library, circle)]
    nothing(wrong, "circles of calls")


@test
def a_circle_is_noticed():
    core = [(name, symbol, defined) for library, paths in objects().items() if "_core." in library
            for name, symbol, defined in symbols(paths)]
    names = {name for name, _, _ in core}
    low, high = (next(name for name in names if name.endswith(end)) for end in ("core_series.c.o", "core_labels.c.o"))
    assert not circles(calls(core)) and low in calls(core)[high]
    found, = circles(calls([*core, (low, "labels_clear", False)]))
    assert {low, high} <= found, found
    assert not is_meant("client/python/shmeter/_core.abi3.so.p", {low, high})


if __name__ == "__main__":
    main()
