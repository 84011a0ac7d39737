"""docs/ORDERING.md against the sources: what it names is there, and whatever orders accesses is named.

Usage: test_ordering.py SOURCE_FOLDER
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

SOURCE = os.path.abspath(sys.argv[1])
FOLDERS = ("shm", "client", "lib/**")
ORDERS = re.compile(r"\bshmeter_(store_release|load_acquire|fence_acquire|fence_release)\(|\bstlr\b|\bldar\b")


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def named(document):
    """(file, name) of each `file: name`."""
    return re.findall(r"`([\w/.]+\.(?:[ch]|py)): (\w+)`", document)


def missing(document):
    found = named(document)
    assert len(found) > 50, "the names were not found"
    return [f"{file}: {name}" for file, name in found
            if not os.path.exists(os.path.join(SOURCE, file)) or not re.search(rf"^{name}\(", text(file), re.MULTILINE)
            and not (file.startswith("client/") and re.search(rf"\b{name}\(", text(file)))]


def ordering_functions():
    """(file, function) of each function that loads or stores with an order."""
    found = set()
    for folder in FOLDERS:
        for path in glob.glob(f"{SOURCE}/{folder}/*.[ch]", recursive=True):
            file = os.path.relpath(path, SOURCE)
            function = ""
            for line in text(file).splitlines():
                start = re.match(r"(?:SHMETER_\w+ .*\b)?(\w+)\(", line)
                if start and not line.startswith("#"):
                    function = start.group(1)
                if ORDERS.search(line) and file != "shm/atomic.h" and not re.match(r"\s*(/\*| \*)", line):
                    found.add((file, function))
    return found


def unnamed(document):
    return [f"{file}: {name}" for file, name in sorted(ordering_functions() - set(named(document)))]


@test
def what_the_page_names_is_in_the_sources():
    nothing(missing(text("docs/ORDERING.md")), "is named, and is not there")


@test
def whatever_orders_is_on_the_page():
    assert len(ordering_functions()) > 35, "the functions were not found"
    nothing(unnamed(text("docs/ORDERING.md")), "orders accesses, and is not named")


@test
def a_name_that_is_wrong_or_left_out_is_noticed():
    page = text("docs/ORDERING.md")
    assert missing(page.replace("shmeter_registry_probe", "shmeter_registry_prober"))
    assert missing(page.replace("lib/read/snapshot/cells.c: read_cpu_cell", "lib/read/snapshot/gauges.c: read_cpu_cell"))
    assert unnamed(page.replace("shmeter_registry_probe", "shmeter_registry_keep"))


if __name__ == "__main__":
    main()
