"""docs/ABI.md against shm/layout/ (layout.h, records.h, limits.h and types.h), as the compiler sees them.

Usage: test_abi.py SOURCE_FOLDER CC
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import equal, main, nothing, test  # noqa: E402

SOURCE, CC = sys.argv[1], sys.argv[2]
HEADERS = ("shm/layout/layout.h", "shm/layout/cells.h", "shm/layout/records.h", "shm/layout/limits.h",
           "shm/layout/types.h")
RESERVED = re.compile(r"reserved(_[a-z])?")


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def source():
    """The headers without comments."""
    return re.sub(r"/\*.*?\*/", "", "\n".join(map(text, HEADERS)), flags=re.DOTALL)


def structs_of_source():
    """Struct -> its fields, in order."""
    found = {}
    for name, body in re.findall(r"^struct (\w+)\s*\{([^}]*)\};", source(), re.MULTILINE):
        fields = []
        for declaration in filter(None, map(str.strip, body.split(";"))):
            names = re.sub(r"^(struct\s+)?\w+\s+", "", declaration)  # the type goes, names and dimensions stay
            fields += re.findall(r"(\w+)(?:\[\w+\])*\s*(?:,|$)", names)
        found[name] = fields
    return found


def enums_of_source():
    return {name: re.findall(r"(\w+)\s*(?:=\s*\w+)?\s*(?:,|$)", body.strip())
            for name, body in re.findall(r"^enum (\w+)\s*\{([^}]*)\};", source(), re.MULTILINE)}


def constants_of_source():
    return re.findall(r"^#define (SHMETER_\w+)[ \t]+(?:\(?\d|UINT64_C)", source(), re.MULTILINE)


class Page:
    """What ABI.md says."""

    def __init__(self, page):
        self.structs, self.sizes, self.enums, self.constants = {}, {}, {}, {}
        rows = None
        for line in page.splitlines():
            struct = re.fullmatch(r"### struct (\w+), (\d+) bytes", line)
            enum = re.fullmatch(r"### enum (\w+)", line)
            cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
            if struct:
                rows = self.structs[struct[1]] = []
                self.sizes[struct[1]] = int(struct[2])
            elif enum:
                rows = self.enums[enum[1]] = []
            elif line.startswith("#"):
                rows = None
            elif cells and cells[0] == "constant":
                rows = self.constants
            elif cells and rows is self.constants and cells[0].startswith("SHMETER_"):
                self.constants[cells[0]] = int(cells[1], 0)
            elif cells and isinstance(rows, list) and cells[0].isdigit():
                rows.append(cells)


def compiled(page):
    """What the compiler says of everything that is named on the page: a list of (name, numbers)."""
    lines = []
    for struct, rows in page.structs.items():
        lines.append(f'printf("struct {struct}|%zu\\n", sizeof(struct {struct}));')
        for row in rows:
            lines.append(f'printf("{struct}.{row[2]}|%zu|%zu\\n", offsetof(struct {struct}, {row[2]}), '
                         f'sizeof(((struct {struct} *)0)->{row[2]}));')
    for name in [*page.constants, *(row[1] for rows in page.enums.values() for row in rows)]:
        lines.append(f'printf("{name}|%llu\\n", (unsigned long long){name});')
    program = "\n".join(["#include <stdio.h>", *(f'#include "{header}"' for header in HEADERS), "int main(void) {",
                         *lines,
                         "return 0; }"])
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "abi")
        subprocess.run([CC, "-I", SOURCE, "-x", "c", "-", "-o", binary], input=program, text=True, check=True)
        said = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    return [line.split("|") for line in said.splitlines()]


def stated(page):
    """The same list, as the page has it."""
    found = []
    for struct, rows in page.structs.items():
        found.append([f"struct {struct}", str(page.sizes[struct])])
        found += [[f"{struct}.{row[2]}", row[0], row[1]] for row in rows]
    found += [[name, str(value)] for name, value in page.constants.items()]
    return found + [[row[1], row[0]] for rows in page.enums.values() for row in rows]


def differences(page):
    pairs = zip(stated(page), compiled(page), strict=True)
    return [f"the page has {says}, the compiler {is_}" for says, is_ in pairs if says != is_]


@test
def every_offset_size_and_number_on_the_page_is_the_compilers():
    page = Page(text("docs/ABI.md"))
    assert len(stated(page)) > 150, "the page's tables were not understood"
    nothing(differences(page), "ABI.md is wrong")


@test
def a_wrong_number_on_the_page_is_noticed():
    page = text("docs/ABI.md")
    for good, bad in (("| 8 | 4 | abi_major |", "| 12 | 4 | abi_major |"), ("| 8 | 48 | rec |", "| 8 | 24 | rec |"),
                      ("shmeter_slot_word, 64 bytes", "shmeter_slot_word, 72 bytes"),
                      ("| 7 | SHMETER_MIN |", "| 8 | SHMETER_MIN |"),
                      ("| SHMETER_UNIT_BYTES | 64 |", "| SHMETER_UNIT_BYTES | 63 |")):
        assert page.count(good) == 1, good
        assert len(differences(Page(page.replace(good, bad)))) == 1, bad


@test
def the_page_has_every_field_in_order():
    page = {struct: [row[2] for row in rows] for struct, rows in Page(text("docs/ABI.md")).structs.items()}
    is_ = structs_of_source()
    assert sum(map(len, is_.values())) > 100, "the header was not understood"
    nothing([f"struct {name}: the page has {page.get(name)}, the header {is_.get(name)}"
             for name in sorted({*page, *is_}) if page.get(name) != is_.get(name)],
            "ABI.md and layout.h have other fields")


@test
def the_page_has_every_enumeration_and_constant():
    page = Page(text("docs/ABI.md"))
    ends = {"SHMETER_LOSSES"}  # counts the others, and grows
    missing = [name for names in enums_of_source().values() for name in names
               if name not in ends and name not in [row[1] for rows in page.enums.values() for row in rows]]
    missing += [name for name in constants_of_source() if name not in page.constants and name != "SHMETER_MODES"]
    assert len(constants_of_source()) > 20 and len(enums_of_source()) > 5, "the headers were not understood"
    nothing(missing, "not in ABI.md")


def picture(page):
    """(section, where it begins) of each box of the picture."""
    return [(name, at) for at, name in re.findall(r"^(\w+) +\+-+\+\n +\| ([\w ]*\w) *\|", page, re.MULTILINE)]


def sections(page):
    """(section, where it begins) of each row of the table of sections."""
    return re.findall(r"^\| ([\w ]+) \| `?(\w+)`? \|", page.partition("\n## Sections\n")[2].partition("\n## ")[0],
                      re.MULTILINE)[1:]


@test
def the_picture_has_the_sections_of_the_table():
    page = text("docs/ABI.md")
    assert len(sections(page)) == 10 and sections(page)[0] == ("header", "0"), sections(page)
    equal(picture(page), sections(page), "the picture")
    moved = page.replace("index_off         +", "records_off       +")
    assert moved != page and picture(moved) != sections(moved)


@test
def every_field_has_its_writer_its_readers_and_its_ordering():
    nothing([f"{struct}.{row[2]}" for struct, rows in Page(text("docs/ABI.md")).structs.items() for row in rows
             if not RESERVED.fullmatch(row[2]) and not all(row[4:7])], "ABI.md does not say who writes, who reads, how")


if __name__ == "__main__":
    main()
