#!/usr/bin/python3
"""Holds docs/ABI.md against the compiler: sizes, offsets and field widths of shm/layout.h, and that no field is missing."""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADING = re.compile(r"^## .*`struct (\w+)`, (\d+) bytes$")
ROW = re.compile(r"^\| (\d+) \| (\d+) \| `(\w+)` \| .+ \| .+ \| .+ \|$")


def documented():
    """{struct: (bytes, [(field, offset, bytes)])} as docs/ABI.md has it."""
    structs, name = {}, None
    for line in (ROOT / "docs/ABI.md").read_text().splitlines():
        if match := HEADING.match(line):
            name = match.group(1)
            structs[name] = (int(match.group(2)), [])
        elif name and (match := ROW.match(line)):
            structs[name][1].append((match.group(3), int(match.group(1)), int(match.group(2))))
    return structs


def declared():
    """{struct: [field]} as shm/layout.h declares it."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "shm/layout.h").read_text(), flags=re.S)
    structs = {}
    for name, body in re.findall(r"struct (\w+) \{(.*?)\n\};", text, re.S):
        names = re.findall(r"(?:struct\s+\w+|\w+)\s+([^;]+);", body)
        structs[name] = [re.sub(r"\[.*", "", field.strip()) for group in names for field in group.split(",")]
    return structs


def compiled(structs):
    """What the compiler says of the documented structs and fields, in the same form."""
    lines = ["#include <stdio.h>", '#include "shm/layout.h"', "int main(void) {"]
    for name, (_, fields) in structs.items():
        lines.append(f'printf("{name} - 0 %zu\\n", sizeof(struct {name}));')
        for field, _, _ in fields:
            at = f"offsetof(struct {name}, {field}), sizeof(((struct {name} *)0)->{field})"
            lines.append(f'printf("{name} {field} %zu %zu\\n", {at});')
    lines.append("}")
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory, "abi.c")
        source.write_text("\n".join(lines))
        subprocess.run(["gcc", "-I", str(ROOT), "-o", f"{directory}/abi", str(source)], check=True)
        output = subprocess.run([f"{directory}/abi"], check=True, capture_output=True, text=True).stdout
    result = {}
    for name, field, offset, size in (line.split() for line in output.splitlines()):
        if field == "-":
            result[name] = (int(size), [])
        else:
            result[name][1].append((field, int(offset), int(size)))
    return result


def main():
    doc, source = documented(), declared()
    cases = [("abi_md_describes_every_struct", sorted(doc) == sorted(source), f"{sorted(set(doc) ^ set(source))}")]
    for name in sorted(set(doc) & set(source)):
        fields = [field for field, _, _ in doc[name][1]]
        cases.append((f"abi_md_describes_every_field_of_{name}", fields == source[name], f"{fields} / {source[name]}"))
    try:
        actual = compiled(doc)
    except (subprocess.CalledProcessError, OSError) as error:
        actual = {"compiler": str(error)}
    for name in sorted(doc):
        cases.append((f"abi_md_agrees_with_the_compiler_on_{name}", actual.get(name) == doc[name],
                      f"documented {doc[name]}, compiled {actual.get(name, actual.get('compiler'))}"))
    print(f"1..{len(cases)}")
    for number, (case, good, why) in enumerate(cases, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {case}")
        if not good:
            print(f"# {why}")
    return 0 if all(good for _, good, _ in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
