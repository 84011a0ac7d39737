#!/usr/bin/env python3
"""Counter add and histogram observe on a CPU lane: no atomic instruction, no call but to the fallback, in optimised
builds for x86-64 and aarch64."""
import argparse
import collections
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Skip, run  # noqa: E402

UNIT = """
#include "shmeter.h"
#ifdef __cplusplus
extern "C" {
#endif
void probe_add(struct shmeter_counter c, uint64_t n) { shmeter_counter_add(c, n); }
void probe_add_f64(struct shmeter_counter_f64 c, double v) { shmeter_counter_f64_add(c, v); }
void probe_observe(struct shmeter_histogram h, double v) { shmeter_histogram_observe(h, v); }
#ifdef __cplusplus
}
#endif
"""
FAST = {"probe_add": "shmeter_counter_add_slow", "probe_add_f64": "shmeter_counter_f64_add_slow",
        "probe_observe": "shmeter_histogram_observe_slow"}
FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
# How an architecture is read: the program, and regular expressions of atomic instructions (and barriers that wait), of
# calls, of where calls and jumps lead, and of the thread's rseq area.
Machine = collections.namedtuple("Machine", "objdump atomic call target area")
SYMBOL = r"\s.*<([^>+]+)(?:\+0x[0-9a-f]+)?>"
X86_64 = Machine("objdump", re.compile(r"\block\b|\bxchg\b.*\("), re.compile(r"call"),
                 re.compile(r"\b(?:call|jmp)\w*" + SYMBOL), "%fs:")
AARCH64 = Machine("aarch64-linux-gnu-objdump", re.compile(r"^(ld|st)l?a?x[rp]|^(cas|swp|ld(add|clr|eor|set))|^d[ms]b"),
                  re.compile(r"blr?\b"),
                  re.compile(r"^(?:b|bl|b\.\w+|t?cbn?z|tbn?z)" + SYMBOL), "tpidr_el0")


def build(machine, command, include, workspace, language):
    source = workspace / f"unit.{language}"
    source.write_text(UNIT)
    program = workspace / "unit.so"  # linked, so that calls have names
    subprocess.run([*command, "-D_GNU_SOURCE", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wconversion", f"-I{include}",
                    source, "-o",
                    program], check=True)
    text = subprocess.run([machine.objdump, "-d", "--no-show-raw-insn", program], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return functions(text)


def functions(text):
    """{name: [instructions]}; what compilers split off (.cold, .part) belongs to its function."""
    found, name = {}, None
    for line in text.splitlines():
        match = FUNCTION.match(line)
        if match:
            name = base(match.group(1))
            found.setdefault(name, [])
        elif name and "\t" in line:
            found[name].append(" ".join(line.split("\t")[1:]).strip())
    return found


def base(name):
    """The C name of a symbol: without what compilers and C++ put around it."""
    name = re.sub(r"(\.(cold|part|isra|constprop)(\.\d+)?)+$", "", name).split("@")[0]
    mangled = re.match(r"_ZL?(\d+)(\w+)", name)
    return mangled.group(2)[:int(mangled.group(1))] if mangled else name


def complaints(machine, code, fallback):
    """What is wrong with the instructions of an update."""
    wrong = []
    for instruction in code:
        if machine.atomic.search(instruction):
            wrong.append(f"an atomic instruction: {instruction}")
        target = machine.target.search(instruction)
        if machine.call.match(instruction) and (not target or base(target.group(1)) != fallback):
            wrong.append(f"a call: {instruction}")
    leaves = {base(match.group(1)) for match in map(machine.target.search, code) if match}
    strange = {leaf for leaf in leaves if leaf != fallback and not leaf.startswith("probe_")}
    if strange:
        wrong.append(f"a jump to {', '.join(sorted(strange))}")
    if not any(machine.area in instruction for instruction in code):
        wrong.append("no access to the thread's rseq area")
    return wrong


def check(machine, command, include, language):
    if machine is X86_64 and platform.machine() != "x86_64":
        raise Skip("compilers here make other code")
    if not (shutil.which(command[0]) and shutil.which(machine.objdump)):
        raise Skip("the compiler or objdump is not installed")
    with tempfile.TemporaryDirectory() as workspace:
        code = build(machine, command, include, pathlib.Path(workspace), language)
    for name, fallback in FAST.items():
        assert name in code and code[name], f"{name} is not in the object"
        wrong = complaints(machine, code[name], fallback)
        assert not wrong, f"{name}: {wrong[0]}"
        slow = [body for symbol, body in code.items() if symbol == fallback]
        assert slow, f"{fallback} is not a function of its own"
        atomic = any(machine.atomic.search(instruction) for body in slow for instruction in body)
        assert atomic, f"{fallback} has no atomic instruction: the check sees nothing"
        assert complaints(machine, slow[0], fallback), f"{fallback} would pass for an update"


def cases(include):
    for compiler, plus in (("gcc", "g++"), ("clang", "clang++")):
        for level in ("-O2", "-O3"):
            for language, program, standard in (("c", compiler, "-std=gnu11"), ("cc", plus, "-std=gnu++17")):
                name = f"updates_are_lock_free_and_inline_{program}_{level[1:]}"
                yield name, lambda p=program, o=level, s=standard, x=language: check(X86_64, [p, o, s], include, x)
    for name, command in (("gcc_O2", ["aarch64-linux-gnu-gcc", "-O2"]),
                          ("clang_O3", ["clang", "--target=aarch64-linux-gnu", "-O3"])):
        yield f"updates_are_lock_free_and_inline_{name}_for_aarch64", \
            lambda c=command: check(AARCH64, [*c, "-std=gnu11", "-march=armv8.1-a"], include, "c")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("include", type=pathlib.Path, help="the directory of the amalgamated shmeter.h")
    include = parser.parse_args().include.resolve()
    run(list(cases(include)))


if __name__ == "__main__":
    main()
