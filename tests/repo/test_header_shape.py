"""What who opens shmeter.h meets first: the public part, documented, and nothing of the rest above the fence.

Usage: test_header_shape.py SOURCE_FOLDER FOLDER_OF_SHMETER_H
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import main, nothing, test  # noqa: E402

SOURCE, INCLUDE = sys.argv[1:3]
FENCE = re.compile(r"^/\* =+ nothing below is for users =+ \*/$", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
PROTOTYPE = re.compile(r"^SHMETER_(?:COLD|WARM|HOT|HOT_LARGE|INLINE|FAMILY)\b[^;{]*?\b(shmeter_\w+)\([^;{]*\);",
                       re.MULTILINE)
# Symbols of the library that are for the header's own functions.
INNER = re.compile(r"\w+_slow|shmeter_family_sized|shmeter_process_v\d+")
OPAQUE = {"shmeter", "shmeter_family", "shmeter_lanes", "shmeter_buckets"}  # declared above, defined below


def header(name):
    with open(os.path.join(INCLUDE, name), encoding="utf-8") as file:
        return file.read()


def halves(text):
    fences = list(FENCE.finditer(text))
    assert len(fences) == 1, "there is one fence"
    return text[:fences[0].start()], text[fences[0].end():]


def exported():
    with open(os.path.join(SOURCE, "client/libshmeter.map"), encoding="utf-8") as file:
        return {name for name in re.findall(r"\b(shmeter_\w+);", file.read()) if not INNER.fullmatch(name)}


def documented(above, start):
    """Whether a comment stands before a prototype, or before the first one of its group."""
    group = above[:start].rpartition("\n\n")[2]
    return group.startswith("/*")


def undocumented(text):
    above = halves(text)[0]
    return [found.group(1) for found in PROTOTYPE.finditer(above) if not documented(above, found.start())]


def private_above(text):
    """Names that are first defined below the fence, in the code above it."""
    above, below = (COMMENT.sub("", half) for half in halves(text))
    public = set(PROTOTYPE.findall(above)) | OPAQUE
    defined = set(re.findall(r"^(?:struct|enum|union) (shmeter_\w+) \{|^#define (SHMETER_\w+)|^(shmeter_\w+)\(", below,
                             re.MULTILINE))
    names = {name for one in defined for name in one if name} - public - set(re.findall(r"^#define (SHMETER_\w+)",
                                                                                        above, re.MULTILINE))
    return sorted(names & set(re.findall(r"\w+", above)))


@test
def the_first_prototype_stands_before_line_300():
    text = header("shmeter.h")
    first = PROTOTYPE.search(text)
    assert first and text[:first.start()].count("\n") < 300, first


@test
def everything_public_stands_above_the_fence():
    found = {name for file in ("shmeter.h", "shmeter_path.h") for name in PROTOTYPE.findall(halves(header(file))[0])}
    assert len(found) > 40, found
    nothing(exported() - found, "exported by the library, and not above the fence")
    nothing(found - exported() - {"shmeter_changes"}, "above the fence, and not exported")


@test
def each_public_function_is_documented():
    nothing(undocumented(header("shmeter.h")) + undocumented(header("shmeter_path.h")), "no comment")


@test
def nothing_private_is_named_above_the_fence():
    nothing(private_above(header("shmeter.h")) + private_above(header("shmeter_path.h")), "private")


@test
def comments_of_the_public_part_end_at_120_columns():
    lines = [line for file in ("shmeter.h", "shmeter_path.h") for line in halves(header(file))[0].splitlines()]
    nothing([line for line in lines if len(line) > 120], "too long")


@test
def a_header_of_another_shape_is_noticed():
    text = header("shmeter.h")
    above, below = halves(text)
    fence = FENCE.search(text).group()
    assert undocumented(f"{above}\n\nSHMETER_COLD int shmeter_more(void);\n{fence}{below}") == ["shmeter_more"]
    assert private_above(f"{above}\n#define MORE shmeter_attachment\n{fence}{below}") == ["shmeter_attachment"]


if __name__ == "__main__":
    main()
