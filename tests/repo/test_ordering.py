"""docs/ORDERING.md against the sources: what it names is there, whatever orders accesses is named, and each ordered
access says what it pairs with, as the page has it.

Usage: test_ordering.py SOURCE_FOLDER
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

SOURCE = os.path.abspath(sys.argv[1])
FOLDERS = ("shm/**", "client/**", "lib/**")
ORDERS = re.compile(r"\bshmeter_(store_release|load_acquire|fence_acquire|fence_release)\(|\bstlr\b|\bldar\b")
MOVES = re.compile(r"\bshmeter_(add|cas|cas16)\(")  # with full ordering
PAIRS = re.compile(r"pairs with (\w+)(: \w)?")
NEAR = 2  # lines from an access to the line that names its partner


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def sources():
    """File -> its text, of all that may order accesses."""
    paths = [path for folder in FOLDERS for path in glob.glob(f"{SOURCE}/{folder}/*.[ch]", recursive=True)]
    files = sorted(os.path.relpath(path, SOURCE) for path in paths)
    return {file: text(file) for file in files if file != "shm/machine/atomic.h"}


def named(document):
    """(file, name) of each `file: name`."""
    return re.findall(r"`([\w/.]+\.(?:[ch]|py)): (\w+)`", document)


def rows(document):
    """The names of each row of the page's tables."""
    return [{name for _, name in named(line)} for line in document.splitlines() if line.startswith("| ")]


def missing(document):
    found = named(document)
    assert len(found) > 50, "the names were not found"
    return [f"{file}: {name}" for file, name in found
            if not os.path.exists(os.path.join(SOURCE, file)) or not re.search(rf"^{name}\(", text(file), re.MULTILINE)
            and not (file.startswith("client/") and re.search(rf"\b{name}\(", text(file)))]


def accesses(content, wanted):
    """(number of the line from 0, function) of each access outside comments."""
    function = ""
    for number, line in enumerate(content.splitlines()):
        start = re.match(r"(?:SHMETER_\w+ .*\b)?(\w+)\(", line)
        if start and not line.startswith("#"):
            function = start.group(1)
        if wanted.search(line) and not re.match(r"\s*(/\*| \*)", line):
            yield number, function


def ordering_functions():
    """(file, function) of each function that loads or stores with an order."""
    return {(file, function) for file, content in sources().items() for _, function in accesses(content, ORDERS)}


def unnamed(document):
    return [f"{file}: {name}" for file, name in sorted(ordering_functions() - set(named(document)))]


def partners(content, number):
    """What the lines beside an access name as its partner; those behind it count if no other access follows."""
    lines = content.splitlines()
    behind = lines[number + 1:number + NEAR + 1]
    if any(ORDERS.search(line) or MOVES.search(line) for line in lines[number + 1:number + 2 * NEAR + 1]):
        behind = []
    return [name for line in lines[max(0, number - NEAR):number + 1] + behind for name, _ in PAIRS.findall(line)]


def movers(document):
    """(file, function) of each that orders by a read-modify-write, as the page says behind its name."""
    found, listed = set(), []
    for file, name, does in re.findall(r"`([\w/.]+\.[ch]): (\w+)`([^`|;\n]*)", document):
        listed.append((file, name))
        if does.startswith(":"):
            found |= set(listed) if re.search(r"\b(add|cas|cas16)\b", does) else set()
            listed = []
        elif does != ", ":
            listed = []
    return found


def unpaired(found):
    """Ordered accesses without a line that names their partner, and functions of which no read-modify-write has one."""
    wrong = [f"{file}:{number + 1}" for file, content in found.items() for number, _ in accesses(content, ORDERS)
             if not partners(content, number)]
    for file, name in sorted(movers(text("docs/ORDERING.md"))):
        moves = [number for number, function in accesses(found.get(file, ""), MOVES) if function == name]
        if moves and not any(partners(found[file], number) for number in moves):
            wrong.append(f"{file}: {name}")
    return wrong


def mispaired(found, document):
    """Lines whose partner is no function, or none that the page has in one row with the access's function."""
    functions = set(re.findall(r"^(?:\w+ .*\b)?(\w+)\(", "\n".join(found.values()), re.MULTILINE))
    wrong = []
    for file, content in found.items():
        said = {}  # line -> the functions whose accesses it stands beside
        for number, function in [*accesses(content, ORDERS), *accesses(content, MOVES)]:
            for line in range(number - NEAR, number + NEAR + 1):
                said.setdefault(line, set()).add(function)
        for number, line in enumerate(content.splitlines()):
            for name, why in PAIRS.findall(line):
                together = any(name in row and row & said.get(number, set()) for row in rows(document))
                if not (why if name == "none" else name in functions and together):
                    wrong.append(f"{file}:{number + 1}: {name}")
    return wrong


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
    assert missing(page.replace("lib/read/snapshot/cells.c: read_cpu_cell",
                                "lib/read/snapshot/gauges.c: read_cpu_cell"))
    assert unnamed(page.replace("shmeter_registry_probe", "shmeter_registry_keep"))


@test
def each_ordered_access_names_its_partner():
    found = sources()
    assert sum(1 for content in found.values() for _ in accesses(content, ORDERS)) > 100, "the accesses were not found"
    nothing(unpaired(found), "orders, and does not say what it pairs with")


@test
def each_partner_is_the_one_that_the_page_has():
    nothing(mispaired(sources(), text("docs/ORDERING.md")), "no partner, as docs/ORDERING.md has it")


@test
def a_partner_that_is_missing_or_wrong_is_noticed():
    found, page = sources(), text("docs/ORDERING.md")
    for file, good, bad in (("shm/registry/opened.h", "pairs with shmeter_opened_begin", "of the list"),
                            ("shm/machine/rseq_aarch64.h", "seq; pairs with read_cpu_cell", "seq"),
                            ("shm/registry/registry.h", "pairs with shmeter_registry_spare", "kept"),
                            ("lib/read/snapshot/shown/states.c", "pairs with shmeter_series_change", "counts")):
        assert found[file].count(good) == 1, good
        assert unpaired({**found, file: found[file].replace(good, bad)}), bad
    for file, good, bad in (("shm/slots/slot.h", "pairs with shmeter_slot_own ", "pairs with shmeter_slot_owned "),
                            # of another row
                            ("shm/segment/meter.h", "pairs with shmeter_error", "pairs with shmeter_close"),
                            ("shm/process/heap.h", "pairs with none: ", "pairs with none ")):  # without a reason
        assert found[file].count(good) == 1, good
        assert mispaired({**found, file: found[file].replace(good, bad)}, page), bad
    assert mispaired(found, page.replace("`shm/registry/opened.h: shmeter_opened_begin`: release", "a claimant"))


if __name__ == "__main__":
    main()
