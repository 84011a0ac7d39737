#!/usr/bin/env python3
"""Makes an installed header: client/NAME with every header of the project put in the place of its first include."""
import argparse
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^#include "([^"]+)"\s*$')


def amalgamate(path, seen):
    """The lines of path with its quoted includes replaced, each file once."""
    seen.append(path)
    lines = []
    for line in path.read_text().splitlines():
        match = INCLUDE.match(line)
        if not match:
            lines.append(line)
            continue
        target = (path.parent / match.group(1)).resolve()
        if target not in seen:
            lines.append(f"/* ======== {target.relative_to(ROOT)} ======== */")
            lines += amalgamate(target, seen)
    return lines


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", default="shmeter.h")
    parser.add_argument("--output", required=True)
    parser.add_argument("--depfile")
    args = parser.parse_args()
    seen = []
    lines = amalgamate(here / args.name, seen)
    notice = ["/* SPDX-License-Identifier: Apache-2.0",
              " * Made by client/amalgamate.py: change the files that it is made of. */"]
    pathlib.Path(args.output).write_text("\n".join(notice + lines) + "\n")
    if args.depfile:
        pathlib.Path(args.depfile).write_text(f"{args.output}: {' '.join(str(path) for path in seen)}\n")


if __name__ == "__main__":
    main()
