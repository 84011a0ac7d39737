"""The tables of words in the documents against the .def files, from which the programs have them.

Usage: test_words.py SOURCE_FOLDER
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

SOURCE = sys.argv[1]
CELL = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([\w-]+))\s*(?:,|$)')


def text(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        return file.read()


def rows(path, macro):
    """The rows of a .def file, as lists of words."""
    code = re.sub(r"/\*.*?\*/", "", text(path), flags=re.DOTALL)
    found = [[quoted or plain for quoted, plain in CELL.findall(row)]
             for row in re.findall(rf"^{macro}\((.*?)\) *$", code, re.MULTILINE | re.DOTALL)]
    assert len(found) > 2, f"{path} was not understood"
    return found


def table(page, first):
    """The rows of a page's table whose head begins with this cell."""
    lines = page.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |")) + 2
    found = []
    while lines[at].startswith("|"):
        found.append([cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", lines[at])[1:-1]])
        at += 1
    return found


def quoted(line):
    return re.findall(r"`(\w+)`", line)


def line_of(page, beginning):
    return next(line for line in page.splitlines() if line.startswith(beginning))


def types_wrong(page):
    wanted = [[word, text_, word + (f", else {otherwise}" if otherwise != word else ""), protobuf, suffix]
              for _, word, text_, protobuf, suffix, otherwise, _ in rows("lib/model/types.def", "TYPE")]
    return different(table(page, "type"), wanted)


def losses_wrong(page):
    return different(table(page, "`kind`"), [[kind, help_, "yes" if reason == "1" else "no"]
                                             for _, kind, help_, _, reason in rows("lib/read/snapshot/losses.def",
                                                                                   "LOSS")])


def verdicts_wrong(page):
    return different([row[0] for row in table(page, "verdict")],
                     [word for _, word in rows("lib/read/snapshot/verdicts.def", "VERDICT")])


def checks_wrong(page):
    return different(list(dict.fromkeys(row[0] for row in table(page, "`check`"))),
                     [word for _, word in rows("lib/health/checks.def", "CHECK")])


def lives_wrong(page):
    said = re.search(r"`life` \(([^)]*)\)", page)[1]
    return different(quoted(said), [word for _, word, _ in rows("lib/read/file/life.def", "LIFE") if word != "free"])


def slots_wrong(page):
    said = line_of(page, "| `shmeter_slots{state}` |").split("|")[2]
    return different(sorted(quoted(said)), sorted(slots for _, _, slots in rows("lib/read/file/life.def", "LIFE")))


def modes_wrong(page):
    said = quoted(re.search(r"^\| ten modes \(([^)]*)\)", page, re.MULTILINE)[1])
    return different(sorted(said), sorted(word for _, _, word, _, _ in rows("lib/read/snapshot/modes.def", "MODE")
                                          if word))


def json_types_wrong(page):
    said = quoted(re.search(r"`type` \(([^)]*)\)", page)[1])
    return different(sorted(said), sorted(word for _, word, *_ in rows("lib/model/types.def", "TYPE")))


def numbers_wrong(page):
    """The names of ABI.md, whose numbers test_abi.py compares with the header's, are those of the rows, in order."""
    wrong = []
    for enum, prefix, path, macro in (("type", "", "lib/model/types.def", "STORED"),
                                      ("mode", "", "lib/read/snapshot/modes.def", "MODE"),
                                      ("loss", "LOSS_", "lib/read/snapshot/losses.def", "LOSS"),
                                      ("health", "", "lib/read/snapshot/verdicts.def", "VERDICT")):
        part = page[page.index(f"### enum shmeter_{enum}\n"):]
        wrong += different([row[1] for row in table(part, "value")],
                           [f"SHMETER_{prefix}{row[0]}" for row in rows(path, macro)])
    return wrong


def different(page, wanted):
    return [] if page == wanted else [f"the page has {page}, the sources {wanted}"]


# What is compared -> the document, something that stands there once, and the same with a wrong word.
TABLES = {
    types_wrong: ("docs/formats.md", "| info | `gauge` |", "| info | `info` |"),
    losses_wrong: ("docs/health.md", "| `adds_refused` |", "| `add_refused` |"),
    verdicts_wrong: ("docs/health.md", "| `degraded` | 200 |", "| `degrading` | 200 |"),
    checks_wrong: ("docs/health.md", "| `worker_stuck` |", "| `worker_hangs` |"),
    lives_wrong: ("docs/health.md", "`life` (`live`,", "`life` (`alive`,"),
    slots_wrong: ("docs/exporter.md", "worker slots: `used`", "worker slots: `live`"),
    modes_wrong: ("docs/PYTHON.md", "| ten modes (`all`,", "| ten modes (`each`,"),
    json_types_wrong: ("docs/cli.md", "`type` (`counter`,", "`type` (`count`,"),
    numbers_wrong: ("docs/ABI.md", "| SHMETER_LIVE_SUM |", "| SHMETER_SUM_LIVE |"),
}


@test
def the_documents_have_the_words_of_the_programs():
    nothing([f"{document}: {wrong}" for compare, (document, _, _) in TABLES.items()
             for wrong in compare(text(document))], "other words")


@test
def a_wrong_word_in_a_document_is_noticed():
    for compare, (document, good, bad) in TABLES.items():
        page = text(document)
        assert page.count(good) == 1, f"{document}: {good}"
        assert compare(page.replace(good, bad)), f"{document}: {bad}"


@test
def a_row_that_is_missing_is_noticed():
    for compare in (types_wrong, losses_wrong, verdicts_wrong, checks_wrong, numbers_wrong):
        document, good, _ = TABLES[compare]
        page = text(document)
        line = next(line for line in page.splitlines() if good in line)
        assert compare(page.replace(line + "\n", "")), f"{document}: {line}"


if __name__ == "__main__":
    main()
